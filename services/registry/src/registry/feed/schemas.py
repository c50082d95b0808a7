"""Changes on the wire."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from registry.feed.models import Kind


class ChangedRecord(BaseModel):
    """A record that changed, as it is now."""

    id: UUID
    number: int = Field(description="Number of the record in its database")
    revision: int = Field(description="Counts its changes, from 1")
    change: Kind
    changedAt: AwareDatetime
    content: dict[str, Any] | None = Field(None, description="What it is; not when deleted")


class Changes(BaseModel):
    """What changed since a mark."""

    changes: list[ChangedRecord]
    next: str = Field(description="Mark to ask with as since for what changes after this")
    hasMore: bool = Field(description="Whether more has changed already")
