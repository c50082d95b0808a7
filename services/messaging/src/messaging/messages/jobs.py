"""The other door of messages: one job hands one message over, and may run twice.

A job first takes its message with an event that only one process can add, then talks to the mail
server without holding a connection to the database, then keeps the outcome. Between the server's
acceptance and that commit lies the one moment in which a crash sends a message twice; its
Message-ID stays the same, so that a receiver can tell.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from kit.database import LOST, DatabaseUnavailable, Lender, Transaction
from kit.evidence import Ledger
from kit.jobs import Handler, Job, RetryRequested
from kit.sealing import Keyring
from messaging.messages import service
from messaging.messages.models import Outcome, Parcel, RetryPolicy, State
from messaging.messages.service import SEND, Attempt

_PAUSE = 0.5  # seconds between two attempts to keep an outcome
_AWAY = (DatabaseUnavailable, *LOST)


class Courier(Protocol):
    """What hands a message over."""

    async def deliver(self, parcel: Parcel) -> Outcome:
        """Hand one message over and tell how it went; raise nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the jobs of this feature work with."""

    database: Lender
    ledger: Ledger
    keyring: Keyring
    courier: Courier
    policy: RetryPolicy
    lease: timedelta
    actor: str


def handlers(context: Context) -> Mapping[str, Handler]:
    """Return what runs for each job of this feature."""

    async def send(job: Job) -> None:
        again = await deliver(context, UUID(bytes=job.payload))
        if again is not None:
            raise RetryRequested(max(again - datetime.now(UTC), timedelta(0)), "not final")

    return {SEND: send}


async def deliver(context: Context, message_id: UUID) -> datetime | None:
    """Try one message once; return when to come again, None when it needs nothing more."""
    async with Transaction(context.database) as session:
        step = await service.begin(
            session, context.keyring, message_id, datetime.now(UTC), context.lease
        )
    if not isinstance(step, Attempt):
        return step.until if step else None
    outcome = Outcome(State.DEFERRED, "sealed")
    if step.parcel is not None:
        outcome = await context.courier.deliver(step.parcel)
    return await _keep(context, step, outcome)


async def _keep(context: Context, attempt: Attempt, outcome: Outcome) -> datetime | None:
    """Keep an outcome, waiting for PostgreSQL to come back as long as the message is ours."""
    while True:
        now = datetime.now(UTC)
        try:
            async with Transaction(context.database) as session:
                return await service.end(
                    session,
                    context.ledger,
                    context.actor,
                    attempt=attempt,
                    outcome=outcome,
                    policy=context.policy,
                    now=now,
                )
        except _AWAY:
            if not attempt.event.must_wait(now):
                raise
        await asyncio.sleep(_PAUSE)
