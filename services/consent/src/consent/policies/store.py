"""Policies in PostgreSQL."""

import json
from dataclasses import dataclass

import asyncpg

from consent.policies.models import Policy
from kit.database import Session

_SELECT = (
    "SELECT id, tenant, content::text AS content, revision_id, created_at, deleted_at FROM policy "
)


@dataclass(frozen=True, slots=True)
class Window:
    """A page of a member's list."""

    tenant: str
    offset: int
    limit: int


def _policy(row: asyncpg.Record) -> Policy:
    return Policy(
        row["id"],
        row["tenant"],
        json.loads(row["content"]),
        row["revision_id"],
        row["created_at"],
        row["deleted_at"],
    )


async def find(session: Session, policy_id: str, *, lock: str = "") -> Policy | None:
    """Return the policy with this id, deleted or not; ``lock`` is ``FOR SHARE`` or alike."""
    row = await session.fetchrow(f"{_SELECT} WHERE id = $1 {lock}", policy_id)
    return _policy(row) if row else None


async def page(session: Session, window: Window) -> list[Policy]:
    """Return a member's policies that are not deleted, oldest first."""
    rows = await session.fetch(
        f"{_SELECT} WHERE tenant = $1 AND deleted_at IS NULL "
        "ORDER BY created_at, id OFFSET $2 LIMIT $3",
        window.tenant,
        window.offset,
        window.limit,
    )
    return [_policy(row) for row in rows]


async def insert(session: Session, policy: Policy) -> bool:
    """Keep a new policy; tell whether its id was free."""
    return bool(
        await session.fetch(
            "INSERT INTO policy (id, tenant, content, revision_id, created_at) "
            "VALUES ($1, $2, $3::jsonb, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
            policy.id,
            policy.tenant,
            json.dumps(policy.content),
            policy.revision_id,
            policy.created_at,
        )
    )


async def save(session: Session, policy: Policy) -> None:
    """Write a changed policy back."""
    await session.fetch(
        "UPDATE policy SET content = $2::jsonb, revision_id = $3, deleted_at = $4 WHERE id = $1",
        policy.id,
        json.dumps(policy.content),
        policy.revision_id,
        policy.deleted_at,
    )


async def is_in_use(session: Session, policy_id: str) -> bool:
    """Tell whether an active agreement stands under a policy."""
    row = await session.fetchrow(
        "SELECT 1 FROM agreement WHERE policy_id = $1 AND deleted_at IS NULL "
        "AND (content->>'active')::boolean LIMIT 1",
        policy_id,
    )
    return row is not None
