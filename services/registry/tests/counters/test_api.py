"""Every call and search is counted, and no value is ever among the counts."""

from datetime import UTC, datetime

import pytest

from registry.counters import service

BASE = "/data/MCTS/1.0"


@pytest.fixture
def written(app):
    """Return what writes the counts of this process."""

    async def write():
        await service.write(app.state.database)

    return write


async def use(client, database, **query):
    answer = await client.get(f"/database/{database}/usage", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_call_counts_once_by_service_version_client_and_day(owner, other, mcts, written):
    made = {"write": {"content": {"child": {"id": "EE4711"}, "village": "Sild"}}}
    await owner.post(f"{BASE}/create", json=made)
    for _ in range(3):
        await other.post(f"{BASE}/read", json={"query": {"content": {"ID": "MCTS1"}}})
    await written()
    await other.post(f"{BASE}/read", json={"query": {"content": {"ID": "MCTS1"}}})
    await written()
    told = await use(owner, mcts)
    assert told["total"] == 5
    assert told["groups"] == [
        {"service": "data-read", "count": 4},
        {"service": "data-create", "count": 1},
    ]
    today = datetime.now(UTC).date().isoformat()
    assert (await use(owner, mcts, groupBy="client,version,day"))["groups"] == [
        {"client": "TEST/GOV/2002/clinic", "version": "1.0", "day": today, "count": 4},
        {"client": "TEST/GOV/1001/registrar", "version": "1.0", "day": today, "count": 1},
    ]
    assert (await use(owner, mcts, to="2020-01-01"))["total"] == 0
    assert (await use(owner, mcts, **{"from": today, "to": today}))["total"] == 5


async def test_searches_are_told_by_fields_and_never_by_values(owner, mcts, written, database):
    for village in ("Narva", "Tartu"):
        await owner.get(BASE, params={"query.village": village, "query.child.id": "EE4711"})
    await owner.get(BASE, params={"search": "EE4711"})
    await owner.get(BASE, params={"search": "EE4711", "filter": "child.firstName"})
    await owner.post(f"{BASE}/exists", json={"query": {"content": {"village": "Narva"}}})
    await owner.get(BASE)
    await written()
    assert (await use(owner, mcts))["searches"] == [
        {"fields": ["child.id", "village"], "count": 2},
        {"fields": ["*"], "count": 1},
        {"fields": ["child.firstName"], "count": 1},
        {"fields": ["village"], "count": 1},
    ]
    async with database.connection() as connection:
        dump = str(await connection.driver.fetch("SELECT * FROM search_use, service_use"))
    assert "EE4711" not in dump
    assert "Narva" not in dump


async def test_a_call_that_is_opened_twice_is_counted_once(owner, publish, written):
    """What one statement cannot create is tried step by step; an upsert may change or create."""
    key = {"type": "string", "primaryKey": True}
    database = await publish(owner, "PEOPLE", {"properties": {"ID": key}})
    made = {"write": {"content": {"ID": "EE4711"}}}
    for status in (200, 409):
        answer = await owner.post("/data/PEOPLE/1.0/create", json=made)
        assert answer.status_code == status, answer.text
    upsert = {"query": {"content": {"ID": "EE4712"}}, "write": {"content": {"ID": "EE4712"}}}
    assert (await owner.post("/data/PEOPLE/1.0/updateOrCreate", json=upsert)).status_code == 200
    await written()
    assert (await use(owner, database))["groups"] == [
        {"service": "data-create", "count": 2},
        {"service": "data-update-or-create", "count": 1},
    ]


async def test_what_was_refused_is_not_counted(owner, mcts, written):
    assert (await owner.get("/data/MCTS/9.0")).status_code == 404
    await written()
    assert (await use(owner, mcts))["total"] == 0


async def test_counts_that_cannot_be_written_are_kept(app, owner, mcts, written):
    class Broken:
        def connection(self):
            raise ConnectionResetError

    await owner.get(BASE)
    with pytest.raises(ConnectionResetError):
        await service.write(Broken())
    await written()
    assert (await use(owner, mcts))["total"] == 1


async def test_the_database_tells_how_often_its_services_were_used(owner, mcts, written):
    for _ in range(2):
        await owner.get(BASE)
    await written()
    for answer in (
        (await owner.get(f"/database/{mcts}")).json(),
        next(
            one for one in (await owner.get("/databases")).json()["databases"] if one["id"] == mcts
        ),
    ):
        counts = {one["name"]: one["usedCount"] for one in answer["genericServices"]}
        assert (counts["data-list"], counts["data-read"]) == (2, 0)


async def test_only_the_owner_is_told(owner, other, mcts):
    assert (await other.get(f"/database/{mcts}/usage")).status_code == 403
    assert (await owner.get("/database/999999/usage")).status_code == 404
    answer = await owner.get(f"/database/{mcts}/usage", params={"groupBy": "person"})
    assert answer.status_code == 400
    answer = await owner.get(f"/database/{mcts}/usage", params={"from": "yesterday"})
    assert answer.status_code == 400
