"""What a list of records can be asked for, and what that means (DRS-23, 33, 3.c, 3.d)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from kit.problems import Forbidden, Invalid, Unavailable
from registry.conditions.models import All, Comparison, Condition, Operator
from registry.fields.models import Field, FieldUnknown, Schema
from registry.filters import models as filters
from registry.indexes.models import KEY_LENGTH
from registry.records.models import Record
from registry.rights.models import FieldHidden, Grant
from registry.words import models as words

MOST_ROWS = 1000
MOST_ORDERS = 4
_SCALARS = {"string": "text", "boolean": "text", "integer": "number", "number": "number"}


class ListInvalid(Invalid):
    """The list cannot be made as asked."""

    title = "The list cannot be made like this"


class PatternTooSlow(Invalid):
    """Looking for the pattern takes longer than a list may take."""

    title = "The pattern takes too long"


class ListTooSlow(Unavailable):
    """Finding the records takes longer than a statement may take."""

    title = "The list takes too long"


class ArchivedHidden(Forbidden):
    """Archived records are shown to the analysts of the owner only."""

    title = "Archived records are for the owner's analysts"


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by: a field's path and whether it holds texts or numbers."""

    path: tuple[str, ...]
    kind: str
    descending: bool = False

    @property
    def name(self) -> str:
        """Return the name of the field."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: the sort keys and number of a record, and whether to go back from it."""

    keys: tuple[str | None, ...]
    number: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which values an indexed field is looked up; None leaves an end open."""

    field: str
    is_text: bool
    least: str | None
    most: str | None
    below: bool = False
    """Whether ``most`` itself is left out."""

    @property
    def is_closed(self) -> bool:
        """Tell whether both ends are given."""
        return self.least is not None and self.most is not None


@dataclass(frozen=True)
class Frame:
    """What a list is made of: the fields it has, by the names it has for them.

    A view has its own names, a condition on all its records and an order of its own.
    """

    schema: Schema
    names: Mapping[str, str] | None = None
    where: Condition | None = None
    orders: tuple[Order, ...] = ()

    def get(self, name: str) -> Field:
        """Return the field a name stands for, or raise FieldUnknown."""
        if self.names is None:
            return self.schema.get(name)
        if name not in self.names:
            raise FieldUnknown(f"there is no field {name}")
        return self.schema.get(self.names[name])

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Return the names of the fields that a search looks into."""
        own = [each.name for each in self.schema.texts]
        if self.names is None:
            return tuple(own)
        shown = set(self.names.values())
        return tuple(name for name in own if is_named(name, shown))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records of a database a list holds, in which order, and which of them a page has."""

    database: int
    where: All
    search: str | None
    orders: tuple[Order, ...]
    descending: bool
    """Whether the newest come first; of records with the same keys, or of all without keys."""
    bounds: Bounds | None
    limit: int
    offset: int
    after: Cursor | None
    as_of: datetime | None
    with_archived: bool
    finds_nothing: bool = False
    counted: bool = True
    """Whether all that match are counted; who walks from page to page need not know."""

    @property
    def has_pattern(self) -> bool:
        """Tell whether a pattern was asked for, which may take long."""
        return has_pattern(self.where)

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything but belonging to the database decides."""
        return bool(self.search or self.bounds or self.where.parts)

    @property
    def goes_back(self) -> bool:
        """Tell whether the page stands before its cursor."""
        return self.after is not None and self.after.backwards


@dataclass(frozen=True, slots=True)
class Rows:
    """One page, how many records match in all, and each record's sort keys."""

    count: int
    records: tuple[Record, ...]
    keys: tuple[tuple[str | None, ...], ...]
    has_more: bool
    """Whether there are more in the direction the page was looked for."""

    def neighbours(self, after: Cursor | None) -> tuple[Cursor | None, Cursor | None]:
        """Return the cursors to the next page and the one before; ``after`` led to this one."""
        if not self.records:
            return None, None
        first = Cursor(self.keys[0], self.records[0].number, backwards=True)
        last = Cursor(self.keys[-1], self.records[-1].number)
        if after is not None and after.backwards:
            return last, first if self.has_more else None
        return last if self.has_more else None, None if after is None else first


@dataclass(frozen=True)
class Listing:
    """What a caller asks of a list."""

    search: str | None = None
    filter: str | None = None
    ordering: str | None = None
    page: int | None = None
    page_size: int | None = None
    filters: tuple[tuple[str, str], ...] = ()
    fields: frozenset[str] | None = None
    after: Cursor | None = None
    with_archived: bool = False
    counted: bool = True

    @property
    def limit(self) -> int:
        """Return how many rows a page has."""
        return self.page_size or MOST_ROWS

    @property
    def offset(self) -> int:
        """Return how many rows stand before the page."""
        return ((self.page or 1) - 1) * self.limit

    @property
    def named(self) -> list[str]:
        """Return the fields by whose values records are looked for."""
        names = [name for name, _ in self.filters]
        by_filter = self.filter is not None and self.search is not None
        return [*names, self.filter or ""] if by_filter else names

    @property
    def looks_into_texts(self) -> bool:
        """Tell whether all texts are searched."""
        return bool(self.search) and self.filter is None

    def selection(
        self, frame: Frame, grant: Grant, database: int, as_of: datetime | None
    ) -> Selection:
        """Return what to look for.

        Raise FieldUnknown for a field the list does not have, FieldHidden for one that may not
        decide what this caller is shown, ListInvalid for what cannot be looked for.
        """
        asked = self._asked(frame)
        orders, descending = self._orders(frame)
        named = set[str]().union(*(each.fields for each in asked), (o.name for o in orders))
        _check_open(frame.schema, named)
        grant.check_named(named)
        fixed = [each for each in (frame.where, grant.where) if each is not None]
        search, nothing = self._search(frame, grant, database)
        if search and as_of is not None:
            raise ListInvalid("a search looks into records as they are: filter by field with asOf")
        return Selection(
            database,
            All((*asked, *fixed)),
            search,
            orders or (() if self.ordering else frame.orders),
            descending,
            None if as_of else bounds_of(asked, frame.schema),
            self.limit,
            self.offset,
            self.after,
            as_of,
            self.with_archived,
            nothing,
            self.counted,
        )

    def _asked(self, frame: Frame) -> tuple[Condition, ...]:
        given = list(self.filters)
        if self.filter is not None and self.search is not None:
            given.append((self.filter, self.search))
        return tuple(filters.parse(frame.get(name), name, text) for name, text in given)

    def _search(self, frame: Frame, grant: Grant, database: int) -> tuple[str | None, bool]:
        """Return the search as PostgreSQL takes it, and whether it can find nothing.

        It looks only into fields by which this caller may choose records.
        """
        if not self.search or self.filter is not None:
            return None, False
        names = [name for name in frame.texts if may_choose(grant, name)]
        made = words.tsquery(database, names, self.search)
        return made, made is None

    def _orders(self, frame: Frame) -> tuple[tuple[Order, ...], bool]:
        said = self.ordering or ""
        if said in ("ascending", "descending"):
            if not self.filter:
                return (), said == "descending"
            said = ("-" if said == "descending" else "") + self.filter
        parts = [part for part in said.split(",") if part]
        if len(parts) > MOST_ORDERS:
            raise ListInvalid(f"a list is sorted by {MOST_ORDERS} fields at most")
        return tuple(order(frame, part) for part in parts), False


def order(frame: Frame, said: str) -> Order:
    """Return an order such as ``-child.birthdate``, or raise FieldUnknown or ListInvalid."""
    name = said.removeprefix("-")
    found = frame.get(name)
    if found.in_list or found.kind not in _SCALARS:
        raise FieldUnknown(f"{name}: a list can be sorted by texts, numbers, true and false only")
    return Order(found.path, _SCALARS[found.kind], said.startswith("-"))


def may_choose(grant: Grant, name: str) -> bool:
    """Tell whether a caller may choose records by a field."""
    try:
        grant.check_named([name])
    except FieldHidden:
        return False
    return True


def _check_open(schema: Schema, names: Iterable[str]) -> None:
    """Refuse what would choose records by what is kept encrypted."""
    for secret in (each.name for each in schema.secrets):
        for name in names:
            if name == secret or secret.startswith(f"{name}.") or name.startswith(f"{secret}."):
                raise FieldUnknown(f"{name}: is kept encrypted, records cannot be found by it")


def has_pattern(condition: Condition) -> bool:
    """Tell whether a condition holds a pattern."""
    if isinstance(condition, Comparison):
        return condition.operator is Operator.MATCHES
    parts = getattr(condition, "parts", None) or (getattr(condition, "part", None),)
    return any(part is not None and has_pattern(part) for part in parts)


def bounds_of(asked: Iterable[Condition], schema: Schema) -> Bounds | None:
    """Return what the index of values can find a list by, if anything; all conditions still decide.

    Equal values are found by the index on content, which knows them better.
    """
    best: Bounds | None = None
    for each in asked:
        parts = each.parts if isinstance(each, All) else (each,)
        compared = [part for part in parts if isinstance(part, Comparison)]
        if any(part.operator in (Operator.IS, Operator.IN) for part in compared):
            return None
        found = _bounds(compared, schema)
        if found is not None and (best is None or not best.is_closed):
            best = found
    return best


_ENDS = {Operator.AT_LEAST, Operator.AT_MOST, Operator.STARTS_WITH}


def _bounds(compared: Sequence[Comparison], schema: Schema) -> Bounds | None:
    """Return what comparisons of one field say of its values, if it is indexed."""
    ends = {part.operator: part.operand for part in compared if part.operator in _ENDS}
    found = schema.find(".".join(compared[0].path)) if ends else None
    if found is None or found.name not in schema.indexed:
        return None
    if Operator.STARTS_WITH in ends:
        prefix = cast("str", ends[Operator.STARTS_WITH])[:KEY_LENGTH]
        return Bounds(found.name, is_text=True, least=prefix, most=_beyond(prefix), below=True)
    least, most = (_end(ends.get(each)) for each in (Operator.AT_LEAST, Operator.AT_MOST))
    is_text = _SCALARS[found.kind] == "text"
    return Bounds(found.name, is_text=is_text, least=least, most=most)


def _end(value: object) -> str | None:
    if value is None:
        return None
    return value[:KEY_LENGTH] if isinstance(value, str) else repr(value)


def _beyond(prefix: str) -> str | None:
    """Return the first text after all that begin with a prefix; None when there is none."""
    for at in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[at]) + 1
        if 0xD800 <= following <= 0xDFFF:  # noqa: PLR2004  surrogates are no characters
            following = 0xE000
        if following <= 0x10FFFF:  # noqa: PLR2004  the last code point
            return prefix[:at] + chr(following)
    return None


def is_named(name: str, names: Iterable[str]) -> bool:
    """Tell whether a field is one of those named, inside one, or around one."""
    return any(
        name == each or name.startswith(f"{each}.") or each.startswith(f"{name}.") for each in names
    )


def narrowed(content: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return content with the named fields only, whole or the part of them that is named."""
    return _narrowed(content, frozenset(names), ())


def _narrowed(
    content: Mapping[str, Any], names: frozenset[str], path: tuple[str, ...]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in content.items():
        name = ".".join((*path, key))
        if name in names:
            kept[key] = value
        elif any(each.startswith(f"{name}.") for each in names):
            kept[key] = _inside(value, names, (*path, key))
    return kept


def _inside(value: Any, names: frozenset[str], path: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_inside(item, names, path) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return _narrowed(cast("dict[str, Any]", value), names, path)
    return value


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list as JSON texts, with the cursors to its neighbours."""

    count: int
    results: Sequence[str]
    next: Cursor | None = None
    previous: Cursor | None = None
