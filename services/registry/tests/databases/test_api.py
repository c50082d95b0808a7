"""Databases over HTTP."""

import copy

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from registry.tables import metadata

ONE = {"properties": {"name": {"type": "string"}}}
TWO = {"properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}


async def _modify(client, code="CODE", schema=ONE, **more):
    return await client.post("/database/modify", json={"code": code, "schema": schema, **more})


async def test_the_tables_are_what_the_migrations_make(urls):
    engine = create_async_engine(urls.owner.replace("postgresql://", "postgresql+asyncpg://"))

    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with engine.connect() as connection:
        found = await connection.run_sync(differences)
    await engine.dispose()
    assert [each for each in found if "pgqueuer" not in str(each)] == []


async def test_a_new_database_answers_its_schema_with_id_code_and_version(owner):
    made = await _modify(owner, schema=TWO, incrementIndex=1)
    assert made.status_code == 200
    assert {key: made.json()[key] for key in ("code", "version", "properties")} == {
        "code": "CODE",
        "version": "1.0",
        "properties": TWO["properties"],
    }
    assert isinstance(made.json()["id"], int)


async def test_what_was_said_of_a_database_is_told_again(owner):
    said = {
        "groupName": "Health",
        "catalogName": "Mother and Child",
        "name": "Mothers",
        "description": "Mothers and children",
        "institution": "Ministry of Health",
        "metadata": {
            "domain": "health",
            "ownerDepartment": "D1",
            "retentionPolicy": "10 years",
            "classification": "Restricted",
        },
    }
    database = (await _modify(owner, **said)).json()["id"]
    told = (await owner.get(f"/database/{database}")).json()
    assert {key: told[key] for key in said} == said
    assert told["schema"] == ONE
    assert told["isDraft"] is True
    assert told["isArchived"] is told["isDisabled"] is told["hasLogo"] is False
    assert told["numberFormat"] == "{indexNoByCode}"
    assert told["modifiedAt"].endswith("Z")
    assert [service["name"] for service in told["genericServices"]][:2] == [
        "data-list",
        "data-create",
    ]


async def test_a_bad_classification_is_refused(owner):
    refused = await _modify(owner, metadata={"classification": "Secret"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/metadata/classification"


@pytest.mark.parametrize("body", [{"code": "X"}, {"schema": ONE}, {"code": "a b", "schema": ONE}])
async def test_a_database_needs_a_code_and_a_schema(owner, body):
    assert (await owner.post("/database/modify", json=body)).status_code == 400


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({}, "#/schema/properties"),
        ({"type": "array", "properties": {"a": {}}}, "#/schema/type"),
        ({"properties": {"a": {"type": "blob"}}}, "#/schema/properties/a/type"),
        ({"properties": {"a": 1}}, "#/schema/properties/a"),
        ({"properties": [1]}, "#/schema/properties"),
        ({"properties": {"a.b": {}}}, "#/schema/properties/a.b"),
        ({"properties": {"a/b": {}}}, "#/schema/properties/a~1b"),
        ({"properties": {"a": {"pattern": "("}}}, "#/schema/properties/a/pattern"),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, "#/schema/properties/a/pattern"),
        (
            {"properties": {"a": {"type": "array", "items": {"pattern": "("}}}},
            "#/schema/properties/a/items/pattern",
        ),
        ({"properties": {"a": {"minLength": -1}}}, "#/schema/properties/a/minLength"),
        ({"properties": {"a": {"maximum": "9"}}}, "#/schema/properties/a/maximum"),
        ({"properties": {"a": {"enum": []}}}, "#/schema/properties/a/enum"),
        ({"properties": {"a": {"$ref": "#"}}}, "#/schema/properties/a/$ref"),
        ({"properties": {"a": {}}, "required": ["b"]}, "#/schema/required"),
        ({"properties": {"a": {}}, "required": 1}, "#/schema/required"),
        ({"properties": {"a": {}}, "fieldsUniques": [["b"]]}, "#/fieldsUniques"),
        ({"properties": {"a": {}}, "fieldsUniques": "a"}, "#/schema/fieldsUniques"),
        ({"properties": {"a": {}}, "fieldsUniques": [1]}, "#/schema/fieldsUniques"),
        (
            {"properties": {"a": {"primaryKey": True}, "b": {"primaryKey": True}}},
            "#/schema/properties/b",
        ),
        ({"properties": {"a": {"type": "object", "unique": True}}}, "#/schema/properties/a/unique"),
        (
            {"properties": {"a": {"type": "number", "primaryKey": True}}},
            "#/schema/properties/a/type",
        ),
        (
            {
                "properties": {
                    "a": {"type": "array", "items": {"properties": {"b": {"unique": True}}}}
                }
            },
            "#/schema/properties/a/items/properties/b/unique",
        ),
        (
            {"properties": {"a": {"readOnly": True}}, "required": ["a"]},
            "#/schema/properties/a/readOnly",
        ),
        ({"properties": {"a": {"triggers": [1]}}}, "#/schema/properties/a/triggers/0"),
        (
            {"properties": {"a": {"triggers": [{"actions": 1}]}}},
            "#/schema/properties/a/triggers/0/actions",
        ),
        (
            {"properties": {"a": {"triggers": [{"actions": [{"value": "{x}"}]}]}}},
            "#/schema/properties/a/triggers/0/actions/0/value",
        ),
        (
            {"properties": {"a": {"triggers": [{"actions": [{"value": []}]}]}}},
            "#/schema/properties/a/triggers/0/actions/0/value",
        ),
        (
            {"properties": {"a": {"triggers": [{"actions": [{"type": "mail"}]}]}}},
            "#/schema/properties/a/triggers/0/actions/0/type",
        ),
        (
            {"properties": {"a": {"triggers": [{"actions": [{"field_id": 7}]}]}}},
            "#/schema/properties/a/triggers/0/actions/0/field_id",
        ),
        (
            {"properties": {"a": {"triggers": [{"conditions": [{"logic": "~"}]}]}}},
            "#/schema/properties/a/triggers/0/conditions/0/logic",
        ),
        (
            {"properties": {"a": {"triggers": [{"conditions": [{"gate": "xor"}]}]}}},
            "#/schema/properties/a/triggers/0/conditions/0/gate",
        ),
    ],
)
async def test_a_bad_schema_is_refused_naming_the_place(owner, schema, place):
    refused = await _modify(owner, schema=schema)
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"] == place
    assert (await owner.get("/databases")).json()["databases"] == []


async def test_a_schema_too_deep_or_too_large_is_refused(owner):
    deep = {"type": "string"}
    for _ in range(20):
        deep = {"properties": {"a": deep}}
    assert (await _modify(owner, schema=deep)).status_code == 400
    wide = {"properties": {f"f{n}": {} for n in range(2001)}}
    assert (await _modify(owner, schema=wide)).status_code == 400


async def test_consent_needs_somebody_who_could_give_it(owner, mcts_schema):
    rule = {"requiresConsent": {"dataAgreementId": "a", "externalIdType": "t"}}
    refused = await _modify(owner, access=rule)
    assert refused.json()["errors"][0]["pointer"] == "#/access/requiresConsent"
    rule["requiresConsent"]["personalDataIdField"] = "village"
    refused = await _modify(owner, schema=mcts_schema, access=rule)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"].endswith("personalDataIdField")


async def test_modifying_a_draft_with_the_same_changes_nothing(owner, entries):
    first = await _modify(owner, name="One")
    again = await _modify(owner, name="One")
    assert again.json() == first.json()
    assert [entry.kind for entry in await entries()] == ["database.created"]


async def test_a_change_of_a_draft_stays_in_its_version(owner, entries):
    await _modify(owner)
    changed = await _modify(owner, schema=TWO)
    assert changed.json()["version"] == "1.0"
    assert [entry.kind for entry in await entries()] == ["database.created", "database.changed"]


async def test_a_key_left_out_keeps_what_it_was(owner, mcts_schema, consent_rule):
    await _modify(owner, schema=mcts_schema, access=consent_rule, name="Mothers")
    changed = copy.deepcopy(mcts_schema)
    changed["properties"]["note"] = {"type": "text"}
    database = (await _modify(owner, schema=changed)).json()["id"]
    told = (await owner.get(f"/database/{database}")).json()
    assert told["name"] == "Mothers"
    assert told["access"]["requiresConsent"]["dataAgreementId"] == "agreement-1"


async def test_publishing_twice_without_a_change_is_one_version(owner, entries):
    database = (await _modify(owner)).json()["id"]
    for _ in range(3):
        said = (await owner.post(f"/database/{database}/publish")).json()
        assert said == {"version": "1.0", "breaking": [], "warnings": [], "recordsChecked": 0}
    assert [entry.kind for entry in await entries()] == ["database.created", "database.published"]


async def test_a_change_of_a_published_database_is_a_draft_of_the_next_version(owner):
    database = (await _modify(owner)).json()["id"]
    await owner.post(f"/database/{database}/publish")
    assert (await _modify(owner)).json()["version"] == "1.0"
    assert (await _modify(owner, schema=TWO)).json()["version"] == "2.0"
    assert (await owner.get("/data/CODE/2.0")).status_code == 404
    assert (await owner.get("/data/CODE/1.0")).status_code == 200
    assert (await owner.post(f"/database/{database}/publish")).json()["version"] == "2.0"
    assert (await owner.get("/data/CODE/2.0")).status_code == 200
    told = (await owner.get(f"/database/{database}/versions")).json()
    assert [(each["version"], each["isDraft"], each["schema"]) for each in told] == [
        ("2.0", False, TWO),
        ("1.0", False, ONE),
    ]


async def test_publishing_is_refused_while_records_break_a_new_rule(open_registry):
    database = (await _modify(open_registry)).json()["id"]
    await open_registry.post(f"/database/{database}/publish")
    for _ in range(2):
        body = {"write": {"content": {"name": "Ann"}}}
        assert (await open_registry.post("/data/CODE/1.0/create", json=body)).status_code == 200
    strict = {"properties": {"name": {"type": "string", "unique": True}}}
    await _modify(open_registry, schema=strict)
    assert (await open_registry.post(f"/database/{database}/publish")).status_code == 409
    assert (await open_registry.get(f"/database/{database}")).json()["isDraft"] is True


async def test_a_new_identifier_holds_for_records_written_before(owner):
    database = (await _modify(owner)).json()["id"]
    await owner.post(f"/database/{database}/publish")
    await owner.post("/data/CODE/1.0/create", json={"write": {"content": {"name": "EE7"}}})
    marked = {"properties": {"name": {"type": "string", "x-personalDataId": True, "unique": True}}}
    await _modify(owner, schema=marked)
    await owner.post(f"/database/{database}/publish")
    again = await owner.post("/data/CODE/1.0/create", json={"write": {"content": {"name": "EE7"}}})
    assert again.status_code == 409
    await owner.post("/data/CODE/1.0/read", json={"query": {"content": {"name": "EE7"}}})
    report = await owner.get("/data/myPersonalDataUsage?userId=EE7&databaseId=CODE")
    assert [entry["fields"] for entry in report.json()] == [["name"]]


async def test_a_code_belongs_to_one_database_in_any_case(owner):
    database = (await _modify(owner, code="ABC")).json()["id"]
    assert (await _modify(owner, code="abc")).json()["id"] == database
    taken = await _modify(owner, code="abc", id=database + 1)
    assert taken.status_code == 409
    renamed = await _modify(owner, code="NEW", id=database)
    assert renamed.status_code == 409


async def test_only_an_administrator_chooses_the_id_of_a_new_database(owner, client_for):
    assert (await _modify(owner, id=77)).status_code == 404
    administrator = client_for(
        scopes={"*"}, client="TEST/GOV/1001/registrar", roles={"administrator"}
    )
    async with administrator as client:
        for _ in range(2):
            assert (await _modify(client, id=(1 << 63) - 1)).json()["id"] == (1 << 63) - 1
    stranger = client_for(scopes={"*"}, client="TEST/GOV/3003/x", roles={"administrator"})
    async with stranger as client:
        assert (await _modify(client, id=(1 << 63) - 1)).status_code == 409


async def test_an_id_an_administrator_took_is_not_given_again(owner, client_for):
    first = (await _modify(owner, code="A")).json()["id"]
    async with client_for(
        scopes={"*"}, client="TEST/GOV/1001/registrar", roles={"administrator"}
    ) as client:
        await _modify(client, code="B", id=first + 1)
    assert (await _modify(owner, code="C")).json()["id"] == first + 2


async def test_a_deleted_database_is_gone_for_good_and_its_code_is_free(owner, entries):
    database = (await _modify(owner)).json()["id"]
    await owner.post(f"/database/{database}/publish")
    for _ in range(3):
        answer = await owner.delete(f"/database/{database}")
        assert (answer.status_code, answer.json()) == (200, "Success")
    assert len(await entries("database.deleted")) == 1
    assert (await owner.get(f"/database/{database}")).status_code == 404
    assert (await owner.get("/data/CODE/1.0")).status_code == 404
    assert (await owner.post(f"/database/{database}/publish")).status_code == 404
    assert (await owner.get(f"/database/{database}/versions")).status_code == 404
    assert (await _modify(owner)).json()["id"] != database


async def test_an_id_that_is_not_one_is_refused(owner):
    for text in ("x", "-1", str(1 << 63)):
        assert (await owner.get(f"/database/{text}")).status_code == 400
    assert (await owner.delete(f"/database/{(1 << 63) - 1}")).json() == "Success"


async def test_all_databases_of_a_member_are_one_group(owner, client_for):
    for code in ("A", "B"):
        await _modify(owner, code=code)
    told = (await owner.get("/databases")).json()
    assert set(told) == {
        "id",
        "name",
        "code",
        "databases",
        "groupId",
        "order",
        "dataIndexIncrement",
    }
    assert [each["code"] for each in told["databases"]] == ["A", "B"]
    async with client_for(scopes={"databases:read"}, client="TEST/GOV/3003/x") as stranger:
        assert (await stranger.get("/databases")).json()["databases"] == []


async def test_another_members_database_is_not_found(owner, client_for):
    database = (await _modify(owner)).json()["id"]
    await owner.post(f"/database/{database}/publish")
    async with client_for(scopes={"*"}, client="TEST/GOV/3003/x") as stranger:
        assert (await stranger.get(f"/database/{database}")).status_code == 404
        assert (await stranger.post(f"/database/{database}/publish")).status_code == 404
        assert (await stranger.delete(f"/database/{database}")).json() == "Success"
        assert (await stranger.get("/data/CODE/1.0")).status_code == 404
        assert (await _modify(stranger)).json()["id"] != database
    assert (await owner.get(f"/database/{database}")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/database/modify", "databases:write"),
        ("POST", "/database/1/publish", "databases:write"),
        ("DELETE", "/database/1", "databases:write"),
        ("GET", "/database/1", "databases:read"),
        ("GET", "/database/1/versions", "databases:read"),
        ("GET", "/databases", "databases:read"),
        ("GET", "/data/a/1.0", "records:read"),
        ("POST", "/data/a/1.0/read", "records:read"),
        ("GET", "/data/a/1.0/1/readValue/a.json", "records:read"),
        ("POST", "/data/a/1.0/exists", "records:exists"),
        ("POST", "/data/a/1.0/create", "records:write"),
        ("PUT", "/data/a/1.0/update", "records:write"),
        ("POST", "/data/a/1.0/updateOrCreate", "records:write"),
        ("DELETE", "/data/a/1.0/1/delete", "records:write"),
        ("GET", "/data/myPersonalDataUsage?userId=a&databaseId=a", "usage:read"),
        ("POST", "/data/personalDataUsage", "usage:read"),
    ],
)
async def test_every_operation_needs_its_scope(client_for, method, path, scope):
    body = {"query": {"content": {}}, "write": {"content": {}}, "code": "A", "schema": ONE}
    body |= {"userId": "a", "databaseId": "a"}
    async with client_for() as nobody:
        assert (await nobody.request(method, path, json=body)).status_code == 401
    async with client_for(scopes={"other:right"}) as client:
        refused = await client.request(method, path, json=body)
    assert refused.status_code == 403
    assert scope in refused.json()["detail"]


async def test_numbers_go_on_from_where_the_registry_was_before(owner, mcts_schema):
    schema = {**mcts_schema, "incrementIndex": 30}
    database = (await _modify(owner, code="MCTS", schema=schema)).json()["id"]
    await owner.post(f"/database/{database}/publish")
    made = await owner.post("/data/MCTS/1.0/create", json={"write": {"content": {}}})
    assert made.json() == {"content": {"ID": "MCTS31"}}
    told = (await owner.get(f"/database/{database}")).json()
    assert told["dataIndexIncrement"] == 31
    assert told["numberFormat"] == "MCTS{indexNoByCode}"


async def test_a_new_version_with_the_same_identity_leaves_records_alone(owner, publish, database):
    await publish(owner, "K", {"properties": {"id": {"type": "string", "primaryKey": True}}})
    await owner.post("/data/K/1.0/create", json={"write": {"content": {"id": "1"}}})

    async def row():
        async with database.connection() as connection:
            return await connection.driver.fetchrow("SELECT xmax::text, ctid::text FROM record")

    before = await row()
    fields = {"id": {"type": "string", "primaryKey": True}, "new": {"type": "string"}}
    await publish(owner, "K", {"properties": fields})
    assert await row() == before
    again = await owner.post("/data/K/2.0/create", json={"write": {"content": {"id": "1"}}})
    assert again.status_code == 409


MISSING = [
    ("GET", "usage", None),
    ("GET", "rights", None),
    ("PUT", "rights", {"policies": []}),
    ("DELETE", "rights", None),
    ("GET", "encryption-key", None),
    ("PUT", "encryption-key", {"key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}),
]


@pytest.mark.parametrize(("method", "what", "body"), MISSING)
async def test_what_belongs_to_no_database_is_not_found(owner, method, what, body):
    answer = await owner.request(method, f"/database/999999999/{what}", json=body)
    assert answer.status_code == 404, answer.text


async def test_nobody_is_kept_under_an_unknown_id(owner):
    unknown = "/role-holders/00000000-0000-4000-8000-000000000000"
    assert (await owner.get(unknown)).status_code == 404
    assert (await owner.delete(unknown)).status_code == 204


async def test_in_an_archived_database_no_record_is_put_away_or_brought_back(owner, mcts):
    made = await owner.post("/data/MCTS/1.0/create", json={"write": {"content": {}}})
    record = made.headers["content-location"]
    assert (await owner.post(f"/database/{mcts}/archive")).status_code == 200
    for what in ("archive", "restore"):
        refused = await owner.post(f"/data/MCTS/1.0/{record}/{what}")
        assert refused.status_code == 409, refused.text
    refused = await owner.delete("/data/MCTS/1.0/MCTS1/delete", headers={"If-Match": '"9"'})
    assert refused.status_code == 409


async def test_a_tag_that_is_not_the_records_saves_it_in_both_releases(owner, mcts):
    await owner.post("/data/MCTS/1.0/create", json={"write": {"content": {}}})
    for start in ("", "/1.0"):
        path = f"{start}/data/MCTS/1.0/MCTS1/delete"
        assert (await owner.delete(path, headers={"If-Match": '"9"'})).status_code == 412


async def test_release_1_0_refuses_as_today_what_is_archived_linked_or_taken(owner, publish, mcts):
    new = {"code": "NEW", "schema": {"properties": {"a": {"type": "string"}}}}
    assert (await owner.post("/1.0/database/modify", json={**new, "id": 99})).status_code == 404
    taken = {**new, "code": "OTHER", "id": mcts}
    assert (await owner.post("/1.0/database/modify", json=taken)).status_code == 409
    link = {"database": "MCTS", "field": "ID", "type": "foreignKey"}
    await publish(owner, "LINKED", {"properties": {"to": {"type": "string", "x-link": link}}})
    assert (await owner.delete(f"/1.0/database/{mcts}")).status_code == 409
    await owner.post("/data/MCTS/1.0/create", json={"write": {"content": {}}})
    await owner.post(f"/database/{mcts}/archive")
    base = "/1.0/data/MCTS/1.0"
    body = {"query": {"content": {"ID": "MCTS1"}}, "write": {"content": {"village": "Sild"}}}
    assert (await owner.put(f"{base}/update", json=body)).status_code == 409
    assert (await owner.put(f"{base}/update-entries", json=body)).status_code == 409
    assert (await owner.delete(f"{base}/MCTS1/delete")).status_code == 409
