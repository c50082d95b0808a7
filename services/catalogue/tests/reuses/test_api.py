"""Reuses, through the front door."""

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalogue.entries import service as entries
from kit.database import Transaction
from kit.evidence import Search
from kit.testing import clients_of


@pytest.fixture
async def two(publisher, notify):
    await publisher.put("/entries/govuk-notify", json=notify)
    await publisher.put("/entries/gc-notify", json=notify | {"name": "GC Notify"})


async def _kinds(app) -> list[str]:
    found = await app.state.ledger.search(Search(object_prefix="reuses/"))
    return [entry.kind for entry in found][::-1]


async def test_a_reuse_is_put_read_replaced_and_deleted(two, publisher, reader, fork, app):
    made = await publisher.put("/reuses/fork", json=fork)
    again = await publisher.put("/reuses/fork", json=fork)
    changed = await publisher.put("/reuses/fork", json=fork | {"status": "fork"})
    read = (await reader.get("/reuses/fork")).json()
    gone = [(await publisher.delete("/reuses/fork")).status_code for _ in range(2)]

    assert (made.status_code, again.status_code, changed.status_code) == (201, 200, 200)
    assert made.json() == again.json()
    assert (made.json()["reusedName"], made.json()["byEntryName"]) == (
        "GOV.UK Notify",
        "GC Notify",
    )
    assert {field: made.json()[field] for field in fork} == fork
    assert (read, read["status"]) == (changed.json(), "fork")
    assert gone == [204, 204]
    assert (await reader.get("/reuses/fork")).status_code == 404
    assert (await reader.get("/reuses")).json() == {"count": 0, "reuses": []}
    assert await _kinds(app) == ["reuse.created", "reuse.updated", "reuse.deleted"]
    assert (await publisher.put("/reuses/fork", json=fork)).status_code == 201


async def test_the_ledger_says_what_is_reused_in_which_state(two, publisher, fork, app):
    await publisher.put("/reuses/fork", json=fork)
    written = (await app.state.ledger.search(Search(object_prefix="reuses/fork")))[0]

    assert written.actor == "DEV/GOV/90001/govblocks"
    assert written.tenant == "DEV/GOV/90001"
    assert written.facts["requestId"]
    said = {name: value for name, value in written.facts.items() if name != "requestId"}
    assert {**said, "digest": len(written.facts["digest"])} == {
        "id": "fork",
        "reused": "govuk-notify",
        "status": "fork-in-production",
        "digest": 64,
    }


async def test_a_new_reuse_takes_the_id_given_or_gets_one(two, publisher, fork):
    named = await publisher.post("/reuses", json=fork | {"id": "fork"})
    again = await publisher.post("/reuses", json=fork | {"id": "fork"})
    unnamed = await publisher.post("/reuses", json=fork)

    assert [a.status_code for a in (named, again, unnamed)] == [201, 409, 201]
    assert named.json()["id"] == "fork"
    assert (await publisher.get(f"/reuses/{unnamed.json()['id']}")).json() == unnamed.json()


async def test_whoever_reuses_may_say_so_and_only_they_change_it(
    two, publisher, stranger, reader, fork
):
    made = await stranger.put("/reuses/ours", json=fork)
    put = await publisher.put("/reuses/ours", json=fork | {"status": "fork"})
    delete = await publisher.delete("/reuses/ours")

    assert made.json()["publisher"] == "DEV/GOV/30001"
    assert (put.status_code, delete.status_code) == (403, 403)
    assert (await reader.put("/reuses/ours", json=fork)).status_code == 403
    assert (await reader.delete("/reuses/ours")).status_code == 403
    assert (await publisher.delete("/reuses/nothing")).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"reused": "nothing"}, "#/reused"),
        ({"byEntry": "nothing"}, "#/byEntry"),
        ({"byEntry": "govuk-notify"}, "#/byEntry"),
        ({"byEntry": None, "by": None}, "#/by"),
        ({"status": "used"}, "#/status"),
        ({"by": {"countries": ["Canada"]}}, "#/by/name"),
        ({"sources": []}, "#/sources"),
        ({"sources": [{}]}, "#/sources/0"),
        ({"sources": [{"url": "file:///etc/passwd"}]}, "#/sources/0/url"),
    ],
)
@pytest.mark.usefixtures("two")
async def test_what_cannot_be_kept_is_refused_by_field(publisher, fork, app, change, pointer):
    for answer in (
        await publisher.put("/reuses/fork", json=fork | change),
        await publisher.post("/reuses", json=fork | change),
    ):
        assert answer.status_code == 400
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert await _kinds(app) == []


async def test_either_way_of_naming_the_reuser_will_do(two, publisher, fork):
    by_entry = await publisher.put("/reuses/a", json=fork | {"by": None})
    by_name = await publisher.put("/reuses/b", json=fork | {"byEntry": None})

    assert "by" not in by_entry.json()
    assert "byEntry" not in by_name.json()
    assert (by_entry.status_code, by_name.status_code) == (201, 201)


async def test_a_reuser_known_only_as_an_entry_is_found_by_its_name_and_country(
    two, publisher, reader, fork
):
    await publisher.put("/reuses/a", json=fork | {"by": None})

    words = (await reader.get("/entries", params={"q": "GC"})).json()["entries"]
    country = (await reader.get("/reuses", params={"country": "united kingdom"})).json()
    assert [entry["id"] for entry in words] == ["gc-notify", "govuk-notify"]
    assert country["count"] == 1


@pytest.mark.parametrize("gone", ["govuk-notify", "gc-notify"])
@pytest.mark.usefixtures("two")
async def test_a_reuse_is_seen_only_while_its_entries_are(publisher, reader, fork, notify, gone):
    await publisher.put("/reuses/fork", json=fork)
    await publisher.delete(f"/entries/{gone}")

    assert (await reader.get("/reuses/fork")).status_code == 404
    assert (await reader.get("/reuses")).json()["count"] == 0
    assert (await publisher.put("/reuses/fork", json=fork)).status_code == 400
    assert (await reader.get(f"/entries/{gone}/reuses")).status_code == 404
    assert (await reader.get(f"/entries/{gone}/reuse-chain")).status_code == 404

    await publisher.put(f"/entries/{gone}", json=notify)
    assert (await reader.get("/reuses/fork")).status_code == 200


async def test_an_entry_shows_both_sides_of_its_reuses(two, publisher, reader, fork):
    await publisher.put("/reuses/fork", json=fork)
    await publisher.put(
        "/reuses/part",
        json=fork | {"byEntry": None, "status": "component-reuse"},
    )
    british = (await reader.get("/entries/govuk-notify/reuses")).json()
    canadian = (await reader.get("/entries/gc-notify/reuses")).json()

    assert british["inProduction"] == 1  # a component says nothing about production
    assert british["statuses"] == {"component-reuse": 1, "fork-in-production": 1}
    assert [reuse["id"] for reuse in british["reusedBy"]] == ["fork", "part"]
    assert british["reuses"] == []
    assert [reuse["reusedName"] for reuse in canadian["reuses"]] == ["GOV.UK Notify"]
    assert (canadian["inProduction"], canadian["reusedBy"]) == (0, [])


async def _graph(publisher, notify, edges) -> str:
    """Put entries and the reuses among them; return the prefix of their ids."""
    prefix = uuid4().hex[:8]
    for node in sorted({node for edge in edges for node in edge}):
        await publisher.put(f"/entries/{prefix}-{node}", json=notify)
    for reused, by in edges:
        claim = {
            "reused": f"{prefix}-{reused}",
            "byEntry": f"{prefix}-{by}",
            "status": "derived",
            "sources": [{"note": "made up"}],
        }
        answer = await publisher.put(f"/reuses/{prefix}-{reused}-{by}", json=claim)
        assert answer.status_code == 201
    return prefix


def _expected(edges, start: int, depth: int, *, forward: bool) -> set[tuple[str, int]]:
    steps, found, ring = {start: 0}, set(), [start]
    while ring:
        ring_next = []
        for node in ring:
            for reused, by in edges:
                near, far = (reused, by) if forward else (by, reused)
                if near == node and steps[node] < depth:
                    found.add((f"{reused}-{by}", steps[node] + 1))
                    if far not in steps:
                        steps[far] = steps[node] + 1
                        ring_next.append(far)
        ring = ring_next
    return found


NODE = st.integers(0, 5)
EDGES = st.sets(st.tuples(NODE, NODE).filter(lambda edge: edge[0] != edge[1]), min_size=1)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edges=EDGES, depth_and_way=st.tuples(st.integers(1, 7), st.booleans()))
async def test_a_chain_is_what_walking_step_by_step_finds(
    publisher, reader, notify, edges, depth_and_way
):
    depth, forward = depth_and_way
    start = min(node for edge in edges for node in edge)
    prefix = await _graph(publisher, notify, edges)
    direction = "reusedBy" if forward else "reuses"
    chain = (
        await reader.get(
            f"/entries/{prefix}-{start}/reuse-chain",
            params={"direction": direction, "depth": depth},
        )
    ).json()

    found = [(link["id"].removeprefix(f"{prefix}-"), link["depth"]) for link in chain["links"]]
    assert set(found) == _expected(edges, start, depth, forward=forward)
    assert len(found) == len(set(found))
    assert [depth for _, depth in found] == sorted(depth for _, depth in found)
    everything = _expected(edges, start, 99, forward=forward)
    assert chain["complete"] == (set(found) == everything)


async def test_a_chain_in_a_circle_ends(publisher, reader, notify):
    prefix = await _graph(publisher, notify, [(0, 1), (1, 2), (2, 0)])
    chain = (await reader.get(f"/entries/{prefix}-0/reuse-chain", params={"depth": 32})).json()

    assert [link["depth"] for link in chain["links"]] == [1, 2, 3]
    assert chain["complete"]


async def test_a_chain_says_when_it_was_cut_off(publisher, reader, notify):
    prefix = await _graph(publisher, notify, [(0, 1), (1, 2)])
    path = f"/entries/{prefix}-0/reuse-chain"
    cut = (await reader.get(path, params={"depth": 1})).json()
    whole = (await reader.get(path, params={"depth": 2})).json()

    assert (len(cut["links"]), cut["complete"]) == (1, False)
    assert (len(whole["links"]), whole["complete"]) == (2, True)
    assert (await reader.get(path, params={"depth": 33})).status_code == 400
    assert (await reader.get(path, params={"direction": "up"})).status_code == 400


async def test_an_entry_is_not_deleted_while_a_reuse_of_it_is_being_published(committed, notify):
    writer = {"scopes": {"entries:read", "entries:write"}, "client": "DEV/GOV/90001/govblocks"}
    async with clients_of(committed, "catalogue")(**writer) as client:
        await client.put("/entries/govuk-notify", json=notify)
        async with Transaction(committed.state.database) as publishing:
            assert await entries.existing(publishing, {"govuk-notify"}) == {"govuk-notify"}
            deleting = asyncio.create_task(client.delete("/entries/govuk-notify"))
            done, _ = await asyncio.wait([deleting], timeout=0.3)
            assert not done
        assert (await deleting).status_code == 204
