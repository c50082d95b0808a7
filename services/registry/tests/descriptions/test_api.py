"""What a version says of itself: its records, its services, and examples that work when sent."""

from typing import Any

import pytest
import schemathesis
from jsonschema_rs import Draft202012Validator, meta

RICH = {
    "type": "object",
    "required": ["number", "name"],
    "fieldsUniques": [["name", "born"]],
    "indexes": ["village"],
    "storageProfile": "row",
    "properties": {
        "number": {
            "type": "string",
            "primaryKey": True,
            "readOnly": True,
            "description": "Number of the record",
            "triggers": [{"actions": [{"type": "set-value", "value": "R-{indexNoByCode}"}]}],
        },
        "person": {
            "type": "object",
            "properties": {
                "id": {
                    "type": "string",
                    "x-personalDataId": {"type": "national-id", "pattern": "^EE[0-9]{4}$"},
                },
                "phone": {"type": "string", "pattern": "^\\+[0-9]{7,12}$"},
            },
        },
        "name": {"type": "string", "minLength": 2, "maxLength": 40, "example": "Ann Lee"},
        "born": {"type": "date", "x-personalData": True},
        "seen": {"type": "date-time"},
        "at": {"type": "time"},
        "age": {"type": "integer", "minimum": 18, "maximum": 99},
        "weight": {"type": "number", "exclusiveMinimum": 2, "multipleOf": 0.5},
        "active": {"type": "boolean"},
        "village": {"type": "string", "enum": ["Sild", "Narva"]},
        "state": {
            "type": "list-of-values",
            "values": [{"key": "n", "value": "New"}, {"key": "o", "value": "Old"}],
        },
        "tags": {"type": "array", "minItems": 2, "uniqueItems": True, "items": {"type": "string"}},
        "visits": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["date"],
                "properties": {"date": {"type": "date"}, "note": {"type": "text"}},
            },
        },
        "place": {"type": "geoPoint"},
        "mail": {"type": "string", "format": "email"},
        "free": {"type": "object"},
    },
}


async def _document(client, version="1.0", code="RICH") -> dict[str, Any]:
    answer = await client.get(f"/data/{code}/{version}/openapi.json")
    assert answer.status_code == 200, answer.text
    return answer.json()


def _check(document: dict[str, Any]) -> None:
    """See that a document is valid OpenAPI 3.1, by schemathesis' own validator."""
    schemathesis.openapi.from_dict(document).validate()


def _requests(document: dict[str, Any]) -> list[tuple[str, str, str, dict[str, Any], Any]]:
    """Return each operation with what its examples send: name, method, path, query and body."""
    found = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            query = {}
            address = path
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    address = address.replace(f"{{{parameter['name']}}}", parameter["example"])
                elif parameter.get("example", "") != "":
                    query[parameter["name"]] = parameter["example"]
            media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = operation["operationId"]
            found.append((name, method.upper(), address, query, media.get("example")))
    return found


ORDER = ["create", "exists", "read", "update", "updateOrCreate"]
LAST = ["createEntries", "readValue", "archive", "restore", "get", "delete", "deleteEntries"]


async def test_every_example_of_a_document_works_when_it_is_sent(owner, publish):
    database = await publish(owner, "RICH", RICH)
    for number, name in ((1, "all"), (4, "short")):
        copy = {"name": name, "fields": ["number", "name", "village"]}
        path = f"/database/{database}/services/{number}/copy"
        assert (await owner.post(path, json=copy)).status_code == 200
    first = await _document(owner)
    _check(first)
    sent = {name: rest for name, *rest in _requests(first)}
    assert {*ORDER, *LAST, "list", "updateEntries", "all", "short"} == set(sent)
    for name in [*ORDER, "updateEntries", "list", "all"]:
        await _send(owner, name, sent[name])
    again = {name: rest for name, *rest in _requests(await _document(owner))}
    for name in LAST:
        await _send(owner, name, again[name])


async def _send(client, name, request):
    method, path, query, body = request
    answer = await client.request(method, path, params=query, json=body)
    assert answer.status_code in {200, 204}, f"{name}: {answer.status_code} {answer.text}"
    if name == "list":
        assert answer.json()["count"] == 1, query
    if name == "read":
        assert answer.json()["content"]["number"].startswith("R-")
    if name == "exists":
        assert answer.json()["answer"]["status"] is True


async def test_answers_are_as_they_are_described(owner, publish):
    await publish(owner, "RICH", RICH)
    document = await _document(owner)
    sent = {name: rest for name, *rest in _requests(document)}
    for name in ("create", "read", "list"):
        method, path, query, body = sent[name]
        answer = await owner.request(method, path, params=query, json=body)
        item = next(
            i for i in document["paths"].values() for o in i.values() if o["operationId"] == name
        )
        operation = item[method.lower()]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        assert Draft202012Validator(whole).is_valid(answer.json()), name
        example = operation["responses"]["200"]["content"]["application/json"]["example"]
        assert Draft202012Validator(whole).is_valid(example), name


async def test_every_field_is_described_with_an_example(owner, publish):
    await publish(owner, "RICH", RICH)
    record = (await _document(owner))["components"]["schemas"]["Record"]

    def walk(node, path=""):
        for name, field in node.get("properties", {}).items():
            yield f"{path}{name}", field
            yield from walk(field.get("items", field), f"{path}{name}.")

    fields = dict(walk({"properties": record["properties"]}))
    assert set(RICH["properties"]) <= set(fields)
    assert {"person.id", "visits.date", "visits.note"} <= set(fields)
    for name, field in fields.items():
        if name.startswith("place."):
            continue
        assert field["description"], name
        assert "examples" in field, name
    assert fields["number"]["description"] == "Number of the record"


async def test_paths_are_type_code_version_method(owner, publish):
    await publish(owner, "RICH", RICH)
    document = await _document(owner)
    assert all(path.startswith("/data/RICH/1.0") for path in document["paths"])
    assert document["info"]["version"] == "1.0"


async def test_a_new_field_stands_in_the_new_version_only(owner, publish):
    await publish(owner, "RICH", RICH)
    more = {**RICH, "properties": {**RICH["properties"], "extra": {"type": "string"}}}
    await publish(owner, "RICH", more)
    for version, expected in (("1.0", False), ("2.0", True)):
        document = await _document(owner, version)
        assert ("extra" in document["components"]["schemas"]["Record"]["properties"]) is expected
        assert ("extra" in str(document["paths"])) is expected
        told = (await owner.get(f"/data/RICH/{version}/schema")).json()
        assert ("extra" in told["properties"]) is expected


async def test_what_is_hidden_is_not_described_and_what_is_copied_is(owner, publish):
    database = await publish(owner, "RICH", RICH)
    path = f"/database/{database}/services"
    await owner.patch(f"{path}/7", json={"isVisible": False})
    await owner.delete(f"{path}/5")
    copy = {"name": "short", "fields": ["name"], "description": "Names only"}
    await owner.post(f"{path}/4/copy", json=copy)
    document = await _document(owner)
    _check(document)
    assert "/data/RICH/1.0/{ID}/delete" not in document["paths"]
    assert "/data/RICH/1.0/update" not in document["paths"]
    made = document["paths"]["/data/RICH/1.0/services/short"]["post"]
    assert made["description"] == "Names only"
    shown = made["responses"]["200"]["content"]["application/json"]
    assert shown["example"] == {"content": {"name": "Ann Lee"}}
    assert list(shown["schema"]["properties"]["content"]["properties"]) == ["name"]
    await owner.patch(f"{path}/1001", json={"isVisible": False})
    assert "short" not in str((await _document(owner))["paths"])


async def test_a_schema_is_valid_json_schema_with_every_mark(owner, publish):
    await publish(owner, "RICH", RICH)
    linked = {
        "type": "object",
        "properties": {
            "of": {"type": "string", "x-link": {"database": "RICH", "field": "number"}},
            "hidden": {"type": "string", "x-mask": "all"},
        },
    }
    await publish(owner, "LINKED", linked)
    told = (await owner.get("/data/RICH/1.0/schema")).json()
    assert told["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for document in (told, (await owner.get("/data/LINKED/1.0/schema")).json()):
        meta.validate(document)
    assert set(told["properties"]) == set(RICH["properties"])
    assert told["properties"]["person"]["properties"]["id"]["x-personalDataId"] == {
        "type": "national-id",
        "pattern": "^EE[0-9]{4}$",
    }
    assert told["properties"]["number"]["readOnly"] is True
    assert told["x-registry"] == {"code": "RICH", "version": "1.0"}
    assert told["x-fieldsUniques"] == [["number"], ["name", "born"]]
    assert told["x-storageProfile"] == "row"
    link = (await owner.get("/data/LINKED/1.0/schema")).json()["properties"]["of"]["x-link"]
    assert link == {"database": "RICH", "field": "number"}
    made = await owner.post("/data/RICH/1.0/create", json={"write": {"content": {"name": "Ann"}}})
    assert Draft202012Validator(told).is_valid(made.json()["content"])


async def test_who_may_see_some_fields_is_told_of_those(owner, publish, client_for):
    database = await publish(owner, "RICH", RICH)
    rule = {
        "name": "names",
        "subject": {"members": ["TEST/GOV/2002"]},
        "actions": ["read"],
        "fields": ["name", "person.phone"],
    }
    async with client_for(scopes={"*"}, client="TEST/GOV/1001/registrar") as administrator:
        path = f"/database/{database}/rights"
        put = await administrator.put(path, json={"policies": [rule]})
        assert put.status_code == 200, put.text
    async with client_for(
        scopes={"records:read"}, client="TEST/GOV/2002/clinic", tenant="TEST/GOV/1001"
    ) as other:
        told = (await other.get("/data/RICH/1.0/schema")).json()
        assert list(told["properties"]) == ["person", "name"]
        assert list(told["properties"]["person"]["properties"]) == ["phone"]
        document = await _document(other)
        _check(document)
        for word in ("village", "born", "national-id"):
            assert word not in str(document), word
        listed = (await other.get("/data")).json()["registries"]
        assert [each["code"] for each in listed] == ["RICH"]
    async with client_for(
        scopes={"records:read"}, client="TEST/GOV/3003/x", tenant="TEST/GOV/1001"
    ) as stranger:
        assert (await stranger.get("/data/RICH/1.0/schema")).status_code == 403
        assert (await stranger.get("/data/RICH/1.0/openapi.json")).status_code == 403
        assert (await stranger.get("/data")).json()["registries"] == []


async def test_the_list_names_every_version_and_service(owner, publish):
    await publish(owner, "RICH", RICH, name="Rich", metadata={"classification": "Open"})
    more = {**RICH, "properties": {**RICH["properties"], "extra": {"type": "string"}}}
    database = await publish(owner, "RICH", more)
    await owner.post("/database/modify", json={"code": "DRAFT", "schema": RICH})
    await owner.patch(f"/database/{database}/services/1", json={"isVisible": False})
    (listed,) = (await owner.get("/data")).json()["registries"]
    assert (listed["code"], listed["name"], listed["lifecycle"]) == ("RICH", "Rich", "published")
    assert listed["metadata"]["classification"] == "Open"
    assert [each["version"] for each in listed["versions"]] == ["2.0", "1.0"]
    names = [each["name"] for each in listed["services"]]
    assert "data-list" not in names
    assert "data-read" in names
    for version in listed["versions"]:
        for link in (version["openapi"], version["schema"]):
            assert (await owner.get(f"/{link}")).status_code == 200


@pytest.mark.parametrize("path", ["RICH/3.0", "NONE/1.0", "RICH/x"])
async def test_what_is_not_published_is_not_described(owner, publish, path):
    await publish(owner, "RICH", RICH)
    for last in ("openapi.json", "schema"):
        assert (await owner.get(f"/data/{path}/{last}")).status_code == 404


async def test_an_archived_registry_describes_reading_only(owner, publish):
    database = await publish(owner, "RICH", RICH)
    await owner.post(f"/database/{database}/archive")
    document = await _document(owner)
    names = {o["operationId"] for item in document["paths"].values() for o in item.values()}
    assert names == {"list", "exists", "read", "readValue", "get"}
