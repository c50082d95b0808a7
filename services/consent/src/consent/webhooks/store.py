"""Webhooks in PostgreSQL; their addresses and secrets are kept by ``kit.deliveries``, sealed."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from consent.webhooks.models import Webhook
from kit.database import Session

_SELECT = (
    "SELECT id, tenant, endpoint_id, disabled, events, created_at, changed_at, deleted_at "
    "FROM webhook "
)


def _webhook(row: asyncpg.Record) -> Webhook:
    return Webhook(
        row["id"],
        row["tenant"],
        row["endpoint_id"],
        row["disabled"],
        frozenset(row["events"]),
        row["created_at"],
        row["changed_at"],
        row["deleted_at"],
    )


async def endpoints_for(session: Session, tenant: str, kind: str) -> Sequence[UUID]:
    """Return where events of a kind go that happen to a member."""
    rows = await session.fetch(
        "SELECT endpoint_id FROM webhook "
        "WHERE tenant = $1 AND NOT disabled AND deleted_at IS NULL AND $2 = ANY(events)",
        tenant,
        kind,
    )
    return [row["endpoint_id"] for row in rows]


async def is_silent(session: Session, endpoint_id: UUID) -> bool:
    """Tell whether an endpoint is that of a webhook which is disabled."""
    row = await session.fetchrow(
        "SELECT 1 FROM webhook WHERE endpoint_id = $1 AND disabled", endpoint_id
    )
    return row is not None


async def hold(session: Session, tenant: str) -> None:
    """Let no other transaction make webhooks of a member until this one ends."""
    await session.fetchrow(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"webhooks {tenant}"
    )


async def find(session: Session, webhook_id: str, *, lock: str = "") -> Webhook | None:
    """Return the webhook with this id, deleted or not; ``lock`` is ``FOR UPDATE`` or empty."""
    row = await session.fetchrow(f"{_SELECT} WHERE id = $1 {lock}", webhook_id)
    return _webhook(row) if row else None


async def page(session: Session, tenant: str, offset: int, limit: int) -> list[Webhook]:
    """Return a member's webhooks that are not deleted, oldest first."""
    rows = await session.fetch(
        f"{_SELECT} WHERE tenant = $1 AND deleted_at IS NULL "
        "ORDER BY created_at, id OFFSET $2 LIMIT $3",
        tenant,
        offset,
        limit,
    )
    return [_webhook(row) for row in rows]


async def count(session: Session, tenant: str) -> int:
    """Count a member's webhooks that are not deleted."""
    sql = "SELECT count(*) AS number FROM webhook WHERE tenant = $1 AND deleted_at IS NULL"
    row = await session.fetchrow(sql, tenant)
    return row["number"] if row else 0


async def insert(session: Session, webhook: Webhook) -> bool:
    """Keep a new webhook; tell whether its id was free."""
    return bool(
        await session.fetch(
            "INSERT INTO webhook "
            "(id, tenant, endpoint_id, disabled, events, created_at, changed_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
            webhook.id,
            webhook.tenant,
            webhook.endpoint_id,
            webhook.disabled,
            sorted(webhook.events),
            webhook.created_at,
            webhook.changed_at,
        )
    )


async def save(session: Session, webhook: Webhook) -> None:
    """Write a changed webhook back."""
    await session.fetch(
        "UPDATE webhook SET disabled = $2, events = $3, changed_at = $4, deleted_at = $5 "
        "WHERE id = $1",
        webhook.id,
        webhook.disabled,
        sorted(webhook.events),
        webhook.changed_at,
        webhook.deleted_at,
    )
