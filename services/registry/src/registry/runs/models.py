"""One run of an automation: how far it is and what failed; one at a time (DRS-19, 19.a)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.problems import NotFound, Problem


class RunNotFound(NotFound):
    """The automation has no run with this id."""

    title = "Run not found"


class TriggerNotFound(NotFound):
    """No automation is begun by this token."""

    title = "Nothing is begun by this address"


class State(StrEnum):
    """How far a run is; ``failed`` when it could not go through the records at all."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """A record that the automation could not be done for, and why; no value is in the reason."""

    record_id: UUID
    number: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """One time that an automation goes through the records it has not seen as they are now."""

    id: UUID
    automation_id: UUID
    began_by: str
    state: State
    started_at: datetime
    ended_at: datetime | None = None
    after: UUID | None = None
    done: int = 0
    failed: int = 0
    reason: str | None = None
    failures: Sequence[Failure] = ()


def reason_of(error: Problem) -> str:
    """Return why something was refused: which rule, of which fields, and no value."""
    parts = [f"{each.pointer} {each.reason}" for each in error.errors]
    return f"{error.title}: {'; '.join(parts)}" if parts else error.title
