"""A record as kept and as shown, and what a list of records can be asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from kit.problems import Conflict, Invalid, NotFound
from registry.databases.models import ConsentRule, Named, Release
from registry.fields.models import Field, FieldUnknown, Schema

MOST_ROWS = 1000


class RecordNotFound(NotFound):
    """No record matches."""

    title = "no record found"


class QueryInvalid(Invalid):
    """The request does not say which records are meant."""

    title = "The query cannot be used"


class FormatUnknown(Invalid):
    """A field's value is given as JSON only."""

    title = "No such format"


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


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by: a field's path, or the record's own age when empty."""

    path: tuple[str, ...] = ()
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a list holds: all of ``contains``, and ``text`` in one of ``texts``."""

    contains: tuple[Mapping[str, Any], ...] = ()
    text: str = ""
    texts: tuple[str, ...] = ()
    order: Order = Order()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a caller asks of a list (DRS-23)."""

    search: str | None = None
    filter: str | None = None
    ordering: str | None = None
    page: int = 1
    page_size: int | None = None
    equals: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def limit(self) -> int:
        """Return how many rows a page has."""
        return self.page_size or MOST_ROWS

    @property
    def offset(self) -> int:
        """Return how many rows stand before the page."""
        return (self.page - 1) * self.limit

    def selection(self, schema: Schema) -> Selection:
        """Return what to look for, or raise FieldUnknown for a field the version lacks."""
        contains = [_equal(schema, name, text) for name, text in self.equals.items()]
        texts: tuple[str, ...] = ()
        if self.filter is not None and self.search is not None:
            contains.append(_equal(schema, self.filter, self.search))
        elif self.search:
            texts = tuple(found.name for found in schema.texts)
        order = self._order(schema)
        return Selection(tuple(contains), (self.search or "") if texts else "", texts, order)

    def _order(self, schema: Schema) -> Order:
        said = self.ordering or ""
        if said in ("ascending", "descending"):
            name = self.filter or ""
            descending = said == "descending"
        else:
            name, descending = said.removeprefix("-"), said.startswith("-")
        if name and schema.get(name).in_list:
            raise FieldUnknown(f"{name}: a field inside a list cannot be sorted by")
        return Order(schema.get(name).path if name else (), descending)


def _equal(schema: Schema, name: str, text: str) -> dict[str, Any]:
    return schema.nest(name, schema.get(name).value_of(text))


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a list and how many records there are in all."""

    count: int
    records: tuple[Record, ...]
