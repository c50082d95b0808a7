"""Files of records over HTTP."""

import asyncio
import base64
import hashlib
import json
import tracemalloc
from datetime import UTC, datetime

import asyncpg
import pytest

from kit.testing import clients_of
from registry.files.models import CHUNK

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 20
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
EXE = b"MZ\x90\x00\x03" + bytes(60)
SCHEMA = {
    "properties": {
        "ID": {"type": "string", "primaryKey": True},
        "person": {"type": "string", "x-personalDataId": True},
        "certificate": {
            "type": "file",
            "x-personalData": True,
            "x-file": {"extensions": ["pdf", "txt"], "maxBytes": 2_000_000},
        },
        "photos": {"type": "array", "items": {"type": "file", "x-file": {"extensions": ["png"]}}},
        "any": {"type": "file"},
        "name": {"type": "string"},
    }
}
BASE = "/data/BIRTHS/1.0"
OWNER = "TEST/GOV/1001/registrar"


@pytest.fixture
async def record(owner, publish, app):
    await publish(owner, "BIRTHS", SCHEMA)
    body = {"write": {"content": {"ID": "B1", "person": "EE5"}}}
    assert (await owner.post(f"{BASE}/create", json=body)).status_code == 200
    return await _id(app)


async def upload(client, record, content, name="a.pdf", field="certificate"):
    form = {"file": (name, content, "application/x-whatever")}
    return await client.post(f"{BASE}/{record}/files/{field}", files=form)


async def put(client, record, content, name="a.pdf", field="certificate"):
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return await client.put(f"{BASE}/{record}/files/{field}", content=content, headers=headers)


async def get(client, made, **headers):
    return await client.get(f"{BASE}/{made.json()['url']}", headers=headers)


async def content_of(client, record):
    return (await client.get(f"{BASE}/{record}")).json()["content"]


async def rows(app, table):
    async with app.state.database.connection() as connection:
        return await connection.driver.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608


@pytest.mark.parametrize("send", [upload, put])
async def test_a_file_comes_back_as_it_was_sent(owner, record, send):
    made = await send(owner, record, PDF, "birth certificate.pdf")
    assert made.status_code == 200, made.text
    said = made.json()
    assert said["originalName"] == "birth certificate.pdf"
    assert said["type"] == "application/pdf"
    assert said["size"] == len(PDF)
    assert said["digest"] == hashlib.sha256(PDF).hexdigest()
    assert (await content_of(owner, record))["certificate"] == said
    found = await get(owner, made)
    assert found.content == PDF
    assert found.headers["content-type"] == "application/pdf"
    assert found.headers["content-length"] == str(len(PDF))
    assert found.headers["etag"] == f'"{said["digest"]}"'
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in found.headers["content-security-policy"]


@pytest.mark.parametrize("send", [upload, put])
async def test_the_same_file_again_changes_nothing(owner, record, app, entries, send):
    answers = [(await send(owner, record, PDF)).json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert await rows(app, "file") == 1
    assert len(await entries("file.added")) == 1
    assert len(await entries("record.updated")) == 1


async def test_a_field_of_one_file_holds_the_last_one(owner, record):
    first = await upload(owner, record, PDF)
    second = await upload(owner, record, b"%PDF-2.0 other")
    assert (await content_of(owner, record))["certificate"] == second.json()
    assert (await get(owner, first)).status_code == 404
    assert (await get(owner, second)).content == b"%PDF-2.0 other"


async def test_a_list_holds_several_files(owner, record):
    made = [await upload(owner, record, PNG + bytes([n]), f"{n}.png", "photos") for n in range(3)]
    assert [each.status_code for each in made] == [200] * 3
    assert (await content_of(owner, record))["photos"] == [each.json() for each in made]
    gone = f"{BASE}/{made[1].json()['url']}"
    for _ in range(2):
        assert (await owner.delete(gone)).status_code == 204
    left = [made[0].json(), made[2].json()]
    assert (await content_of(owner, record))["photos"] == left
    assert (await owner.get(gone)).status_code == 404
    for each in left:
        await owner.delete(f"{BASE}/{each['url']}")
    assert "photos" not in await content_of(owner, record)


@pytest.mark.parametrize(
    "sent",
    [
        (EXE, "a.pdf", "certificate", "a program"),
        (EXE, "a.exe", "certificate", ".pdf"),
        (EXE, "a.exe", "any", "run"),
        (b"<html></html>", "a.txt", "certificate", "html"),
        (PNG, "a.png", "certificate", ".pdf"),
        (PDF, "", "certificate", ""),
        (PDF, "pdf", "certificate", ""),
        (PDF, "a.pdf", "name", "takes files"),
        (PDF, "a.pdf", "photos", ".png"),
    ],
)
async def test_what_a_field_does_not_take_is_refused_naming_it(owner, record, app, sent):
    content, name, field, reason = sent
    refused = await upload(owner, record, content, name, field)
    assert refused.status_code == 400, refused.text
    if name:
        assert refused.json()["errors"][0]["pointer"] == f"#/{field}"
        assert reason in refused.json()["errors"][0]["reason"]
    assert await rows(app, "file") == 0


async def test_a_file_too_large_for_its_field_is_refused(owner, record, app):
    refused = await upload(owner, record, b"%PDF-" + bytes(2_000_000))
    assert refused.status_code == 413
    assert refused.json()["errors"][0]["pointer"] == "#/certificate"
    assert await rows(app, "file_chunk") == 0


async def test_a_secret_field_takes_no_file(owner, publish, record):
    secret = {"properties": {**SCHEMA["properties"], "any": {"type": "file", "x-secret": True}}}
    made = await owner.post("/database/modify", json={"code": "BIRTHS", "schema": secret})
    if made.status_code == 400:  # the schema's language refuses it already
        return
    await owner.post(f"/database/{made.json()['id']}/publish")
    refused = await owner.post(
        f"/data/BIRTHS/2.0/{record}/files/any", files={"file": ("a.pdf", PDF)}
    )
    assert refused.status_code == 400
    assert "secret" in refused.text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/form-data"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"--x\r\n\r\nabc", "multipart/form-data; boundary=x"),
        (b"--x--\r\n", "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
        (b"", ""),
    ],
)
async def test_a_body_that_is_no_form_is_refused(owner, record, body, content_type):
    address = f"{BASE}/{record}/files/certificate"
    refused = await owner.post(address, content=body, headers={"content-type": content_type})
    assert refused.status_code == 400, refused.text


async def test_where_nothing_is_nothing_is_found(owner, record):
    nobody = "0190f6a0-0000-7000-8000-000000000000"
    assert (await upload(owner, nobody, PDF)).status_code == 404
    assert (await put(owner, nobody, PDF)).status_code == 404
    gone = f"{BASE}/{nobody}/files/certificate/{nobody}"
    assert (await owner.delete(gone)).status_code == 404
    assert (await upload(owner, record, PDF, field="nothing")).status_code == 400
    made = await upload(owner, record, PDF)
    url = f"{BASE}/{made.json()['url']}"
    assert (await owner.get(url.replace("certificate", "any"))).status_code == 404
    assert (await owner.get(url.replace(record, nobody))).status_code == 404
    assert (await owner.get(f"{BASE}/{record}/files/certificate/{nobody}")).status_code == 404
    assert (await owner.get(f"{BASE}/{record}/files/nothing/{nobody}")).status_code == 400


async def test_nobody_writes_what_a_record_says_of_its_files(owner, record):
    made = (await upload(owner, record, PDF)).json()
    forged = {**made, "originalName": "other.pdf"}
    for value in (forged, None):
        body = {"query": {"content": {"ID": "B1"}}, "write": {"content": {"certificate": value}}}
        refused = await owner.put(f"{BASE}/update", json=body)
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["pointer"] == "#/write/content/certificate"
    body = {"write": {"content": {"ID": "B2", "certificate": made}}}
    assert (await owner.post(f"{BASE}/create", json=body)).status_code == 400
    same = {"query": {"content": {"ID": "B1"}}, "write": {"content": {"certificate": made}}}
    assert (await owner.put(f"{BASE}/update", json=same)).status_code == 200


async def test_a_part_of_a_file_is_given_across_chunks(owner, record):
    content = b"%PDF-" + bytes(n % 251 for n in range(CHUNK * 2))
    made = await upload(owner, record, content)
    for first, last in ((0, 0), (5, 9), (CHUNK - 3, CHUNK + 3), (CHUNK, 2 * CHUNK - 1)):
        part = await get(owner, made, Range=f"bytes={first}-{last}")
        assert part.status_code == 206
        assert part.content == content[first : last + 1]
        assert part.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"
    assert (await get(owner, made, Range="bytes=-7")).content == content[-7:]
    beyond = await get(owner, made, Range=f"bytes={len(content)}-")
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(content)}"
    tag = made.json()["digest"]
    assert (await get(owner, made, **{"If-None-Match": f'"{tag}"'})).status_code == 304
    same = {"Range": "bytes=0-1", "If-Range": f'"{tag}"'}
    assert (await get(owner, made, **same)).status_code == 206
    other = {"Range": "bytes=0-1", "If-Range": '"other"'}
    assert (await get(owner, made, **other)).status_code == 200


async def test_an_empty_file_is_a_file(owner, record):
    made = await upload(owner, record, b"", "a.txt")
    assert made.json()["size"] == 0
    found = await get(owner, made)
    assert (found.status_code, found.content) == (200, b"")


async def test_a_look_at_a_person_s_file_is_noted(owner, other, record, entries):
    made = await upload(owner, record, PDF)
    [added] = await entries("file.added", subject="EE5")
    assert added.facts["digest"] == made.json()["digest"]
    assert (await get(other, made)).status_code == 200
    [read] = await entries("record.read", subject="EE5")
    assert read.facts["operation"] == "files"
    assert read.facts["fields"] == ["certificate"]
    assert "a.pdf" not in json.dumps([added.facts, read.facts])
    await owner.delete(f"{BASE}/{made.json()['url']}")
    [removed] = await entries("file.removed", subject="EE5")
    assert removed.facts["file"] == made.json()["id"]


async def test_rights_decide_who_sees_a_file(owner, other, record, app):
    made = await upload(owner, record, PDF)
    async with app.state.database.connection() as connection:
        database = await connection.driver.fetchval("SELECT id FROM database WHERE code = 'BIRTHS'")

    async def allow(**policy):
        subject = {"members": ["TEST/GOV/2002"]}
        document = {"policies": [{"name": "p", "subject": subject, **policy}]}
        assert (await owner.put(f"/database/{database}/rights", json=document)).is_success

    await allow(actions=["read"])
    assert (await get(other, made)).status_code == 403
    await allow(actions=["files"], fields=["name"])
    assert (await get(other, made)).status_code == 404
    await allow(actions=["files"], records={"field": "name", "is": "nobody"})
    assert (await get(other, made)).status_code == 404
    await allow(actions=["files"], fields=["certificate"])
    assert (await get(other, made)).content == PDF
    assert (await upload(other, record, PDF + b"1")).status_code == 403


async def test_a_file_that_was_there_is_seen_by_who_looks_back(owner, record):
    made = await upload(owner, record, PDF)
    then = datetime.now(UTC).isoformat()
    await owner.delete(f"{BASE}/{made.json()['url']}")
    assert (await get(owner, made)).status_code == 404
    looked = await owner.get(f"{BASE}/{made.json()['url']}", params={"asOf": then})
    assert looked.content == PDF


async def test_a_record_that_is_destroyed_takes_its_bytes_with_it(owner, record, app):
    await upload(owner, record, PDF)
    law = {"X-Legal-Basis": "Archives Act 4"}
    assert (await owner.delete(f"{BASE}/B1/delete?hard=true", headers=law)).status_code == 204
    assert [await rows(app, t) for t in ("file", "file_chunk")] == [0, 0]


async def _id(app):
    async with app.state.database.connection() as connection:
        return str(await connection.driver.fetchval("SELECT id FROM record"))


FULL = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$
"""
AT_THE_SECOND_CHUNK = """
    CREATE TRIGGER full_disk BEFORE INSERT ON file_chunk FOR EACH ROW
    WHEN (NEW.number = 1) EXECUTE FUNCTION full_disk()
"""


async def test_on_a_full_disk_the_answer_is_clear_and_nothing_is_kept(committed, publish, block):
    async with clients_of(committed, block.name)(scopes={"*"}, client=OWNER) as client:
        await publish(client, "BIRTHS", SCHEMA)
        await client.post(f"{BASE}/create", json={"write": {"content": {"ID": "B1"}}})
        record = await _id(committed)
        connection = await asyncpg.connect(committed.state.urls.owner)
        await connection.execute(FULL)
        await connection.execute(AT_THE_SECOND_CHUNK)
        for send in (upload, put):
            refused = await send(client, record, b"%PDF-" + bytes(CHUNK * 2))
            assert refused.status_code == 507
            assert refused.json()["title"] == "There is no room for the file"
        assert [await rows(committed, t) for t in ("file", "file_chunk")] == [0, 0]
        assert await content_of(client, record) == {"ID": "B1"}
        assert (await upload(client, record, PDF)).status_code == 200, "what fits is taken"
        await connection.close()


@pytest.mark.parametrize("send", [upload, put])
async def test_an_archived_database_keeps_its_files_as_they_are(owner, record, app, send):
    made = await upload(owner, record, PDF)
    async with app.state.database.connection() as connection:
        database = await connection.driver.fetchval("SELECT id FROM database WHERE code = 'BIRTHS'")
    assert (await owner.post(f"/database/{database}/archive")).is_success
    assert (await send(owner, record, PDF + b"1")).status_code == 409
    address = f"{BASE}/{made.json()['url']}"
    assert (await owner.delete(address)).status_code == 409
    assert (await owner.get(address)).content == PDF


async def test_a_record_with_a_secret_keeps_it_beside_its_files(owner, publish, app):
    fields = {"ID": {"type": "string", "primaryKey": True}, "any": {"type": "file"}}
    schema = {"properties": {**fields, "hidden": {"type": "string", "x-secret": True}}}
    database = await publish(owner, "CASES", schema)
    key = {"key": base64.b64encode(bytes(range(32))).decode()}
    assert (await owner.put(f"/database/{database}/encryption-key", json=key)).is_success
    made = await owner.post(
        "/data/CASES/1.0/create", json={"write": {"content": {"ID": "A", "hidden": "word"}}}
    )
    assert made.status_code == 200, made.text
    record = await _id(app)
    form = {"file": ("a.pdf", PDF)}
    made = await owner.post(f"/data/CASES/1.0/{record}/files/any", files=form)
    assert made.status_code == 200, made.text
    opened = {"X-Database-Key": key["key"]}
    content = (await owner.get(f"/data/CASES/1.0/{record}", headers=opened)).json()["content"]
    assert content == {"ID": "A", "hidden": "word", "any": made.json()}


async def _asked(app, client, url):
    """Ask for something as a server would, and count what comes without keeping it."""
    headers = [(b"host", b"test")]
    headers += [(n.lower().encode(), v.encode()) for n, v in client.headers.items()]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": url,
        "raw_path": url.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    counted = 0

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        nonlocal counted
        counted += len(message.get("body", b""))

    await app(scope, receive, send)
    return counted


async def test_memory_stays_flat_both_ways(owner, publish, app):
    schema = {"properties": {"ID": {"type": "string", "primaryKey": True}, "any": {"type": "file"}}}
    await publish(owner, "LARGE", schema)
    await owner.post("/data/LARGE/1.0/create", json={"write": {"content": {"ID": "L1"}}})
    address = f"/data/LARGE/1.0/{await _id(app)}/files/any"
    pieces = 30 * 16

    async def body():
        yield b"%PDF-"
        for _ in range(pieces):
            yield bytes(65536)

    headers = {"Content-Disposition": 'attachment; filename="a.pdf"'}
    tracemalloc.start()
    try:
        made = await owner.put(address, content=body(), headers=headers)
        _, coming = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        counted = await _asked(app, owner, f"/data/LARGE/1.0/{made.json()['url']}")
        _, going = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.status_code == 200, made.text
    assert counted == made.json()["size"] == pieces * 65536 + 5
    assert coming < 8_000_000, coming
    assert going < 8_000_000, going


async def test_a_file_beyond_all_limits_is_refused_unread(owner, record):
    headers = {"Content-Length": str(65 << 20), "Content-Disposition": "attachment; filename=a.pdf"}
    address = f"{BASE}/{record}/files/certificate"
    assert (await owner.put(address, content=b"", headers=headers)).status_code == 413
