"""The message log on the wire."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.evidence.models import Logged


class Message(BaseModel):
    """An entry of the message log."""

    id: UUID
    at: str = Field(examples=["2026-11-22T10:00:00.000000Z"])
    kind: str = Field(examples=["exchange.request", "exchange.answer", "exchange.refused"])
    client: str = Field(description="Who acted", examples=["DEV/GOV/10001/mcts"])
    service: str = Field(description="What it concerns: a service, a room, an application")
    facts: dict[str, Any] = Field(
        description="`requestId`, `method`, `status`, `durationMs`, sizes in bytes, SHA-256 …"
    )

    @classmethod
    def of(cls, entry: Logged) -> "Message":
        """Return an entry as it is shown."""
        return cls(
            id=entry.id,
            at=entry.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            kind=entry.kind,
            client=entry.client,
            service=entry.service,
            facts=dict(entry.facts),
        )


class MessageLog(BaseModel):
    """Entries of the message log, newest first."""

    messages: list[Message]
