"""Consents end by themselves, and it is told once (CON-7.events)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from consent.main import create_jobs
from kit.evidence import Search
from kit.testing import clients_of

EXPIRED = Search(kinds=["consent.expired"], limit=1000)


@pytest.fixture
async def house(committed, house_type):
    return house_type(clients_of(committed, "consent")(scopes={"*"}))


async def ending(house, person, agreement, **after):
    ends = datetime.now(UTC) + timedelta(**after)
    whose = await house.individual(person)
    kept = await house.sign(whose, agreement["id"], expiresAt=ends.isoformat())
    return whose, kept["consentRecord"]["id"], ends


async def entries(app, count):
    async with asyncio.timeout(30):
        while True:
            found = await app.state.ledger.search(EXPIRED)
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


async def test_the_end_of_a_consent_is_told_within_two_seconds(committed, house) -> None:
    agreement = await house.agreement()
    async with create_jobs(committed.state.settings):
        _, record, ends = await ending(house, "EE1", agreement, seconds=1)
        (entry,) = await entries(committed, 1)
        took = datetime.now(UTC) - ends
    assert timedelta() <= took < timedelta(seconds=2), took
    assert entry.object == f"TEST/GOV/1001/consent-record/{record}"
    assert entry.facts["agreement"] == agreement["id"]
    assert datetime.fromisoformat(entry.facts["expiresAt"]) == ends
    assert (entry.tenant, entry.actor) == ("TEST/GOV/1001", "TEST/GOV/1001/consent")
    answer = await house.decide(agreement["id"], individual={"externalId": "EE1"})
    assert answer["reason"] == "expired"


async def test_two_processes_tell_each_end_once(committed, house) -> None:
    agreement = await house.agreement()
    first, *_ = [await ending(house, f"EE{n}", agreement, hours=1) for n in range(3)]
    await _multiply(committed, first[1], 120)
    async with create_jobs(committed.state.settings), create_jobs(committed.state.settings):
        found = await entries(committed, 123)
        await asyncio.sleep(1.2)
        found = await committed.state.ledger.search(EXPIRED)
    assert len(found) == 123
    assert len({entry.object for entry in found}) == 123


async def _multiply(app, record, times) -> None:
    """Copy a record so often, and let all that is there end: what is told counts records only."""
    columns = (
        "tenant, individual_id, agreement_id, agreement_revision_id, agreement_revision_hash, "
        "agreement_revision_number, opt_in, state, expires_at, revision_id, ever_signed, created_at"
    )
    owner = await asyncpg.connect(app.state.urls.owner)
    await owner.execute("ALTER TABLE consent_record DROP CONSTRAINT consent_record_once")
    await owner.execute("DROP INDEX consent_record_current")
    await owner.execute(
        f"INSERT INTO consent_record (id, {columns}) SELECT 'c' || n, {columns} "  # noqa: S608
        "FROM consent_record, generate_series(1, $1) n WHERE consent_record.id = $2",
        times,
        record,
    )
    await owner.execute("UPDATE consent_record SET expires_at = now()")
    await owner.close()


async def test_what_did_not_stand_ends_in_silence(committed, house) -> None:
    agreement = await house.agreement()
    whose, record, _ = await ending(house, "EE1", agreement, seconds=0.7)
    await house.opt(whose, record, opt_in=False)
    unsigned = await house.agreement(validityDays=1)
    given = f"/service/individual/record/data-agreement/{unsigned['id']}/"
    await house.client.post(given, headers=house.whose(whose))
    _, told, _ = await ending(house, "EE2", agreement, seconds=0.7)
    async with committed.state.database.connection() as connection:
        await connection.fetch(
            "UPDATE consent_record SET expires_at = now() WHERE state = 'unsigned'"
        )
    async with create_jobs(committed.state.settings):
        (entry,) = await entries(committed, 1)
        await asyncio.sleep(0.6)
        assert len(await committed.state.ledger.search(EXPIRED)) == 1
    assert entry.object.endswith(told)


async def test_what_was_agreed_to_anew_does_not_end_with_the_older_record(committed, house) -> None:
    agreement = await house.agreement()
    renewed, older, _ = await ending(house, "EE1", agreement, seconds=0.7)
    _, told, _ = await ending(house, "EE2", agreement, seconds=0.7)
    body = {"dataAgreement": house.agreement_body(purpose="Register a child, better said")}
    await house.client.put(f"/config/data-agreement/{agreement['id']}/", json=body)
    newer = await house.sign(renewed, agreement["id"])
    assert newer["consentRecord"]["id"] != older
    async with create_jobs(committed.state.settings):
        (entry,) = await entries(committed, 1)
        await asyncio.sleep(0.6)
        assert len(await committed.state.ledger.search(EXPIRED)) == 1
    assert entry.object.endswith(told)
    assert (await house.decide(agreement["id"], individual={"externalId": "EE1"}))["permitted"]


async def test_a_seal_that_cannot_be_opened_holds_nobody_up(committed, house) -> None:
    agreement = await house.agreement()
    broken, first, _ = await ending(house, "EE1", agreement, seconds=0.5)
    _, second, _ = await ending(house, "EE2", agreement, seconds=0.6)
    async with committed.state.database.connection() as connection:
        await connection.fetch(
            "UPDATE individual SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) "
            "WHERE id = $1",
            broken,
        )
    async with create_jobs(committed.state.settings):
        found = await entries(committed, 2)
    assert {entry.object.rsplit("/", 1)[1] for entry in found} == {first, second}
    (named,) = await committed.state.ledger.search(replace(EXPIRED, subject="EE2"))
    assert named.object.endswith(second)
