"""Links: what may be referred to, what a deletion does, and what a publish does with links."""

import asyncio

import pytest


def _mother(**more):
    return {
        "properties": {
            "ID": {"type": "string", "primaryKey": True, "id": 1},
            "code": {"type": "string", "unique": True},
            "number": {"type": "integer", "unique": True},
            "name": {"type": "string", "x-personalData": True},
            "person": {"type": "string", "x-personalDataId": True},
            **more,
        }
    }


def _child(link, kind="string", **more):
    return {
        "properties": {
            "ID": {"type": "string", "primaryKey": True},
            "mother": {"type": kind, "x-link": link, **more},
            "note": {"type": "string"},
        }
    }


def _key(**more):
    return {"database": "MOTHERS", "fieldId": 1, "type": "foreignKey", **more}


@pytest.fixture
async def mothers(owner, publish):
    return await publish(owner, "MOTHERS", _mother())


async def create(client, registry, version="1.0", /, **content):
    body = {"write": {"content": content}}
    return await client.post(f"/data/{registry}/{version}/create", json=body)


async def update(client, registry, key, /, **content):
    body = {"query": {"content": {"ID": key}}, "write": {"content": content}}
    return await client.put(f"/data/{registry}/1.0/update", json=body)


async def delete(client, code, key):
    return await client.delete(f"/data/{code}/1.0/{key}/delete")


async def exists(client, code, key):
    asked = {"query": {"content": {"ID": key}}}
    answer = await client.post(f"/data/{code}/1.0/exists", json=asked)
    return answer.json()["answer"]["status"]


@pytest.mark.parametrize(
    ("field", "values"),
    [("ID", ("M1", "M2")), ("code", ("c", "d")), ("number", (7, 8))],
)
async def test_a_foreign_key_refers_to_a_record_that_is_there(
    owner, publish, mothers, field, values
):
    known, unknown = values
    await create(owner, "MOTHERS", ID="M1", code="c", number=7)
    kind = "integer" if field == "number" else "string"
    link = {"databaseId": mothers, "fieldId": field, "type": "foreignKey"}
    await publish(owner, "PAYMENTS", _child(link, kind))
    assert (await create(owner, "PAYMENTS", ID="P1", mother=known)).status_code == 200
    refused = await create(owner, "PAYMENTS", ID="P2", mother=unknown)
    assert refused.status_code == 400
    assert refused.json()["errors"] == [
        {"pointer": "#/write/content/mother", "reason": "refers to a record that is not there"}
    ]
    assert not await exists(owner, "PAYMENTS", "P2")
    refused = await update(owner, "PAYMENTS", "P1", mother=unknown)
    assert refused.status_code == 400
    assert (await create(owner, "PAYMENTS", ID="P3")).status_code == 200, "nothing is no reference"


async def test_a_soft_link_takes_any_id_and_nothing_else(owner, publish, mothers):
    soft = {"databaseId": mothers, "type": "soft"}
    await publish(owner, "NOTES", _child(soft))
    nowhere = "0190f6a0-0000-7000-8000-000000000000"
    assert (await create(owner, "NOTES", ID="N1", mother=nowhere)).status_code == 200
    refused = await create(owner, "NOTES", ID="N2", mother="somebody")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/mother"


async def test_an_edge_refers_to_many_and_all_of_them_are_there(owner, publish, mothers):
    await create(owner, "MOTHERS", ID="M1")
    await create(owner, "MOTHERS", ID="M2")
    edge = {"database": "MOTHERS", "field": "ID", "type": "edge"}
    await publish(owner, "CLASSES", _child(edge, "array", items={"type": "string"}))
    assert (await create(owner, "CLASSES", ID="C1", mother=["M1", "M2"])).status_code == 200
    assert (await create(owner, "CLASSES", ID="C2", mother=["M1", "M1"])).status_code == 200
    refused = await create(owner, "CLASSES", ID="C3", mother=["M1", "M3"])
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/mother"


async def test_a_deletion_is_refused_when_the_rule_is_to_restrict_it(owner, publish, mothers):
    await create(owner, "MOTHERS", ID="M1", name="Usha", person="EE5")
    await publish(owner, "PAYMENTS", _child(_key(onDelete="restrict")))
    await create(owner, "PAYMENTS", ID="P1", mother="M1")
    await create(owner, "PAYMENTS", ID="P2", mother="M1")
    refused = await delete(owner, "MOTHERS", "M1")
    assert refused.status_code == 409
    assert "PAYMENTS (2)" in refused.json()["detail"]
    assert "P1" not in refused.text
    assert await exists(owner, "MOTHERS", "M1")
    await delete(owner, "PAYMENTS", "P1")
    await update(owner, "PAYMENTS", "P2", mother=None)
    assert (await delete(owner, "MOTHERS", "M1")).status_code == 204


async def test_a_cascade_takes_what_refers_to_it_and_says_why(owner, publish, mothers, entries):
    await create(owner, "MOTHERS", ID="M1")
    await publish(owner, "CHILDREN", _child(_key(onDelete="cascade")))
    toys = _child({"database": "CHILDREN", "field": "ID", "onDelete": "cascade"})
    await publish(owner, "TOYS", toys)
    await create(owner, "CHILDREN", ID="C1", mother="M1")
    await create(owner, "TOYS", ID="T1", mother="C1")
    await create(owner, "TOYS", ID="T2")
    assert (await delete(owner, "MOTHERS", "M1")).status_code == 204
    assert not await exists(owner, "CHILDREN", "C1")
    assert not await exists(owner, "TOYS", "T1")
    assert await exists(owner, "TOYS", "T2")
    mother, child, toy = await entries("record.deleted")
    assert "cause" not in mother.facts
    assert child.facts["cause"] == mother.object
    assert toy.facts["cause"] == child.object


async def test_an_orphan_stays_and_may_be_changed(owner, publish, mothers):
    await create(owner, "MOTHERS", ID="M1")
    await publish(owner, "VISITS", _child(_key(onDelete="orphan")))
    await create(owner, "VISITS", ID="V1", mother="M1")
    assert (await delete(owner, "MOTHERS", "M1")).status_code == 204
    assert (await update(owner, "VISITS", "V1", note="seen")).status_code == 200
    refused = await create(owner, "VISITS", ID="V2", mother="M1")
    assert refused.status_code == 400, "nobody else becomes an orphan"


async def test_a_cascade_stops_at_what_is_kept_and_nothing_is_deleted(owner, publish, mothers):
    await create(owner, "MOTHERS", ID="M1")
    await publish(owner, "CHILDREN", _child(_key(onDelete="cascade")))
    await publish(owner, "TOYS", _child({"database": "CHILDREN", "field": "ID"}))
    await create(owner, "CHILDREN", ID="C1", mother="M1")
    await create(owner, "TOYS", ID="T1", mother="C1")
    refused = await delete(owner, "MOTHERS", "M1")
    assert refused.status_code == 409
    assert "TOYS (1)" in refused.json()["detail"]
    assert await exists(owner, "CHILDREN", "C1")
    assert await exists(owner, "MOTHERS", "M1")


async def test_a_cycle_of_cascades_ends(owner, publish):
    schema = _child({"database": "RING", "field": "ID", "onDelete": "cascade"})
    await publish(owner, "RING", {"properties": {"ID": {"type": "string", "primaryKey": True}}})
    made = await owner.post("/database/modify", json={"code": "RING", "schema": schema})
    await owner.post(f"/database/{made.json()['id']}/publish")
    assert (await create(owner, "RING", "2.0", ID="A")).status_code == 200
    assert (await create(owner, "RING", "2.0", ID="B", mother="A")).status_code == 200
    body = {"query": {"content": {"ID": "A"}}, "write": {"content": {"mother": "B"}}}
    assert (await owner.put("/data/RING/2.0/update", json=body)).status_code == 200
    assert (await delete(owner, "RING", "A")).status_code == 204
    assert not await exists(owner, "RING", "B")


async def test_a_record_destroyed_takes_with_it_what_a_deletion_would(owner, publish, mothers):
    await create(owner, "MOTHERS", ID="M1")
    await publish(owner, "PAYMENTS", _child(_key(onDelete="restrict")))
    await create(owner, "PAYMENTS", ID="P1", mother="M1")
    headers = {"X-Legal-Basis": "Archives Act 4"}
    url = "/data/MOTHERS/1.0/M1/delete?hard=true"
    assert (await owner.delete(url, headers=headers)).status_code == 409
    await delete(owner, "PAYMENTS", "P1")
    assert (await owner.delete(url, headers=headers)).status_code == 204


async def test_a_value_that_is_referred_to_stays_as_it_is(owner, publish, mothers):
    await create(owner, "MOTHERS", ID="M1", code="c")
    link = {"database": "MOTHERS", "field": "code", "onDelete": "cascade"}
    await publish(owner, "PAYMENTS", _child(link))
    await create(owner, "PAYMENTS", ID="P1", mother="c")
    assert (await update(owner, "MOTHERS", "M1", code="d")).status_code == 409
    assert (await update(owner, "MOTHERS", "M1", name="Usha")).status_code == 200
    await update(owner, "PAYMENTS", "P1", mother=None)
    assert (await update(owner, "MOTHERS", "M1", code="d")).status_code == 200


@pytest.mark.parametrize(
    ("link", "pointer"),
    [
        ({"database": "NOBODY", "field": "ID"}, "#/schema/properties/mother/x-link/database"),
        ({"databaseId": 999_999, "field": "ID"}, "#/schema/properties/mother/x-link/databaseId"),
        ({"database": "MOTHERS", "field": "no"}, "#/schema/properties/mother/x-link/field"),
        ({"database": "MOTHERS", "fieldId": 9}, "#/schema/properties/mother/x-link/fieldId"),
        ({"database": "MOTHERS", "field": "name"}, "#/schema/properties/mother/x-link/field"),
        (
            {"database": "MOTHERS", "type": "soft", "onDelete": "cascade"},
            "#/schema/properties/mother/x-link/onDelete",
        ),
    ],
)
async def test_a_link_that_leads_nowhere_is_refused_at_publish(owner, mothers, link, pointer):
    made = await owner.post("/database/modify", json={"code": "X", "schema": _child(link)})
    assert made.status_code == 200
    refused = await owner.post(f"/database/{made.json()['id']}/publish")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_what_others_link_to_stays(owner, publish, mothers):
    payments = await publish(owner, "PAYMENTS", _child(_key()))
    refused = await owner.delete(f"/database/{mothers}")
    assert refused.status_code == 409
    assert "PAYMENTS" in refused.json()["detail"]
    lacking = {"properties": {"name": {"type": "string"}}}
    await owner.post("/database/modify", json={"code": "MOTHERS", "schema": lacking})
    assert (await owner.post(f"/database/{mothers}/publish")).status_code == 409
    assert (await owner.delete(f"/database/{payments}")).status_code == 200
    assert (await owner.post(f"/database/{mothers}/publish")).status_code == 200
    assert (await owner.delete(f"/database/{mothers}")).status_code == 200


async def test_a_link_counts_for_the_records_that_are_there(owner, publish, mothers):
    await create(owner, "MOTHERS", ID="M1")
    plain = {"properties": {**_child({})["properties"], "mother": {"type": "string"}}}
    payments = await publish(owner, "PAYMENTS", plain)
    await create(owner, "PAYMENTS", ID="P1", mother="M1")
    await create(owner, "PAYMENTS", ID="P2", mother="M2")
    linked = {"code": "PAYMENTS", "schema": _child(_key())}
    await owner.post("/database/modify", json=linked)
    refused = await owner.post(f"/database/{payments}/publish")
    assert refused.status_code == 409
    assert "mother" in refused.json()["detail"]
    await delete(owner, "PAYMENTS", "P2")
    assert (await owner.post(f"/database/{payments}/publish")).status_code == 200
    assert (await delete(owner, "MOTHERS", "M1")).status_code == 409
    await owner.post("/database/modify", json={"code": "PAYMENTS", "schema": plain})
    assert (await owner.post(f"/database/{payments}/publish")).status_code == 200
    assert (await delete(owner, "MOTHERS", "M1")).status_code == 204


async def test_of_a_reference_and_a_deletion_at_once_one_is_refused(open_registry, publish):
    await publish(open_registry, "MOTHERS", _mother())
    await publish(open_registry, "PAYMENTS", _child(_key()))
    for number in range(12):
        key = f"M{number}"
        await create(open_registry, "MOTHERS", ID=key)
        made, gone = await asyncio.gather(
            create(open_registry, "PAYMENTS", ID=f"P{number}", mother=key),
            delete(open_registry, "MOTHERS", key),
        )
        assert {made.status_code, gone.status_code} in ({200, 409}, {400, 204})
        there = await exists(open_registry, "MOTHERS", key)
        assert there == (made.status_code == 200)
