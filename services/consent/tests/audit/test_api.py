"""What auditors see."""

import hashlib
import json

import asyncpg
import pytest
import rfc8785

HOSPITAL = "TEST/GOV/2002/hospital"


async def test_an_auditor_sees_their_member_and_the_audit_office_sees_all(house, house_for) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    own = house_for(scopes={"audit:read"}).client
    foreign = house_for(client=HOSPITAL, scopes={"audit:read"}).client
    office = house_for(client="TEST/GOV/9/inspector", scopes={"audit:read", "audit:all"}).client

    for client, seen in ((own, 1), (foreign, 0), (office, 1)):
        records = (await client.get("/audit/consent-records/")).json()["consentRecords"]
        agreements = (await client.get("/audit/data-agreements/")).json()["dataAgreements"]
        revisions = (await client.get("/audit/revisions/")).json()["revisions"]
        assert (len(records), len(agreements), len(revisions)) == (seen, seen, 2 * seen)
        one = await client.get(f"/audit/consent-record/{record}/")
        other = await client.get(f"/audit/data-agreement/{agreement['id']}/")
        assert (one.status_code, other.status_code) == ((200, 200) if seen else (400, 400))
        if seen:
            assert one.json()["consentRecord"]["signature"]["verificationArtifact"]


async def test_revisions_are_filtered_and_sorted(house, client) -> None:
    policy = await house.policy()
    await house.agreement(policy={"id": policy["id"]})

    async def listed(**query) -> list[str]:
        answer = await client.get("/audit/revisions/", params=query)
        return [each["schemaName"] for each in answer.json()["revisions"]]

    assert await listed() == ["Policy", "DataAgreement"]
    assert await listed(sort="-timestamp") == ["DataAgreement", "Policy"]
    assert await listed(schemaName="Policy") == ["Policy"]
    assert await listed(since="2999-01-01T00:00:00Z") == []
    assert await listed(until="2000-01-01T00:00:00Z") == []


async def test_the_chain_can_be_recomputed_by_anybody(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = await house.sign(mother, agreement["id"])
    record = signed["consentRecord"]["id"]
    await house.opt(mother, record, opt_in=False)
    await house.sign(mother, agreement["id"])

    before: dict = {}
    for revision in await house.audit_revisions(record):
        text = revision["serializedSnapshot"].encode()
        said = json.loads(text)
        assert rfc8785.dumps(said) == text
        assert revision["serializedHash"] == hashlib.sha1(text, usedforsecurity=False).hexdigest()
        assert revision["serializedHashSha256"] == hashlib.sha256(text).hexdigest()
        assert revision.get("predecessorHash") == before.get("serializedHash")
        assert revision.get("predecessorHashSha256") == before.get("serializedHashSha256")
        assert said["signedWithoutObjectId"] == revision["signedWithoutObjectId"]
        before = revision
    assert "successor" not in before
    chain = await house.audit_revisions(record)
    signature = signed["signature"]
    sealed = f"{signature['payload']}\n{signature['signature']}".encode()
    assert chain[1]["predecessorSignature"] == hashlib.sha256(sealed).hexdigest()


@pytest.mark.parametrize("statement", ["UPDATE revision SET at = now()", "DELETE FROM revision"])
async def test_the_role_that_serves_cannot_change_a_revision(house, database, statement) -> None:
    await house.policy()
    async with database.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.driver.execute(statement)


async def test_every_administrative_act_is_in_the_members_log(house, house_for) -> None:
    policy = await house.policy()
    await house.agreement(policy={"id": policy["id"]})
    await house.individual()
    own = house_for(scopes={"audit:read"}).client
    foreign = house_for(client=HOSPITAL, scopes={"audit:read"}).client

    entries = (await own.get("/audit/logs/")).json()["entries"]
    assert [(each["action"], each["actor"]) for each in entries[1:]] == [
        ("individual.created", "TEST/GOV/1001/clinic"),
        ("agreement.created", "TEST/GOV/1001/clinic"),
        ("policy.created", "TEST/GOV/1001/clinic"),
    ]
    assert entries[0]["action"] == "audit.log-read", "a look at the log is logged"
    narrow = {"action": "policy.created", "until": "2999-01-01T00:00:00Z"}
    found = (await own.get("/audit/logs/", params=narrow)).json()["entries"]
    assert [each["object"] for each in found] == [f"TEST/GOV/1001/policy/{policy['id']}"]
    seen = (await foreign.get("/audit/logs/")).json()["entries"]
    assert [each["action"] for each in seen] == ["audit.log-read"]
