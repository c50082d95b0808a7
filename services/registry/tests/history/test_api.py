"""What records were, over HTTP: history, moments, archives and tags."""

from datetime import UTC, datetime, timedelta

BASE = "/data/MCTS/1.0"


async def _create(client, content):
    made = await client.post(f"{BASE}/create", json={"write": {"content": content}})
    assert made.status_code == 200, made.text
    return made


async def _update(client, key, content, **headers):
    body = {"query": {"content": {"ID": key}}, "write": {"content": content}}
    return await client.put(f"{BASE}/update", json=body, headers=headers)


async def _read(client, moment=None, **query):
    params = {} if moment is None else {"asOf": moment.isoformat()}
    return await client.post(f"{BASE}/read", json={"query": {"content": query}}, params=params)


async def _id(entries, kind="record.created"):
    return (await entries(kind))[0].object.rpartition(":")[2]


async def test_a_record_is_told_with_all_it_was_newest_first(owner, mcts, entries):
    await _create(owner, {"village": "Sild"})
    for village in ("Narva", "Tartu"):
        assert (await _update(owner, "MCTS1", {"village": village})).status_code == 200
    found = (await owner.get(f"{BASE}/{await _id(entries)}/history")).json()
    assert [each["content"]["village"] for each in found] == ["Tartu", "Narva", "Sild"]
    assert [each["revision"] for each in found] == [3, 2, 1]
    assert "validTo" not in found[0]
    assert found[1]["validTo"] == found[0]["validFrom"]
    assert found[2]["validTo"] == found[1]["validFrom"]


async def test_answers_say_which_record_they_are_about(owner, mcts, entries):
    made = await _create(owner, {"village": "Sild"})
    number = made.headers["content-location"]
    assert number == await _id(entries)
    assert str(made.url.join(number)).endswith(f"{BASE}/{number}")
    upsert = {"query": {"content": {"ID": "MCTS1"}}, "write": {"content": {"village": "Narva"}}}
    for answer in (
        await _read(owner, ID="MCTS1"),
        await owner.get(f"{BASE}/{number}"),
        await owner.post(f"{BASE}/updateOrCreate", json=upsert),
    ):
        assert answer.headers["content-location"] == number


async def test_any_read_can_ask_what_was_known_at_a_moment(owner, mcts, entries):
    before = datetime.now(UTC)
    await _create(owner, {"village": "Sild"})
    then = datetime.now(UTC)
    await _update(owner, "MCTS1", {"village": "Narva"})
    assert (await _read(owner, then, ID="MCTS1")).json()["content"]["village"] == "Sild"
    assert (await _read(owner, then, village="Sild")).status_code == 200
    assert (await _read(owner, then, village="Narva")).status_code == 404
    assert (await _read(owner, before, ID="MCTS1")).status_code == 404
    number = await _id(entries)
    shown = await owner.get(f"{BASE}/{number}", params={"asOf": then.isoformat()})
    assert shown.json()["content"]["village"] == "Sild"
    assert (await owner.get(f"{BASE}/{number}")).json()["content"]["village"] == "Narva"
    moment = {"asOf": then.isoformat()}
    value = await owner.get(f"{BASE}/MCTS1/readValue/village.json", params=moment)
    assert value.json() == "Sild"


async def test_what_was_deleted_can_be_seen_as_it_was_before(owner, mcts, entries):
    await _create(owner, {"village": "Sild"})
    then = datetime.now(UTC)
    assert (await owner.delete(f"{BASE}/MCTS1/delete")).status_code == 204
    after = datetime.now(UTC) + timedelta(seconds=1)
    assert (await _read(owner, then, ID="MCTS1")).status_code == 200
    assert (await _read(owner, after, ID="MCTS1")).status_code == 404
    found = (await owner.get(f"{BASE}/{await _id(entries)}/history")).json()
    assert len(found) == 1
    assert "validTo" in found[0]


async def test_a_moment_without_its_offset_is_refused(owner, mcts):
    refused = await owner.post(
        f"{BASE}/read", json={"query": {"content": {"ID": "x"}}}, params={"asOf": "2026-01-31"}
    )
    assert refused.status_code == 400
    assert "asOf" in refused.text


async def test_the_tag_a_client_knows_guards_what_it_changes(owner, mcts, entries):
    first = (await _create(owner, {"village": "Sild"})).headers["etag"]
    second = (await _update(owner, "MCTS1", {"village": "Narva"}, **{"If-Match": first})).headers
    lost = await _update(owner, "MCTS1", {"village": "Tartu"}, **{"If-Match": first})
    assert lost.status_code == 412
    assert (await _read(owner, ID="MCTS1")).headers["etag"] == second["etag"]
    gone = await owner.delete(f"{BASE}/MCTS1/delete", headers={"If-Match": first})
    assert gone.status_code == 412
    number = await _id(entries)
    refused = await owner.post(f"{BASE}/{number}/archive", headers={"If-Match": first})
    assert refused.status_code == 412
    kept = f'"7", {second["etag"]}'
    assert (
        await owner.delete(f"{BASE}/MCTS1/delete", headers={"If-Match": kept})
    ).status_code == 204


async def test_the_same_update_again_leaves_the_tag_and_the_history(owner, mcts, entries):
    await _create(owner, {"village": "Sild"})
    tags = {(await _update(owner, "MCTS1", {"village": "Narva"})).headers["etag"] for _ in "123"}
    assert len(tags) == 1
    assert len((await owner.get(f"{BASE}/{await _id(entries)}/history")).json()) == 2


async def test_an_archived_record_is_out_of_results_until_it_is_restored(
    owner, other, mcts, entries
):
    await _create(owner, {"village": "Sild"})
    number = await _id(entries)
    for _ in range(2):
        assert (await owner.post(f"{BASE}/{number}/archive")).status_code == 204
    assert (await owner.get(BASE)).json()["count"] == 0
    assert (await _read(owner, ID="MCTS1")).status_code == 404
    assert (await owner.get(f"{BASE}/{number}")).status_code == 200
    assert (await other.get(f"{BASE}/{number}")).status_code == 404
    assert len(await entries("record.archived")) == 1
    for _ in range(2):
        assert (await owner.post(f"{BASE}/{number}/restore")).status_code == 204
    assert (await _read(owner, ID="MCTS1")).status_code == 200
    assert len(await entries("record.restored")) == 1


async def test_records_are_destroyed_by_the_owner_and_by_a_law_only(owner, other, mcts, entries):
    child = {"id": "EE5", "firstName": "Usha"}
    await _create(owner, {"child": child})
    await _update(owner, "MCTS1", {"village": "Narva"})
    number = await _id(entries)
    url = f"{BASE}/MCTS1/delete?hard=true"
    assert (await owner.delete(url)).status_code == 400
    law = {"X-Legal-Basis": "Archives Act 7"}
    assert (await other.delete(url, headers=law)).status_code == 403
    for _ in range(2):
        assert (await owner.delete(url, headers=law)).status_code == 204
    assert (await owner.get(f"{BASE}/{number}/history")).status_code == 404
    [entry] = await entries("record.destroyed")
    assert entry.detail["legalBasis"] == "Archives Act 7"
