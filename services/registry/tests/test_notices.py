"""Under which consents an answer shows what it shows, as the mediator reads it."""

import pytest

from registry.notices import Consents

BASE = "/data/MCTS/1.0"
OWNER, TENANT = "TEST/GOV/1001/registrar", "TEST/GOV/1001"


def test_each_consent_is_an_item_of_a_structured_field() -> None:
    consents = Consents()
    consents.add("c-1", "d-1", ["firstName", "sünni aeg"])
    consents.add("c-1", "d-1", ["firstName", "lastName"])
    consents.add('c"2\\', None, [])
    assert consents.header.decode() == (
        '"c-1";decision="d-1";attributes="firstName s%C3%BCnni%20aeg lastName", '
        '"c\\"2\\\\";attributes=""'
    )


def test_a_long_header_names_no_attributes_and_a_hundred_records_at_most() -> None:
    consents = Consents()
    for number in range(120):
        consents.add(f"c-{number}", None, [f"field{number}" for number in range(9)])
    said = consents.header.decode().split(", ")
    assert said == [f'"c-{number}"' for number in range(100)]


@pytest.fixture
async def guarded(owner, publish, mcts_schema, consent_rule):
    """Return who owns a registry that others read with consent."""
    await publish(owner, "MCTS", mcts_schema, access=consent_rule)
    child = {"id": "EE5", "firstName": "Usha", "birthdate": "2026-11-20"}
    written = {"write": {"content": {"child": child, "village": "Longroad"}}}
    assert (await owner.post(f"{BASE}/create", json=written)).status_code == 200
    return owner


async def test_a_read_names_the_consent_it_stands_on(guarded, other, consents) -> None:
    asked = {"query": {"content": {"ID": "MCTS1"}}}

    said = (await other.post(f"{BASE}/read", json=asked)).headers["Consent-Reference"]
    assert said == '"c-1";attributes="child.id child.firstName child.birthdate"'
    consents.body = '{"permitted": true, "consentRecordId": "c-1", "decisionId": "d-1"}'
    value = await other.get(f"{BASE}/MCTS1/readValue/child.firstName.json")
    assert value.headers["Consent-Reference"] == '"c-1";decision="d-1";attributes="child.firstName"'
    consents.body = '{"permitted": true}'
    assert "Consent-Reference" not in (await other.post(f"{BASE}/read", json=asked)).headers
    consents.body, consents.permitted = None, False
    refused = await other.post(f"{BASE}/read", json=asked)
    assert refused.status_code == 403
    assert "Consent-Reference" not in refused.headers
    own = await guarded.post(f"{BASE}/read", json=asked)
    assert own.status_code == 200
    assert "Consent-Reference" not in own.headers


async def test_what_a_link_shows_names_the_consent_too(
    owner, client_for, publish, app, consents
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "primaryKey": True, "x-personalDataId": {"type": "code"}},
            "name": {"type": "string", "x-personalData": True},
        },
    }
    await publish(owner, "CARDS", schema)
    card = {"write": {"content": {"id": "EE5", "name": "Usha"}}}
    assert (await owner.post("/data/CARDS/1.0/create", json=card)).status_code == 200
    async with app.state.database.connection() as connection:
        record = str(await connection.driver.fetchval("SELECT id FROM record"))
    rule = {"dataAgreementId": "a-1", "externalIdType": "code"}
    body = {"registry": "CARDS", "version": "1.0", "recordId": record, "fields": ["name"]}
    async with client_for(scopes={"shares:write"}, client=OWNER) as sharer:
        made = await sharer.post("/shares", json=body | {"requiresConsent": rule})
    async with client_for(scopes={"shares:open"}, client="anonymous", tenant=TENANT) as stranger:
        shown = await stranger.get("/shares/" + made.json()["url"].rpartition("/")[2])
    assert shown.status_code == 200, shown.text
    assert shown.headers["Consent-Reference"] == '"c-1";attributes="name"'
