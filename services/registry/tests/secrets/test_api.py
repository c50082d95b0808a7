"""Secret fields and the keys that open them, over HTTP (DRS-15, DRS-18)."""

import base64
import json

import pytest

from kit.database import Reading
from registry.secrets.models import BLINDED

BASE = "/data/CASES/1.0"
SCHEMA = {
    "type": "object",
    "required": ["id", "diagnosis"],
    "properties": {
        "id": {"type": "string", "primaryKey": True},
        "diagnosis": {"type": "string", "x-secret": True, "minLength": 3},
        "notes": {
            "type": "object",
            "properties": {
                "pin": {"type": "integer", "x-secret": True},
                "room": {"type": "string"},
            },
        },
    },
}
CASE = {"id": "A1", "diagnosis": "measles-xyzzy", "notes": {"pin": 424242, "room": "7"}}
KEY = base64.b64encode(b"k" * 32).decode()
NEXT = base64.b64encode(b"n" * 32).decode()
WITH_KEY = {"X-Database-Key": KEY}


@pytest.fixture
async def cases(owner, publish):
    """Return the id of a registry with secrets and a key."""
    number = await publish(owner, "CASES", SCHEMA)
    assert (await _key(owner, number, key=KEY)).status_code == 200
    made = await owner.post(f"{BASE}/create", json={"write": {"content": CASE}})
    assert made.status_code == 200, made.text
    return number


async def _key(client, number, **body):
    return await client.put(f"/database/{number}/encryption-key", json=body)


async def _read(client, **headers):
    body = {"query": {"content": {"id": "A1"}}}
    return await client.post(f"{BASE}/read", json=body, headers=headers)


async def _update(client, content, **headers):
    body = {"query": {"content": {"id": "A1"}}, "write": {"content": content}}
    return await client.put(f"{BASE}/update", json=body, headers=headers)


async def test_who_has_the_key_reads_and_nobody_else(owner, cases):
    blind = (await _read(owner)).json()["content"]
    assert blind == {**CASE, "diagnosis": BLINDED, "notes": {"pin": BLINDED, "room": "7"}}
    assert (await _read(owner, **WITH_KEY)).json()["content"] == CASE
    assert (await _read(owner, **{"X-Database-Key": NEXT})).status_code == 403
    assert (await _read(owner, **{"X-Database-Key": "short"})).status_code == 400
    listed = await owner.get(BASE, headers=WITH_KEY)
    assert listed.json()["results"] == [CASE]
    assert (await owner.get(BASE)).json()["results"] == [blind]


async def test_nothing_in_the_tables_can_be_read(owner, cases, app):
    await _update(owner, {"diagnosis": "rubella-xyzzy"})
    session = Reading(app.state.database)
    tables = await session.fetch(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    for table in tables:
        rows = await session.fetch(f"SELECT t::text AS row FROM {table['name']} t")  # noqa: S608  a table of ours
        text = "\n".join(row["row"] for row in rows)
        for secret in ("xyzzy", "424242", KEY, b"xyzzy".hex(), b"424242".hex()):
            assert secret not in text, table["name"]


async def test_secrets_are_checked_and_unsealed_ones_named(owner, cases):
    refused = await _update(owner, {"diagnosis": "x"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/diagnosis"
    assert '"x"' not in refused.text
    refused = await _update(owner, {"notes": {"pin": "no number"}})
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/notes/pin"
    assert (await _update(owner, {"notes": {"room": "8"}})).status_code == 200
    assert (await _read(owner, **WITH_KEY)).json()["content"]["notes"]["pin"] == 424242
    refused = await _update(owner, {"diagnosis": None})
    assert refused.json()["errors"][0]["pointer"] == "#/write/content/diagnosis"
    forged = await _update(owner, {"diagnosis": {"$sealed": "AAAA"}})
    assert forged.status_code == 400


async def test_the_same_secret_again_is_no_change_for_who_has_the_key(owner, cases, entries):
    for _ in range(2):
        await _update(owner, {"diagnosis": CASE["diagnosis"]}, **WITH_KEY)
    assert await entries("record.updated") == []
    for _ in range(2):
        await _update(owner, {"diagnosis": "rubella"}, **WITH_KEY)
    assert len(await entries("record.updated")) == 1
    assert (await _read(owner, **WITH_KEY)).json()["content"]["diagnosis"] == "rubella"


async def test_another_key_opens_what_the_first_one_closed(owner, cases):
    assert (await _key(owner, cases, key=NEXT)).status_code == 400
    assert (await _key(owner, cases, key=NEXT, currentKey=NEXT)).status_code == 403
    changed = await _key(owner, cases, key=NEXT, currentKey=KEY)
    assert changed.status_code == 200
    assert (await _read(owner, **WITH_KEY)).status_code == 403
    assert (await _read(owner, **{"X-Database-Key": NEXT})).json()["content"] == CASE
    await _update(owner, {"diagnosis": "mumps"})
    read = await _read(owner, **{"X-Database-Key": NEXT})
    assert read.json()["content"]["diagnosis"] == "mumps"


async def test_a_key_is_told_to_nobody_and_shared_by_no_two_databases(
    owner, cases, publish, entries
):
    info = await owner.get(f"/database/{cases}/encryption-key")
    assert info.json()["isSet"] is True
    for answer in (info, await owner.get(f"/database/{cases}")):
        assert KEY not in answer.text
        assert "wrapped" not in answer.text
    second = await publish(owner, "OTHERS", SCHEMA)
    assert (await _key(owner, second, key=KEY)).status_code == 409
    assert (await _key(owner, cases, key=KEY)).status_code == 200
    assert len(await entries("database.key-changed")) == 1


async def test_without_a_key_there_are_no_secrets(owner, publish):
    number = await publish(owner, "CASES", SCHEMA)
    assert (await owner.get(f"/database/{number}/encryption-key")).json() == {"isSet": False}
    refused = await owner.post(f"{BASE}/create", json={"write": {"content": CASE}})
    assert refused.status_code == 409
    assert str(number) in refused.json()["detail"]
    for text in ("", "AAAA", "%%%", "é" * 44):
        assert (await _key(owner, number, key=text)).status_code == 400


async def test_a_value_moved_to_another_record_does_not_open(owner, cases, app):
    other = {"id": "A2", "diagnosis": "scabies"}
    await owner.post(f"{BASE}/create", json={"write": {"content": other}})
    session = Reading(app.state.database)
    [row] = await session.fetch("SELECT content::text AS c FROM record WHERE primary_key = 'A2'")
    moved = {**json.loads(row["c"]), "id": "A1"}
    await session.fetch(
        "UPDATE record SET content = $1::jsonb WHERE primary_key = 'A1'", json.dumps(moved)
    )
    assert (await _read(owner, **WITH_KEY)).json()["content"]["diagnosis"] == BLINDED


async def test_history_opens_with_the_key_too(owner, cases, entries):
    await _update(owner, {"diagnosis": "rubella"})
    number = (await entries("record.created"))[0].object.rpartition(":")[2]
    found = (await owner.get(f"{BASE}/{number}/history", headers=WITH_KEY)).json()
    assert [each["content"]["diagnosis"] for each in found] == ["rubella", CASE["diagnosis"]]
    found = (await owner.get(f"{BASE}/{number}/history")).json()
    assert {each["content"]["diagnosis"] for each in found} == {BLINDED}


async def test_what_becomes_secret_is_sealed_with_all_it_ever_was(  # noqa: PLR0915  one story
    owner, publish, app, entries
):
    open_schema = {"type": "object", "properties": {"id": SCHEMA["properties"]["id"]}}
    open_schema["properties"]["diagnosis"] = {"type": "string"}
    number = await publish(owner, "CASES", open_schema)
    first = {"id": "A1", "diagnosis": "measles-xyzzy"}
    await owner.post(f"{BASE}/create", json={"write": {"content": first}})
    await _update(owner, {"diagnosis": "rubella-xyzzy"})
    secret = {**open_schema, "properties": {**open_schema["properties"]}}
    secret["properties"]["diagnosis"] = {"type": "string", "x-secret": True}
    body = {"code": "CASES", "schema": secret}
    assert (await owner.post("/database/modify", json=body)).status_code == 200
    assert (await owner.post(f"/database/{number}/publish")).status_code == 409
    await _key(owner, number, key=KEY)
    assert (await owner.post(f"/database/{number}/publish")).status_code == 200
    session = Reading(app.state.database)
    for table in ("record", "record_history"):
        rows = await session.fetch(f"SELECT content::text AS c FROM {table}")  # noqa: S608  ours
        assert rows
        assert all("xyzzy" not in row["c"] for row in rows)
    for base in (BASE, "/data/CASES/2.0"):
        read = {"query": {"content": {"id": "A1"}}}
        shown = await owner.post(f"{base}/read", json=read, headers=WITH_KEY)
        assert shown.json()["content"]["diagnosis"] == "rubella-xyzzy"
        blind = await owner.post(f"{base}/read", json=read)
        assert blind.json()["content"]["diagnosis"] == BLINDED
    old = {"write": {"content": {"id": "A2", "diagnosis": "scabies-xyzzy"}}}
    assert (await owner.post(f"{BASE}/create", json=old)).status_code == 200
    rows = await session.fetch("SELECT content::text AS c FROM record")
    assert all("xyzzy" not in row["c"] for row in rows)
    record = (await entries("record.created"))[0].object.rpartition(":")[2]
    found = (await owner.get(f"{BASE}/{record}/history", headers=WITH_KEY)).json()
    assert [each["content"]["diagnosis"] for each in found] == ["rubella-xyzzy", "measles-xyzzy"]
    found = (await owner.get(BASE, params={"search": "rubella"})).json()
    assert found["count"] == 0
