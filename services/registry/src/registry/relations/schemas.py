"""Linked records on the wire."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from kit.web import Text, gathered
from registry.links.models import FIRST
from registry.relations.models import Direction


@dataclass(frozen=True)
class LinksQuery:
    """Which links to show."""

    direction: Annotated[
        Direction | None, Query(description="out: what it refers to; in: what refers to it")
    ] = None
    database: Annotated[
        int | None, Query(ge=0, le=(1 << 63) - 1, description="Id of the database at the other end")
    ] = None
    field: Annotated[
        Text | None, Query(description="Field that links, of the referring record")
    ] = None
    after: Annotated[UUID, Query(description="Last record of the page before")] = FIRST
    page_size: Annotated[
        int, Query(alias="pageSize", ge=1, le=100, description="Records of each link")
    ] = 20


LinksAsked = Annotated[LinksQuery, gathered(LinksQuery)]


@dataclass(frozen=True)
class EdgeQuery:
    """An edge."""

    field: Annotated[Text, Query(description="Field that has edges", examples=["siblings"])]
    target: Annotated[UUID, Query(description="Id of the record it leads to")]


EdgeAsked = Annotated[EdgeQuery, gathered(EdgeQuery)]


class EdgeEnd(BaseModel):
    """An edge to add."""

    field: Text = Field(description="Field that has edges", examples=["siblings"])
    target: UUID = Field(description="Id of the record it leads to")


class LinkedDatabase(BaseModel):
    """The database at the other end."""

    id: int
    code: str = Field(examples=["MOTHERS"])
    version: str = Field(description="Whose fields are shown: its newest", examples=["1.0"])


class LinkedRecord(BaseModel):
    """A record at the other end."""

    id: UUID
    number: int = Field(description="Its registry number")
    content: dict[str, Any] = Field(description="What the caller may see of it")


class LinkGroup(BaseModel):
    """The records at the other end of one link."""

    direction: Direction
    database: LinkedDatabase
    field: str = Field(description="Field that links", examples=["motherId"])
    type: str = Field(description="foreignKey, soft or edge", examples=["foreignKey"])
    records: list[LinkedRecord]
    next: str | None = Field(
        None,
        description="More of them, relative to this address; absent when there are none",
        json_schema_extra={"format": "uri-reference"},
    )


class RecordLinks(BaseModel):
    """What a record is linked with, link by link."""

    results: list[LinkGroup]
