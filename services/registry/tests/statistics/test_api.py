"""Statistics agree with the records, and show nobody."""

import asyncpg
import pytest

from registry.counters import service

BASE = "/data/CHILD/1.0"
STATS = "/stats/child"
SCHEMA = {
    "properties": {
        "id": {"type": "string", "x-personalDataId": True},
        "name": {"type": "string", "x-personalData": True},
        "village": {"type": "string"},
        "weight": {"type": "number"},
        "born": {"type": "date"},
        "secret": {"type": "string", "x-secret": True},
    }
}
CHILDREN = [
    ("Sild", 3.5, "2026-01-05"),
    ("Sild", 2.5, "2026-01-31"),
    ("Sild", None, "2026-02-01"),
    ("Narva", 4, "2025-12-31"),
    (None, 3, None),
]


@pytest.fixture
async def child(owner, publish):
    made = await publish(owner, "CHILD", SCHEMA)
    for number, (village, weight, born) in enumerate(CHILDREN):
        content = {
            "id": f"EE{number}",
            "name": "x",
            "village": village,
            "weight": weight,
            "born": born,
        }
        content = {name: value for name, value in content.items() if value is not None}
        answer = await owner.post(f"{BASE}/create", json={"write": {"content": content}})
        assert answer.status_code == 200, answer.text
    return made


async def stats(client, status=200, **query):
    answer = await client.get(STATS, params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def values(told):
    return [(*group["values"].values(), group["value"]) for group in told["groups"]]


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        ({}, 5),
        ({"metric": "sum", "field": "weight"}, 13),
        ({"metric": "avg", "field": "weight"}, 3.25),
        ({"metric": "min", "field": "weight"}, 2.5),
        ({"metric": "max", "field": "born"}, "2026-02-01"),
        ({"metric": "countDistinct", "field": "village"}, 2),
        ({"query.village": "Sild"}, 3),
        ({"query.weight": "range:3.."}, 3),
        ({"from": "2026-01-01", "to": "2026-01-31", "dateField": "born"}, 2),
        ({"from": "2999-01-01"}, 0),
    ],
)
async def test_a_number_is_what_the_records_say(owner, child, asked, value):
    told = await stats(owner, **asked)
    assert values(told) == [(value,)]
    assert (told["version"], told["suppressed"], told["smallestGroup"]) == ("1.0", False, None)


async def test_groups_are_told_the_largest_first(owner, child):
    assert values(await stats(owner, groupBy="village")) == [("Sild", 3), ("Narva", 1), (None, 1)]
    told = await stats(owner, groupBy="village", metric="sum", field="weight")
    assert values(told) == [("Sild", 6), ("Narva", 4), (None, 3)]


@pytest.mark.parametrize(
    ("interval", "periods"),
    [
        ("day", ["2025-12-31", "2026-01-05", "2026-01-31", "2026-02-01", None]),
        ("week", ["2025-12-29", "2026-01-05", "2026-01-26", None]),
        ("month", ["2025-12-01", "2026-01-01", "2026-02-01", None]),
        ("year", ["2025-01-01", "2026-01-01", None]),
    ],
)
async def test_a_time_series_has_its_periods_in_order(owner, child, interval, periods):
    told = await stats(owner, interval=interval, dateField="born")
    assert [group["period"] for group in told["groups"]] == periods
    assert sum(group["count"] for group in told["groups"]) == 5


async def test_records_are_counted_by_when_they_were_made(owner, child):
    [group] = (await stats(owner, interval="year"))["groups"]
    assert group["count"] == 5


async def test_changes_are_counted_each_once(owner, child):
    for weight in (5, 6):
        change = {"query": {"content": {"id": "EE0"}}, "write": {"content": {"weight": weight}}}
        assert (await owner.put(f"{BASE}/update", json=change)).status_code == 200
    found = (await owner.get(BASE, params={"query.id": "EE1"})).json()
    assert found["count"] == 1
    report = {"userId": "EE1", "databaseId": "CHILD"}
    record = (await owner.post("/data/personalDataUsage", json=report)).json()[0]["recordId"]
    assert (await owner.delete(f"{BASE}/{record}/delete")).status_code == 204
    told = await stats(owner, of="changes", groupBy="change")
    assert sorted(values(told)) == [("created", 5), ("deleted", 1), ("updated", 2)]
    [group] = (await stats(owner, of="changes", interval="month"))["groups"]
    assert group["count"] == 8


async def test_another_member_is_not_told_of_small_groups(owner, other, child):
    told = await stats(other)
    assert values(told) == [(5,)]
    told = await stats(other, groupBy="village")
    assert told["groups"] == []
    assert (told["suppressed"], told["suppressedGroups"], told["smallestGroup"]) == (True, 3, 5)
    settled = await owner.put(f"/database/{child}/statistics", json={"smallestGroup": 2})
    assert settled.json() == {"smallestGroup": 2}
    told = await stats(other, groupBy="village")
    assert (values(told), told["suppressedGroups"]) == ([("Sild", 3)], 2)
    assert (await stats(other, **{"query.village": "Narva"}))["groups"] == []


async def test_how_small_a_group_may_be_is_said_of_a_database_that_is_there(owner, child, entries):
    path = f"/database/{child}/statistics"
    assert (await owner.get(path)).json() == {"smallestGroup": 5}
    for _ in range(2):
        assert (await owner.put(path, json={"smallestGroup": 7})).status_code == 200
    assert (await owner.get(path)).json() == {"smallestGroup": 7}
    assert len(await entries("statistics.settled")) == 1
    assert (await owner.put(path, json={"smallestGroup": 0})).status_code == 400
    assert (await owner.get("/database/999999/statistics")).status_code == 404
    missing = await owner.put("/database/999999/statistics", json={"smallestGroup": 7})
    assert missing.status_code == 404


async def test_two_roles_get_different_totals(owner, other, child):
    await owner.put(f"/database/{child}/statistics", json={"smallestGroup": 1})
    rights = {
        "policies": [
            {
                "name": "sild",
                "effect": "allow",
                "subject": {"clients": ["TEST/GOV/2002/clinic"]},
                "actions": ["statistics"],
                "records": {"field": "village", "is": "Sild"},
                "fields": ["village", "born"],
            }
        ]
    }
    answer = await owner.put(f"/database/{child}/rights", json=rights)
    assert answer.status_code in {200, 204}, answer.text
    assert values(await stats(owner)) == [(5,)]
    assert values(await stats(other)) == [(3,)]
    await stats(other, 403, metric="sum", field="weight")
    await stats(other, 403, **{"query.weight": "3"})


async def test_what_cannot_be_answered_is_refused(owner, child):
    for asked in (
        {"metric": "median"},
        {"metric": "sum"},
        {"metric": "sum", "field": "village"},
        {"groupBy": "colour"},
        {"interval": "day", "dateField": "village"},
        {"query.weight": "heavy"},
        {"from": "yesterday"},
    ):
        await stats(owner, 400, **asked)
    await stats(owner, 403, groupBy="id")
    await stats(owner, 403, metric="max", field="name")
    await stats(owner, 403, groupBy="secret")
    await stats(owner, 404, version="7.0")
    assert (await owner.get("/stats/none")).status_code == 404


async def test_what_uses_personal_data_is_written_down_and_small_groups_kept_back(
    owner, child, entries
):
    await stats(owner, groupBy="village")
    assert await entries("statistics.made") == []
    told = await stats(owner, **{"query.id": "EE1"})
    assert (told["groups"], told["suppressed"]) == ([], True)
    [entry] = await entries("statistics.made")
    assert entry.facts["fields"] == ["id"]
    assert "EE1" not in str(entry)


async def test_where_consent_is_needed_others_get_no_statistics(
    owner, other, publish, consent_rule
):
    schema = {"properties": {"id": {"type": "string", "x-personalDataId": {"type": "national-id"}}}}
    await publish(owner, "CHILD", schema, access=consent_rule)
    await stats(other, 403)
    await stats(owner)


async def test_statistics_that_take_too_long_are_given_up(committed, open_registry, publish):
    await publish(open_registry, "CHILD", SCHEMA)
    holder = await asyncpg.connect(committed.state.urls.owner)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE record IN ACCESS EXCLUSIVE MODE")
            assert (await open_registry.get(STATS)).status_code == 503
    finally:
        await holder.close()
    assert values(await stats(open_registry)) == [(0,)]


async def test_statistics_are_counted_as_use(app, owner, child):
    await stats(owner)
    await service.write(app.state.database)
    told = (await owner.get(f"/database/{child}/usage")).json()
    assert {"service": "statistics", "count": 1} in told["groups"]
