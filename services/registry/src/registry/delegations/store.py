"""Delegations in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select, update

from kit.database import Session
from registry.delegations.models import Delegation
from registry.tables import delegation


def _delegation(row: Row[Any]) -> Delegation:
    return Delegation(
        row.id,
        row.principal,
        row.delegate,
        tuple(row.databases),
        row.valid_from,
        row.valid_until,
        row.made_at,
        row.made_by,
        row.revoked_at,
    )


async def insert_new(session: Session, tenant: str, new: Delegation) -> None:
    """Keep a new delegation."""
    await session.row(
        insert(delegation).values(
            id=new.id,
            tenant=tenant,
            principal=new.principal,
            delegate=new.delegate,
            databases=list(new.databases),
            valid_from=new.valid_from,
            valid_until=new.valid_until,
            made_at=new.made_at,
            made_by=new.made_by,
        )
    )


async def find(
    session: Session, tenant: str, delegation_id: UUID, *, lock: bool = False
) -> Delegation | None:
    """Return a delegation by its id, if there is one."""
    query = select(delegation).where(
        delegation.c.tenant == tenant, delegation.c.id == delegation_id
    )
    row = await session.row(query.with_for_update() if lock else query)
    return _delegation(row) if row else None


async def page(
    session: Session, tenant: str, person: str | None, window: tuple[int, int]
) -> list[Delegation]:
    """Return delegations, of one person or of all, newest first."""
    skipped, most = window
    query = select(delegation).where(delegation.c.tenant == tenant)
    if person is not None:
        query = query.where(or_(delegation.c.principal == person, delegation.c.delegate == person))
    rows = await session.rows(query.order_by(delegation.c.id.desc()).offset(skipped).limit(most))
    return [_delegation(row) for row in rows]


async def revoke(session: Session, delegation_id: UUID, at: datetime) -> None:
    """End a delegation now."""
    await session.row(
        update(delegation).where(delegation.c.id == delegation_id).values(revoked_at=at)
    )
