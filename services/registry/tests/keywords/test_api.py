"""Schemas over HTTP: what is kept of them, and what their words do to records."""

import asyncio

import pytest

from registry.keywords.models import parse

TEXT = {"type": "string"}


async def _create(client, code, content):
    return await client.post(f"/data/{code}/1.0/create", json={"write": {"content": content}})


async def _send(client, path, body):
    return await client.post(path, content=body, headers={"content-type": "application/json"})


@pytest.mark.parametrize("profile", ["row", "column", "document"])
async def test_profile_and_indexes_are_told_back(owner, profile):
    schema = {"properties": {"a": TEXT}, "storageProfile": profile, "indexes": ["a"]}
    made = (await owner.post("/database/modify", json={"code": "P", "schema": schema})).json()
    assert (made["storageProfile"], made["indexes"]) == (profile, ["a"])
    told = (await owner.get(f"/database/{made['id']}")).json()
    assert told["schema"] == schema


async def test_an_unknown_profile_is_refused(owner):
    schema = {"properties": {"a": TEXT}, "storageProfile": "graph"}
    refused = await owner.post("/database/modify", json={"code": "P", "schema": schema})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/schema/storageProfile"


async def test_all_properties_of_a_field_are_set_and_read_back(owner):
    said = {
        "type": "string",
        "title": "Telephone",
        "format": "phone",
        "example": "+251911234567",
        "default": "+251911000000",
        "enum": ["+251911234567", "+251911000000"],
        "x-mask": {"keepLast": 4},
        "x-personalData": True,
        "x-ui": {"mask": "+999999999999", "choice": "list", "blinded": True, "readOnly": False},
    }
    schema = {"properties": {"phone": said, "number": {"readOnly": True}}}
    made = (await owner.post("/database/modify", json={"code": "P", "schema": schema})).json()
    told = (await owner.get(f"/database/{made['id']}")).json()
    assert told["schema"]["properties"] == schema["properties"]


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [
        (
            {"type": "list-of-values", "values": [{"key": "f", "value": "female"}]},
            "f",
            ("female", ""),
        ),
        (
            {"type": "edit-grid", "properties": {"b": {"type": "date"}}, "required": ["b"]},
            [{"b": "2026-01-31"}],
            ([{"b": "2026-01-31"}, {}], "/1/b"),
        ),
        ({"type": "string", "multiple": True, "unique": True}, ["x", "y"], (["x", "x"], "")),
        ({"type": "array", "items": {"type": "integer", "maximum": 5}}, [5], ([5, 6], "/1")),
        (
            {"type": "geoPoint"},
            {"type": "Point", "coordinates": [38.76, 9.01]},
            ({"type": "Point", "coordinates": [9.01, 98.76]}, "/coordinates/1"),
        ),
        (
            {"type": "geoShape"},
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
            (
                {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
                "/coordinates/0/3",
            ),
        ),
        (
            {"type": "string", "x-personalDataId": {"type": "passport", "pattern": "^P[0-9]+$"}},
            "P1",
            ("1", ""),
        ),
        ({"type": "text"}, "ስም اسم नाम имя", (5, "")),
    ],
)
async def test_a_field_takes_what_fits_and_names_what_does_not(owner, publish, spec, right, wrong):
    value, at = wrong
    await publish(owner, "KIND", {"properties": {"a": spec}})
    made = await _create(owner, "KIND", {"a": right})
    assert made.json() == {"content": {"a": right}}
    refused = await _create(owner, "KIND", {"a": value})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == f"#/write/content/a{at}"


async def test_a_file_is_not_written_with_the_record(owner, publish):
    await publish(owner, "FILES", {"properties": {"photo": {"type": "file"}}})
    said = dict.fromkeys(["id", "url", "originalName", "type", "digest"], "x") | {"size": 1}
    refused = await _create(owner, "FILES", {"photo": said})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/photo"


async def test_a_new_record_has_its_defaults(owner, publish):
    fields = {"status": {"default": "NEW"}, "urgent": {"type": "boolean", "default": False}}
    await publish(owner, "DEF", {"properties": fields})
    assert (await _create(owner, "DEF", {})).json()["content"] == {"status": "NEW", "urgent": False}
    made = await _create(owner, "DEF", {"status": "OLD", "urgent": True})
    assert made.json()["content"] == {"status": "OLD", "urgent": True}


NUMBERED = {
    "properties": {
        "id": {
            "primaryKey": True,
            "readOnly": True,
            "triggers": [
                {
                    "when": {"field": "country", "is": "EE"},
                    "actions": [
                        {"type": "number", "width": 6},
                        {"type": "prefix", "value": "{field:country}-"},
                    ],
                }
            ],
        },
        "country": TEXT,
        "name": {
            "triggers": [{"on": ["create", "change"], "actions": [{"type": "trim"}]}],
        },
        "search": {
            "readOnly": True,
            "triggers": [
                {
                    "on": ["create", "change"],
                    "actions": [
                        {"type": "merge", "fields": ["country", "name"]},
                        {"type": "lower"},
                    ],
                }
            ],
        },
    }
}


async def test_triggers_make_a_record(owner, publish):
    await publish(owner, "TRIG", NUMBERED)
    made = await _create(owner, "TRIG", {"country": "EE", "name": " Usha "})
    want = {"id": "EE-000001", "country": "EE", "name": "Usha", "search": "ee usha"}
    assert made.json()["content"] == want
    other = await _create(owner, "TRIG", {"country": "LV"})
    assert other.json()["content"] == {"country": "LV", "search": "lv"}


async def test_triggers_run_when_a_record_changes_and_only_then(owner, publish, entries):
    await publish(owner, "TRIG", NUMBERED)
    await _create(owner, "TRIG", {"country": "EE", "name": "Usha"})
    body = {"query": {"content": {"id": "EE-000001"}}, "write": {"content": {"name": "Tulu "}}}
    for _ in range(2):
        assert (await owner.put("/data/TRIG/1.0/update", json=body)).status_code == 200
    read = await owner.post("/data/TRIG/1.0/read", json={"query": body["query"]})
    assert read.json()["content"]["search"] == "ee tulu"
    assert read.json()["content"]["id"] == "EE-000001"
    assert len(await entries("record.updated")) == 1


async def test_what_only_a_change_sets_cannot_be_required(owner):
    trigger = {"on": ["change"], "actions": [{"value": "x"}]}
    fields = {"a": {"readOnly": True, "triggers": [trigger]}}
    schema = {"properties": fields, "required": ["a"]}
    refused = await owner.post("/database/modify", json={"code": "P", "schema": schema})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/schema/properties/a/readOnly"


async def test_gapless_numbers_have_no_gap_when_records_are_refused(open_registry, publish):
    number = {"type": "number", "width": 3, "gapless": True}
    fields = {
        "no": {"readOnly": True, "triggers": [{"actions": [number]}]},
        "age": {"type": "integer", "unique": True},
    }
    await publish(open_registry, "GAP", {"properties": fields})
    sent = [{"age": age} for age in (1, 1, "x", 2, 2, 3, 3, 4)]
    made = await asyncio.gather(*(_create(open_registry, "GAP", each) for each in sent))
    given = sorted(each.json()["content"]["no"] for each in made if each.status_code == 200)
    assert given == ["001", "002", "003", "004"]


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ('{"a": 1, "a": 2}', "#/write/content/a"),
        ('{"a": 1e400}', "#/write/content/a"),
        ('{"a": 0.1234567890123456789}', "#/write/content/a"),
    ],
)
async def test_what_cannot_be_kept_as_sent_is_refused(owner, publish, content, pointer):
    await publish(owner, "NUM", {"properties": {"a": {"type": "number"}}})
    body = f'{{"write": {{"content": {content}}}}}'
    refused = await _send(owner, "/data/NUM/1.0/create", body)
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer


async def test_large_whole_numbers_are_kept_exactly_or_refused(owner, publish):
    await publish(owner, "NUM", {"properties": {"a": {"type": "integer"}}})
    large = 10**300 + 1
    assert (await _create(owner, "NUM", {"a": large})).json()["content"] == {"a": large}
    for digits in (400, 5000):
        body = '{"write": {"content": {"a": ' + "1" * digits + "}}}"
        refused = await _send(owner, "/data/NUM/1.0/create", body)
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["pointer"] == "#/write/content/a"


@pytest.mark.parametrize(
    "schema",
    [
        '{"properties": {"a": {"minimum": 1e400}}}',
        '{"properties": {"a": {"$ref": "#/properties/a"}}}',
        '{"properties": {"a": {"pattern": "(a|a)*\\\\1"}}}',
        '{"properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}}',
        '{"properties": {"a": {}, "a": {}}}',
        '{"properties": {"a": ' + '{"properties": {"a": ' * 90 + "{}" + "}}" * 90 + "}}",
        '{"properties": {' + ",".join(f'"f{n}": {{}}' for n in range(10_000)) + "}}",
    ],
)
async def test_a_hostile_schema_is_refused(owner, schema):
    body = f'{{"code": "BAD", "schema": {schema}}}'
    refused = await asyncio.wait_for(_send(owner, "/database/modify", body), 5)
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith("#/")
    assert (await owner.get("/databases")).json()["databases"] == []


async def test_the_example_of_a_schema_can_be_sent(owner, publish, mcts_schema):
    await publish(owner, "MCTS", mcts_schema)
    example = parse(mcts_schema).example(to_write=True)
    assert (await _create(owner, "MCTS", example)).status_code == 200
