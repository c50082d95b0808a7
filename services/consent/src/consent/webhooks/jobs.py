"""The other door of webhooks: what is about to leave for one that was disabled stays."""

from uuid import UUID

from consent.webhooks import service
from kit.database import Lender, Reading
from kit.deliveries import Event, Prepare


def preparing(database: Lender) -> Prepare:
    """Return what withholds an event when the webhook it goes to is disabled."""

    async def prepare(endpoint_id: UUID, event: Event) -> Event | None:
        is_silent = await service.is_silent(Reading(database), endpoint_id)
        return None if is_silent else event

    return prepare
