"""Agreements in PostgreSQL."""

import json
from dataclasses import dataclass

import asyncpg

from consent.agreements.models import Agreement
from kit.database import Session

_SELECT = (
    "SELECT id, tenant, content::text AS content, policy_id, revision_id, created_at, deleted_at "
    "FROM agreement "
)


@dataclass(frozen=True, slots=True)
class Window:
    """A page of agreements, of one member or (None) of all."""

    tenant: str | None
    offset: int
    limit: int
    with_deleted: bool = False


def _agreement(row: asyncpg.Record) -> Agreement:
    return Agreement(
        row["id"],
        row["tenant"],
        json.loads(row["content"]),
        row["policy_id"],
        row["revision_id"],
        row["created_at"],
        row["deleted_at"],
    )


async def find(session: Session, agreement_id: str, *, lock: str = "") -> Agreement | None:
    """Return the agreement with this id, deleted or not; ``lock`` is ``FOR SHARE`` or alike."""
    row = await session.fetchrow(f"{_SELECT} WHERE id = $1 {lock}", agreement_id)
    return _agreement(row) if row else None


async def page(session: Session, window: Window) -> list[Agreement]:
    """Return agreements, oldest first."""
    rows = await session.fetch(
        f"{_SELECT} WHERE ($1::text IS NULL OR tenant = $1) AND ($2 OR deleted_at IS NULL) "
        "ORDER BY created_at, id OFFSET $3 LIMIT $4",
        window.tenant,
        window.with_deleted,
        window.offset,
        window.limit,
    )
    return [_agreement(row) for row in rows]


async def insert(session: Session, agreement: Agreement) -> bool:
    """Keep a new agreement; tell whether its id was free."""
    return bool(
        await session.fetch(
            "INSERT INTO agreement (id, tenant, content, policy_id, revision_id, created_at) "
            "VALUES ($1, $2, $3::jsonb, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id",
            agreement.id,
            agreement.tenant,
            json.dumps(agreement.content),
            agreement.policy_id,
            agreement.revision_id,
            agreement.created_at,
        )
    )


async def save(session: Session, agreement: Agreement) -> None:
    """Write a changed agreement back."""
    await session.fetch(
        "UPDATE agreement SET content = $2::jsonb, policy_id = $3, revision_id = $4, "
        "deleted_at = $5 WHERE id = $1",
        agreement.id,
        json.dumps(agreement.content),
        agreement.policy_id,
        agreement.revision_id,
        agreement.deleted_at,
    )
