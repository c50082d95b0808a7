"""Automations in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update

from kit.database import Session
from registry.automations.models import Automation
from registry.tables import automation


def _select() -> Select[*tuple[Any, ...]]:
    return select(automation).where(automation.c.deleted_at.is_(None))


def _automation(row: Row[Any]) -> Automation:
    return Automation(
        row.id,
        row.database_id,
        row.tenant,
        row.client,
        frozenset(row.scopes),
        row.document,
        row.is_active,
        row.seconds,
        row.next_at,
        row.token,
        row.endpoint_id,
        row.created_at,
        row.changed_at,
    )


def _values(kept: Automation) -> dict[str, Any]:
    return {
        "client": kept.client,
        "scopes": sorted(kept.scopes),
        "document": dict(kept.document),
        "is_active": kept.is_active,
        "seconds": kept.seconds,
        "next_at": kept.next_at,
        "token": kept.token,
        "endpoint_id": kept.endpoint_id,
        "seen": None,  # what it does may be due for every record
        "changed_at": kept.changed_at,
    }


async def hold(session: Session, database_id: int) -> None:
    """Let no other transaction add automations to a database until this one ends."""
    await session.fetchrow(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"automations {database_id}"
    )


async def find(
    session: Session, database_id: int, automation_id: UUID, *, lock: bool = False
) -> Automation | None:
    """Return an automation of a database, if there is one."""
    query = _select().where(
        automation.c.database_id == database_id, automation.c.id == automation_id
    )
    row = await session.row(query.with_for_update() if lock else query)
    return _automation(row) if row else None


async def find_by_id(session: Session, automation_id: UUID) -> Automation | None:
    """Return an automation of any database, if there is one."""
    row = await session.row(_select().where(automation.c.id == automation_id))
    return _automation(row) if row else None


async def find_by_token(session: Session, token: bytes) -> Automation | None:
    """Return the automation that a token begins, by the token's SHA-256."""
    row = await session.row(_select().where(automation.c.token == token))
    return _automation(row) if row else None


async def page(session: Session, database_id: int) -> list[Automation]:
    """Return all automations of a database, oldest first."""
    rows = await session.rows(
        _select().where(automation.c.database_id == database_id).order_by(automation.c.id)
    )
    return [_automation(row) for row in rows]


async def count(session: Session, database_id: int) -> int:
    """Count the automations of a database."""
    row = await session.row(
        select(func.count().label("number"))
        .select_from(automation)
        .where(automation.c.database_id == database_id, automation.c.deleted_at.is_(None))
    )
    return row.number if row else 0


async def add(session: Session, new: Automation) -> None:
    """Keep a new automation."""
    fixed = {
        "id": new.id,
        "database_id": new.database,
        "tenant": new.tenant,
        "created_at": new.created_at,
    }
    await session.row(insert(automation).values(**fixed, **_values(new)))


async def save(session: Session, changed: Automation) -> None:
    """Write a changed automation back."""
    await session.row(
        update(automation).where(automation.c.id == changed.id).values(**_values(changed))
    )


async def delete(session: Session, automation_id: UUID, at: datetime) -> None:
    """Mark an automation as deleted; its runs stay."""
    await session.row(
        update(automation)
        .where(automation.c.id == automation_id)
        .values(deleted_at=at, next_at=None, token=None)
    )


async def claim_due(session: Session, limit: int) -> list[Automation]:
    """Return automations whose time has come, each to one asker only, and set their next time."""
    due = (
        select(automation.c.id)
        .where(automation.c.deleted_at.is_(None), automation.c.is_active)
        .where(automation.c.next_at <= func.now())
        .order_by(automation.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    next_at = func.now() + automation.c.seconds * func.make_interval(0, 0, 0, 0, 0, 0, 1)
    rows = await session.rows(
        update(automation)
        .where(automation.c.id.in_(due))
        .values(next_at=next_at)
        .returning(automation)
    )
    return [_automation(row) for row in rows]
