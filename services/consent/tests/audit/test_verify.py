"""Whether what is kept still is what was written: checked one by one, and by walking."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import pytest

from kit.testing import clients_of

SHA = "0" * 64


async def signed(house) -> dict[str, Any]:
    policy = await house.policy()
    agreement = await house.agreement(policy={"id": policy["id"]})
    return await house.sign(await house.individual(), agreement["id"])


async def verdict(client, revision, signature=None) -> dict[str, Any]:
    body = {"revision": revision} | ({"signature": signature} if signature else {})
    answer = await client.post("/audit/verify/", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_pair_as_it_was_given_is_valid(house, client) -> None:
    given = await signed(house)
    assert await verdict(client, given["revision"]) == {"valid": True, "reasons": []}
    both = await verdict(client, given["revision"], given["signature"])
    assert both == {"valid": True, "reasons": []}


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("serializedHash", "0" * 40, "serializedHash is not what is kept"),
        ("serializedHashSha256", SHA, "serializedHashSha256 is not what is kept"),
        ("timestamp", "2020-01-01T00:00:00Z", "timestamp is not what is kept"),
        ("predecessorHash", "0" * 40, "predecessor_hash is not what is kept"),
        ("authorizedByOther", "somebody", "authorized_by_other is not what is kept"),
        ("id", "unknown", "no such revision is kept"),
    ],
)
async def test_a_changed_revision_is_not_and_it_is_said_why(
    house, client, field, value, reason
) -> None:
    given = await signed(house)
    said = await verdict(client, {**given["revision"], field: value})
    assert said == {"valid": False, "reasons": [reason]}


async def test_another_key_order_is_another_text(house, client) -> None:
    revision = (await signed(house))["revision"]
    said = json.loads(revision["serializedSnapshot"])
    turned = json.dumps(dict(reversed(said.items())))
    found = await verdict(client, {**revision, "serializedSnapshot": turned})
    assert found["reasons"] == ["serializedSnapshot is not what is kept"]


@pytest.mark.parametrize(
    ("field", "value"), [("signature", "scan-2"), ("payload", "{}"), ("verificationSignedBy", "X")]
)
async def test_a_changed_signature_is_found(house, client, field, value) -> None:
    given = await signed(house)
    found = await verdict(client, given["revision"], {**given["signature"], field: value})
    assert found["reasons"] == [f"the signature's {field} is not what is kept"]


async def test_a_signature_of_another_revision_does_not_stand(house, client) -> None:
    given = await signed(house)
    other = await house.sign(await house.individual("EE2"), (await house.agreement())["id"])
    found = await verdict(client, given["revision"], other["signature"])
    assert "the signature's payload is not what is kept" in found["reasons"]
    policy = (await client.get("/audit/revisions/?schemaName=Policy")).json()["revisions"][0]
    unsigned = await verdict(client, policy, given["signature"])
    assert unsigned["reasons"] == ["no signature of this revision is kept"]


async def test_who_may_not_see_a_revision_learns_nothing_of_it(house, house_for) -> None:
    given = await signed(house)
    foreign = house_for(client="TEST/GOV/2002/hospital", scopes={"audit:read"}).client
    assert (await verdict(foreign, given["revision"]))["reasons"] == ["no such revision is kept"]
    walked = (await foreign.get("/audit/verify/")).json()
    assert (walked["checked"], walked["findings"]) == (0, [])
    office = house_for(client="TEST/GOV/9/inspector", scopes={"audit:read", "audit:all"}).client
    assert (await verdict(office, given["revision"]))["valid"]


async def test_a_long_life_is_walked_in_pieces_and_holds(house, client) -> None:
    given = await signed(house)
    record = given["consentRecord"]["id"]
    mother = given["consentRecord"]["individual"]["id"]
    agreement = given["consentRecord"]["dataAgreement"]["id"]
    await house.opt(mother, record, opt_in=False)
    await house.sign(mother, agreement)
    await client.delete(f"/config/data-agreement/{agreement}/")
    checked, link, pages = 0, "", 0
    while link is not None:
        answer = (await client.get("/audit/verify/" + (link or "?limit=2"))).json()
        assert answer["valid"], answer
        checked, pages, link = checked + answer["checked"], pages + 1, answer.get("next")
    assert (checked, pages > 3) == (6, True)
    one = (await client.get("/audit/verify/", params={"objectId": record})).json()
    assert (one["valid"], one["checked"]) == (True, 3)
    late = (await client.get("/audit/verify/", params={"from": "2999-01-01T00:00:00Z"})).json()
    assert late["checked"] == 0


async def test_every_look_is_logged(house, house_for) -> None:
    given = await signed(house)
    client = house_for(scopes={"audit:read"}).client
    await verdict(client, given["revision"])
    for path in ("verify", "revisions", "data-agreements", "consent-records"):
        await client.get(f"/audit/{path}/")
    entries = (await client.get("/audit/logs/")).json()["entries"]
    seen = [(each["action"], each["object"].rpartition("1001/")[2]) for each in entries]
    for expected in (
        ("audit.verified", "revision/"),
        ("audit.listed", "revision/"),
        ("audit.listed", "data-agreement/"),
        ("audit.listed", "consent-record/"),
    ):
        assert expected in seen


CHANGES = {
    "a revision's text": (
        (
            "UPDATE revision SET snapshot = replace(snapshot, 'Register', 'Sell') "
            "WHERE schema_name = 'DataAgreement'"
        ),
        "serializedHash is not the SHA-1 of serializedSnapshot",
    ),
    "a revision with fitting hashes": (
        (
            "UPDATE revision SET snapshot = s.text, hash = $1, "
            "hash_sha256 = encode(sha256(s.text::bytea), 'hex') "
            "FROM (SELECT replace(snapshot, 'Health', 'Sales') AS text FROM revision "
            "WHERE schema_name = 'Policy') s WHERE revision.schema_name = 'Policy'"
        ),
        "the ledger has another digest of it",
    ),
    "a revision's time": (
        "UPDATE revision SET at = at - interval '1 day' WHERE schema_name = 'Policy'",
        "timestamp is not what serializedSnapshot says",
    ),
    "who decided": (
        (
            "UPDATE revision SET authorized_by_individual = NULL WHERE number = 1 "
            "AND schema_name = 'ConsentRecord'"
        ),
        "authorizedByIndividual is not what serializedSnapshot says",
    ),
    "the chain": (
        (
            "UPDATE revision SET predecessor_hash_sha256 = hash_sha256 "
            "WHERE number = 2 AND schema_name = 'ConsentRecord'"
        ),
        "predecessorHashSha256 is not its predecessor's",
    ),
    "a policy": (
        """UPDATE policy SET content = content || '{"name": "Sales"}'""",
        "the object's content is not what its last revision says",
    ),
    "an agreement": (
        """UPDATE agreement SET content = content || '{"recipients": ["EVIL/GOV/1"]}'""",
        "the object's content is not what its last revision says",
    ),
    "an agreement's end": (
        "UPDATE agreement SET deleted_at = now()",
        "the object is deleted, or not, and its last revision says otherwise",
    ),
    "a record": (
        "UPDATE consent_record SET opt_in = true",
        "the record is not what its last revision says",
    ),
    "a record's end": (
        "UPDATE consent_record SET expires_at = now() + interval '1 day'",
        "the record is not what its last revision says",
    ),
    "a record's state": (
        "UPDATE consent_record SET state = 'signed'",
        "the record's state is not what the ledger says",
    ),
    "a record's owner": (
        "UPDATE consent_record SET tenant = 'EVIL/GOV/1'",
        "the object belongs to another member",
    ),
    "a record that is gone": (
        "DELETE FROM consent_record",
        "the object it is a state of is gone",
    ),
    "a record set back": (
        (
            "UPDATE consent_record SET revision_id = r.id FROM revision r "
            "WHERE r.object_id = consent_record.id AND r.number = 1"
        ),
        "its object names another revision as its last",
    ),
    "a withdrawal cut off": (
        (
            "WITH back AS (UPDATE consent_record SET revision_id = r.id, opt_in = true, "
            "state = 'signed' FROM revision r "
            "WHERE r.object_id = consent_record.id AND r.number = 1 "
            "RETURNING consent_record.id) DELETE FROM revision USING back "
            "WHERE object_id = back.id AND number = 2"
        ),
        "the ledger tells of revisions that are gone",
    ),
}


@pytest.fixture
async def kept(committed, house_type) -> AsyncGenerator[tuple[Any, asyncpg.Connection]]:
    """A withdrawn consent, committed, and a connection of the role that may change anything."""
    house = house_type(clients_of(committed, "consent")(scopes={"*"}))
    given = await signed(house)
    record = given["consentRecord"]
    await house.opt(record["individual"]["id"], record["id"], opt_in=False)
    connection = await asyncpg.connect(committed.state.urls.owner)
    yield house.client, connection
    await connection.close()


@pytest.mark.parametrize("what", CHANGES)
async def test_a_row_that_was_changed_behind_our_back_is_named(kept, what) -> None:
    client, connection = kept
    assert (await client.get("/audit/verify/")).json()["valid"]
    statement, reason = CHANGES[what]
    if "$1" in statement:
        await connection.execute(statement, "0" * 40)
    else:
        await connection.execute(statement)
    found = (await client.get("/audit/verify/")).json()
    assert not found["valid"]
    reasons = {text for each in found["findings"] for text in each["reasons"]}
    assert reason in reasons, reasons


async def test_an_object_that_is_gone_altogether_is_told_by_the_ledger(kept) -> None:
    client, connection = kept
    record = (await client.get("/audit/consent-records/")).json()["consentRecords"][0]["id"]
    await connection.execute("DELETE FROM consent_record")
    await connection.execute("DELETE FROM revision WHERE object_id = $1", record)
    found = (await client.get("/audit/verify/")).json()
    assert {each["objectId"] for each in found["findings"]} == {record}
    assert all("and it is gone" in each["reasons"][0] for each in found["findings"])
