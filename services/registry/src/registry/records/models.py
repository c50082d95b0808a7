"""A record as kept and as shown, and what a list of records can be asked for."""

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from kit.problems import Conflict, Invalid, NotFound
from registry.databases.models import ConsentRule, Named, Release
from registry.fields.models import Field


class RecordNotFound(NotFound):
    """No record matches."""

    title = "no record found"


class QueryInvalid(Invalid):
    """The request does not say which records are meant."""

    title = "The query cannot be used"


class FormatUnknown(Invalid):
    """A field's value is given as JSON only."""

    title = "No such format"


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as it is answered: the JSON text of what shows of it, its tag and its id."""

    text: str
    tag: str
    id: UUID

    @property
    def headers(self) -> dict[str, str]:
        """Return what tells which record it is, as it stands beside the address of the request."""
        return {"ETag": self.tag, "Content-Location": str(self.id)}

    @property
    def body(self) -> bytes:
        """Return the answer, as GovStack has it."""
        return f'{{"content":{self.text}}}'.encode()


class RegistryArchived(Conflict):
    """The database is archived: nothing in it changes any more."""

    title = "The database is archived"


class LegalBasisMissing(Invalid):
    """A call must say by what law it is made."""

    title = "The legal basis is missing"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as kept; ``content`` is the JSON text PostgreSQL gives."""

    id: UUID
    number: int
    version: UUID | None
    primary_key: str | None
    subjects: tuple[str | None, ...]
    content: str
    revision: int = 1
    is_archived: bool = False

    @property
    def tag(self) -> str:
        """Return the record's entity tag (RFC 9110 section 8.8.3); a change gives it another."""
        return f'"{self.revision}"'


def as_id(text: str) -> UUID | None:
    """Return the record id a text is, None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """A published version a data path names, and the record asked for, if there is one."""

    named: Named
    record: Record | None = None


class Row(Protocol):
    """A row of a query: its values by the names of their columns."""

    def __getitem__(self, name: str, /) -> Any:
        """Return the value of a column."""


def record_of(row: Row) -> Record:
    """Return a row of the record table, or of its history, as a record."""
    return Record(
        row["id"],
        row["number"],
        row["version_id"],
        row["primary_key"],
        tuple(row["subjects"]),
        row["content"],
        row["revision"],
        row["is_archived"],
    )


def named_of(row: Row) -> Named:
    """Return what a row says of the published version that a data path names."""
    return Named(
        row["tenant"],
        row["database_id"],
        row["code"],
        row["path_version"],
        row["current_version"],
        row["database_revision"],
    )


def person_asked(release: Release, record: Record, rule: ConsentRule) -> str | None:
    """Return the identifier of the person whose consent a rule asks for, if the record has one."""
    known = zip(release.current.schema.identifiers, record.subjects, strict=False)
    for identifier, value in known:
        if value is None:
            continue
        if rule.identifier is None:
            fits = identifier.identifier_type in (None, rule.external_id_type)
        else:
            fits = identifier.name == rule.identifier
        if fits:
            return value
    return None


def personal_in(release: Release, shown: Field) -> list[str]:
    """Return the personal fields that show when one field is: itself, above it or inside it."""
    return [
        name
        for name in release.personal
        if name == shown.name
        or name.startswith(f"{shown.name}.")
        or shown.name.startswith(f"{name}.")
    ]
