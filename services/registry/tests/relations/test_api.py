"""From a record to those it is linked with, and edges beside the content."""

import pytest

CITIZENS = {
    "properties": {
        "ID": {"type": "string", "primaryKey": True},
        "person": {"type": "string", "x-personalDataId": True},
        "name": {"type": "string", "x-personalData": True},
        "siblings": {
            "type": "array",
            "items": {"type": "string"},
            "x-link": {"database": "CITIZENS", "field": "ID", "type": "edge"},
        },
    }
}
PAYMENTS = {
    "properties": {
        "ID": {"type": "string", "primaryKey": True},
        "amount": {"type": "integer"},
        "office": {"type": "string"},
        "payee": {"type": "string", "x-link": {"database": "CITIZENS", "field": "ID"}},
        "about": {"type": "string", "x-link": {"database": "CITIZENS", "type": "soft"}},
        "named": {
            "type": "string",
            "x-link": {"database": "CITIZENS", "field": "name", "type": "soft"},
        },
    }
}


async def create(client, registry, **content):
    body = {"write": {"content": content}}
    made = await client.post(f"/data/{registry}/1.0/create", json=body)
    assert made.status_code == 200, made.text


async def id_of(app, key):
    async with app.state.database.connection() as connection:
        sql = "SELECT id FROM record WHERE primary_key = $1 AND deleted_at IS NULL"
        return str(await connection.driver.fetchval(sql, key))


async def links(client, registry, record, **query):
    return await client.get(f"/data/{registry}/1.0/{record}/links", params=query)


def ends(answer):
    """Return what an answer shows: direction, database, field, and the keys of the records."""
    return [
        (
            group["direction"],
            group["database"]["code"],
            group["field"],
            [record["content"].get("ID") for record in group["records"]],
        )
        for group in answer.json()["results"]
    ]


@pytest.fixture
async def town(owner, publish):
    await publish(owner, "CITIZENS", CITIZENS)
    payments = await publish(owner, "PAYMENTS", PAYMENTS)
    await create(owner, "CITIZENS", ID="M1", person="EE1", name="Usha")
    await create(owner, "CITIZENS", ID="M2", person="EE2", name="Mari", siblings=["M1"])
    return payments


async def test_a_record_shows_what_it_refers_to_and_what_refers_to_it(owner, app, town):
    usha = await id_of(app, "M1")
    await create(owner, "PAYMENTS", ID="P1", payee="M1", about=await id_of(app, "M2"))
    await create(owner, "PAYMENTS", ID="P2", payee="M1", named="Mari")
    found = await links(owner, "CITIZENS", usha)
    assert ends(found) == [
        ("in", "CITIZENS", "siblings", ["M2"]),
        ("in", "PAYMENTS", "payee", ["P1", "P2"]),
    ]
    found = await links(owner, "CITIZENS", await id_of(app, "M2"))
    assert ends(found) == [
        ("out", "CITIZENS", "siblings", ["M1"]),
        ("in", "PAYMENTS", "about", ["P1"]),
        ("in", "PAYMENTS", "named", ["P2"]),
    ]
    found = await links(owner, "PAYMENTS", await id_of(app, "P1"))
    assert ends(found) == [
        ("out", "CITIZENS", "payee", ["M1"]),
        ("out", "CITIZENS", "about", ["M2"]),
    ]
    found = await links(owner, "PAYMENTS", await id_of(app, "P2"))
    assert ends(found)[1] == ("out", "CITIZENS", "named", ["M2"])


async def test_each_link_has_pages(owner, app, town):
    for number in range(5):
        await create(owner, "PAYMENTS", ID=f"P{number}", payee="M1")
    address, seen = f"/data/CITIZENS/1.0/{await id_of(app, 'M1')}/links", []
    following = f"?direction=in&database={town}&pageSize=2"
    while following:
        answer = await owner.get(address + following)
        [group] = answer.json()["results"]
        assert len(group["records"]) <= 2
        seen += [record["content"]["ID"] for record in group["records"]]
        following = group.get("next")
    assert seen == ["P0", "P1", "P2", "P3", "P4"]
    nothing = await links(owner, "CITIZENS", await id_of(app, "M1"), field="nothing")
    assert nothing.json() == {"results": []}


async def test_who_is_shown_personal_data_by_a_link_has_read_it(owner, app, town, entries):
    await create(owner, "PAYMENTS", ID="P1", payee="M1")
    await links(owner, "PAYMENTS", await id_of(app, "P1"))
    [read] = await entries("record.read", subject="EE1")
    assert read.facts["operation"] == "links"
    assert read.facts["fields"] == ["person", "name"]


async def test_who_is_shown_many_people_by_a_link_is_written_down_once(owner, app, town, entries):
    await create(owner, "CITIZENS", ID="M3", person="EE3", name="Anu", siblings=["M1"])
    await links(owner, "CITIZENS", await id_of(app, "M1"))
    [read] = await entries("record.read")
    assert read.facts["parts"]["count"] == 2
    for person in ("EE2", "EE3"):
        assert [entry.id for entry in await entries("record.read", subject=person)] == [read.id]


async def test_deleted_and_archived_records_are_not_shown(owner, app, town):
    await create(owner, "PAYMENTS", ID="P1", payee="M1")
    await create(owner, "PAYMENTS", ID="P2", payee="M1")
    await owner.delete("/data/PAYMENTS/1.0/P1/delete")
    await owner.post(f"/data/PAYMENTS/1.0/{await id_of(app, 'P2')}/archive")
    found = await links(owner, "CITIZENS", await id_of(app, "M1"))
    assert ends(found) == [("in", "CITIZENS", "siblings", ["M2"])]


async def test_a_record_that_is_not_there_has_no_links(owner, app, town):
    nobody = "0190f6a0-0000-7000-8000-000000000000"
    assert (await links(owner, "CITIZENS", nobody)).status_code == 404
    assert (await links(owner, "NOTHING", nobody)).status_code == 404
    payment = await links(owner, "PAYMENTS", await id_of(app, "M1"))
    assert payment.status_code == 404, "of this database, not of another"


async def _allow(owner, database, **policy):
    document = {"policies": [{"name": "p", "subject": {"members": ["TEST/GOV/2002"]}, **policy}]}
    answer = await owner.put(f"/database/{database}/rights", json=document)
    assert answer.status_code == 200, answer.text


async def test_what_is_not_open_over_there_does_not_show_and_is_not_counted(
    owner, other, app, town
):
    for number in range(4):
        office = "A" if number % 2 else "B"
        await create(owner, "PAYMENTS", ID=f"P{number}", payee="M1", office=office, amount=number)
    usha = await id_of(app, "M1")
    only_a = {"field": "office", "is": "A"}
    await _allow(owner, town, actions=["read"], records=only_a, fields=["ID", "payee"])
    found = await links(other, "CITIZENS", usha, pageSize=2)
    assert ends(found)[1] == ("in", "PAYMENTS", "payee", ["P1", "P3"])
    group = found.json()["results"][1]
    assert "next" not in group
    assert group["records"][0]["content"] == {"ID": "P1", "payee": "M1"}
    await _allow(owner, town, actions=["read"], fields=["ID"])
    found = await links(other, "CITIZENS", usha)
    assert ends(found) == [("in", "CITIZENS", "siblings", ["M2"])], "who is paid is not shown"
    await _allow(owner, town, actions=["list"])
    found = await links(other, "CITIZENS", usha)
    assert ends(found) == [("in", "CITIZENS", "siblings", ["M2"])]


async def test_where_consent_is_needed_nothing_shows_by_a_link(owner, other, app, town):
    rule = {"requiresConsent": {"dataAgreementId": "a", "externalIdType": "national-id"}}
    asked = {"code": "CITIZENS", "schema": CITIZENS, "access": rule}
    made = await owner.post("/database/modify", json=asked)
    await owner.post(f"/database/{made.json()['id']}/publish")
    await create(owner, "PAYMENTS", ID="P1", payee="M1")
    found = await links(other, "PAYMENTS", await id_of(app, "P1"))
    assert found.json() == {"results": []}
    assert (await links(other, "CITIZENS", await id_of(app, "M1"))).status_code == 403


async def test_an_edge_is_added_and_taken_away_without_touching_the_content(
    owner, app, town, entries
):
    one, two = await id_of(app, "M1"), await id_of(app, "M2")
    address = f"/data/CITIZENS/1.0/{one}/links"
    edge = {"field": "siblings", "target": two}
    for _ in range(3):
        assert (await owner.post(address, json=edge)).status_code == 204
    found = await links(owner, "CITIZENS", one, direction="out")
    assert ends(found) == [("out", "CITIZENS", "siblings", ["M2"])]
    record = await owner.get(f"/data/CITIZENS/1.0/{one}")
    assert "siblings" not in record.json()["content"]
    for _ in range(3):
        assert (await owner.delete(address, params=edge)).status_code == 204
    assert (await links(owner, "CITIZENS", one, direction="out")).json() == {"results": []}
    assert len(await entries("link.added")) == 1
    [removed] = await entries("link.removed")
    assert removed.facts["target"].endswith(two)


async def test_an_edge_in_the_content_is_changed_there(owner, app, town):
    one, two = await id_of(app, "M1"), await id_of(app, "M2")
    address = f"/data/CITIZENS/1.0/{two}/links"
    edge = {"field": "siblings", "target": one}
    assert (await owner.post(address, json=edge)).status_code == 204
    assert (await owner.delete(address, params=edge)).status_code == 409
    body = {"query": {"content": {"ID": "M2"}}, "write": {"content": {"siblings": []}}}
    await owner.put("/data/CITIZENS/1.0/update", json=body)
    assert (await links(owner, "CITIZENS", two, direction="out")).json() == {"results": []}


@pytest.mark.parametrize("field", ["name", "nothing"])
async def test_what_is_no_edge_takes_none(owner, app, town, field):
    address = f"/data/CITIZENS/1.0/{await id_of(app, 'M1')}/links"
    edge = {"field": field, "target": await id_of(app, "M2")}
    assert (await owner.post(address, json=edge)).status_code == 400


async def test_an_edge_leads_to_a_record_that_is_there(owner, app, town):
    address = f"/data/CITIZENS/1.0/{await id_of(app, 'M1')}/links"
    nowhere = {"field": "siblings", "target": "0190f6a0-0000-7000-8000-000000000000"}
    assert (await owner.post(address, json=nowhere)).status_code == 404
    assert (await owner.post(address, json={"field": "siblings"})).status_code == 400
    assert (await owner.delete(address, params=nowhere)).status_code == 204


async def test_an_archived_database_keeps_its_edges_as_they_are(owner, app, town):
    one, two = await id_of(app, "M1"), await id_of(app, "M2")
    address, edge = f"/data/CITIZENS/1.0/{one}/links", {"field": "siblings", "target": two}
    nobody = address.replace(one, "0190f6a0-0000-7000-8000-000000000000")
    assert (await owner.delete(nobody, params=edge)).status_code == 404
    async with app.state.database.connection() as connection:
        sql = "SELECT id FROM database WHERE code = 'CITIZENS'"
        citizens = await connection.driver.fetchval(sql)
    assert (await owner.post(f"/database/{citizens}/archive")).is_success
    assert (await owner.post(address, json=edge)).status_code == 409
    assert (await owner.delete(address, params=edge)).status_code == 409


async def test_an_edge_does_not_tell_of_a_record_that_does_not_show(owner, other, app, town):
    async with app.state.database.connection() as connection:
        sql = "SELECT id FROM database WHERE code = 'CITIZENS'"
        citizens = await connection.driver.fetchval(sql)
    only_usha = {"field": "name", "is": "Usha"}
    policies = [
        {"name": "r", "subject": {"members": ["TEST/GOV/2002"]}, "actions": ["read"]},
        {"name": "u", "subject": {"members": ["TEST/GOV/2002"]}, "actions": ["update"]},
    ]
    policies[0]["records"] = only_usha
    document = {"policies": policies}
    assert (await owner.put(f"/database/{citizens}/rights", json=document)).is_success
    address = f"/data/CITIZENS/1.0/{await id_of(app, 'M1')}/links"
    edge = {"field": "siblings", "target": await id_of(app, "M2")}
    assert (await other.post(address, json=edge)).status_code == 404
    edge["target"] = await id_of(app, "M1")
    assert (await other.post(address, json=edge)).status_code == 204


@pytest.fixture
async def neighbour(client_for):
    """Return an application of another member, in that member's own databases."""
    scopes = {"databases:read", "databases:write", "records:read", "records:write", "rights:write"}
    async with client_for(scopes=scopes, client="TEST/GOV/2002/registrar") as made:
        yield made


async def _benefits(neighbour, citizens):
    citizen = {"type": "string", "x-link": {"databaseId": citizens, "field": "ID"}}
    schema = {"properties": {"ID": {"type": "string", "primaryKey": True}, "citizen": citizen}}
    made = await neighbour.post("/database/modify", json={"code": "BENEFITS", "schema": schema})
    assert made.status_code == 200, made.text
    return await neighbour.post(f"/database/{made.json()['id']}/publish")


async def test_another_member_links_here_when_the_rights_say_so(owner, neighbour, app, publish):
    citizens = await publish(owner, "CITIZENS", CITIZENS)
    await create(owner, "CITIZENS", ID="M1", person="EE1", name="Usha")
    place = "#/schema/properties/citizen/x-link/databaseId"
    nowhere = (await _benefits(neighbour, citizens + 1000)).json()
    refused = await _benefits(neighbour, citizens)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == place
    assert refused.json()["detail"] == nowhere["detail"], "nor is it told that there is one"
    await _allow(owner, citizens, actions=["read"])
    assert (await _benefits(neighbour, citizens)).status_code == 400
    await _allow(owner, citizens, actions=["links"])
    assert (await _benefits(neighbour, citizens)).status_code == 200
    body = {"write": {"content": {"ID": "B1", "citizen": "M2"}}}
    assert (await neighbour.post("/data/BENEFITS/1.0/create", json=body)).status_code == 400
    await create(neighbour, "BENEFITS", ID="B1", citizen="M1")
    refused = await owner.delete("/data/CITIZENS/1.0/M1/delete")
    assert refused.status_code == 409
    assert "BENEFITS (1)" in refused.json()["detail"]


async def test_across_members_the_rights_over_there_decide_what_shows(
    owner, neighbour, app, publish
):
    citizens = await publish(owner, "CITIZENS", CITIZENS)
    await create(owner, "CITIZENS", ID="M1", person="EE1", name="Usha")
    await _allow(owner, citizens, actions=["links"])
    await _benefits(neighbour, citizens)
    await create(neighbour, "BENEFITS", ID="B1", citizen="M1")
    benefit, usha = await id_of(app, "B1"), await id_of(app, "M1")
    assert (await links(neighbour, "BENEFITS", benefit)).json() == {"results": []}
    await _allow(owner, citizens, actions=["links", "read"], fields=["ID"])
    found = await links(neighbour, "BENEFITS", benefit)
    assert ends(found) == [("out", "CITIZENS", "citizen", ["M1"])]
    assert found.json()["results"][0]["records"][0]["content"] == {"ID": "M1"}
    found = await links(owner, "CITIZENS", usha)
    assert found.json() == {"results": []}, "the mediator's right was for another service"
