"""Deliveries in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from kit.database import Session
from kit.deliveries.models import Attempt, Delivery, State
from kit.identifiers import first_id

_ADD = """
    INSERT INTO delivery (id, endpoint_id, event_id, event_type, state, created_at, give_up_at,
      next_at, wrapped, sealed)
    SELECT id, endpoint_id, event_id, event_type, 'waiting', $7, $8, $7, wrapped, sealed
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::bytea[])
      AS t (id, endpoint_id, event_id, event_type, wrapped, sealed)
    WHERE EXISTS (SELECT FROM delivery_endpoint e WHERE e.id = endpoint_id AND e.sealed IS NOT NULL)
    ON CONFLICT (endpoint_id, event_id) DO NOTHING
    RETURNING endpoint_id
"""
_TAKE = """
    UPDATE delivery_endpoint SET busy_until = $3
    WHERE id = $1 AND sealed IS NOT NULL
      AND coalesce(busy_until, $2) <= $2 AND coalesce(rests_until, $2) <= $2
    RETURNING wrapped, sealed, failures
"""
_DUE = """
    SELECT * FROM delivery WHERE endpoint_id = $1 AND state = 'waiting' AND next_at <= $2
    ORDER BY next_at, id LIMIT $3
"""
_KEEP = """
    UPDATE delivery SET state = $2, next_at = $3, ended_at = $4, count = $5,
      wrapped = CASE WHEN $6 THEN NULL ELSE wrapped END,
      sealed = CASE WHEN $6 THEN NULL ELSE sealed END
    WHERE id = $1 AND state = 'waiting' AND count < $5
    RETURNING id
"""
_ATTEMPTED = """
    INSERT INTO delivery_attempt (delivery_id, number, at, reason, status, duration_ms)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
# ids begin with their time: the oldest are found by the key
_CLEAR = """
    WITH old AS (
      SELECT id FROM delivery
      WHERE id < $1 AND ended_at < $2 AND state IN ('delivered', 'dead')
      ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
    ), attempts AS (
      DELETE FROM delivery_attempt WHERE delivery_id IN (SELECT id FROM old)
    )
    DELETE FROM delivery WHERE id IN (SELECT id FROM old) RETURNING id
"""
# a job whose row is locked is not begun before the transaction that locked it has ended
_COMING = """
    SELECT payload FROM pgqueuer
    WHERE entrypoint = $1 AND payload = ANY($2::bytea[]) AND status = 'queued'
      AND execute_after <= now()
    FOR SHARE SKIP LOCKED
"""
_ANOTHER = """
    SELECT FROM pgqueuer WHERE entrypoint = $1 AND payload = $2 AND status = 'queued'
      AND execute_after <= $3 AND id <> $4 LIMIT 1
"""


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        row["id"],
        row["endpoint_id"],
        row["event_id"],
        row["event_type"],
        State(row["state"]),
        row["created_at"],
        row["give_up_at"],
        row["next_at"],
        row["ended_at"],
        row["count"],
    )


async def add_endpoint(session: Session, endpoint_id: UUID, wrapped: bytes, sealed: bytes) -> None:
    """Keep a new endpoint."""
    sql = "INSERT INTO delivery_endpoint (id, wrapped, sealed) VALUES ($1, $2, $3)"
    await session.fetchrow(sql, endpoint_id, wrapped, sealed)


async def find_endpoint(
    session: Session, endpoint_id: UUID, *, lock: bool = False
) -> tuple[bytes, bytes] | None:
    """Return the wrapped key and the sealed target of an endpoint that was not removed."""
    sql = "SELECT wrapped, sealed FROM delivery_endpoint WHERE id = $1 AND sealed IS NOT NULL"
    row = await session.fetchrow(f"{sql} FOR UPDATE" if lock else sql, endpoint_id)
    return (row["wrapped"], row["sealed"]) if row else None


async def change_endpoint(
    session: Session, endpoint_id: UUID, wrapped: bytes, sealed: bytes
) -> None:
    """Keep another target of an endpoint, which need not rest any more."""
    await session.fetchrow(
        "UPDATE delivery_endpoint SET wrapped = $2, sealed = $3, failures = 0, rests_until = NULL "
        "WHERE id = $1",
        endpoint_id,
        wrapped,
        sealed,
    )


async def remove_endpoint(session: Session, endpoint_id: UUID, now: datetime) -> None:
    """Destroy an endpoint's target and what was on its way there."""
    await session.fetchrow(
        "UPDATE delivery_endpoint SET wrapped = NULL, sealed = NULL WHERE id = $1", endpoint_id
    )
    await session.fetchrow(
        "UPDATE delivery SET state = 'dead', next_at = NULL, ended_at = $2, wrapped = NULL, "
        "sealed = NULL WHERE endpoint_id = $1 AND state IN ('waiting', 'failed')",
        endpoint_id,
        now,
    )


async def add(
    session: Session,
    new: Sequence[tuple[Delivery, bytes, bytes]],
    now: datetime,
    give_up_at: datetime,
) -> list[UUID]:
    """Keep new deliveries, each with its key and event; return the endpoints they go to.

    What an endpoint has got before, or one that was removed, is passed over.
    """
    rows = await session.fetch(
        _ADD,
        [each.id for each, _, _ in new],
        [each.endpoint_id for each, _, _ in new],
        [each.event_id for each, _, _ in new],
        [each.event_type for each, _, _ in new],
        [wrapped for _, wrapped, _ in new],
        [sealed for _, _, sealed in new],
        now,
        give_up_at,
    )
    return list(dict.fromkeys(row["endpoint_id"] for row in rows))


async def take(
    session: Session, endpoint_id: UUID, now: datetime, until: datetime
) -> tuple[bytes, bytes, int] | None:
    """Take an endpoint until a time; return its key, target and failures, None when not free."""
    row = await session.fetchrow(_TAKE, endpoint_id, now, until)
    return (row["wrapped"], row["sealed"], row["failures"]) if row else None


async def free_at(session: Session, endpoint_id: UUID) -> datetime | None:
    """Return when an endpoint that could not be taken is free; None when it was removed."""
    row = await session.fetchrow(
        "SELECT greatest(busy_until, rests_until) AS at FROM delivery_endpoint "
        "WHERE id = $1 AND sealed IS NOT NULL",
        endpoint_id,
    )
    return row["at"] if row else None


async def due(
    session: Session, endpoint_id: UUID, now: datetime, limit: int
) -> list[tuple[Delivery, bytes, bytes]]:
    """Return the deliveries whose time has come, those that wait longest first."""
    rows = await session.fetch(_DUE, endpoint_id, now, limit)
    return [(_delivery(row), row["wrapped"], row["sealed"]) for row in rows]


async def hold(session: Session, endpoint_id: UUID) -> None:
    """Lock an endpoint before its deliveries, as who removes it does: neither waits for the other.

    New deliveries can still be added.
    """
    await session.fetchrow(
        "SELECT FROM delivery_endpoint WHERE id = $1 FOR NO KEY UPDATE", endpoint_id
    )


async def release(
    session: Session,
    endpoint_id: UUID,
    until: datetime,
    failures: int,
    rests_until: datetime | None,
) -> datetime | None:
    """Give an endpoint back, if it is still ours; return when its next delivery is due."""
    await session.fetchrow(
        "UPDATE delivery_endpoint SET busy_until = NULL, failures = $3, rests_until = $4 "
        "WHERE id = $1 AND busy_until = $2",
        endpoint_id,
        until,
        failures,
        rests_until,
    )
    row = await session.fetchrow(
        "SELECT min(next_at) AS at FROM delivery WHERE endpoint_id = $1 AND state = 'waiting'",
        endpoint_id,
    )
    found: datetime | None = row["at"] if row else None
    return max(found, rests_until) if found and rests_until else found


async def keep(session: Session, tried: Delivery, attempt: Attempt) -> bool:
    """Keep what an attempt made of a delivery; tell whether nobody else had kept it before."""
    ended = tried.state is State.DELIVERED or tried.state is State.DEAD
    row = await session.fetchrow(
        _KEEP, tried.id, tried.state.value, tried.next_at, tried.ended_at, tried.count, ended
    )
    if row is None:
        return False
    await session.fetchrow(
        _ATTEMPTED,
        tried.id,
        attempt.number,
        attempt.at,
        attempt.reason,
        attempt.status,
        attempt.duration_ms,
    )
    return True


async def expire(session: Session, delivery_id: UUID, before: datetime) -> None:
    """Destroy what a delivery carries that was given up before a time."""
    await session.fetchrow(
        "UPDATE delivery SET state = 'dead', wrapped = NULL, sealed = NULL "
        "WHERE id = $1 AND state = 'failed' AND ended_at <= $2",
        delivery_id,
        before,
    )


async def clear(session: Session, before: datetime, most: int) -> int:
    """Delete the oldest deliveries that ended before a time, with their attempts; count them."""
    return len(await session.fetch(_CLEAR, first_id(before), before, most))


async def find(
    session: Session, endpoint_id: UUID, delivery_id: UUID, *, lock: bool = False
) -> Delivery | None:
    """Return a delivery to an endpoint, if there is one."""
    sql = "SELECT * FROM delivery WHERE endpoint_id = $1 AND id = $2"
    row = await session.fetchrow(f"{sql} FOR UPDATE" if lock else sql, endpoint_id, delivery_id)
    return _delivery(row) if row else None


async def repeat(session: Session, delivery_id: UUID, now: datetime, give_up_at: datetime) -> None:
    """Let a delivery be due now, and be tried until ``give_up_at``."""
    await session.fetchrow(
        "UPDATE delivery SET state = 'waiting', next_at = $2, give_up_at = $3, ended_at = NULL "
        "WHERE id = $1",
        delivery_id,
        now,
        give_up_at,
    )


async def page(session: Session, endpoint_id: UUID, offset: int, limit: int) -> list[Delivery]:
    """Return deliveries to an endpoint with their attempts, newest first."""
    rows = await session.fetch(
        "SELECT * FROM delivery WHERE endpoint_id = $1 ORDER BY created_at DESC, id DESC "
        "OFFSET $2 LIMIT $3",
        endpoint_id,
        offset,
        limit,
    )
    tried = await session.fetch(
        "SELECT * FROM delivery_attempt WHERE delivery_id = ANY($1) ORDER BY delivery_id, number",
        [row["id"] for row in rows],
    )
    attempts: dict[UUID, list[Attempt]] = {}
    for each in tried:
        attempts.setdefault(each["delivery_id"], []).append(_attempt(each))
    return [replace(_delivery(row), attempts=attempts.get(row["id"], [])) for row in rows]


def _attempt(row: Any) -> Attempt:
    return Attempt(row["number"], row["at"], row["reason"], row["status"], row["duration_ms"])


async def coming(session: Session, name: str, payloads: Sequence[bytes]) -> set[bytes]:
    """Return the payloads of which a job waits that will begin after this transaction."""
    rows = await session.fetch(_COMING, name, list(payloads))
    return {row["payload"] for row in rows}


async def has_another(
    session: Session, job: tuple[str, bytes | None, int], until: datetime
) -> bool:
    """Tell whether another job than this one (name, payload, id) comes for the same by then."""
    name, payload, number = job
    return await session.fetchrow(_ANOTHER, name, payload, until, number) is not None
