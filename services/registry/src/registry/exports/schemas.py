"""Exports on the wire."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from kit.web import Text, gathered
from registry.rows.models import Format


@dataclass(frozen=True)
class ExportQuery:
    """Which records, and as what file; besides ``query.<field>``."""

    format: Annotated[Format, Query(description="json, ndjson, csv or xlsx")] = Format.JSON
    search: Annotated[
        Text | None, Query(max_length=1000, description="As the list's: words in text fields")
    ] = None
    filter: Annotated[Text | None, Query(description="As the list's: field to filter by")] = None
    ordering: Annotated[
        Text | None, Query(max_length=1000, description="As the list's: fields to sort by")
    ] = None
    fields: Annotated[
        Text | None, Query(max_length=4000, description="As the list's: fields to show")
    ] = None
    with_archived: Annotated[
        bool, Query(alias="includeArchived", description="As the list's: archived records too")
    ] = False


ExportAsked = Annotated[ExportQuery, gathered(ExportQuery)]
