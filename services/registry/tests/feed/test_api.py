"""What changed since somebody asked last, over HTTP (DRS-26.a)."""

import asyncio
import base64

import pytest

BASE = "/data/MCTS/1.0"


async def _create(client, village):
    made = await client.post(f"{BASE}/create", json={"write": {"content": {"village": village}}})
    assert made.status_code == 200, made.text
    return made.json()["content"]["ID"]


async def _changes(client, since=None, limit=1000):
    params = {"limit": limit} | ({} if since is None else {"since": since})
    answer = await client.get(f"{BASE}/changes", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _told(client, count, since=None):
    """Return the changes since a mark once there are so many.

    A change is told when all transactions of the server that began before it have ended, those of
    other databases too.
    """
    for _ in range(600):
        found = await _changes(client, since)
        if len(found["changes"]) >= count:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def test_exactly_what_changed_is_told_once(open_registry, publish, mcts_schema):
    client = open_registry
    await publish(client, "MCTS", mcts_schema)
    keys = [await _create(client, f"V{n}") for n in range(5)]
    first = await _told(client, 5)
    assert [each["change"] for each in first["changes"]] == ["created"] * 5
    assert (await _changes(client, first["next"]))["changes"] == []
    query = {"query": {"content": {"ID": keys[1]}}, "write": {"content": {"village": "New"}}}
    await client.put(f"{BASE}/update", json=query)
    await client.put(f"{BASE}/update", json=query)
    await client.delete(f"{BASE}/{keys[3]}/delete")
    number = first["changes"][0]["id"]
    await client.post(f"{BASE}/{number}/archive")
    second = await _told(client, 3, first["next"])
    assert {each["number"]: each["change"] for each in second["changes"]} == {
        1: "archived",
        2: "changed",
        4: "deleted",
    }
    told = {each["number"]: each for each in second["changes"]}
    assert told[2]["content"]["village"] == "New"
    assert "content" not in told[4]


async def test_pages_of_changes_leave_nothing_out_while_others_write(
    open_registry, publish, mcts_schema
):
    client = open_registry
    await publish(client, "MCTS", mcts_schema)

    async def write(name):
        for n in range(15):
            await _create(client, f"{name}{n}")

    seen = []

    async def follow():
        mark = None
        while len(seen) < 45:
            page = await _changes(client, mark, limit=7)
            seen.extend(each["number"] for each in page["changes"])
            mark = page["next"]
        return mark

    writers = [asyncio.create_task(write(name)) for name in "abc"]
    async with asyncio.timeout(60):
        mark = await follow()
    await asyncio.gather(*writers)
    assert sorted(seen) == list(range(1, 46))
    assert (await _changes(client, mark))["changes"] == []


@pytest.mark.parametrize("mark", ["", "x", "AAAA", "MTIzLjEyMw"])
async def test_a_mark_that_is_none_is_refused(owner, mcts, mark):
    refused = await owner.get(f"{BASE}/changes", params={"since": mark})
    assert refused.status_code == 400


async def test_a_mark_of_the_future_is_of_another_server(owner, mcts):
    mark = base64.urlsafe_b64encode(b"99999999999.00000000000000000000000000000000").decode()
    gone = await owner.get(f"{BASE}/changes", params={"since": mark.rstrip("=")})
    assert gone.status_code == 410
