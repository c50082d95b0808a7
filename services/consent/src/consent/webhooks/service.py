"""What can be asked about webhooks (CON-6.1.6)."""

from collections.abc import Sequence
from uuid import UUID

from consent.webhooks import store
from kit.database import Session


async def endpoints_for(session: Session, tenant: str, kind: str) -> Sequence[UUID]:
    """Return where events of a kind go that happen to a member."""
    return await store.endpoints_for(session, tenant, kind)
