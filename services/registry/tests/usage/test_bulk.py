"""A list is one entry in the log, and each person in it finds and proves their own look."""

import asyncpg
import pytest
from httpx import ASGITransport, AsyncClient

from kit.evidence import Keys
from kit.evidence.packages import read
from kit.evidence.sequencing import append, read_head
from kit.evidence.verdicts import thumbprints
from kit.evidence.verdicts import verify as examine
from kit.evidence.verification import verify
from kit.testing import signed
from registry.usage.models import Look, parts

BASE = "/data/MCTS/1.0"
PORTAL = {"client": "TEST/GOV/3003/portal", "tenant": "TEST/GOV/1001"}


async def add(owner, *people, **more):
    for person in people:
        child = {"id": person, "firstName": "Usha", **more}
        made = await owner.post(f"{BASE}/create", json={"write": {"content": {"child": child}}})
        assert made.status_code == 200, made.text


async def report(client, person, **more):
    asked = {"userId": person, "databaseId": "MCTS", **more}
    answer = await client.post("/data/personalDataUsage", json=asked)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_list_of_ten_is_one_entry_and_ten_people_logged(owner, other, mcts, entries):
    people = [f"EE{number}" for number in range(10)]
    await add(owner, *people)
    await other.get(BASE, headers={"X-Legal-Basis": "Health Act 5"})
    [entry] = [one for one in await entries("record.read") if one.facts["operation"] == "list"]
    assert entry.facts["parts"]["count"] == 10
    for number, person in enumerate(people):
        [told] = (await report(owner, person)).json()
        assert told["id"] == str(entry.id)
        assert told["part"] == number
        assert told["personalDataId"] == person
        assert told["refrences"] == [{"ReferenceID": f"MCTS{number + 1}"}]
        assert told["recordId"]
        assert told["fields"] == ["child.id", "child.firstName", "child.birthdate"]
        assert told["readerId"] == "EE-DOCTOR"
        assert told["readerInstitutionName"] == "Health Ministry"
        assert told["operation"] == "list"
        assert told["legalBasis"] == "Health Act 5"
        assert told["searchDateTime"].endswith("Z")


async def test_the_readers_initials_are_told_where_the_reader_is_signed_in(owner, client_for, mcts):
    await add(owner, "EE5")
    doctor = {"person": "EE-DOCTOR", "person_name": "Anna Tamm"}
    async with client_for(scopes={"records:read"}, client="TEST/GOV/1001/desk", **doctor) as desk:
        await desk.get(BASE)
    [told] = (await report(owner, "EE5")).json()
    assert (told["readerId"], told["readerInitials"]) == ("EE-DOCTOR", "AT")


async def test_a_page_without_personal_data_leaves_nothing(owner, publish, entries):
    await publish(owner, "PLAIN", {"properties": {"name": {"type": "string"}}})
    await owner.post("/data/PLAIN/1.0/create", json={"write": {"content": {"name": "x"}}})
    await owner.get("/data/PLAIN/1.0")
    assert await entries("record.read") == []


async def test_one_persons_erasure_takes_nothing_from_the_others(owner, other, app, mcts):
    await add(owner, "EE5", "EE6")
    await other.get(BASE)
    await app.state.ledger.erase("EE5")
    for person in ("EE5", "EE6"):
        [told] = (await report(owner, person)).json()
        assert told["readerId"] == "EE-DOCTOR"


async def test_nothing_in_the_tables_names_a_person(owner, other, mcts, database):
    await add(owner, "EE4711")
    await other.get(BASE)
    async with database.connection() as connection:
        raw = connection.driver
        dump = str(await raw.fetch("SELECT *, canonical::text FROM evidence_part"))
        dump += str(await raw.fetch("SELECT *, convert_from(canonical,'utf8') FROM evidence_entry"))
    assert "EE4711" not in dump
    assert "EE-DOCTOR" not in dump


async def test_a_report_of_thousands_is_told_page_by_page(owner, other, mcts):
    await add(owner, "EE5", "EE6")
    for _ in range(4):
        await other.get(BASE)
        await other.post(f"{BASE}/read", json={"query": {"content": {"ID": "MCTS1"}}})
    whole = [(one["id"], one.get("part")) for one in (await report(owner, "EE5")).json()]
    assert len(whole) == 8
    walked, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        answer = await report(owner, "EE5", pageSize=3, **more)
        found = [(one["id"], one.get("part")) for one in answer.json() if one["operation"] != "DPU"]
        walked += found
        cursor = answer.headers.get("X-Next-Cursor")
        if cursor is None:
            break
    assert walked == whole


@pytest.mark.parametrize("cursor", ["", "x", "2026-01-01T00:00:00.000000Z_x_0", "__", "1_2_3"])
async def test_a_cursor_of_somewhere_else_is_refused(owner, mcts, cursor):
    await add(owner, "EE5")
    asked = {"userId": "EE5", "databaseId": "MCTS", "cursor": cursor}
    assert (await owner.post("/data/personalDataUsage", json=asked)).status_code == 400


async def test_a_registry_has_a_report_of_its_own_for_who_is_signed_in(
    owner, other, client_for, mcts
):
    await add(owner, "EE5")
    await other.get(BASE)
    path = f"{BASE}/personalDataUsage"
    async with client_for(scopes={"usage:read"}, person="EE5", **PORTAL) as mine:
        told = await mine.post(path, json={})
        assert [one["operation"] for one in told.json()] == ["list"]
        assert (await mine.post(path, json={"userId": "EE6"})).status_code == 403
        assert (await mine.post("/data/MCTS/9.0/personalDataUsage", json={})).status_code == 404
        assert (await mine.post("/data/NO/1.0/personalDataUsage", json={})).status_code == 404
    assert (await owner.post(path, json={})).status_code == 400
    assert (await owner.post(path, json={"userId": "EE404"})).status_code == 404
    assert [
        one["operation"] for one in (await owner.post(path, json={"userId": "EE5"})).json()
    ] == [
        "DPU",
        "list",
    ]


async def test_somebody_else_learns_nothing_from_how_they_are_refused(client_for, owner, mcts):
    await add(owner, "EE5")
    async with client_for(scopes={"usage:read"}, person="EE6", **PORTAL) as stranger:
        answers = [
            await stranger.post("/data/personalDataUsage", json={"userId": user, "databaseId": db})
            for user in ("EE5", "EE404")
            for db in ("MCTS", "NONE")
        ]
    said = [{**answer.json(), "requestId": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [403] * 4
    assert all(one == said[0] for one in said)


async def test_each_of_several_identifiers_finds_the_look(owner, other, publish):
    schema = {
        "properties": {
            "national": {"type": "string", "x-personalDataId": {"type": "national-id"}},
            "passport": {"type": "string", "x-personalDataId": {"type": "passport"}},
            "name": {"type": "string", "x-personalData": True},
        }
    }
    await publish(owner, "TRAVEL", schema)
    content = {"national": "EE5", "passport": "K123", "name": "Usha"}
    await owner.post("/data/TRAVEL/1.0/create", json={"write": {"content": content}})
    await other.get("/data/TRAVEL/1.0")
    for person in ("EE5", "K123"):
        asked = {"userId": person, "databaseId": "TRAVEL"}
        [told] = (await owner.post("/data/personalDataUsage", json=asked)).json()
        assert told["personalDataId"] == person


async def test_a_listed_person_proves_their_look_with_a_file(committed, open_registry, publish):
    owner = open_registry
    schema = {"properties": {"id": {"type": "string", "x-personalDataId": True}}}
    await publish(owner, "PEOPLE", schema)
    for person in ("EE1", "EE2", "EE3", "EE4", "EE5"):
        content = {"write": {"content": {"id": person}}}
        assert (await owner.post("/data/PEOPLE/1.0/create", json=content)).status_code == 200
    await owner.get("/data/PEOPLE/1.0")
    state = committed.state
    driver = await asyncpg.connect(state.urls.owner)
    try:
        await append(driver, "registry", state.evidence_signer, await read_head(driver))
        assert (await verify(driver, "registry", Keys(state.evidence_signer.public))).holds
    finally:
        await driver.close()
    asked = {"userId": "EE4", "databaseId": "PEOPLE"}
    [told] = (await owner.post("/data/personalDataUsage", json=asked)).json()
    mine = signed("registry", scopes={"evidence:own"}, person="EE4", **PORTAL)
    transport = ASGITransport(committed)
    async with AsyncClient(transport=transport, base_url="http://test", headers=mine) as client:
        path = f"/evidence/packages/{told['id']}"
        answer = await client.get(path, params={"part": told["part"]})
        assert (await client.get(path, params={"part": told["part"] + 1})).status_code == 404
    trusted = thumbprints(state.evidence_signer.public)
    verdict = examine(read(answer.content), trusted)
    assert verdict.is_verified
    assert verdict.part["object"].endswith(told["recordId"])
    assert verdict.detail["institutionId"] == "TEST/GOV/1001"


def test_fields_stand_once_in_the_entry_where_all_looks_are_alike():
    def look(*fields):
        return Look(1, "r", 1, None, ["EE1", None, "EE1", "EE2"], fields)

    assert [part.facts for part in parts([look("a"), look("a")])] == [{}] * 4
    assert [part.facts for part in parts([look("a"), look("b")])] == [
        {"fields": ["a"]},
        {"fields": ["a"]},
        {"fields": ["b"]},
        {"fields": ["b"]},
    ]
    nobody = parts([Look(1, "r", 1, None, [], ["a"])])
    assert [part.subject for part in nobody] == [None]


async def test_what_consent_a_reader_refers_to_is_in_the_report(owner, other, mcts):
    await add(owner, "EE5")
    stated = "019aaa51-7c00-7000-8000-000000000001"
    asked = {"query": {"content": {"ID": "MCTS1"}}}
    headers = {"X-Consent-Record-Id": stated}
    assert (await other.get(BASE, headers=headers)).status_code == 200
    assert (await other.post(f"{BASE}/read", json=asked, headers=headers)).status_code == 200
    told = (await report(owner, "EE5")).json()
    assert [one["statedConsentRecordId"] for one in told] == [stated, stated]
    assert "consentRecordId" not in told[0]
    wrong = await other.get(BASE, headers={"X-Consent-Record-Id": "Usha said yes"})
    assert wrong.status_code == 400


async def test_a_database_can_ask_for_the_legal_basis_of_each_read(
    owner, other, publish, mcts_schema
):
    await publish(owner, "LAW", mcts_schema, access={"requiresLegalBasis": True})
    child = {"write": {"content": {"child": {"id": "EE5"}}}}
    assert (await owner.post("/data/LAW/1.0/create", json=child)).status_code == 200
    asked = {"query": {"content": {"ID": "LAW1"}}}
    law = {"X-Legal-Basis": "Health Act 5"}
    for reader in (owner, other):
        assert (await reader.get("/data/LAW/1.0")).status_code == 400
        assert (await reader.post("/data/LAW/1.0/exists", json=asked)).status_code == 400
        assert (await reader.get("/data/LAW/1.0", headers=law)).status_code == 200
    told = await owner.post("/data/personalDataUsage", json={"userId": "EE5", "databaseId": "LAW"})
    assert [one["legalBasis"] for one in told.json()] == ["Health Act 5"] * 2
