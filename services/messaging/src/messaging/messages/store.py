"""Messages and their events in the database: only ever added, but for the sealed content."""

from collections.abc import Mapping
from uuid import UUID

import asyncpg

from kit.database import Session
from messaging.messages.models import Event, Message, Sealed, State


async def find(session: Session, message_id: UUID) -> Message | None:
    """Find a message with its newest event."""
    row = await session.fetchrow(
        """
        SELECT m.id, m.request_id, r.uid, r.tenant, r.created_at,
               e.number, e.state, e.at, e.attempt, e.code, e.until
        FROM message m
        JOIN request r ON r.id = m.request_id
        CROSS JOIN LATERAL (
          SELECT * FROM message_event WHERE message_id = m.id ORDER BY number DESC LIMIT 1
        ) e
        WHERE m.id = $1
        """,
        message_id,
    )
    return None if row is None else _message(row)


def _message(row: asyncpg.Record) -> Message:
    newest = Event(
        row["number"], State(row["state"]), row["at"], row["attempt"], row["code"], row["until"]
    )
    return Message(
        row["id"], row["request_id"], row["uid"], row["tenant"], row["created_at"], newest
    )


async def add_event(session: Session, message_id: UUID, event: Event) -> bool:
    """Add a message's next event; False when another process has added one before.

    The primary key is what keeps two processes from sending the same message.
    """
    row = await session.fetchrow(
        """
        INSERT INTO message_event (message_id, number, state, at, attempt, code, until)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING number
        """,
        message_id,
        event.number,
        event.state.value,
        event.at,
        event.attempt,
        event.code,
        event.until,
    )
    return row is not None


async def find_content(session: Session, message: Message) -> tuple[Sealed, Sealed] | None:
    """Find a message's sealed letter and recipient; None when they are gone."""
    row = await session.fetchrow(
        """
        SELECT r.wrapped AS letter_key, r.sealed AS letter, m.wrapped AS key, m.sealed
        FROM message_content m, request_content r
        WHERE m.message_id = $1 AND r.request_id = $2
        """,
        message.id,
        message.request_id,
    )
    if row is None:
        return None
    return Sealed(row["letter_key"], row["letter"]), Sealed(row["key"], row["sealed"])


async def delete_content(session: Session, message: Message) -> None:
    """Delete a message's recipient, and the letter with the last recipient of its request."""
    # One at a time for each request: two last messages would each see the other's recipient
    await session.fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", str(message.request_id)
    )
    await session.fetch("DELETE FROM message_content WHERE message_id = $1", message.id)
    await session.fetch(
        """
        DELETE FROM request_content WHERE request_id = $1 AND NOT EXISTS (
          SELECT FROM message m JOIN message_content c ON c.message_id = m.id
          WHERE m.request_id = $1)
        """,
        message.request_id,
    )


async def count_states(session: Session, tenant: str, uid: str) -> Mapping[State, int] | None:
    """Count a request's messages by their newest state; None when the member has no such one."""
    rows = await session.fetch(
        """
        SELECT e.state, count(e.state) AS total
        FROM request r
        LEFT JOIN message m ON m.request_id = r.id
        LEFT JOIN LATERAL (
          SELECT state FROM message_event WHERE message_id = m.id ORDER BY number DESC LIMIT 1
        ) e ON true
        WHERE r.tenant = $1 AND r.uid = $2
        GROUP BY e.state
        """,
        tenant,
        uid,
    )
    return {State(row["state"]): row["total"] for row in rows} if rows else None
