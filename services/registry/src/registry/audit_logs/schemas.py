"""The log on the wire."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, Field

from kit.web import Moment, Text, gathered

AT = "2026-07-21T17:32:28Z"


@dataclass(frozen=True)
class LogQuery:
    """Which entries are asked for; what is left out does not limit."""

    database: Annotated[Text | None, Query(description="Code or id of a database")] = None
    record: Annotated[
        UUID | None, Query(description="Id of a record; also what bulk operations did to it")
    ] = None
    actor: Annotated[
        Text | None, Query(description="An application, or a member and so all of its")
    ] = None
    action: Annotated[
        list[Text] | None,
        Query(
            max_length=20,
            description="create, read, update, delete, publish, refuse, report, or a kind of entry",
        ),
    ] = None
    since: Annotated[Moment | None, Query(alias="from", description="Then or later")] = None
    until: Annotated[Moment | None, Query(alias="to", description="Before")] = None
    cursor: Annotated[
        Text | None, Query(max_length=200, description="What the page before named as next")
    ] = None
    page_size: Annotated[int, Query(alias="pageSize", ge=1, le=1000)] = 100


LogAsked = Annotated[LogQuery, gathered(LogQuery)]


class AuditLog(BaseModel):
    """One action."""

    id: UUID = Field(description="Id of the entry, which `/evidence/packages/{id}` proves")
    part: int | None = Field(None, description="Of a bulk operation: the place of this part")
    at: AwareDatetime = Field(examples=[AT])
    action: str = Field(description="Kind of the entry", examples=["record.updated"])
    actor: str = Field(description="The application", examples=["DEV/GOV/10001/mcts"])
    databaseId: int | None = None
    recordId: UUID | None = None
    object: str = Field(description="What it was done to", examples=["database:7"])
    fields: list[str] = Field(description="Fields that were changed or shown")
    before: Any = Field(None, description="Values before, where they can be opened")
    after: Any = Field(None, description="Values after, where they can be opened")
    readerId: str | None = Field(None, description="The person behind the application")
    readerName: str | None = None
    legalBasis: str | None = None
    facts: dict[str, Any] = Field(description="What else is known of it")


class AuditLogs(BaseModel):
    """A page of actions, newest first."""

    logs: list[AuditLog]
    next: str | None = Field(None, description="Cursor of the next page; absent on the last")
