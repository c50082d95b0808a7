"""A file of records as it is written: piece by piece, each with the records of one page."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.columns.models import cells
from registry.fields.models import Field
from registry.listing.models import Listing
from registry.rows.models import Format
from registry.sheets.models import Writer

PAGE = 1000
SORTED_PAGE = 10_000
"""Records of one page of a sorted list: each page is sorted anew."""

MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.NDJSON: "application/x-ndjson",
    Format.CSV: "text/csv; charset=utf-8; header=present",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says of itself: where it is from, when, and what was asked for."""

    member: str
    database: str
    version: str
    at: datetime
    asked: Mapping[str, str]

    @property
    def document(self) -> dict[str, Any]:
        """Return it as a file holds it."""
        return {
            "block": "registry",
            "member": self.member,
            "database": self.database,
            "version": self.version,
            "at": self.at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "filter": dict(self.asked),
        }

    @property
    def header(self) -> str:
        """Return it as a header field of the answer holds it: ASCII, on one line."""
        return json.dumps(self.document)

    def name(self, kind: Format) -> str:
        """Return the name of the file."""
        code = "".join(c if c.isascii() and c.isalnum() else "-" for c in self.database)
        return f"{code}-{self.version}-{self.at:%Y%m%dT%H%M%SZ}.{kind}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as it is shown: the JSON text, or the values, whichever the file is made of."""

    text: str = ""
    values: Mapping[str, Any] | None = None


class File(ABC):
    """A file that is being written."""

    takes_values = False
    """Whether it is made of values, or of the records' own JSON texts."""

    @abstractmethod
    def page(self, shown: Sequence[Shown]) -> bytes:
        """Return what is to be sent for a page of records."""

    @abstractmethod
    def end(self) -> bytes:
        """Return what is to be sent at the end."""


def file_of(kind: Format, source: Source, fields: Sequence[Field]) -> File:
    """Return a new file; ``fields`` are its columns when it is a table."""
    if kind is Format.JSON:
        return _Json(source)
    if kind is Format.NDJSON:
        return _Lines()
    return _Csv(fields) if kind is Format.CSV else _Xlsx(source, fields)


class _Json(File):
    def __init__(self, source: Source) -> None:
        self._before = f'{{"export":{json.dumps(source.document)},"records":['

    def page(self, shown: Sequence[Shown]) -> bytes:
        if not shown:
            return b""
        before, self._before = self._before, ",\n"
        return (before + ",\n".join(each.text for each in shown)).encode()

    def end(self) -> bytes:
        begun = "" if self._before == ",\n" else self._before
        return f"{begun}]}}\n".encode()


class _Lines(File):
    def page(self, shown: Sequence[Shown]) -> bytes:
        return "".join(each.text + "\n" for each in shown).encode()

    def end(self) -> bytes:
        return b""


class _Csv(File):
    takes_values = True

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._text = io.StringIO()
        self._writer = csv.writer(self._text)
        self._writer.writerow([field.name for field in fields])

    def page(self, shown: Sequence[Shown]) -> bytes:
        for each in shown:
            self._writer.writerow(map(_said, cells(self._fields, each.values or {})))
        return self._taken()

    def end(self) -> bytes:
        return self._taken()

    def _taken(self) -> bytes:
        found = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return found


def _said(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


class _Xlsx(File):
    takes_values = True

    def __init__(self, source: Source, fields: Sequence[Field]) -> None:
        self._source = source
        self._fields = fields
        self._writer = Writer([field.name for field in fields])

    def page(self, shown: Sequence[Shown]) -> bytes:
        return self._writer.rows(cells(self._fields, each.values or {}) for each in shown)

    def end(self) -> bytes:
        said = self._source.document
        asked = said.pop("filter")
        more = [(f"filter: {name}", text) for name, text in asked.items()]
        return self._writer.end([*said.items(), *more])


def page_size(listing: Listing) -> int:
    """Return how many records are looked for at once."""
    return SORTED_PAGE if listing.ordering else PAGE
