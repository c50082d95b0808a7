"""Permits are kept as long as they say, noted each time, and called back in every worker."""

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest

from kit.evidence import Search
from kit.testing import clients_of
from registry.main import BLOCK, create_app

PERMIT = {"permitted": True, "reason": "permitted", "consentRecordId": "c-1", "decisionId": "d-1"}
CHILD = {"id": "EE5", "firstName": "Usha", "birthdate": "2026-01-30"}
OTHER = {"client": "TEST/GOV/2002/clinic", "tenant": "TEST/GOV/1001", "scopes": {"records:read"}}
CONSENT = {"client": "TEST/GOV/9/consent", "scopes": {"decisions:withdraw"}}
WITHDRAWN = "/decisions/withdrawn"


async def _read(client):
    answer = await client.post("/data/MCTS/1.0/read", json={"query": {"content": {"ID": "MCTS1"}}})
    return answer.status_code


@pytest.fixture
async def workers(  # noqa: PLR0913, PLR0917  what a registry with consent is made of
    committed, open_registry, publish, mcts_schema, consent_rule, consents
):
    """Return readers at two workers of one registry, and the consent block at the first."""
    await publish(open_registry, "MCTS", mcts_schema, access=consent_rule)
    made = await open_registry.post(
        "/data/MCTS/1.0/create", json={"write": {"content": {"child": CHILD}}}
    )
    assert made.status_code == 200, made.text
    consents.body = json.dumps(PERMIT | {"maxAgeSeconds": 60})
    second = create_app(committed.state.settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(second.router.lifespan_context(second))
        apps = (committed, second)
        for app in apps:
            while not app.state.decisions.is_keeping:  # noqa: ASYNC110  tasks of their own
                await asyncio.sleep(0.01)
        readers = [clients_of(app, BLOCK)(**OTHER) for app in apps]
        caller = clients_of(committed, BLOCK)(**CONSENT)
        for client in (*readers, caller):
            await stack.enter_async_context(client)
        yield (*readers, caller)


async def test_a_read_by_a_kept_permit_is_noted_with_its_record_and_decision(
    workers, consents, committed
):
    one, _, _ = workers
    assert [await _read(one), await _read(one)] == [200, 200]
    assert len(consents.asked) == 1
    found = await committed.state.ledger.search(Search(kinds=("record.read",), limit=10))
    said = [(entry.facts["consentRecordId"], entry.facts["decisionId"]) for entry in found]
    assert said == [("c-1", "d-1")] * 2


@pytest.mark.parametrize("named", [{"consentRecordId": "c-1"}, {"dataAgreementId": "agreement-1"}])
async def test_what_is_withdrawn_is_refused_by_both_workers(workers, consents, named):
    one, two, caller = workers
    assert [await _read(one), await _read(two)] == [200, 200]
    consents.body = json.dumps({"permitted": False, "reason": "opted-out"})
    assert [await _read(one), await _read(two)] == [200, 200]  # kept
    assert (await caller.post(WITHDRAWN, json=named)).status_code == 204
    assert await _read(one) == 403
    began = time.monotonic()
    while await _read(two) != 403:
        assert time.monotonic() - began < 1
    assert (await caller.post(WITHDRAWN, json=named)).status_code == 204  # nobody keeps any


async def test_nothing_named_is_refused_and_so_is_who_may_not(workers):
    one, _, caller = workers
    assert (await caller.post(WITHDRAWN, json={})).status_code == 400
    assert (await caller.post(WITHDRAWN, json={"consentRecordId": ""})).status_code == 400
    assert (await one.post(WITHDRAWN, json={"consentRecordId": "c-1"})).status_code == 403
