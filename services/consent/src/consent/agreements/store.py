"""Agreements in PostgreSQL."""

import json

import asyncpg

from consent.agreements.models import Agreement, Filter
from kit.database import Session, narrowed

_SELECT = (
    "SELECT id, tenant, content::text AS content, policy_id, revision_id, created_at, deleted_at "
    "FROM agreement "
)


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


_STATES = {
    "active": "deleted_at IS NULL AND (content->>'active')::boolean",
    "inactive": "deleted_at IS NULL AND NOT (content->>'active')::boolean",
    "ended": "deleted_at IS NOT NULL",
}


async def page(session: Session, wanted: Filter) -> list[Agreement]:
    """Return agreements, oldest first."""
    after = wanted.after
    where, values = narrowed(
        [
            ("tenant = {}", wanted.tenant),
            ("id = {}", wanted.agreement_id),
            (
                "id IN (SELECT agreement_id FROM consent_record WHERE individual_id = {})",
                wanted.individual_id,
            ),
            ("(created_at, id) > ({}, {})", after and (after.at, after.id)),
        ]
    )
    if not wanted.with_deleted:
        where = f"{where} AND deleted_at IS NULL"
    if wanted.state is not None:
        where = f"{where} AND {_STATES[wanted.state]}"
    at = len(values)
    rows = await session.fetch(
        f"{_SELECT} WHERE {where} ORDER BY created_at, id OFFSET ${at + 1} LIMIT ${at + 2}",
        *values,
        wanted.offset,
        wanted.limit,
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
