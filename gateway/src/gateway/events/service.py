"""What can be asked of a room: its event types, subscriptions and events.

Scopes of a right to ``api``: ``manage`` (event types) and ``subscribe``; to ``pub``: ``publish``;
to ``pull``: ``pull``. A right without scopes covers all of its service.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from gateway.configuration.models import member_of
from gateway.events import store
from gateway.events.models import (
    Delivery,
    Event,
    EventType,
    EventTypeTaken,
    EventTypeUnknown,
    EventUnknown,
    Room,
    Subscription,
    SubscriptionTaken,
    SubscriptionUnknown,
)
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.sealing import Keyring


def _entry(kind: str, room: Room, **facts: Any) -> Entry:
    said = {"requestId": room.caller.request_id, **facts}
    tenant = member_of(room.address)
    return Entry(kind, room.caller.client, room.address, facts=said, tenant=tenant)


@dataclass(frozen=True, slots=True)
class Opened:
    """An event with its payload in the clear, on its way to who may read it."""

    event: Event
    payload: Mapping[str, Any]
    deliveries: tuple[Delivery, ...] = ()


def _open(keyring: Keyring, event: Event, deliveries: tuple[Delivery, ...] = ()) -> Opened:
    key = keyring.unwrap(event.wrapped)
    return Opened(event, json.loads(key.open(event.sealed, event.id.bytes)), deliveries)


# -- event types ---------------------------------------------------------------------------


async def create_type(
    session: Session, ledger: Ledger, room: Room, name: str, schema: Mapping[str, Any]
) -> None:
    """Create an event type; raise EventTypeRefused, EventTypeTaken or what the room raises."""
    room.check("api", "manage")
    new = EventType(room.address, name, schema, datetime.now(UTC))
    new.check()
    if not await store.insert_type(session, new):
        raise EventTypeTaken("delete it first to change it")
    await ledger.record(session, _entry("event-type.created", room, eventType=name))


async def type_names(session: Session, room: Room) -> list[str]:
    """Return the names of the room's event types."""
    room.check("api", "subscribe")
    return await store.type_names(session, room.address)


async def find_type(session: Session, room: Room, name: str) -> EventType | None:
    """Return an event type, None when there is none of this name."""
    room.check("api", "subscribe")
    return await store.find_type(session, room.address, name)


async def delete_type(session: Session, ledger: Ledger, room: Room, name: str) -> None:
    """Delete an event type with its events; raise EventTypeUnknown."""
    room.check("api", "manage")
    if not await store.delete_type(session, room.address, name):
        raise EventTypeUnknown("the room has none of this name")
    await ledger.record(session, _entry("event-type.deleted", room, eventType=name))


# -- publishing ----------------------------------------------------------------------------


async def publish(  # noqa: PLR0913, PLR0917  what an event is made of
    session: Session,
    ledger: Ledger,
    keyring: Keyring,
    room: Room,
    name: str,
    payload: Mapping[str, Any],
) -> UUID:
    """Publish an event to all subscribers of its type; raise EventTypeUnknown or EventRefused."""
    room.check("pub", "publish")
    event_type = await store.find_type(session, room.address, name)
    if event_type is None:
        raise EventTypeUnknown("the room has none of this name")
    event_type.check_event(payload)
    sequence = await store.next_sequence(session, room.address, name)
    if sequence is None:
        raise EventTypeUnknown("it was deleted meanwhile")
    event_id, key = new_id(), keyring.new()
    sealed = key.seal(json.dumps(dict(payload)).encode(), event_id.bytes)
    now = datetime.now(UTC)
    publisher = room.caller.client
    event = Event(event_id, room.address, name, sequence, publisher, key.wrapped, sealed, now)
    count = await store.insert_event(session, event)
    facts = {"eventType": name, "eventId": str(event_id), "subscribers": count}
    await ledger.record(session, _entry("event.published", room, **facts))
    return event_id


async def _own_event(session: Session, room: Room, name: str, event_id: UUID) -> Event:
    """Return an event to its publisher or the room's manager; to others there is none."""
    room.check("pub", "publish")
    event = await store.find_event(session, room.address, name, event_id)
    if event is None or not (room.is_managed_by_caller or event.publisher == room.caller.client):
        raise EventUnknown("no event of yours has this id")
    return event


async def status(
    session: Session, keyring: Keyring, room: Room, name: str, event_id: UUID
) -> Opened:
    """Return a published event and how far it is with each subscriber; raise EventUnknown."""
    event = await _own_event(session, room, name, event_id)
    found = await store.deliveries(session, event, datetime.now(UTC))
    return _open(keyring, event, tuple(found))


async def stop(session: Session, ledger: Ledger, room: Room, name: str, event_id: UUID) -> None:
    """Stop an event's delivery; raise EventUnknown. Stopping it again changes nothing."""
    event = await _own_event(session, room, name, event_id)
    if await store.stop_event(session, event.id, datetime.now(UTC)):
        facts = {"eventType": name, "eventId": str(event_id)}
        await ledger.record(session, _entry("event.stopped", room, **facts))


# -- subscriptions -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Details:
    """What a subscriber asks for; None leaves it as it is."""

    delivery: str | None = None
    ttl: int | None = None
    fifo: bool | None = None

    def of(self, subscription: Subscription) -> Subscription:
        """Return a subscription with these details."""
        return replace(
            subscription,
            delivery=self.delivery or subscription.delivery,
            ttl=subscription.ttl if self.ttl is None else self.ttl,
            fifo=subscription.fifo if self.fifo is None else self.fifo,
        )


async def subscribe(
    session: Session, ledger: Ledger, room: Room, name: str, details: Details
) -> Subscription:
    """Subscribe the caller; raise EventTypeUnknown, SubscriptionTaken or SubscriptionRefused."""
    room.check("api", "subscribe")
    now = datetime.now(UTC)
    new = Subscription(
        new_id(), room.address, name, room.subscriber(), "PUSH", 3600, fifo=False, created_at=now
    )
    new = details.of(new)
    new.check()
    if await store.find_type(session, room.address, name) is None:
        raise EventTypeUnknown("the room has none of this name")
    if not await store.insert_subscription(session, new):
        raise SubscriptionTaken("change it with PATCH")
    await ledger.record(session, _entry("subscription.created", room, eventType=name))
    return new


async def subscriptions(session: Session, room: Room) -> list[Subscription]:
    """Return the caller's subscriptions in a room; its manager sees everybody's."""
    room.check("api", "subscribe")
    everybody = room.is_managed_by_caller
    return await store.subscriptions(
        session, room.address, None if everybody else room.subscriber()
    )


async def subscription(session: Session, room: Room, name: str) -> Subscription:
    """Return the caller's subscription to an event type; raise SubscriptionUnknown."""
    room.check("api", "subscribe")
    return await _subscription(session, room, name)


async def _subscription(session: Session, room: Room, name: str) -> Subscription:
    found = await store.find_subscription(session, room.address, name, room.subscriber())
    if found is None:
        raise SubscriptionUnknown("subscribe first")
    return found


async def change(
    session: Session, ledger: Ledger, room: Room, name: str, details: Details
) -> Subscription:
    """Change the caller's subscription; raise SubscriptionUnknown or SubscriptionRefused."""
    kept = await subscription(session, room, name)
    changed = details.of(kept)
    changed.check()
    if changed != kept:
        await store.save_subscription(session, changed)
        await ledger.record(session, _entry("subscription.changed", room, eventType=name))
    return changed


async def cancel(session: Session, ledger: Ledger, room: Room, name: str) -> None:
    """Cancel the caller's subscription; raise SubscriptionUnknown."""
    kept = await subscription(session, room, name)
    if not await store.delete_subscription(session, kept):
        raise SubscriptionUnknown("it was cancelled meanwhile")
    await ledger.record(session, _entry("subscription.cancelled", room, eventType=name))


# -- pulling -------------------------------------------------------------------------------


async def pull(session: Session, ledger: Ledger, keyring: Keyring, room: Room, name: str) -> Opened:
    """Return the caller's oldest event that is not acknowledged; it comes again until it is.

    Raises SubscriptionUnknown, or EventUnknown when nothing is waiting.
    """
    room.check("pull", "pull")
    queue = await _subscription(session, room, name)
    event = await store.oldest_waiting(session, queue, queue.oldest_at(datetime.now(UTC)))
    if event is None:
        raise EventUnknown("no event is waiting")
    facts = {"eventType": name, "eventId": str(event.id)}
    await ledger.note(_entry("event.pulled", room, **facts))
    return _open(keyring, event)


async def confirm(session: Session, ledger: Ledger, room: Room, name: str, event_id: UUID) -> None:
    """Acknowledge an event; raise EventUnknown. Acknowledging it again changes nothing."""
    room.check("pull", "pull")
    queue = await _subscription(session, room, name)
    changed = await store.acknowledge(session, queue, event_id, datetime.now(UTC))
    if changed is None:
        raise EventUnknown("no such event is in your queue")
    if changed:
        facts = {"eventType": name, "eventId": str(event_id)}
        await ledger.record(session, _entry("event.confirmed", room, **facts))
