"""Imports on the wire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query
from pydantic import BaseModel, Field

from kit.web import Text, gathered
from registry.imports.models import State
from registry.rows.models import Format


@dataclass(frozen=True)
class ImportQuery:
    """How a file is to be read; fields of the same names in a multipart body say the same."""

    format: Annotated[
        Text | None,
        Query(description="json, ndjson, csv or xlsx; else by media type or the file's name"),
    ] = None
    delimiter: Annotated[
        Text | None,
        Query(description="CSV: one character, or comma, semicolon, tab or pipe"),
    ] = None
    encoding: Annotated[Text | None, Query(description="utf-8, the only one")] = None
    dry_run: Annotated[
        Text | None,
        Query(alias="dryRun", description="true: say what would become of the rows, keep nothing"),
    ] = None
    key: Annotated[
        Text | None,
        Query(
            description="Fields, with commas, by which a row finds the record it changes; the "
            "primary key when not given, and with an empty text every row is a new record"
        ),
    ] = None
    mapping: Annotated[
        Text | None,
        Query(description="JSON object: the names of fields for columns that are called otherwise"),
    ] = None

    @property
    def given(self) -> dict[str, str]:
        """Return what was given, by its name on the wire."""
        said = {
            "format": self.format,
            "delimiter": self.delimiter,
            "encoding": self.encoding,
            "dryRun": self.dry_run,
            "key": self.key,
            "mapping": self.mapping,
        }
        return {name: value for name, value in said.items() if value is not None}


ImportAsked = Annotated[ImportQuery, gathered(ImportQuery)]

Waiting = Annotated[
    float,
    Query(
        ge=0,
        le=60,
        description="Seconds to wait for the end; 200 with the report when it comes, else 202",
    ),
]


@dataclass(frozen=True)
class ChosenImportId:
    """The import an address names."""

    importId: Annotated[UUID, Path(description="Id of the import")]


ChosenImport = Annotated[ChosenImportId, gathered(ChosenImportId)]


class ColumnError(BaseModel):
    """Why a row was not taken in, for one of its columns."""

    column: str = Field(description="Column or field; empty when it is the whole row")
    reason: str


class ImportFault(BaseModel):
    """A row that was not taken in."""

    line: int = Field(description="Line of the file on which it begins, from 1")
    errors: list[ColumnError]


class ImportReport(BaseModel):
    """What became of the rows of a file."""

    dryRun: bool = Field(description="Whether nothing was kept")
    rows: int = Field(description="Rows read so far")
    created: int
    updated: int
    unchanged: int
    failed: int
    errors: list[ImportFault] = Field(description="Rows that were not taken in, the first 1,000")


class ImportState(ImportReport):
    """An import, how far it is and what became of its rows."""

    id: UUID
    state: State
    format: Format
    bytes: int = Field(description="Size of the file")
    problem: dict[str, Any] | None = Field(None, description="Why it could not go on")
    createdAt: datetime
    endedAt: datetime | None = None


class Imports(BaseModel):
    """The newest imports of a database, 100 at most; without their errors."""

    imports: list[ImportState]
