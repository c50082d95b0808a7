"""A person gets everything that is held about them, and nobody else does."""

import pytest

PORTAL = {"client": "TEST/GOV/3003/portal", "tenant": "TEST/GOV/1001"}
EXPORT = "/subjects/export"
FRAMEWORK = {"metadata": {"domain": "Health", "retentionPolicy": "10 years"}}


def citizen(client_for, person, **more):
    return client_for(scopes={"usage:read"}, person=person, **PORTAL, **more)


@pytest.fixture
async def held(owner, other, publish, mcts_schema):
    """Have two databases hold something about EE5, and a clinic look at it."""
    law = {"access": {"requiresLegalBasis": True}}
    await publish(owner, "MCTS", mcts_schema, **FRAMEWORK)
    await publish(owner, "SCHOOL", mcts_schema, **law)
    for code in ("MCTS", "SCHOOL"):
        for person, name in (("EE5", "Usha"), ("EE6", "Mari")):
            content = {"child": {"id": person, "firstName": name}}
            await owner.post(f"/data/{code}/1.0/create", json={"write": {"content": content}})
    change = {"query": {"content": {"ID": "MCTS1"}}, "write": {"content": {"village": "Sild"}}}
    assert (await owner.put("/data/MCTS/1.0/update", json=change)).status_code == 200
    await other.get("/data/MCTS/1.0")


async def test_a_person_gets_all_records_who_looked_and_by_what_rules(client_for, held):
    async with citizen(client_for, "EE5") as mine:
        answer = await mine.post(EXPORT, json={})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["personalDataId"], told["controller"]) == ("EE5", "TEST/GOV/1001")
    assert told["isComplete"] is True
    mcts, school = told["databases"]
    assert (mcts["code"], school["code"]) == ("MCTS", "SCHOOL")
    assert mcts["legalFramework"]["metadata"]["retentionPolicy"] == "10 years"
    assert school["legalFramework"]["access"]["requiresLegalBasis"] is True
    [record] = mcts["records"]
    assert record["content"]["child"]["firstName"] == "Usha"
    assert record["content"]["village"] == "Sild"
    assert [earlier["content"].get("village") for earlier in record["earlier"]] == [None]
    assert [use["operation"] for use in mcts["uses"]] == ["list"]
    assert school["uses"] == []
    assert "EE6" not in answer.text


async def test_the_export_is_written_down_for_the_person_and_the_owner(
    client_for, owner, held, entries
):
    async with citizen(client_for, "EE5", person_name="Usha Bajaj") as mine:
        await mine.post(EXPORT, json={}, headers={"X-Legal-Basis": "GDPR 15"})
    assert len(await entries("subject.exported")) == 2
    report = {"userId": "EE5", "databaseId": "SCHOOL"}
    [told] = (await owner.post("/data/personalDataUsage", json=report)).json()
    assert (told["operation"], told["readerInitials"], told["legalBasis"]) == (
        "export",
        "UB",
        "GDPR 15",
    )
    assert (
        await owner.post("/data/personalDataUsage", json={**report, "userId": "EE6"})
    ).json() == []


async def test_a_deleted_record_is_still_held_and_told(client_for, owner, held):
    assert (await owner.delete("/data/MCTS/1.0/MCTS1/delete")).status_code == 204
    async with citizen(client_for, "EE5") as mine:
        told = (await mine.post(EXPORT, json={})).json()
    assert told["databases"][0]["records"][0]["deletedAt"]


async def test_an_application_of_the_owner_asks_for_anybody_and_others_for_nobody(
    client_for, owner, other, held
):
    asked = {"personalDataId": "EE6"}
    assert (await owner.post(EXPORT, json=asked)).json()["personalDataId"] == "EE6"
    assert (await other.post(EXPORT, json=asked)).status_code == 403
    async with citizen(client_for, "EE5") as mine:
        assert (await mine.post(EXPORT, json=asked)).status_code == 403
        assert (await mine.post(EXPORT, json={"personalDataId": "EE404"})).status_code == 403
    async with citizen(client_for, "EE5", represents="EE6") as guardian:
        assert (await guardian.post(EXPORT, json={})).json()["personalDataId"] == "EE6"


async def test_who_is_unknown_or_cannot_be_a_person_is_told_apart(client_for, owner, held):
    assert (await owner.post(EXPORT, json={"personalDataId": "EE404"})).status_code == 404
    assert (await owner.post(EXPORT, json={"personalDataId": "..."})).status_code == 400
    assert (await owner.post(EXPORT, json={})).status_code == 400
    async with client_for(scopes={"usage:read"}, client="TEST/GOV/9/x", person="EE5") as elsewhere:
        assert (await elsewhere.post(EXPORT, json={})).status_code == 404
