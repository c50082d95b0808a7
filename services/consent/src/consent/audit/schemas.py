"""What auditors see, on the wire."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from consent.revisions.schemas import Revision
from kit.evidence import Written


class Revisions(BaseModel):
    """A page of revisions."""

    revisions: list[Revision]


class LogEntry(BaseModel):
    """Something that was done or looked at; it names no individual."""

    id: str = Field(description="The entry's id in the ledger")
    timestamp: datetime = Field(description="When it happened")
    action: str = Field(description="What happened", examples=["agreement.updated"])
    actor: str = Field(
        description="The application, and with it the member", examples=["DEV/GOV/10001/mcts"]
    )
    object: str = Field(description="What it happened to")
    facts: dict[str, Any] = Field(description="What else is known of it")

    @classmethod
    def of(cls, entry: Written) -> "LogEntry":
        """Return an entry as the wire has it."""
        return cls(
            id=str(entry.id),
            timestamp=entry.at,
            action=entry.kind,
            actor=entry.actor,
            object=entry.object,
            facts=dict(entry.facts),
        )


class Log(BaseModel):
    """A page of the log, newest first."""

    entries: list[LogEntry]
