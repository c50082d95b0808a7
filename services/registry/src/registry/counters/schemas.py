"""Counts on the wire."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field

from kit.web import Text, gathered


@dataclass(frozen=True)
class UseQuery:
    """Which days, and what tells counts apart."""

    id: Annotated[int, Path(ge=1, lt=1 << 63, description="Id of the database")]
    first: Annotated[date | None, Query(alias="from", description="First day (UTC)")] = None
    last: Annotated[date | None, Query(alias="to", description="Last day (UTC)")] = None
    group_by: Annotated[
        Text, Query(alias="groupBy", description="Some of service, version, client and day")
    ] = "service"


UseAsked = Annotated[UseQuery, gathered(UseQuery)]


class UseGroup(BaseModel):
    """Calls that are alike in what they are grouped by."""

    service: str | None = Field(None, examples=["data-read"])
    version: str | None = Field(None, examples=["1.0"])
    client: str | None = Field(None, examples=["DEV/GOV/10001/health-centre"])
    day: date | None = Field(None, examples=["2026-07-21"])
    count: int


class SearchUse(BaseModel):
    """Searches by the same fields."""

    fields: list[str] = Field(
        description="What was searched by, never for which values; `*` is a search in all texts",
        examples=[["child.birthdate", "village"]],
    )
    count: int


class DatabaseUse(BaseModel):
    """How a database is used; counts come in within seconds."""

    total: int = Field(description="Calls that were let in")
    groups: list[UseGroup] = Field(description="The most used first, 1000 at most")
    searches: list[SearchUse] = Field(description="The most frequent first, 1000 at most")
