"""Sharing fields of a record by a link, and opening it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from kit.testing import clients_of

OWNER, OTHER, TENANT = "TEST/GOV/1001/registrar", "TEST/GOV/2002/clinic", "TEST/GOV/1001"
SCHEMA = {
    "properties": {
        "ID": {"type": "string", "primaryKey": True},
        "person": {"type": "string", "x-personalDataId": {"type": "national-id"}},
        "name": {"type": "string", "x-personalData": True},
        "address": {
            "type": "object",
            "properties": {"village": {"type": "string"}, "street": {"type": "string"}},
        },
        "status": {"type": "string"},
        "hidden": {"type": "string", "x-secret": True},
        "photo": {"type": "file"},
    }
}
CONTENT = {
    "ID": "C1",
    "person": "EE5",
    "name": "Usha",
    "address": {"village": "Sild", "street": "Lake Road"},
    "status": "OPEN",
}
CONSENT = {"dataAgreementId": "a-1", "externalIdType": "national-id"}


@pytest.fixture
async def record(owner, publish, app):
    await publish(owner, "CARDS", SCHEMA)
    made = await owner.post("/data/CARDS/1.0/create", json={"write": {"content": CONTENT}})
    assert made.status_code == 200, made.text
    async with app.state.database.connection() as connection:
        return str(await connection.driver.fetchval("SELECT id FROM record"))


@pytest.fixture
async def sharer(client_for, consents):
    async with client_for(scopes={"shares:write"}, client=OWNER) as made:
        yield made


@pytest.fixture
async def stranger(client_for):
    scopes = {"shares:open"}
    async with client_for(scopes=scopes, client="anonymous", tenant=TENANT) as made:
        yield made


@pytest.fixture
async def doctor(client_for):
    async with client_for(
        scopes={"shares:open"}, client=OTHER, tenant=TENANT, person="EE7", roles={"doctor"}
    ) as made:
        yield made


async def share(client, record, *fields, **more):
    body = {"registry": "CARDS", "version": "1.0", "recordId": record, "fields": fields, **more}
    return await client.post("/shares", json=body)


def link(made):
    assert made.status_code == 201, made.text
    return "/shares/" + made.json()["url"].rpartition("/")[2]


async def test_a_link_shows_the_fields_that_were_chosen_and_no_others(sharer, stranger, record):
    made = await share(sharer, record, "status", "address.village")
    found = await stranger.get(link(made))
    assert found.status_code == 200, found.text
    assert found.json()["content"] == {"status": "OPEN", "address": {"village": "Sild"}}
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["referrer-policy"] == "no-referrer"


async def test_only_the_digest_of_a_link_is_kept(sharer, record, app):
    token = link(await share(sharer, record, "status")).rpartition("/")[2]
    assert len(token) >= 160 / 6
    async with app.state.database.connection() as connection:
        rows = await connection.driver.fetch("SELECT s::text AS row FROM share s")
        ledger = await connection.driver.fetch("SELECT facts::text AS row FROM evidence_entry")
    assert rows
    assert not [row for row in [*rows, *ledger] if token in row["row"]]
    assert token not in (await sharer.get("/shares")).text


@pytest.mark.parametrize("wrong", ["nothing", "x" * 43, "x" * 100, "%20", "é"])
async def test_a_link_that_nobody_made_is_not_found(stranger, record, wrong):
    assert (await stranger.get(f"/shares/{wrong}")).status_code == 404
    assert (await stranger.get(f"/shares/{wrong}/download")).status_code == 404
    assert (await stranger.get(f"/shares/{wrong}/qr")).status_code == 404


async def test_personal_data_is_not_shared_with_everybody(sharer, record):
    refused = await share(sharer, record, "status", "name")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/fields"
    assert (await share(sharer, record, "name", roles=["doctor"])).status_code == 201
    assert (await share(sharer, record, "name", requiresConsent=CONSENT)).status_code == 201


async def test_what_became_personal_is_not_shown_to_everybody(owner, sharer, stranger, record):
    address = link(await share(sharer, record, "status"))
    marked = {"status": {"type": "string", "x-personalData": True}}
    schema = {"properties": {**SCHEMA["properties"], **marked}}
    made = await owner.post("/database/modify", json={"code": "CARDS", "schema": schema})
    await owner.post(f"/database/{made.json()['id']}/publish")
    assert (await stranger.get(address)).status_code == 403


async def test_a_link_for_a_role_opens_to_people_in_it(sharer, stranger, doctor, other, record):
    address = link(await share(sharer, record, "name", roles=["doctor"]))
    assert (await doctor.get(address)).json()["content"] == {"name": "Usha"}
    assert (await stranger.get(address)).status_code == 403
    assert (await other.get(address)).status_code == 403


async def test_each_opening_is_noted_for_the_person(sharer, doctor, record, entries):
    made = await share(sharer, record, "name", "status", roles=["doctor"])
    address = link(made)
    for _ in range(2):
        await doctor.get(address)
    reads = await entries("record.read", subject="EE5")
    assert [read.facts["fields"] for read in reads] == [["name"], ["name"]]
    assert {read.facts["share"] for read in reads} == {made.json()["id"]}
    assert reads[0].detail["readerId"] == "EE7"
    assert len(await entries("share.opened")) == 2
    assert len(await entries("share.created")) == 1


async def test_a_link_asks_for_consent_each_time(sharer, stranger, record, consents, entries):
    address = link(await share(sharer, record, "name", requiresConsent=CONSENT))
    assert (await stranger.get(address)).json()["content"] == {"name": "Usha"}
    [asked] = consents.asked
    assert asked["dataAgreementId"] == "a-1"
    assert asked["individual"] == {"externalId": "EE5", "externalIdType": "national-id"}
    assert asked["client"] == OWNER
    assert asked["attributes"] == ["name"]
    consents.permitted = False
    assert (await stranger.get(address)).status_code == 403
    [refused] = await entries("record.refused", subject="EE5")
    assert refused.facts["reason"] == "opted-out"
    consents.status = 500
    assert (await stranger.get(address)).status_code == 503
    [listed] = (await sharer.get("/shares")).json()["shares"]
    assert listed["uses"] == 1


async def test_the_database_s_own_consent_may_be_meant(owner, sharer, stranger, record, consents):
    refused = await share(sharer, record, "name", requiresConsent=True)
    assert refused.status_code == 400
    made = {"code": "CARDS", "schema": SCHEMA, "access": {"requiresConsent": CONSENT}}
    changed = await owner.post("/database/modify", json=made)
    await owner.post(f"/database/{changed.json()['id']}/publish")
    address = link(await share(sharer, record, "name", requiresConsent=True))
    assert (await stranger.get(address)).status_code == 200
    consents.permitted = False
    assert (await stranger.get(address)).status_code == 403


async def test_a_link_ends_when_its_time_is_over(sharer, stranger, record, app):
    soon = (datetime.now(UTC) + timedelta(milliseconds=400)).isoformat()
    made = await share(sharer, record, "status", expiresAt=soon)
    address = link(made)
    assert (await stranger.get(address)).status_code == 200
    await asyncio.sleep(0.5)
    assert (await stranger.get(address)).status_code == 410
    for more in ("qr", "download", "files/0190f6a0-0000-7000-8000-000000000000"):
        assert (await stranger.get(f"{address}/{more}")).status_code == 410
    later = {"expiresAt": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    changed = await sharer.patch(f"/shares/{made.json()['id']}", json=later)
    assert changed.status_code == 200
    assert (await stranger.get(address)).status_code == 200
    over = {"expiresAt": "2020-01-01T00:00:00Z"}
    assert (await share(sharer, record, "status", **over)).status_code == 400


async def test_a_link_opens_as_often_as_it_may(sharer, stranger, record):
    address = link(await share(sharer, record, "status", maxUses=2))
    answers = [(await stranger.get(address)).status_code for _ in range(3)]
    assert answers == [200, 200, 410]


async def test_a_link_is_switched_off_and_on(sharer, stranger, record, entries):
    made = await share(sharer, record, "status")
    address, own = link(made), f"/shares/{made.json()['id']}"
    for _ in range(2):
        assert (await sharer.delete(own)).status_code == 204
    assert (await stranger.get(address)).status_code == 410
    assert len(await entries("share.ended")) == 1
    on = await sharer.patch(own, json={"isActive": True})
    assert on.json()["isActive"] is True
    assert (await stranger.get(address)).status_code == 200
    same = await sharer.patch(own, json={"isActive": True})
    assert same.json()["isActive"] is True
    assert len(await entries("share.changed")) == 1
    nobody = "/shares/0190f6a0-0000-7000-8000-000000000000"
    assert (await sharer.delete(nobody)).status_code == 204
    assert (await sharer.patch(nobody, json={})).status_code == 404


async def test_what_may_only_be_looked_at_is_not_downloaded(sharer, stranger, record):
    free = link(await share(sharer, record, "status"))
    saved = await stranger.get(f"{free}/download")
    assert saved.json()["content"] == {"status": "OPEN"}
    assert saved.headers["content-disposition"].startswith("attachment")
    bound = link(await share(sharer, record, "status", viewOnly=True))
    assert (await stranger.get(bound)).status_code == 200
    assert (await stranger.get(f"{bound}/download")).status_code == 403


async def test_a_shared_file_is_downloaded_by_the_link(owner, sharer, stranger, record):
    form = {"file": ("a.txt", b"hello", "text/plain")}
    file = (await owner.post(f"/data/CARDS/1.0/{record}/files/photo", files=form)).json()
    address = link(await share(sharer, record, "photo"))
    found = await stranger.get(f"{address}/files/{file['id']}")
    assert found.content == b"hello"
    assert found.headers["cache-control"] == "no-store"
    elsewhere = link(await share(sharer, record, "status"))
    assert (await stranger.get(f"{elsewhere}/files/{file['id']}")).status_code == 404
    bound = link(await share(sharer, record, "photo", viewOnly=True))
    assert (await stranger.get(f"{bound}/files/{file['id']}")).status_code == 403


async def test_a_qr_code_is_the_link(sharer, stranger, record):
    made = await share(sharer, record, "status", qr=True)
    assert made.json()["qr"].startswith("<svg")
    found = await stranger.get(f"{link(made)}/qr")
    assert found.headers["content-type"].startswith("image/svg+xml")
    assert found.text == made.json()["qr"]


async def test_a_link_is_sent_and_neither_told_nor_kept(sharer, stranger, record, consents, app):
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    to = {"channel": "email", "recipient": {"email": "mother@example.org"}}
    made = await share(sharer, record, "status", expiresAt=until, **to)
    assert made.status_code == 201
    assert "url" not in made.json()
    [mail] = consents.mails
    assert mail["recipientInfo"] == {"email": "mother@example.org"}
    assert mail["transactionId"] == made.json()["id"]
    token = mail["emailContent"]["content"].split("/shares/")[1].split()[0]
    assert (await stranger.get(f"/shares/{token}")).json()["content"] == {"status": "OPEN"}
    async with app.state.database.connection() as connection:
        row = await connection.driver.fetchval("SELECT s::text FROM share s")
    assert "example.org" not in row


@pytest.mark.parametrize(("status", "answer"), [(500, 503), (403, 503), (405, 400), (400, 400)])
async def test_what_cannot_be_sent_is_not_shared(sharer, record, consents, status, answer):
    consents.mail_status = status
    to = {"channel": "email", "recipient": {"email": "mother@example.org"}}
    refused = await share(sharer, record, "status", **to)
    assert refused.status_code == answer
    assert "example.org" not in refused.text
    assert (await sharer.get("/shares")).json() == {"shares": []}


async def _allow(owner, app, **policy):
    async with app.state.database.connection() as connection:
        database = await connection.driver.fetchval("SELECT id FROM database WHERE code = 'CARDS'")
    subject = {"members": ["TEST/GOV/2002"]}
    document = {"policies": [{"name": "p", "subject": subject, **policy}]}
    assert (await owner.put(f"/database/{database}/rights", json=document)).is_success


@pytest.fixture
async def clinic(client_for, consents):
    async with client_for(scopes={"shares:write"}, client=OTHER, tenant=TENANT) as made:
        yield made


async def test_a_sharer_shares_what_they_may_see_as_long_as_they_may(
    owner, clinic, stranger, record, app
):
    await _allow(owner, app, actions=["read"])
    assert (await share(clinic, record, "status")).status_code == 403
    await _allow(owner, app, actions=["share"], fields=["status", "address"])
    assert (await share(clinic, record, "ID")).status_code == 403
    address = link(await share(clinic, record, "status", "address"))
    assert set((await stranger.get(address)).json()["content"]) == {"status", "address"}
    await _allow(owner, app, actions=["share"], fields=["status"])
    assert (await stranger.get(address)).json()["content"] == {"status": "OPEN"}
    await _allow(owner, app, actions=["share"], records={"field": "status", "is": "CLOSED"})
    assert (await stranger.get(address)).status_code == 410
    await _allow(owner, app, actions=["read"])
    assert (await stranger.get(address)).status_code == 410


async def test_a_record_that_is_gone_is_shared_no_more(owner, sharer, stranger, record):
    address = link(await share(sharer, record, "status"))
    await owner.post(f"/data/CARDS/1.0/{record}/archive")
    assert (await stranger.get(address)).status_code == 410
    await owner.post(f"/data/CARDS/1.0/{record}/restore")
    assert (await stranger.get(address)).status_code == 200
    await owner.delete("/data/CARDS/1.0/C1/delete")
    assert (await stranger.get(address)).status_code == 410


async def test_shares_are_their_maker_s_and_the_owner_s(sharer, clinic, client_for, record):
    mine = await share(sharer, record, "status")
    theirs = await share(clinic, record, "status")
    assert theirs.status_code == 201, theirs.text
    listed = (await clinic.get("/shares")).json()["shares"]
    assert [one["id"] for one in listed] == [theirs.json()["id"]]
    listed = (await sharer.get("/shares")).json()["shares"]
    assert [one["id"] for one in listed] == [theirs.json()["id"], mine.json()["id"]]
    assert len((await sharer.get("/shares?limit=1&offset=1")).json()["shares"]) == 1
    address = f"/shares/{mine.json()['id']}"
    assert (await clinic.patch(address, json={"isActive": False})).status_code == 404
    assert (await clinic.delete(address)).status_code == 204
    [_, kept] = (await sharer.get("/shares")).json()["shares"]
    assert kept["isActive"] is True
    assert (await sharer.delete(f"/shares/{theirs.json()['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"fields": []}, "#/fields"),
        ({"fields": ["nothing"]}, "#/fields/0"),
        ({"fields": ["status", "hidden"]}, "#/fields/1"),
        ({"channel": "email"}, "#/recipient"),
        ({"recipient": {"email": "a@b.ee"}}, "#/recipient"),
        ({"channel": "post"}, "#/channel"),
        ({"watermark": True}, "#/watermark"),
        ({"maxUses": 0}, "#/maxUses"),
        ({"roles": "doctor"}, "#/roles"),
        ({"other": 1}, "#/other"),
        (
            {"requiresConsent": {**CONSENT, "personalDataIdField": "name"}},
            "#/requiresConsent/personalDataIdField",
        ),
    ],
)
async def test_what_does_not_go_together_is_refused_naming_it(sharer, record, change, pointer):
    refused = await share(sharer, record, **{"fields": ["status"], **change})
    assert refused.status_code == 400, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)


async def test_what_is_not_there_is_not_shared(sharer, record):
    nobody = "0190f6a0-0000-7000-8000-000000000000"
    assert (await share(sharer, nobody, "status")).status_code == 404
    assert (await share(sharer, record, "status", registry="NOTHING")).status_code == 404


async def test_of_many_at_once_no_more_open_a_link_than_may(committed, publish, block):
    clients = clients_of(committed, block.name)
    async with clients(scopes={"*"}, client=OWNER) as owner:
        await publish(owner, "CARDS", SCHEMA)
        await owner.post("/data/CARDS/1.0/create", json={"write": {"content": CONTENT}})
        async with committed.state.database.connection() as connection:
            record = str(await connection.driver.fetchval("SELECT id FROM record"))
        address = link(await share(owner, record, "status", maxUses=3))
        answers = await asyncio.gather(*(owner.get(address) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [410] * 9
