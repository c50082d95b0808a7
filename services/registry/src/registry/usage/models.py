"""What is kept of a look at personal data, and what the person it is about can see (DRS-8)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.problems import Forbidden, Invalid, NotFound

READ = "record.read"
CHECKED = "record.checked"
REFUSED = "record.refused"
REPORTED = "usage.read"
_LONGEST = 200
_IDENTIFIER = re.compile(r"[\w][^\x00-\x1f\x7f]*")


class PersonInvalid(Invalid):
    """The identifier cannot be one of a person."""

    title = "Invalid ID supplied"


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


@dataclass(frozen=True, slots=True)
class Look:
    """One record somebody looked at, and which of its personal fields."""

    database: int
    record: UUID
    number: int
    reference: str | None
    subjects: Sequence[str | None]
    fields: Sequence[str]

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
    """One entry of the report."""

    id: UUID
    at: datetime
    application: str
    object: str
    facts: Mapping[str, Any]
    detail: Mapping[str, Any]

    @property
    def initials(self) -> str | None:
        """Return the first letters of the reader's names."""
        name = str(self.detail.get("readerName") or "")
        return "".join(part[0].upper() for part in name.split()) or None

    @property
    def record(self) -> str | None:
        """Return the id of the record that was read, None when none was."""
        return self.object.partition("/record:")[2] or None

    @property
    def reference(self) -> str | None:
        """Return what the record is called: its primary key, or else its id."""
        return self.detail.get("reference") or self.record
