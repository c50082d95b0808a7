"""The history of a record on the wire."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field


class PastRecord(BaseModel):
    """What a record was from one moment until another."""

    revision: int = Field(description="Counts its changes, from 1", examples=[1])
    validFrom: AwareDatetime = Field(description="Since when it was so")
    validTo: AwareDatetime | None = Field(None, description="Until when; not given: it still is")
    isArchived: bool
    content: dict[str, Any] = Field(description="Fields and values, as the caller may see them")
