"""Individuals, and what nobody can read of them."""

import asyncpg

from kit.evidence import Search
from kit.testing import clients_of

MOTHER = "EE49001010002"
RECORDS = "/service/individual/record/consent-record/"
PATH = "/service/individual/"


async def test_a_second_individual_with_the_same_external_id_is_refused(house, client) -> None:
    first = await house.individual()
    body = {"individual": {"externalId": MOTHER, "externalIdType": "personal-code"}}

    assert (await client.post(PATH, json=body)).status_code == 400
    assert (await client.post("/config/individual/", json=body)).status_code == 400
    other = await house.individual(MOTHER, "passport")
    assert other != first


async def test_an_individual_is_found_by_external_id_without_it_in_the_address(
    house, client
) -> None:
    first, second = await house.individual(), await house.individual(MOTHER, "passport")
    await house.individual("EE1")

    async def search(**body: str) -> list[str]:
        answer = await client.post("/service/individuals/search/", json=body)
        return [each["id"] for each in answer.json()["individuals"]]

    async def listed(**query: str) -> list[str]:
        answer = await client.get("/service/individuals/", params=query)
        return [each["id"] for each in answer.json()["individuals"]]

    assert await search(externalId=MOTHER) == [first, second]
    assert await search(externalId=MOTHER, externalIdType="passport") == [second]
    assert await search(externalId="EE2") == []
    assert await listed(externalId=MOTHER, externalIdType="personal-code") == [first]
    assert len(await listed()) == 3
    assert len((await client.get("/config/individuals/")).json()["individuals"]) == 3
    alone = await client.get("/service/individuals/", params={"externalIdType": "passport"})
    assert alone.status_code == 400


async def test_an_individual_is_read_and_changed(house, client) -> None:
    mother, other = await house.individual(), await house.individual("EE1")
    changed = {"individual": {"externalId": "EE2", "externalIdType": "personal-code"}}

    updated = await client.put(f"{PATH}{mother}/", json=changed)
    again = await client.put(f"{PATH}{mother}/", json=changed)
    read = await client.get(f"/config/individual/{mother}/")
    taken = await client.put(f"{PATH}{other}/", json=changed)

    assert updated.json() == again.json() == read.json()
    assert read.json()["individual"]["externalId"] == "EE2"
    assert taken.status_code == 400
    assert (await client.get(f"{PATH}unknown/")).status_code == 400
    assert (await client.put(f"{PATH}unknown/", json=changed)).status_code == 400


async def test_an_administrator_loads_the_same_individual_twice(house_for) -> None:
    loader = house_for(roles={"administrator"}, person="EE-admin").client
    body = {"individual": {"id": "1", "externalId": MOTHER}}

    answers = [await loader.post("/config/individual/", json=body) for _ in range(2)]

    assert [answer.json()["individual"]["id"] for answer in answers] == ["1", "1"]
    body["individual"]["externalId"] = "EE1"
    assert (await loader.post("/config/individual/", json=body)).status_code == 400


async def test_a_signed_in_person_is_nobody_else(house, house_for) -> None:
    mother, other = await house.individual(), await house.individual("EE1")
    portal = house_for(client="TEST/GOV/2002/portal", person=MOTHER).client

    assert (await portal.get(f"{PATH}{mother}/")).status_code == 200
    for stranger in (other, "unknown"):
        assert (await portal.get(f"{PATH}{stranger}/")).status_code == 403
    listed = (await portal.get("/service/individuals/")).json()["individuals"]
    assert [each["id"] for each in listed] == [mother]
    searched = await portal.post("/service/individuals/search/", json={"externalId": "EE1"})
    assert searched.status_code == 403
    somebody = {"individual": {"externalId": "EE1"}}
    assert (await portal.post(PATH, json=somebody)).status_code == 403
    assert (await portal.put(f"{PATH}{mother}/", json=somebody)).status_code == 403
    herself = {"individual": {"externalId": MOTHER}}
    assert (await portal.post(PATH, json=herself)).status_code == 200


async def test_another_kind_of_id_with_the_same_letters_is_somebody_else(house, house_for) -> None:
    """A clinic's patient number may be anybody's personal code."""
    patient = await house.individual(MOTHER, "patient-number")
    agreement = await house.agreement()
    record = (await house.sign(patient, agreement["id"]))["consentRecord"]["id"]
    portal = house_for(client="TEST/GOV/2002/portal", person=MOTHER).client

    own = f"{RECORDS}{record}/"
    withdrawal = {"consentRecord": {"optIn": False}}
    identity = {"externalId": MOTHER, "externalIdType": "patient-number"}
    for refused in (
        await portal.get(f"{PATH}{patient}/"),
        await portal.get(RECORDS, headers=house.whose(patient)),
        await portal.put(own, json=withdrawal, headers=house.whose(patient)),
        await portal.put(f"{PATH}{patient}/", json={"individual": {"externalId": MOTHER}}),
        await portal.post(PATH, json={"individual": identity}),
        await portal.post("/service/individuals/search/", json=identity),
        await portal.get("/service/individuals/", params=identity),
    ):
        assert refused.status_code == 403, refused.text
    assert (await portal.get("/service/individuals/")).json() == {"individuals": []}
    assert (await portal.get(RECORDS)).json() == {"consentRecords": []}

    mother = await house.individual()
    for searched in ({"externalId": MOTHER}, {**identity, "externalIdType": "personal-code"}):
        found = await portal.post("/service/individuals/search/", json=searched)
        assert [each["id"] for each in found.json()["individuals"]] == [mother]
    changed = await portal.put(f"{PATH}{mother}/", json={"individual": identity})
    assert changed.status_code == 403


async def test_a_person_s_own_id_is_of_the_kind_that_tokens_carry(house_for) -> None:
    portal = house_for(client="TEST/GOV/2002/portal", person=MOTHER).client
    made = await portal.post(PATH, json={"individual": {"externalId": MOTHER}})
    assert made.json()["individual"]["externalIdType"] == "personal-code"


async def test_every_look_is_logged_under_a_pseudonym(house, client, app) -> None:
    mother = await house.individual()
    await client.get(f"{PATH}{mother}/")

    found = await app.state.ledger.search(Search(subject=MOTHER))

    assert [entry.kind for entry in found] == ["individual.viewed", "individual.created"]
    assert MOTHER not in str(found)


async def test_no_table_names_anybody(committed, house_type) -> None:
    there = house_type(clients_of(committed, "consent")(scopes={"*"}, reader="Dr. Tamm"))
    agreement, mother = await there.agreement(), await there.individual()
    draft = there.on_paper(await there.draft(mother, agreement["id"]))
    draft["signature"]["verificationSignedBy"] = "Mari Maasikas"
    await there.submit(mother, draft)

    connection = await asyncpg.connect(committed.state.urls.owner)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables:
        rows = str(await connection.fetch(f"SELECT t::text FROM {table} t"))  # noqa: S608  our own tables
        for secret in (MOTHER, "Mari", "Tamm", MOTHER.encode().hex(), "c2Nhbg"):
            assert secret not in rows, table
    await connection.close()
