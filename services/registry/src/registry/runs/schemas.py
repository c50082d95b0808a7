"""Runs on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, Field

from registry.runs.models import Run, State

ChosenRun = Annotated[UUID, Path(alias="runId", description="Id of the run")]
Token = Annotated[
    str,
    Path(alias="token", min_length=20, max_length=100, description="What only its owner knows"),
]


class RunInfo(BaseModel):
    """One time that an automation went through the records, or is at it."""

    id: UUID
    beganBy: str = Field(description="interval, call or caller", examples=["interval"])
    state: State = Field(description="failed: it could not go through the records at all")
    startedAt: datetime
    endedAt: datetime | None = None
    done: int = Field(description="Records it was done for")
    failed: int = Field(description="Records it could not be done for; the next run tries again")
    reason: str | None = None

    @classmethod
    def of(cls, found: Run) -> "RunInfo":
        """Return a run as it is shown."""
        return cls(**_run(found))


class FailureInfo(BaseModel):
    """A record that the automation could not be done for."""

    recordId: UUID
    recordNumber: int
    at: datetime
    reason: str = Field(examples=["mapping: birthdate is not a date like DD.MM.YYYY"])


class RunDetails(RunInfo):
    """A run with what failed in it, 1000 records at most."""

    failures: list[FailureInfo]

    @classmethod
    def of(cls, found: Run) -> "RunDetails":
        """Return a run as it is shown."""
        failures = [
            FailureInfo(
                recordId=each.record_id, recordNumber=each.number, at=each.at, reason=each.reason
            )
            for each in found.failures
        ]
        return cls(**_run(found), failures=failures)


class Begun(BaseModel):
    """The run that was begun, or was running already."""

    runId: UUID


def _run(found: Run) -> dict[str, Any]:
    return {
        "id": found.id,
        "beganBy": found.began_by,
        "state": found.state,
        "startedAt": found.started_at,
        "endedAt": found.ended_at,
        "done": found.done,
        "failed": found.failed,
        "reason": found.reason,
    }
