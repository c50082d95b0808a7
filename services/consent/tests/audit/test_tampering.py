"""What is changed behind the block's back, by a role that may change anything, is named."""

from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import pytest

from kit.database import Database
from kit.testing import PinnedDatabase

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
            "UPDATE revision SET snapshot = s.text, hash = repeat('0', 40), "
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
async def database(urls) -> AsyncGenerator[Database]:
    """The process's database as the role that owns it; nothing that a test does will stay."""
    pool = Database(urls.owner, 1)
    async with pool.connection() as connection:
        work = connection.driver.transaction()
        await work.start()
        try:
            yield PinnedDatabase(connection)
        finally:
            await work.rollback()
    await pool.close()


@pytest.fixture
async def owner(database) -> AsyncGenerator[asyncpg.Connection]:
    """The connection of that role, within the test's transaction."""
    async with database.connection() as connection:
        yield connection.driver


@pytest.fixture
async def record(house) -> str:
    """A signed consent under an agreement under a policy, which was withdrawn."""
    policy = await house.policy()
    agreement = await house.agreement(policy={"id": policy["id"]})
    mother = await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    await house.opt(mother, record, opt_in=False)
    return record


async def walked(client) -> dict[str, Any]:
    return (await client.get("/audit/verify/")).json()


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize("what", CHANGES)
async def test_a_row_that_was_changed_behind_our_back_is_named(client, owner, what) -> None:
    assert (await walked(client))["valid"]
    statement, reason = CHANGES[what]
    await owner.execute(statement)
    found = await walked(client)
    assert not found["valid"]
    reasons = {text for each in found["findings"] for text in each["reasons"]}
    assert reason in reasons, reasons


async def test_an_object_that_is_gone_altogether_is_told_by_the_ledger(
    client, owner, record
) -> None:
    await owner.execute("DELETE FROM consent_record")
    await owner.execute("DELETE FROM revision WHERE object_id = $1", record)
    found = await walked(client)
    assert {each["objectId"] for each in found["findings"]} == {record}
    assert all("and it is gone" in each["reasons"][0] for each in found["findings"])
