"""The log of deliveries on the wire, the same in every block."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from kit.deliveries.models import Attempt, Delivery


class SentEvent(BaseModel):
    """An event that is on its way."""

    eventId: UUID


class AttemptInfo(BaseModel):
    """One attempt to deliver an event."""

    number: int
    at: datetime
    reason: str = Field(
        description="accepted, refused, timeout, no-connection, unknown-host, address-refused, "
        "tls, broken-answer, withheld (it may not go there), not-ready, sealed or error",
        examples=["accepted"],
    )
    status: int | None = Field(None, description="What the receiver answered", examples=[204])
    durationMs: int

    @classmethod
    def of(cls, made: Attempt) -> "AttemptInfo":
        """Return an attempt as it is shown."""
        return cls(
            number=made.number,
            at=made.at,
            reason=made.reason,
            status=made.status,
            durationMs=made.duration_ms,
        )


class DeliveryInfo(BaseModel):
    """One event on its way to somebody."""

    id: UUID
    eventId: UUID
    eventType: str
    state: str = Field(
        description="waiting; failed: given up, can be delivered again for 7 days; delivered; dead",
        examples=["delivered"],
    )
    createdAt: datetime
    nextAttemptAt: datetime | None = None
    endedAt: datetime | None = None
    attempts: list[AttemptInfo]

    @classmethod
    def of(cls, found: Delivery) -> "DeliveryInfo":
        """Return a delivery as it is shown."""
        return cls(
            id=found.id,
            eventId=found.event_id,
            eventType=found.event_type,
            state=found.state.value,
            createdAt=found.created_at,
            nextAttemptAt=found.next_at,
            endedAt=found.ended_at,
            attempts=[AttemptInfo.of(each) for each in found.attempts],
        )
