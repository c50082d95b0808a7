"""Lists on the wire, as GovStack spells them and with what we add."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from kit.web import Text, gathered

_CURSOR = 8000
_FIELDS = 4000


@dataclass(frozen=True)
class ListQuery:
    """What a list may be asked for besides ``query.<field>``."""

    search: Annotated[
        Text | None,
        Query(
            max_length=1000,
            description="Words to find in text fields, the last one by its beginning; with filter, "
            "what that field must be",
        ),
    ] = None
    filter: Annotated[Text | None, Query(description="Field to filter or order by")] = None
    ordering: Annotated[
        Text | None,
        Query(
            max_length=1000,
            description="Fields to sort by, the last first with a minus in front (name,-age); or "
            "ascending or descending with filter",
        ),
    ] = None
    page: Annotated[int | None, Query(ge=1, le=1_000_000, description="Page, from 1")] = None
    page_size: Annotated[
        int | None,
        Query(
            alias="pageSize",
            ge=1,
            le=1000,
            description="Records on a page; all, 1000 at most, when not given",
        ),
    ] = None
    after: Annotated[
        str | None,
        Query(
            max_length=_CURSOR,
            description="Where the page begins, as a link of this list says it; such pages stay "
            "whole while records are added and changed",
        ),
    ] = None
    fields: Annotated[
        Text | None,
        Query(
            max_length=_FIELDS,
            description="Fields to show of those that may be seen, with commas between",
        ),
    ] = None
    with_archived: Annotated[
        bool,
        Query(alias="includeArchived", description="Archived records too, for the owner's analyst"),
    ] = False


Listed = Annotated[ListQuery, gathered(ListQuery)]


class Records(BaseModel):
    """A page of records."""

    count: int = Field(description="How many records match, on all pages", examples=[1])
    next: str | None = Field(
        None,
        description="The next page, relative to this one's address; absent on the last page",
        json_schema_extra={"format": "uri-reference"},
    )
    previous: str | None = Field(
        None,
        description="The page before, relative to this one's address; absent on the first page",
        json_schema_extra={"format": "uri-reference"},
    )
    results: list[dict[str, Any]]
