"""Requests in the database: only ever added."""

from datetime import datetime

from kit.database import Session
from messaging.emails.models import AcceptedRequest
from messaging.messages.models import Written


async def wait_for_turn(session: Session, tenant: str, transaction: bytes) -> None:
    """Let only one request with this transactionId be decided at a time."""
    await session.fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{tenant}\n{transaction.hex()}"
    )


async def find_by_transaction(
    session: Session, tenant: str, transaction: bytes, since: datetime
) -> AcceptedRequest | None:
    """Find the newest request a member made with a transactionId since a time."""
    row = await session.fetchrow(
        """
        SELECT id, uid, tenant, client, hash, transaction, priority, created_at FROM request
        WHERE tenant = $1 AND transaction = $2 AND created_at > $3
        ORDER BY created_at DESC LIMIT 1
        """,
        tenant,
        transaction,
        since,
    )
    return None if row is None else AcceptedRequest(**row)


async def insert(session: Session, request: AcceptedRequest, written: Written) -> None:
    """Keep a request, its sealed letter and its messages in their order, with one statement."""
    messages = written.messages
    await session.fetch(
        """
        WITH request AS (
          INSERT INTO request (id, uid, tenant, client, hash, transaction, priority, created_at)
          VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ), letter AS (
          INSERT INTO request_content (request_id, wrapped, sealed) VALUES ($1, $9, $10)
        ), given AS (
          SELECT * FROM unnest(
            $11::uuid[], $12::integer[], $13::text[], $14::timestamptz[], $15::text[],
            $16::bytea[], $17::bytea[]
          ) WITH ORDINALITY AS m (id, number, state, at, code, wrapped, sealed, position)
        ), message AS (
          INSERT INTO message (id, request_id, position) SELECT id, $1, position FROM given
        ), event AS (
          INSERT INTO message_event (message_id, number, state, at, code, attempt)
          SELECT id, number, state, at, code, 0 FROM given
        )
        INSERT INTO message_content (message_id, wrapped, sealed)
        SELECT id, wrapped, sealed FROM given WHERE sealed IS NOT NULL
        """,
        request.id,
        request.uid,
        request.tenant,
        request.client,
        request.hash,
        request.transaction,
        request.priority,
        request.created_at,
        written.letter.wrapped,
        written.letter.sealed,
        [each.id for each in messages],
        [each.first.number for each in messages],
        [each.first.state.value for each in messages],
        [each.first.at for each in messages],
        [each.first.code for each in messages],
        [each.content and each.content.wrapped for each in messages],
        [each.content and each.content.sealed for each in messages],
    )
