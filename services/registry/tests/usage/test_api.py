"""The report of who read a person's data, over HTTP."""

import pytest

from registry.usage.models import Usage

REPORT = "/data/myPersonalDataUsage"
BASE = "/data/MCTS/1.0"


@pytest.fixture
async def seen(owner, other, mcts):
    """Have a clinic read the record of EE5."""
    body = {"write": {"content": {"child": {"id": "EE5", "firstName": "Usha"}}}}
    await owner.post(f"{BASE}/create", json=body)
    await other.post(f"{BASE}/read", json={"query": {"content": {"ID": "MCTS1"}}})
    return mcts


def _person(client_for, person, **more):
    return client_for(
        scopes={"usage:read"},
        client="TEST/GOV/3003/portal",
        tenant="TEST/GOV/1001",
        person=person,
        person_name="Usha Bajaj",
        **more,
    )


async def _report(client, user="EE5", database="MCTS", path=REPORT):
    return await client.get(path, params={"userId": user, "databaseId": database})


async def test_a_person_sees_who_read_their_data(client_for, seen):
    async with _person(client_for, "EE5") as client:
        [entry] = (await _report(client)).json()
    assert entry["readerId"] == "EE-DOCTOR"
    assert entry["readerInstitutionId"] == "TEST/GOV/2002"
    assert entry["readerInstitutionName"] == "Health Ministry"
    assert entry["readerApplicationName"] == "Clinic"
    assert entry["refrences"] == [{"ReferenceID": "MCTS1"}]
    assert entry["fields"] == ["child.id", "child.firstName", "child.birthdate"]
    assert entry["operation"] == "read"
    assert entry["searchDateTime"].endswith("Z")
    assert entry["id"] != entry["recordId"]


async def test_all_spellings_and_names_of_the_database_answer_the_same(owner, seen):
    first = (await _report(owner)).json()
    assert len(first) == 1
    for path, name in (
        ("/data/mypersonalDataUsage", "mcts"),
        (REPORT, str(seen)),
    ):
        told = (await _report(owner, database=name, path=path)).json()
        assert told[-1] == first[0]
    told = await owner.post("/data/personalDataUsage", json={"userId": "EE5", "databaseId": "MCTS"})
    assert told.json()[-1] == first[0]


async def test_fetching_the_report_is_itself_in_the_owners_report(client_for, owner, seen):
    async with _person(client_for, "EE5") as client:
        await _report(client)
        assert len((await _report(client)).json()) == 1
    told = (await _report(owner)).json()
    assert [entry["operation"] for entry in told] == ["DPU", "DPU", "read"]
    assert told[0]["readerInitials"] == "UB"
    assert told[0]["refrences"] == []


async def test_nobody_is_told_about_somebody_else(client_for, other, seen):
    async with _person(client_for, "EE6") as client:
        assert (await _report(client)).status_code == 403
    assert (await _report(other)).status_code == 403


async def test_a_representative_is_told_about_whom_they_represent_and_named_in_the_log(
    client_for, owner, seen
):
    async with _person(client_for, "EE6", represents="EE5") as guardian:
        told = await _report(guardian)
        assert [entry["readerId"] for entry in told.json()] == ["EE-DOCTOR"]
        assert (await _report(guardian, user="EE6")).status_code == 403  # not in this request
    async with _person(client_for, "EE5", represents="EE7") as child:
        assert (await _report(child)).status_code == 403
    assert (await _report(owner)).json()[0]["readerId"] == "EE6"


async def test_the_newest_look_comes_first(owner, other, seen):
    await other.get(f"{BASE}/MCTS1/readValue/child.json")
    operations = [entry["operation"] for entry in (await _report(owner)).json()]
    assert operations == ["readValue", "read"]


async def test_two_registries_have_reports_of_their_own(owner, seen, publish, mcts_schema):
    await publish(owner, "OTHER", mcts_schema)
    assert (await _report(owner, database="OTHER")).status_code == 404


async def test_a_person_nobody_looked_at_yet_has_an_empty_report(owner, mcts):
    body = {"write": {"content": {"child": {"id": "EE9"}}}}
    await owner.post(f"{BASE}/create", json=body)
    answer = await _report(owner, "EE9")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("user", ["", "...", "\x00", "x" * 201, "a\nb"])
async def test_an_identifier_that_cannot_be_one_is_refused(owner, seen, user):
    assert (await _report(owner, user)).status_code == 400


async def test_what_is_unknown_is_not_found(owner, seen):
    assert (await _report(owner, "EE404")).status_code == 404
    assert (await _report(owner, database="NONE")).status_code == 404
    assert (await _report(owner, database=str(1 << 70))).status_code == 404
    assert (await owner.get(REPORT, params={"userId": "EE5"})).status_code == 400


async def test_an_entry_whose_detail_was_erased_still_counts(owner, seen, database):
    async with database.connection() as connection:
        await connection.driver.execute("DELETE FROM evidence_key")
    [entry] = (await _report(owner)).json()
    assert "readerId" not in entry
    assert entry["readerApplicationName"] == "TEST/GOV/2002/clinic"
    assert entry["refrences"] == [{"ReferenceID": entry["recordId"]}]


def test_initials_are_the_first_letters_of_the_names():
    def initials(name):
        return Usage(None, None, "", "", {}, {"readerName": name}).initials

    assert initials("Anna maria Tamm") == "AMT"
    assert initials(None) is None
