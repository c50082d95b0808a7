"""An analyst finds every action, exactly once, with the values before and after."""

import asyncpg
import pytest

from kit.evidence.sequencing import append, read_head
from kit.testing import clients_of
from registry.audit_logs.models import ACTIONS

BASE = "/data/MCTS/1.0"
ANALYST = {"scopes": {"evidence:read", "evidence:verify"}, "client": "TEST/GOV/1001/analyst"}


@pytest.fixture
async def analyst(client_for):
    async with client_for(**ANALYST) as client:
        yield client


@pytest.fixture
async def done(owner, other, mcts):
    """Do each action once to a record about EE5."""
    child = {"id": "EE5", "firstName": "Usha"}
    made = await owner.post(f"{BASE}/create", json={"write": {"content": {"child": child}}})
    key = {"query": {"content": {"ID": made.json()["content"]["ID"]}}}
    change = {**key, "write": {"content": {"child": {"firstName": "Uma"}}}}
    assert (await owner.put(f"{BASE}/update", json=change)).status_code == 200
    assert (await other.post(f"{BASE}/read", json=key)).status_code == 200
    assert (await owner.delete(f"{BASE}/MCTS1/delete")).status_code == 204
    return mcts


async def logs(client, status=200, **query):
    answer = await client.get("/audit/logs", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()["logs"] if status == 200 else answer.json()


async def test_each_action_is_there_once_with_values_before_and_after(analyst, done):
    told = {log["action"]: log for log in await logs(analyst, database="MCTS")}
    assert sorted(told) == sorted(
        [
            "database.created",
            "database.published",
            "record.created",
            "record.updated",
            "record.read",
            "record.deleted",
        ]
    )
    assert len(await logs(analyst, database="MCTS", action="record.created")) == 1
    updated = told["record.updated"]
    assert (updated["before"], updated["after"]) == (
        {"child.firstName": "Usha"},
        {"child.firstName": "Uma"},
    )
    assert updated["fields"] == ["child.firstName"]
    assert updated["readerId"] == "EE1"
    assert told["record.created"]["after"]["child.id"] == "EE5"
    assert told["record.deleted"]["before"]["child.firstName"] == "Uma"
    assert "before" not in told["record.read"]
    assert told["record.read"]["actor"] == "TEST/GOV/2002/clinic"


async def test_it_is_searched_by_record_actor_action_and_time(analyst, done):
    [created] = await logs(analyst, database="MCTS", action="record.created")
    record = created["recordId"]
    of_record = await logs(analyst, record=record)
    assert [log["action"] for log in of_record if log["action"] != "log.read"] == [
        "record.deleted",
        "record.read",
        "record.updated",
        "record.created",
    ]
    for actor in ("TEST/GOV/2002/clinic", "TEST/GOV/2002"):
        assert [log["action"] for log in await logs(analyst, actor=actor)] == ["record.read"]
    for action, kind in (("update", "record.updated"), ("delete", "record.deleted")):
        assert [log["action"] for log in await logs(analyst, action=action)] == [kind]
    both = await logs(analyst, action=["update", "delete"])
    assert [log["action"] for log in both] == ["record.deleted", "record.updated"]
    assert await logs(analyst, **{"from": "2999-01-01T00:00:00Z"}) == []
    before = await logs(analyst, database="MCTS", action="create", to=created["at"])
    assert [log["action"] for log in before] == ["database.created"]


async def test_what_a_list_showed_of_a_record_is_found_by_the_record(owner, analyst, done):
    child = {"write": {"content": {"child": {"id": "EE7"}}}}
    await owner.post(f"{BASE}/create", json=child)
    await owner.get(BASE)
    [created] = await logs(analyst, action="record.created", pageSize=1)
    told = await logs(analyst, record=created["recordId"], action="record.read")
    assert [(log["part"], log["facts"]["operation"]) for log in told] == [(0, "list")]
    [whole] = [one for one in await logs(analyst, action="record.read") if "recordId" not in one]
    assert whole["facts"]["parts"]["count"] == 1


async def test_reading_the_log_is_told_to_the_person_it_is_about(owner, analyst, done):
    await logs(analyst, database="MCTS")
    asked = {"userId": "EE5", "databaseId": "MCTS"}
    told = (await owner.post("/data/personalDataUsage", json=asked)).json()
    assert [one["operation"] for one in told] == ["log", "read"]
    again = await logs(analyst, action="report")
    assert [log["action"] for log in again] == ["usage.read", "log.read"]


async def test_pages_follow_each_other_while_new_entries_come(analyst, done):
    whole = [log["id"] for log in await logs(analyst, database="MCTS")]
    walked, cursor = [], {}
    while True:
        answer = await analyst.get(
            "/audit/logs", params={"database": "MCTS", "pageSize": 2, **cursor}
        )
        walked += [log["id"] for log in answer.json()["logs"] if log["action"] != "log.read"]
        if "next" not in answer.json():
            break
        cursor = {"cursor": answer.json()["next"]}
    assert walked == whole


async def test_only_the_owners_analysts_are_shown_it(client_for, done):
    person = {"person": "EE5", "client": "TEST/GOV/1001/portal"}
    elsewhere = {"client": "TEST/GOV/2002/clinic", "tenant": "TEST/GOV/1001"}
    for caller in (person, elsewhere):
        async with client_for(scopes={"evidence:read"}, **caller) as client:
            await logs(client, 403, database="MCTS")
    async with client_for(scopes={"usage:read"}, client="TEST/GOV/1001/desk") as client:
        await logs(client, 403)
    async with client_for(scopes={"evidence:read"}, client="TEST/GOV/7/x") as client:
        assert await logs(client) == []
        await logs(client, 404, database="MCTS")


async def test_a_question_that_cannot_be_answered_is_refused(analyst, done):
    for query in ({"action": "steal"}, {"cursor": "x"}, {"record": "x"}, {"from": "yesterday"}):
        await logs(analyst, 400, **query)
    await logs(analyst, 404, database="NONE")
    await logs(analyst, 404, record="019aaa51-7c00-7000-8000-000000000001")


async def test_erasing_a_person_leaves_the_action_and_takes_the_values(app, analyst, done):
    await app.state.ledger.erase("EE5")
    [updated] = await logs(analyst, action="record.updated")
    assert updated["fields"] == ["child.firstName"]
    assert "before" not in updated
    assert "readerId" not in updated


async def test_the_walk_and_the_anchors_stand_where_the_requirements_look_for_them(
    committed, open_registry, publish, mcts_schema
):
    await publish(open_registry, "MCTS", mcts_schema)
    state = committed.state
    driver = await asyncpg.connect(state.urls.owner)
    try:
        await append(driver, "registry", state.evidence_signer, await read_head(driver))
        size = await driver.fetchval("SELECT max(size) FROM evidence_checkpoint")
        async with clients_of(committed, "registry")(**ANALYST) as client:
            assert (await client.get("/audit/verify")).json()["holds"] is True
            assert (await client.get("/audit/anchors")).json() == {"checkpoints": []}
            said = "INSERT INTO evidence_cosignature VALUES ($1, 'gateway', 'x')"
            await driver.execute(said, size)
            [anchor] = (await client.get("/audit/anchors")).json()["checkpoints"]
            head = (await client.get("/evidence/checkpoints/latest")).json()
            assert (anchor["size"], anchor["root"]) == (head["size"], head["root"])
            await driver.execute("UPDATE evidence_entry SET actor = 'x' WHERE kind LIKE '%created'")
            found = (await client.get("/audit/verify")).json()
            assert found["holds"] is False
            assert found["fault"]["index"] == 0
    finally:
        await driver.close()


def test_words_for_actions_stand_for_kinds():
    assert all("." in kind for kinds in ACTIONS.values() for kind in kinds)
