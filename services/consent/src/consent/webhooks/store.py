"""Webhooks in PostgreSQL; their addresses and secrets are kept by ``kit.deliveries``, sealed."""

from collections.abc import Sequence
from uuid import UUID

from kit.database import Session


async def endpoints_for(session: Session, tenant: str, kind: str) -> Sequence[UUID]:
    """Return where events of a kind go that happen to a member."""
    rows = await session.fetch(
        "SELECT endpoint_id FROM webhook WHERE tenant = $1 AND NOT disabled AND $2 = ANY(events)",
        tenant,
        kind,
    )
    return [row["endpoint_id"] for row in rows]
