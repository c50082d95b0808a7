"""Rows of rooms."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from gateway.events.models import Delivery, Event, EventType, Subscription
from kit.database import Session

_EVENT = "id, room, event_type, sequence, publisher, wrapped, sealed, published_at, stopped_at"
_SUBSCRIPTION = "id, room, event_type, subscriber, delivery, ttl, fifo, created_at"


def _type(row: asyncpg.Record) -> EventType:
    schema: Mapping[str, Any] = json.loads(row["schema"])
    return EventType(row["room"], row["name"], schema, row["created_at"])


async def insert_type(session: Session, new: EventType) -> bool:
    """Keep an event type; return False when the room has one of this name."""
    row = await session.fetchrow(
        "INSERT INTO event_type (room, name, schema, last_sequence, created_at) "
        "VALUES ($1, $2, $3, 0, $4) ON CONFLICT DO NOTHING RETURNING name",
        new.room,
        new.name,
        json.dumps(dict(new.schema)),
        new.created_at,
    )
    return row is not None


async def find_type(session: Session, room: str, name: str) -> EventType | None:
    """Return an event type of a room."""
    row = await session.fetchrow(
        "SELECT room, name, schema::text, created_at FROM event_type WHERE room = $1 AND name = $2",
        room,
        name,
    )
    return _type(row) if row else None


async def type_names(session: Session, room: str) -> list[str]:
    """Return the names of a room's event types, in order."""
    rows = await session.fetch("SELECT name FROM event_type WHERE room = $1 ORDER BY name", room)
    return [row["name"] for row in rows]


async def delete_type(session: Session, room: str, name: str) -> bool:
    """Delete an event type with its events and subscriptions; return whether it was there."""
    row = await session.fetchrow(
        "DELETE FROM event_type WHERE room = $1 AND name = $2 RETURNING name", room, name
    )
    return row is not None


async def next_sequence(session: Session, room: str, name: str) -> int | None:
    """Return the next number of an event type; who asks next waits until this one is committed."""
    row = await session.fetchrow(
        "UPDATE event_type SET last_sequence = last_sequence + 1 "
        "WHERE room = $1 AND name = $2 RETURNING last_sequence",
        room,
        name,
    )
    return row["last_sequence"] if row else None


async def insert_event(session: Session, new: Event) -> int:
    """Keep an event and put it in every subscriber's queue; return how many there are."""
    await session.fetch(
        f"INSERT INTO event ({_EVENT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",  # noqa: S608  a constant
        new.id,
        new.room,
        new.event_type,
        new.sequence,
        new.publisher,
        new.wrapped,
        new.sealed,
        new.published_at,
        new.stopped_at,
    )
    rows = await session.fetch(
        "INSERT INTO delivery (subscription_id, event_id, sequence) "
        "SELECT id, $3, $4 FROM subscription WHERE room = $1 AND event_type = $2 RETURNING 1",
        new.room,
        new.event_type,
        new.id,
        new.sequence,
    )
    return len(rows)


async def find_event(session: Session, room: str, name: str, event_id: UUID) -> Event | None:
    """Return an event of a room and type."""
    row = await session.fetchrow(
        f"SELECT {_EVENT} FROM event WHERE room = $1 AND event_type = $2 AND id = $3",  # noqa: S608  a constant
        room,
        name,
        event_id,
    )
    return Event(**row) if row else None


async def stop_event(session: Session, event_id: UUID, now: datetime) -> bool:
    """Stop an event's delivery; return whether that changed anything."""
    row = await session.fetchrow(
        "UPDATE event SET stopped_at = $2 WHERE id = $1 AND stopped_at IS NULL RETURNING id",
        event_id,
        now,
    )
    return row is not None


async def deliveries(session: Session, event: Event, now: datetime) -> list[Delivery]:
    """Return how far an event is with each subscriber."""
    rows = await session.fetch(
        "SELECT s.subscriber, d.acknowledged_at, "
        "$2::timestamptz < $3::timestamptz - make_interval(secs => s.ttl) AS expired "
        "FROM delivery d JOIN subscription s ON s.id = d.subscription_id "
        "WHERE d.event_id = $1 ORDER BY s.subscriber",
        event.id,
        event.published_at,
        now,
    )
    return [Delivery(row["subscriber"], row["acknowledged_at"], row["expired"]) for row in rows]


async def insert_subscription(session: Session, new: Subscription) -> bool:
    """Keep a subscription; return False when the subscriber has one."""
    row = await session.fetchrow(
        f"INSERT INTO subscription ({_SUBSCRIPTION}) "  # noqa: S608  a constant
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
        "ON CONFLICT (room, event_type, subscriber) DO NOTHING RETURNING id",
        new.id,
        new.room,
        new.event_type,
        new.subscriber,
        new.delivery,
        new.ttl,
        new.fifo,
        new.created_at,
    )
    return row is not None


async def find_subscription(
    session: Session, room: str, name: str, subscriber: str
) -> Subscription | None:
    """Return a subscriber's subscription to an event type."""
    row = await session.fetchrow(
        f"SELECT {_SUBSCRIPTION} FROM subscription "  # noqa: S608  a constant
        "WHERE room = $1 AND event_type = $2 AND subscriber = $3",
        room,
        name,
        subscriber,
    )
    return Subscription(**row) if row else None


async def subscriptions(session: Session, room: str, subscriber: str | None) -> list[Subscription]:
    """Return a subscriber's subscriptions in a room; everybody's when none is named."""
    rows = await session.fetch(
        f"SELECT {_SUBSCRIPTION} FROM subscription "  # noqa: S608  a constant
        "WHERE room = $1 AND ($2::text IS NULL OR subscriber = $2) ORDER BY event_type, subscriber",
        room,
        subscriber,
    )
    return [Subscription(**row) for row in rows]


async def save_subscription(session: Session, changed: Subscription) -> None:
    """Keep a subscription's new details."""
    await session.fetch(
        "UPDATE subscription SET delivery = $2, ttl = $3, fifo = $4 WHERE id = $1",
        changed.id,
        changed.delivery,
        changed.ttl,
        changed.fifo,
    )


async def delete_subscription(session: Session, subscription: Subscription) -> bool:
    """Delete a subscription with its queue; return whether it was there."""
    row = await session.fetchrow(
        "DELETE FROM subscription WHERE id = $1 RETURNING id", subscription.id
    )
    return row is not None


async def oldest_waiting(
    session: Session, subscription: Subscription, oldest_at: datetime
) -> Event | None:
    """Return the oldest event in a queue that is not acknowledged, stopped or too old."""
    row = await session.fetchrow(
        f"SELECT {', '.join('e.' + c for c in _EVENT.split(', '))} "  # noqa: S608  a constant
        "FROM delivery d JOIN event e ON e.id = d.event_id "
        "WHERE d.subscription_id = $1 AND d.acknowledged_at IS NULL "
        "AND e.stopped_at IS NULL AND e.published_at >= $2 ORDER BY d.sequence LIMIT 1",
        subscription.id,
        oldest_at,
    )
    return Event(**row) if row else None


async def acknowledge(
    session: Session, subscription: Subscription, event_id: UUID, now: datetime
) -> bool | None:
    """Take an event out of a queue; return whether that changed anything, None when not there."""
    row = await session.fetchrow(
        "SELECT acknowledged_at FROM delivery "
        "WHERE subscription_id = $1 AND event_id = $2 FOR UPDATE",
        subscription.id,
        event_id,
    )
    if row is None:
        return None
    if row["acknowledged_at"] is not None:
        return False
    await session.fetch(
        "UPDATE delivery SET acknowledged_at = $3 WHERE subscription_id = $1 AND event_id = $2",
        subscription.id,
        event_id,
        now,
    )
    return True
