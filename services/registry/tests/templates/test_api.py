"""Templates make registers that work: those shipped, one's own, and those others share."""

import pytest

from registry.templates.store import shipped

SCHEMA = {
    "type": "object",
    "properties": {"zeta": {"type": "string"}, "alpha": {"type": "integer", "minimum": 0}},
}
NEW = {"code": "herd", "name": "Herds", "description": "Herds and keepers", "domain": "farming"}
EVERYTHING = {"*"}


@pytest.fixture
async def analyst(client_for):
    async with client_for(scopes=EVERYTHING, client="TEST/GOV/1001/registrar") as made:
        yield made


@pytest.fixture
async def neighbour(client_for):
    async with client_for(scopes=EVERYTHING, client="TEST/GOV/3003/office") as made:
        yield made


async def _database(client, publish, **more):
    return await publish(client, "HERDS", SCHEMA, name="Herds", **more)


async def _template(client, database, **more):
    made = await client.post("/templates", json={**NEW, "databaseId": database, **more})
    assert made.status_code == 200, made.text
    return made.json()


async def _listed(client, query=""):
    found = (await client.get(f"/templates{query}")).json()["templates"]
    return [(each["code"], each["version"]) for each in found]


@pytest.mark.parametrize("template", shipped(), ids=lambda each: each.code)
async def test_every_template_that_is_shipped_makes_a_working_register(analyst, template):
    asked = {"code": "MADE", "publish": True}
    made = await analyst.post(f"/templates/{template.id}/instantiate", json=asked)
    assert made.status_code == 200, made.text
    assert made.json()["version"] == "1.0"
    document = (await analyst.get("/data/MADE/1.0/openapi.json")).json()
    for operation in ("create", "read", "update"):
        path = document["paths"][f"/data/MADE/1.0/{operation}"]
        method = next(iter(path))
        example = path[method]["requestBody"]["content"]["application/json"]["example"]
        answer = await analyst.request(method, f"/data/MADE/1.0/{operation}", json=example)
        assert answer.status_code == 200, answer.text
    info = (await analyst.get(f"/database/{made.json()['id']}")).json()
    assert info["metadata"]["classification"] in {"Open", "Restricted", "Confidential"}
    fields = (await analyst.get("/data/MADE/1.0/schema")).json()["properties"]
    for name, field in fields.items():
        assert not field["description"].startswith("Field "), name


async def test_the_shipped_templates_cover_the_domains(analyst):
    found = (await analyst.get("/templates")).json()["templates"]
    assert {each["code"] for each in found} == {
        "person",
        "household",
        "farmer",
        "business",
        "land-parcel",
        "mother-and-child",
    }
    assert all(each["isShipped"] and each["isShared"] for each in found)
    assert await _listed(analyst, "?domain=health") == [("mother-and-child", "1.0")]


async def test_a_template_of_a_database_makes_it_again(analyst, publish, entries):
    database = await _database(analyst, publish, metadata={"classification": "Open"})
    await analyst.patch(f"/database/{database}/services/7", json={"isVisible": False})
    await analyst.post(f"/database/{database}/services/4/copy", json={"name": "short"})
    view = {"name": "open", "fields": ["alpha"]}
    assert (await analyst.post(f"/database/{database}/views", json=view)).status_code == 200
    policy = {"name": "all", "subject": {"roles": ["authenticated"]}, "actions": ["read"]}
    put = await analyst.put(f"/database/{database}/rights", json={"policies": [policy]})
    assert put.status_code == 200, put.text
    template = await _template(analyst, database)
    assert set(template["settings"]) == {"services", "views", "rights"}
    asked = {"code": "COPY", "name": "Copied", "publish": True}
    for _ in range(2):
        made = await analyst.post(f"/templates/{template['id']}/instantiate", json=asked)
        assert made.status_code == 200, made.text
    copied = (await analyst.get(f"/database/{made.json()['id']}")).json()
    assert (copied["name"], copied["schema"]) == ("Copied", SCHEMA)
    assert list(copied["schema"]["properties"]) == ["zeta", "alpha"]
    shown = {each["name"]: each["isVisible"] for each in copied["genericServices"]}
    assert (shown["data-delete"], shown["short"]) == (False, True)
    rights = (await analyst.get(f"/database/{copied['id']}/rights")).json()
    assert [each["name"] for each in rights["policies"]] == ["all"]
    views = (await analyst.get(f"/database/{copied['id']}/views")).json()
    assert [each["name"] for each in views] == ["open"]
    assert len(await entries("template.created")) == 1
    assert len(await entries("database.created")) == 2


async def test_the_same_template_again_is_the_one_there_is(analyst, publish, entries):
    database = await _database(analyst, publish)
    first = await _template(analyst, database)
    assert await _template(analyst, database) == first
    second = await _template(analyst, database, description="Other")
    assert (second["version"], second["id"] != first["id"]) == ("2.0", True)
    assert len(await entries("template.created")) == 2
    assert ("herd", "2.0") in await _listed(analyst)
    assert await _listed(analyst, "?code=herd") == [("herd", "2.0"), ("herd", "1.0")]
    told = (await analyst.get(f"/templates/{first['id']}")).json()
    assert told["description"] == NEW["description"], "an older version stays"


async def test_a_version_that_was_deleted_is_gone_and_its_number_too(analyst, publish, entries):
    database = await _database(analyst, publish)
    first = await _template(analyst, database)
    for _ in range(3):
        assert (await analyst.delete(f"/templates/{first['id']}")).status_code == 204
    assert len(await entries("template.deleted")) == 1
    assert (await analyst.get(f"/templates/{first['id']}")).status_code == 404
    assert (await analyst.get(f"/templates/{first['id']}/export")).status_code == 404
    path = f"/templates/{first['id']}/instantiate"
    assert (await analyst.post(path, json={"code": "X"})).status_code == 404
    assert (await _template(analyst, database))["version"] == "2.0"


@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_what_was_exported_is_imported_elsewhere(analyst, neighbour, publish, form):
    database = await _database(analyst, publish)
    await analyst.post(f"/database/{database}/services/4/copy", json={"name": "short"})
    template = await _template(analyst, database)
    file = await analyst.get(f"/templates/{template['id']}/export?format={form}")
    assert file.headers["content-disposition"] == f'attachment; filename="herd-1.0.{form}"'
    path = f"/templates/{template['id']}/export?format=xlsx"
    assert (await analyst.get(path)).status_code == 400
    kind = {"Content-Type": f"application/{form}"}
    made = await neighbour.post("/templates/import", content=file.content, headers=kind)
    assert made.status_code == 200, made.text
    again = await neighbour.get(f"/templates/{made.json()['id']}/export?format={form}")
    assert again.content == file.content


async def test_a_template_is_its_members_own_unless_it_is_shared(analyst, neighbour, publish):
    database = await _database(analyst, publish)
    own = await _template(analyst, database)
    assert ("herd", "1.0") not in await _listed(neighbour)
    assert (await neighbour.get(f"/templates/{own['id']}")).status_code == 404
    assert (await neighbour.delete(f"/templates/{own['id']}")).status_code == 204
    shared = await _template(analyst, database, isShared=True)
    assert ("herd", "2.0") in await _listed(neighbour)
    made = await neighbour.post(f"/templates/{shared['id']}/instantiate", json={"code": "MINE"})
    assert made.status_code == 200
    assert (await neighbour.delete(f"/templates/{shared['id']}")).status_code == 403
    assert (await analyst.delete(f"/templates/{shipped()[0].id}")).status_code == 403
    assert (await analyst.get(f"/templates/{own['id']}")).status_code == 200


@pytest.mark.parametrize("where", ["rights", "views"])
async def test_a_shared_template_names_no_persons(analyst, publish, where):
    database = await _database(analyst, publish)
    policy = {"name": "one", "subject": {"persons": ["EE1"]}}
    if where == "rights":
        body = {"policies": [{**policy, "actions": ["read"]}]}
        made = await analyst.put(f"/database/{database}/rights", json=body)
    else:
        body = {"name": "open", "fields": ["alpha"], "policies": [policy]}
        made = await analyst.post(f"/database/{database}/views", json=body)
    assert made.status_code == 200, made.text
    refused = await analyst.post(
        "/templates", json={**NEW, "databaseId": database, "isShared": True}
    )
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"].startswith(f"#/settings/{where}")
    await _template(analyst, database)


async def test_rights_are_for_those_who_may_read_and_write_them(analyst, client_for, publish):
    database = await _database(analyst, publish)
    policy = {"name": "all", "subject": {"roles": ["authenticated"]}, "actions": ["read"]}
    await analyst.put(f"/database/{database}/rights", json={"policies": [policy]})
    full = await _template(analyst, database)
    scopes = {"databases:read", "databases:write"}
    async with client_for(scopes=scopes, client="TEST/GOV/1001/registrar") as plain:
        lesser = await _template(plain, database)
        assert "rights" not in lesser["settings"]
        path = f"/templates/{full['id']}/instantiate"
        refused = await plain.post(path, json={"code": "OTHER"})
    assert refused.status_code == 403
    assert "rights:write" in refused.json()["detail"]


async def test_a_code_that_is_taken_is_not_overwritten(analyst, publish):
    database = await _database(analyst, publish)
    path = f"/templates/{shipped()[0].id}/instantiate"
    assert (await analyst.post(path, json={"code": "HERDS"})).status_code == 409
    assert (await analyst.get(f"/database/{database}")).json()["schema"] == SCHEMA


DEFINITION = {"schema": SCHEMA}


@pytest.mark.parametrize(
    ("more", "place"),
    [
        (
            {"definition": {"schema": {"properties": {"a": {"type": "x"}}}}},
            "#/schema/properties/a/type",
        ),
        ({"definition": {}}, "#/definition/schema"),
        ({"definition": None}, "#/definition"),
        ({"settings": {"secrets": {}}}, "#/settings/secrets"),
        ({"settings": {"services": []}}, "#/settings/services"),
        ({"settings": {"services": {"hidden": ["no"]}}}, "#/hidden"),
        ({"settings": {"views": {"a": 1}}}, "#/settings/views"),
        ({"settings": {"views": {"a": {"name": "a", "fields": ["no"]}}}}, "#/fields"),
        ({"settings": {"rights": {"policies": [1]}}}, "#/settings/rights/policies/0"),
        ({"code": "a b"}, "#/code"),
    ],
)
async def test_a_template_that_cannot_work_is_refused_with_the_place(analyst, more, place):
    body = {**NEW, "definition": DEFINITION, **more}
    refused = await analyst.post("/templates/import", json=body)
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(place), refused.text
    assert ("herd", "1.0") not in await _listed(analyst)


async def test_a_template_is_made_of_a_database_there_is(analyst):
    refused = await analyst.post("/templates", json={**NEW, "databaseId": 999999})
    assert refused.status_code == 404
    bad = b"code: A\ncode: B"
    headers = {"Content-Type": "application/yaml"}
    unread = await analyst.post("/templates/import", content=bad, headers=headers)
    assert "line 2, column 1" in unread.json()["errors"][0]["reason"]
