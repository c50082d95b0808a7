"""A report of what was sent and the person's own change wait for each other nowhere.

A report holds records and then names their individuals; a change holds the individual and then
the record. Holding them against deletion alone, neither can stop the other.
"""

import asyncio
from uuid import uuid4

import pytest

from consent.desk import ALONE
from consent.individuals import store as individuals
from consent.main import BLOCK
from consent.transmissions import store as transmissions
from kit.database import Transaction
from kit.testing import clients_of

SOON = 3  # seconds; PostgreSQL looks for deadlocks after one


@pytest.fixture
async def house(committed, house_type):
    async with clients_of(committed, BLOCK)(scopes={"*"}, client="TEST/GOV/1001/clinic") as client:
        yield house_type(client)


@pytest.fixture
async def given(house):
    """Return an individual and their signed record."""
    agreement, whose = await house.agreement(), await house.individual()
    return whose, (await house.sign(whose, agreement["id"]))["consentRecord"]["id"]


async def test_a_withdrawal_does_not_wait_for_a_report(committed, house, given):
    whose, record = given
    async with Transaction(committed.state.database) as session:
        assert await transmissions.find_known(session, {record})
        async with asyncio.timeout(SOON):
            await house.opt(whose, record, opt_in=False)
    assert not (await house.records(whose))[0]["optIn"]


async def test_a_report_does_not_wait_for_a_change(committed, house, given):
    whose, record = given
    exchange = {
        "exchangeId": str(uuid4()),
        "at": "2026-01-01T12:00:00Z",
        "client": "TEST/GOV/1001/clinic",
        "dataSource": "TEST/GOV/3003",
        "service": "TEST/GOV/3003/population/registry",
        "items": [{"consentRecordId": record, "attributes": ["firstName"]}],
    }
    async with Transaction(committed.state.database) as session:
        assert await individuals.find(session, committed.state.keyring, whose, lock=ALONE)
        async with asyncio.timeout(SOON):
            answer = await house.client.post(
                "/service/transmissions/", json={"transmissions": [exchange]}
            )
    assert answer.json() == {"refused": []}
