"""The jobs that deliver: one endpoint at a time, a few events at once, and rests in between.

A job takes an endpoint with a lease that only one process can have, hands over what is due without
holding a connection to the database, and keeps the outcomes. An endpoint that fails rests, longer
each time, and so takes no turns from others; one that hangs takes one turn of ``timeout``. Between
the receiver's answer and the commit lies the moment in which a crash delivers an event twice: its
id stays the same.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from kit.database import Lender, Transaction
from kit.deliveries import rows, service
from kit.deliveries.couriers import Courier
from kit.deliveries.models import Attempt, Delivery, Event, Outcome, Schedule, State, Target
from kit.deliveries.service import DELIVER, EXPIRE
from kit.jobs import Handler, Job, RetryRequested, enqueue
from kit.problems import Problem
from kit.sealing import Keyring, SealBrokenError

_TOGETHER = 4
"""Events on their way to one endpoint at the same time."""

_BATCH = 2 * _TOGETHER
_TURN = 20.0  # seconds one job may go on delivering to one endpoint
_SPARE = timedelta(seconds=5)  # between the longest a batch can take and the end of its lease
_log = logging.getLogger("kit.deliveries")
_chance = random.SystemRandom()

Prepare = Callable[[UUID, Event], Awaitable[Event | None]]
"""Makes an event ready for an endpoint when it is about to leave; None: it may not go there."""


async def _as_it_is(_endpoint_id: UUID, event: Event) -> Event | None:
    return event


@dataclass(frozen=True, slots=True)
class Context:
    """What the jobs of deliveries work with; ``timeout`` is the longest one attempt takes."""

    database: Lender
    keyring: Keyring
    courier: Courier
    timeout: float
    schedule: Schedule = field(default_factory=Schedule)
    prepare: Prepare = _as_it_is


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one process delivers to one endpoint until ``until``."""

    endpoint_id: UUID
    until: datetime
    failures: int
    target: Target | None
    parcels: Sequence[tuple[Delivery, Event | None]]


@dataclass(frozen=True, slots=True)
class _Result:
    delivery: Delivery
    outcome: Outcome
    attempt: Attempt


def handlers(context: Context) -> Mapping[str, Handler]:
    """Return what runs for each job of deliveries."""

    async def send(job: Job) -> None:
        endpoint_id = UUID(bytes=job.payload)
        again = await deliver(context, endpoint_id)
        if again is None:
            return
        async with Transaction(context.database) as session:
            if await rows.has_another(session, (DELIVER, job.payload, int(job.id)), again):
                return
        raise RetryRequested(max(again - datetime.now(UTC), timedelta(0)), "not due")

    async def expire(job: Job) -> None:
        before = datetime.now(UTC) - context.schedule.keep
        async with Transaction(context.database) as session:
            await rows.expire(session, UUID(bytes=job.payload), before)

    return {DELIVER: send, EXPIRE: expire}


async def deliver(context: Context, endpoint_id: UUID) -> datetime | None:
    """Deliver what is due to an endpoint; return when to come again, None when nothing waits."""
    ends = time.monotonic() + _TURN
    while True:
        batch = await _take(context, endpoint_id)
        if not isinstance(batch, _Batch):
            return batch
        results = await _hand_over(context, batch)
        again, goes_on = await _keep(context, batch, results)
        if not goes_on or time.monotonic() > ends:
            return again


async def _take(context: Context, endpoint_id: UUID) -> _Batch | datetime | None:
    """Take an endpoint for a batch; return when it is free or has something due if not now."""
    now = datetime.now(UTC)
    until = now + timedelta(seconds=context.timeout * (_BATCH / _TOGETHER)) + _SPARE
    async with Transaction(context.database) as session:
        taken = await rows.take(session, endpoint_id, now, until)
        if taken is None:
            return await rows.free_at(session, endpoint_id)
        wrapped, sealed, failures = taken
        found = await rows.due(session, endpoint_id, now, 1 if failures else _BATCH)
        if not found:
            return await rows.release(session, endpoint_id, until, failures, None)
    try:
        target = service.open_target(context.keyring, endpoint_id, wrapped, sealed)
    except SealBrokenError:
        target = None
    parcels = [(each, _open(context.keyring, each, *kept)) for each, *kept in found]
    return _Batch(endpoint_id, until, failures, target, parcels)


def _open(keyring: Keyring, delivery: Delivery, wrapped: bytes, sealed: bytes) -> Event | None:
    try:
        return Event.read(keyring.unwrap(wrapped).open(sealed, delivery.id.bytes))
    except SealBrokenError:
        return None


async def _hand_over(context: Context, batch: _Batch) -> list[_Result]:
    turns = asyncio.Semaphore(_TOGETHER)

    async def one(delivery: Delivery, event: Event | None) -> _Result:
        async with turns:
            at, began = datetime.now(UTC), time.monotonic()
            outcome = await _try(context, batch, event)
            took = round((time.monotonic() - began) * 1000)
        attempt = Attempt(delivery.count + 1, at, outcome.reason, outcome.status, took)
        return _Result(delivery, outcome, attempt)

    return await asyncio.gather(*(one(*parcel) for parcel in batch.parcels))


async def _try(context: Context, batch: _Batch, event: Event | None) -> Outcome:
    if batch.target is None or event is None:
        return Outcome("sealed")
    try:
        ready = await context.prepare(batch.endpoint_id, event)
        if ready is None:
            return Outcome("withheld", is_final=True)
        return await context.courier.hand_over(batch.target, ready)
    except Problem:
        return Outcome("not-ready")
    except Exception as error:  # noqa: BLE001  whatever it was, other events must go on
        _log.error("an event was not handed over: %s", type(error).__name__)
        return Outcome("error")


async def _keep(
    context: Context, batch: _Batch, results: Sequence[_Result]
) -> tuple[datetime | None, bool]:
    """Keep what became of a batch; return when to come again, and whether to go on at once."""
    schedule, now = context.schedule, datetime.now(UTC)
    failures = _failures(batch, results)
    rests = now + schedule.rest_after(failures) if failures else None
    async with Transaction(context.database) as session:
        await rows.hold(session, batch.endpoint_id)
        for each in results:
            pause = schedule.pause(each.attempt.number, each.outcome, _chance.random())
            tried = each.delivery.after(each.outcome, pause, now)
            if await rows.keep(session, tried, each.attempt) and tried.state is State.FAILED:
                await enqueue(session, EXPIRE, tried.id.bytes, after=schedule.keep + _SPARE)
        again = await rows.release(session, batch.endpoint_id, batch.until, failures, rests)
    return again, not failures and again is not None and again <= now


def _failures(batch: _Batch, results: Sequence[_Result]) -> int:
    """Return how often the endpoint failed in a row; none when it took anything of this batch.

    What never left says nothing of the endpoint.
    """
    sent = [each for each in results if each.outcome.reason not in ("withheld", "not-ready")]
    if not sent:
        return batch.failures
    return 0 if any(each.outcome.is_success for each in sent) else batch.failures + 1
