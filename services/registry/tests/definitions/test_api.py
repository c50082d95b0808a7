"""Definitions go out as files and come in again as the same."""

import io

import pytest
from openpyxl import load_workbook

from registry.notations.models import read_yaml

JSON, YAML = "application/json", "application/yaml"
SCHEMA = {
    "type": "object",
    "required": ["zeta"],
    "properties": {
        "zeta": {"type": "string", "description": "Last and first", "enum": ["on", "no"]},
        "alpha": {"type": "object", "properties": {"b": {"type": "date"}, "a": {"type": "number"}}},
    },
}


async def _make(client, **more):
    body = {"code": "CODE", "schema": SCHEMA, "name": "Code", **more}
    made = await client.post("/database/modify", json=body)
    assert made.status_code == 200, made.text
    return made.json()["id"]


async def _import(client, body, kind=YAML):
    headers = {"Content-Type": kind}
    return await client.post("/database/import", content=body, headers=headers)


@pytest.mark.parametrize(("form", "kind"), [("json", JSON), ("yaml", YAML)])
async def test_what_went_out_comes_in_as_it_was(owner, client_for, form, kind, entries):
    said = {"metadata": {"classification": "Open"}, "fieldsUniques": [["zeta", "alpha.b"]]}
    database = await _make(owner, **said)
    file = await owner.get(f"/database/{database}/schema?format={form}")
    assert file.headers["content-type"].partition(";")[0] == kind
    assert file.headers["content-disposition"] == f'attachment; filename="CODE-1.0.{form}"'
    again = await _import(owner, file.content, kind)
    assert again.json()["id"] == database
    assert [e.kind for e in await entries()] == ["database.created"], "nothing is changed by it"
    async with client_for(
        scopes={"databases:read", "databases:write"}, client="TEST/GOV/3003/x"
    ) as other:
        made = await _import(other, file.content, kind)
        assert made.status_code == 200, made.text
        told = (await other.get(f"/database/{made.json()['id']}")).json()
        copy = await other.get(f"/database/{made.json()['id']}/schema?format={form}")
    assert copy.content == file.content, "to the byte: the order of fields too"
    assert told["isDraft"] is True


async def test_an_id_is_chosen_by_an_administrator_only(owner):
    body = {"code": "CODE", "schema": SCHEMA, "id": 77}
    assert (await owner.post("/database/import", json=body)).status_code == 404
    database = await _make(owner)
    taken = await owner.post("/database/import", json={**body, "id": database + 1})
    assert taken.status_code == 409


async def test_a_sheet_names_every_field(owner):
    database = await _make(owner)
    file = await owner.get(f"/database/{database}/schema?format=xlsx")
    assert file.status_code == 200
    rows = load_workbook(io.BytesIO(file.content))["Fields"].iter_rows(values_only=True)
    assert [row[0] for row in rows] == ["field", "zeta", "alpha", "alpha.b", "alpha.a"]


async def test_an_older_version_goes_out_too(owner):
    database = await _make(owner)
    await owner.post(f"/database/{database}/publish")
    await owner.post("/database/modify", json={"code": "CODE", "schema": {"properties": {"a": {}}}})
    path = f"/database/{database}/schema"
    assert (await owner.get(path)).json()["schema"] == {"properties": {"a": {}}}
    assert (await owner.get(f"{path}?version=1.0")).json()["schema"] == SCHEMA
    assert (await owner.get(f"{path}?version=3.0")).status_code == 404
    assert (await owner.get(f"{path}?format=xml")).status_code == 400
    assert (await owner.get("/database/999999/schema")).status_code == 404


async def test_yaml_makes_a_draft(owner):
    text = "code: HERDS\nname: Herds\nschema:\n  properties:\n    animal: {type: string}\n"
    made = (await _import(owner, text.encode())).json()
    assert (made["code"], made["version"]) == ("HERDS", "1.0")
    assert (await owner.get(f"/database/{made['id']}")).json()["isDraft"] is True
    out = await owner.get(f"/database/{made['id']}/schema?format=yaml")
    assert read_yaml(out.content) == read_yaml(text.encode())


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("code: A\nschema: [\n", "line 3, column 1"),
        ("code: A\nschema:\n\tproperties: {}\n", "line 3, column 1"),
        ("code: A\ncode: B\n", "line 2, column 1"),
        ("a: &a [1]\nb: *a\n", "line 1, column 4"),
        ("a: !!python/name:os.system x\n", "line 1, column 4"),
    ],
)
async def test_malformed_yaml_is_refused_with_the_line(owner, text, where):
    refused = await _import(owner, text.encode())
    assert refused.status_code == 400
    assert where in refused.json()["errors"][0]["reason"]
    assert (await owner.get("/databases")).json()["databases"] == []


async def test_a_yaml_bomb_is_refused_at_its_first_line(owner):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    refused = await _import(owner, "\n".join(lines).encode())
    assert refused.status_code == 400
    assert "line 1" in refused.json()["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("body", "kind", "place"),
    [
        (b'{"code": "A"', JSON, "#"),
        (b'{"code": "A", "code": "B"}', JSON, "#"),
        (b"code: A", YAML, "#/schema"),
        (b"schema: {properties: {a: {}}}", YAML, "#/code"),
        (b"code: A\nschema: {properties: {a: {type: wrong}}}", YAML, "#/schema/properties/a/type"),
        (b"code: A\nschema: {properties: {a: 1}}", YAML, "#/schema/properties/a"),
        (b'code: A\nschema: {properties: {a: {description: "\\0"}}}', YAML, "#/schema"),
        (b"code: A", "text/plain", "#"),
        (b"- A", YAML, "#"),
        (b"", YAML, "#"),
        (b"", JSON, "#"),
    ],
)
async def test_what_is_no_definition_is_refused_with_its_place(owner, body, kind, place):
    refused = await _import(owner, body, kind)
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"] == place
