"""Requests in the database: only ever added."""

from datetime import datetime

from kit.database import Session
from messaging.emails.models import AcceptedRequest


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


async def insert(session: Session, request: AcceptedRequest) -> None:
    """Keep a request."""
    await session.fetch(
        """
        INSERT INTO request (id, uid, tenant, client, hash, transaction, priority, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        request.id,
        request.uid,
        request.tenant,
        request.client,
        request.hash,
        request.transaction,
        request.priority,
        request.created_at,
    )
