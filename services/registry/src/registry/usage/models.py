"""What is kept of a look at personal data, and what the person it is about can see (DRS-8)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.evidence import Mark, Part
from kit.problems import Forbidden, Invalid, NotFound

READ = "record.read"
CHECKED = "record.checked"
REFUSED = "record.refused"
REPORTED = "usage.read"
EXPORTED = "subject.exported"
LOGGED = "log.read"
SHOWN = READ, CHECKED, EXPORTED, LOGGED
"""What a person is told of: all kinds of looks at their data."""
_LONGEST = 200
_IDENTIFIER = re.compile(r"[\w][^\x00-\x1f\x7f]*")


class PersonInvalid(Invalid):
    """The identifier cannot be one of a person."""

    title = "Invalid ID supplied"


class CursorInvalid(Invalid):
    """The cursor is not one that a page of this report ended with."""

    title = "The cursor is not one of this report"


class PersonUnknown(NotFound):
    """Nothing in this database is about the person."""

    title = "Person requests not found"


class NotYourData(Forbidden):
    """The report is for the person it is about, and for the owner of the database."""

    title = "This report is about somebody else"


def check_person(identifier: str) -> str:
    """Return an identifier that can be one of a person, or raise PersonInvalid."""
    if len(identifier) > _LONGEST or not _IDENTIFIER.fullmatch(identifier):
        raise PersonInvalid(
            f"an identifier begins with a letter or digit and has {_LONGEST} characters at most"
        )
    return identifier


def read_cursor(text: str | None) -> Mark | None:
    """Return where a page begins, None for the first; raise CursorInvalid."""
    try:
        return None if text is None else Mark.read(text)
    except ValueError as error:
        raise CursorInvalid("give what the header X-Next-Cursor of the page before said") from error


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose report is asked for, about which database, and which page of it."""

    person: str
    registry: str
    limit: int = 1000
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """One record somebody looked at, and which of its personal fields."""

    database: int
    record: UUID
    number: int
    reference: str | None
    subjects: Sequence[str | None]
    fields: Sequence[str]
    spoken_for: frozenset[str] = frozenset()
    """Those of the people the record is about for whom the reader may speak."""

    @property
    def object(self) -> str:
        """Return the record's reference in the ledger; it holds no personal data."""
        return f"database:{self.database}/record:{self.record}"

    @property
    def people(self) -> list[str]:
        """Return the identifiers of the people the record is about."""
        return [subject for subject in dict.fromkeys(self.subjects) if subject]


@dataclass(frozen=True, slots=True)
class Usage:
    """One entry of the report, or the person's part of a bulk entry, then with its place in it."""

    id: UUID
    at: datetime
    application: str
    object: str
    facts: Mapping[str, Any]
    detail: Mapping[str, Any]
    person: str = ""
    place: int | None = None

    @property
    def initials(self) -> str | None:
        """Return the first letters of the reader's names."""
        name = str(self.detail.get("readerName") or "")
        return "".join(part[0].upper() for part in name.split()) or None

    @property
    def database(self) -> int:
        """Return the id of the database that the record is in."""
        return int(self.object.partition("/")[0].removeprefix("database:"))

    @property
    def record(self) -> str | None:
        """Return the id of the record that was read, None when none was."""
        return self.object.partition("/record:")[2] or None

    @property
    def reference(self) -> str | None:
        """Return what the record is called: its primary key, or else its id."""
        return self.detail.get("reference") or self.record


def parts(looks: Sequence[Look]) -> list[Part]:
    """Return the parts of an entry about many looks: one for each record and each of its people."""
    fields = same_fields(looks)
    return [
        Part(look.object, person, {} if fields is not None else {"fields": list(look.fields)})
        for look in looks
        for person in look.people or [None]
    ]


def same_fields(looks: Sequence[Look]) -> list[str] | None:
    """Return the personal fields that all looks showed, None when they showed different ones."""
    first = looks[0].fields
    return list(first) if all(look.fields == first for look in looks) else None
