"""What can be asked of messages: to add them, to try one, to count them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.jobs import enqueue_all
from kit.sealing import Keyring, SealBrokenError
from messaging.messages import store
from messaging.messages.models import (
    Event,
    Message,
    NewMessage,
    Outcome,
    Parcel,
    RequestNotFound,
    RetryPolicy,
    Sealed,
    State,
    Written,
    read_states,
)

SEND = "message.send"
"""The job that hands one message over; its payload is the message's id, 16 bytes."""

_KINDS = {
    State.DELIVERED: "message.sent",
    State.DEFERRED: "message.deferred",
    State.BOUNCED: "message.bounced",
    State.NOT_SENT: "message.failed",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one request: one letter, and the recipients; None has no usable address."""

    request_id: UUID
    request_uid: str
    client: str
    tenant: str
    accepted_at: datetime
    priority: int
    letter: bytes
    recipients: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message on which another attempt is under way, or whose next attempt is not due."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message that is the asking process's to send until its lease ends."""

    message: Message
    event: Event
    parcel: Parcel | None


def write(keyring: Keyring, batch: Batch) -> Written:
    """Seal a request's letter and recipients; a message without an address has failed."""
    letter = _seal(keyring, batch.letter, batch.request_id.bytes)
    return Written(
        letter, [_message(keyring, each, batch.accepted_at) for each in batch.recipients]
    )


async def queue(session: Session, ledger: Ledger, batch: Batch, written: Written) -> None:
    """Queue the messages that were kept, and log those that have failed."""
    failed = [str(each.id) for each in written.failed]
    if failed:
        facts: dict[str, Any] = {"messages": failed, "attempt": 0, "code": "address"}
        failure = Entry(
            "message.failed", batch.client, batch.request_uid, facts=facts, tenant=batch.tenant
        )
        await ledger.record(session, failure)
    waiting = [each.id.bytes for each in written.waiting]
    await enqueue_all(session, SEND, waiting, priority=batch.priority)


async def count(session: Session, tenant: str, uid: str, words: Sequence[str]) -> Mapping[str, int]:
    """Count the messages of a member's request by the words asked for.

    Raises StatusUnknown, and RequestNotFound where the request is another member's too.
    """
    asked = read_states(words)
    counts = await store.count_states(session, tenant, uid)
    if counts is None:
        raise RequestNotFound("requestUid names no request of yours")
    return {word: counts.get(state, 0) for word, state in asked.items()}


async def begin(
    session: Session, keyring: Keyring, message_id: UUID, now: datetime, lease: timedelta
) -> Attempt | Waiting | None:
    """Take a message for one attempt; None when there is nothing left to do.

    The attempt's parcel is None when the block's sealing key does not open it.
    """
    message = await store.find(session, message_id)
    if message is None or message.newest.state.is_final:
        return None
    if message.newest.must_wait(now):
        return Waiting(message.newest.until or now)
    event = message.newest.begin(now, lease)
    if not await store.add_event(session, message.id, event):
        return Waiting(now + lease)
    return Attempt(message, event, await _open(session, keyring, message))


async def end(  # noqa: PLR0913  what the door hands in, one by one
    session: Session,
    ledger: Ledger,
    actor: str,
    *,
    attempt: Attempt,
    outcome: Outcome,
    policy: RetryPolicy,
    now: datetime,
) -> datetime | None:
    """Keep the outcome of an attempt; return when the next one is due, None when it was the last.

    With a final state the addresses and, after the last recipient, the text are deleted.
    """
    message = attempt.message
    event = attempt.event.end(outcome, policy, message.accepted_at, now)
    if not await store.add_event(session, message.id, event):
        return None  # the lease ended and another process has the message
    facts: dict[str, Any] = {"attempt": event.attempt, "code": event.code}
    if outcome.refused_copies:
        facts["refusedCopies"] = outcome.refused_copies
    kind = _KINDS[event.state]
    entry = Entry(kind, actor, message.reference, facts=facts, tenant=message.tenant)
    await ledger.record(session, entry)
    if event.state.is_final:
        await store.delete_content(session, message)
    return event.until


def _message(keyring: Keyring, recipient: bytes | None, now: datetime) -> NewMessage:
    message_id = new_id()
    if recipient is None:
        return NewMessage(message_id, Event(1, State.NOT_SENT, now, 0, "address"))
    content = _seal(keyring, recipient, message_id.bytes)
    return NewMessage(message_id, Event(1, State.SCHEDULED, now, 0), content)


def _seal(keyring: Keyring, plaintext: bytes, place: bytes) -> Sealed:
    key = keyring.new()
    return Sealed(key.wrapped, key.seal(plaintext, place))


async def _open(session: Session, keyring: Keyring, message: Message) -> Parcel | None:
    found = await store.find_content(session, message)
    if found is None:
        return None
    letter, recipient = found
    try:
        return Parcel(
            message.id,
            message.accepted_at,
            _unseal(keyring, letter, message.request_id.bytes),
            _unseal(keyring, recipient, message.id.bytes),
        )
    except SealBrokenError:
        return None


def _unseal(keyring: Keyring, content: Sealed, place: bytes) -> bytes:
    return keyring.unwrap(content.wrapped).open(content.sealed, place)
