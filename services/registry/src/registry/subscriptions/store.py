"""Subscriptions in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update

from kit.database import Session
from registry.records.models import Record
from registry.subscriptions.models import Kind, Present, Subscription
from registry.tables import subscription

_RECORD = """
    SELECT id, number, version_id, primary_key, subjects, content::text AS content, revision,
      deleted_at IS NOT NULL AS is_deleted
    FROM record WHERE database_id = $1 AND id = $2
"""


def _select() -> Select[*tuple[Any, ...]]:
    return select(subscription).where(subscription.c.deleted_at.is_(None))


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(
        row.id,
        row.database_id,
        row.tenant,
        row.client,
        frozenset(row.scopes),
        row.legal_basis,
        row.version,
        frozenset(Kind(each) for each in row.events),
        row.condition,
        frozenset(row.fields),
        row.with_content,
        row.is_active,
        row.endpoint_id,
        row.created_at,
        row.changed_at,
    )


def _values(kept: Subscription) -> dict[str, Any]:
    return {
        "legal_basis": kept.legal_basis,
        "scopes": sorted(kept.scopes),
        "events": sorted(kept.events),
        "condition": kept.condition,
        "fields": sorted(kept.fields),
        "with_content": kept.with_content,
        "is_active": kept.is_active,
        "changed_at": kept.changed_at,
    }


async def hold(session: Session, database_id: int) -> None:
    """Let no other transaction change a database's subscriptions until this one ends."""
    await session.fetchrow(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"subscriptions {database_id}"
    )


async def find(session: Session, database_id: int, subscription_id: UUID) -> Subscription | None:
    """Return a subscription of a database, if there is one."""
    row = await session.row(
        _select().where(
            subscription.c.database_id == database_id, subscription.c.id == subscription_id
        )
    )
    return _subscription(row) if row else None


async def find_of_endpoint(session: Session, endpoint_id: UUID) -> Subscription | None:
    """Return the subscription whose events go to an endpoint, if there is one."""
    row = await session.row(_select().where(subscription.c.endpoint_id == endpoint_id))
    return _subscription(row) if row else None


async def page(session: Session, database_id: int) -> list[Subscription]:
    """Return all subscriptions of a database, oldest first."""
    rows = await session.rows(
        _select().where(subscription.c.database_id == database_id).order_by(subscription.c.id)
    )
    return [_subscription(row) for row in rows]


async def count(session: Session, database_id: int) -> int:
    """Count the subscriptions of a database."""
    row = await session.row(
        select(func.count().label("number"))
        .select_from(subscription)
        .where(subscription.c.database_id == database_id, subscription.c.deleted_at.is_(None))
    )
    return row.number if row else 0


async def add(session: Session, new: Subscription) -> None:
    """Keep a new subscription."""
    fixed = {
        "id": new.id,
        "database_id": new.database,
        "tenant": new.tenant,
        "client": new.client,
        "version": new.version,
        "endpoint_id": new.endpoint_id,
        "created_at": new.created_at,
    }
    await session.row(insert(subscription).values(**fixed, **_values(new)))


async def save(session: Session, changed: Subscription) -> None:
    """Write a changed subscription back."""
    await session.row(
        update(subscription).where(subscription.c.id == changed.id).values(**_values(changed))
    )


async def delete(session: Session, subscription_id: UUID, at: datetime) -> None:
    """Mark a subscription as deleted; the log of its deliveries stays."""
    await session.row(
        update(subscription).where(subscription.c.id == subscription_id).values(deleted_at=at)
    )


async def find_record(session: Session, database_id: int, record_id: UUID) -> Present | None:
    """Return a record as it is, a deleted one too."""
    row = await session.fetchrow(_RECORD, database_id, record_id)
    if row is None:
        return None
    kept = Record(
        row["id"],
        row["number"],
        row["version_id"],
        row["primary_key"],
        tuple(row["subjects"]),
        row["content"],
        row["revision"],
    )
    return Present(kept, row["is_deleted"])
