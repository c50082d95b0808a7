"""What can be asked of deliveries: endpoints, what goes to them, how far it is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from kit.database import Session
from kit.deliveries import rows
from kit.deliveries.models import (
    Delivery,
    DeliveryNotFound,
    Event,
    PayloadDestroyed,
    Schedule,
    State,
    Target,
)
from kit.deliveries.signing import new_secret
from kit.identifiers import new_id
from kit.jobs import enqueue, enqueue_all
from kit.sealing import Keyring

DELIVER = "deliver"
"""The job that delivers what is due to one endpoint; its payload is the endpoint's id, 16 bytes."""

EXPIRE = "expire delivery"
"""The job that destroys what a failed delivery carries; its payload is the delivery's id."""


async def add_endpoint(session: Session, keyring: Keyring, target: Target) -> UUID:
    """Keep where events shall go; return the endpoint's id."""
    endpoint_id, key = new_id(), keyring.new()
    sealed = key.seal(target.dump(), endpoint_id.bytes)
    await rows.add_endpoint(session, endpoint_id, key.wrapped, sealed)
    return endpoint_id


async def target_of(
    session: Session, keyring: Keyring, endpoint_id: UUID, *, lock: bool = False
) -> Target | None:
    """Return where an endpoint's events go, None when it was removed."""
    found = await rows.find_endpoint(session, endpoint_id, lock=lock)
    return None if found is None else open_target(keyring, endpoint_id, *found)


def open_target(keyring: Keyring, endpoint_id: UUID, wrapped: bytes, sealed: bytes) -> Target:
    """Return the target that was sealed, or raise SealBrokenError."""
    return Target.load(keyring.unwrap(wrapped).open(sealed, endpoint_id.bytes))


async def change_endpoint(
    session: Session, keyring: Keyring, endpoint_id: UUID, target: Target
) -> None:
    """Let an endpoint's events go somewhere else, those on their way too."""
    key = keyring.new()
    sealed = key.seal(target.dump(), endpoint_id.bytes)
    await rows.change_endpoint(session, endpoint_id, key.wrapped, sealed)
    await enqueue(session, DELIVER, endpoint_id.bytes)


async def rotate(
    session: Session, keyring: Keyring, endpoint_id: UUID, overlap: timedelta
) -> str | None:
    """Give an endpoint a new secret and return it; the old one signs along for ``overlap``."""
    target = await target_of(session, keyring, endpoint_id, lock=True)
    if target is None:
        return None
    secret = new_secret()
    rotated = target.rotated(secret, datetime.now(UTC), overlap)
    await change_endpoint(session, keyring, endpoint_id, rotated)
    return secret


async def remove_endpoint(session: Session, endpoint_id: UUID) -> None:
    """Forget where events went, and destroy what was on its way there; the log stays."""
    await rows.remove_endpoint(session, endpoint_id, datetime.now(UTC))


async def deliver(
    session: Session,
    keyring: Keyring,
    events: Sequence[tuple[UUID, Event]],
    schedule: Schedule | None = None,
) -> None:
    """Send events on their way, each to an endpoint, in the caller's transaction.

    An event that is on its way to an endpoint already is not sent there twice.
    """
    now = datetime.now(UTC)
    new = [_sealed(keyring, endpoint_id, event, now) for endpoint_id, event in events]
    endpoints = await rows.add(session, new, now, now + (schedule or Schedule()).give_up_after)
    wanted = [each.bytes for each in endpoints]
    coming = await rows.coming(session, DELIVER, wanted)
    await enqueue_all(session, DELIVER, [each for each in wanted if each not in coming])


def _sealed(
    keyring: Keyring, endpoint_id: UUID, event: Event, now: datetime
) -> tuple[Delivery, bytes, bytes]:
    made, key = new_id(), keyring.new()
    new = Delivery(made, endpoint_id, event.id, event.type, State.WAITING, now, now)
    return new, key.wrapped, key.seal(event.body(), made.bytes)


async def page(session: Session, endpoint_id: UUID, offset: int, limit: int) -> list[Delivery]:
    """Return deliveries to an endpoint with their attempts, newest first."""
    return await rows.page(session, endpoint_id, offset, limit)


async def clear(session: Session, before: datetime, most: int) -> int:
    """Delete from the log what was delivered, or dead, before a time; return how many there were.

    ``most`` are deleted at most. What can still be delivered again is left.
    """
    return await rows.clear(session, before, most)


async def deliver_again(
    session: Session, endpoint_id: UUID, delivery_id: UUID, schedule: Schedule | None = None
) -> Delivery:
    """Try a delivery that waits or was given up now, and for as long as a new one.

    Raise DeliveryNotFound, or PayloadDestroyed when it was delivered or is dead.
    """
    found = await rows.find(session, endpoint_id, delivery_id, lock=True)
    if found is None:
        raise DeliveryNotFound("no delivery to this endpoint has this id")
    if found.state in (State.DELIVERED, State.DEAD):
        raise PayloadDestroyed(f"the delivery is {found.state.value}: what it carried is destroyed")
    now = datetime.now(UTC)
    until = now + (schedule or Schedule()).give_up_after
    await rows.repeat(session, found.id, now, until)
    await enqueue(session, DELIVER, endpoint_id.bytes)
    return replace(found, state=State.WAITING, next_at=now, give_up_at=until, ended_at=None)
