"""Links between records: what a schema says of them, what a record refers to, what a deletion does.

A link names a database and a field of it (DRS-2). What the schema says is resolved once, when the
version is published, and kept as ``Tie`` in the settings of both databases: ``links`` of the one
that refers, ``linkedFrom`` of the one that is referred to.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from kit.problems import Conflict, FieldError, Invalid, NotFound, Unavailable
from registry.fields.models import Field, FieldUnknown, Schema
from registry.paths import value_at
from registry.places import pointer, refuse
from registry.records.models import as_id

LINKS, LINKED_FROM = "links", "linkedFrom"
PLACE = ("write", "content")
MOST_FALLEN = 1000
"""Records that one deletion may take with it."""

FOREIGN_KEY, SOFT, EDGE = "foreignKey", "soft", "edge"
RESTRICT, CASCADE, ORPHAN = "restrict", "cascade", "orphan"
_LONGEST = 200


class LinkBroken(Invalid):
    """A field refers to a record that is not there; the errors name the field."""

    title = "The record referred to is not there"
    records: tuple[UUID, ...] = ()
    """Which of several changed records refer to it."""


class StillLinked(Conflict):
    """Records of other databases refer to this, and their rule is to keep it."""

    title = "Other records refer to this"


class DatabaseLinked(Conflict):
    """Other databases link to this one, or to a field of it that would be gone."""

    title = "Other databases link to this one"


class RecordsNotLinked(Conflict):
    """Records refer to what is not there, by a link of the version to be published."""

    title = "Existing records refer to records that are not there"


class LinkInContent(Conflict):
    """The edge stands in a field of the record: it is changed there."""

    title = "The link stands in the record's own field"


class LinkUnknown(NotFound):
    """There is no such record to link."""

    title = "No such record to link"


class LinksBusy(Unavailable):
    """Two transactions want to change linked records in opposite orders; one of them gave way."""

    title = "Linked records are being changed by others"


@dataclass(frozen=True, slots=True)
class Tie:
    """A link between two databases, resolved: ``field`` of ``source`` refers to ``target``."""

    source: int
    field: str
    target: int
    key: str | None
    """The field of the target whose values are referred to; None: ids of records."""
    type: str
    on_delete: str

    @property
    def path(self) -> tuple[str, ...]:
        """Return where the reference stands in a record."""
        return tuple(self.field.split("."))

    @property
    def is_loose(self) -> bool:
        """Tell whether the record referred to need not be there."""
        return self.type == SOFT

    @property
    def document(self) -> dict[str, Any]:
        """Return the tie as settings keep it."""
        return {
            "source": self.source,
            "field": self.field,
            "target": self.target,
            "key": self.key,
            "type": self.type,
            "onDelete": self.on_delete,
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Tie":
        """Return a tie that settings keep."""
        return cls(
            said["source"],
            said["field"],
            said["target"],
            said["key"],
            said["type"],
            said["onDelete"],
        )


def ties(settings: Mapping[str, Any], name: str) -> tuple[Tie, ...]:
    """Return the ties that a database's settings keep as ``links`` or ``linkedFrom``."""
    kept: list[Mapping[str, Any]] = settings.get(name) or []
    return tuple(Tie.read(each) for each in kept)


def tie(field: Field, ends: tuple[int, int], schema: Schema) -> Tie:
    """Return the tie of a field that links; ``ends`` are its database and the one it leads to.

    ``schema`` is the newest published one there. Raise SchemaInvalid naming the place when a value
    could mean no record or several.
    """
    link = field.link
    if link is None:
        refuse(field.place, "is no link")
    place = (*field.place, "x-link")
    if link.type == SOFT and link.on_delete != ORPHAN:
        refuse((*place, "onDelete"), "is orphan for a soft link: it constrains nothing")
    key = _key(field, schema)
    return Tie(ends[0], field.name, ends[1], key, link.type, link.on_delete)


def _key(field: Field, schema: Schema) -> str | None:
    link = field.link
    if link is None or (link.field is None and link.field_id is None):
        return None
    name = "field" if link.field is not None else "fieldId"
    place = (*field.place, "x-link", name)
    found = schema.find(link.field) if link.field is not None else None
    if link.field_id is not None:
        found = next((f for f in schema.every if f.spec.get("id") == link.field_id), None)
    if found is None:
        refuse(place, "is not a field of the database it leads to")
    if found.is_secret or found.in_list:
        refuse(place, "is a field that cannot be referred to")
    if link.type != SOFT and not is_key(schema, found.name):
        refuse(place, "is neither the primary key nor unique there")
    return found.name


def is_key(schema: Schema, name: str) -> bool:
    """Tell whether a value of a field means one record at most."""
    key = schema.primary_key
    return (key is not None and key.name == name) or (name,) in schema.uniques


def check_kept(linked: Iterable[Tie], schema: Schema) -> None:
    """Raise DatabaseLinked when a schema lacks what other databases refer to."""
    for each in linked:
        if each.key is None:
            continue
        if schema.find(each.key) is None or not (each.is_loose or is_key(schema, each.key)):
            raise DatabaseLinked(
                f"the field {each.key} is referred to by database {each.source}: it stays, unique"
            )


def references(each: Tie, content: Mapping[str, Any]) -> list[str]:
    """Return what a record refers to through one link, each once; raise LinkBroken for nonsense."""
    value = value_at(content, each.path)
    several = cast("list[object]", value) if isinstance(value, list) else [value]
    return list(dict.fromkeys(_reference(each, one) for one in several if one is not None))


def _reference(each: Tie, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise broken([each], "is not a reference to a record")
    text = str(value)
    if each.key is not None:
        if len(text) > _LONGEST:
            raise broken([each], f"has more than {_LONGEST} characters")
        return text
    record_id = as_id(text)
    if record_id is None:
        raise broken([each], "is not the id of a record, a UUID")
    return str(record_id)


def broken(which: Sequence[Tie], reason: str) -> LinkBroken:
    """Return the refusal that names the fields of links."""
    errors = [FieldError(pointer(*PLACE, *each.path), reason) for each in which]
    return LinkBroken("; ".join(f"{each.field}: {reason}" for each in which), errors=errors)


@dataclass(frozen=True, slots=True)
class Difference:
    """How the references of one record through one link change."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def difference(each: Tie, before: Mapping[str, Any], after: Mapping[str, Any]) -> Difference:
    """Return how a change of a record changes what it refers to; raise LinkBroken."""
    were, are = references(each, before), references(each, after)
    added = tuple(one for one in are if one not in were)
    return Difference(added, tuple(one for one in were if one not in are))


def released_keys(
    linked: Iterable[Tie], before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Tie]:
    """Return the links whose values a change takes away from a record that is referred to."""
    return [
        each
        for each in linked
        if each.key is not None and not each.is_loose and _loses(each.key, before, after)
    ]


def _loses(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    path = tuple(key.split("."))
    was = value_at(before, path)
    return was is not None and str(was) != str(value_at(after, path))


@dataclass(frozen=True, slots=True)
class Fallen:
    """A record that goes because one it refers to goes."""

    database: int
    record: UUID
    cause: UUID
    cause_database: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Values that records are looked for by, and how.

    ``parts`` are JSON texts that hold each value where the field stands.
    """

    values: tuple[str, ...]
    parts: tuple[str, ...] = ()
    by_primary_key: bool = False


def wanted(each: Tie, schema: Schema, values: Sequence[str]) -> Wanted:
    """Return how records are found by what a link says; ``schema`` is the one over there.

    A value that the field could never have is left out: no record has it.
    """
    if each.key is None:
        return Wanted(tuple(values))
    key = schema.primary_key
    if key is not None and key.name == each.key:
        return Wanted(tuple(values), by_primary_key=True)
    field = schema.find(each.key)
    parts: list[str] = []
    for value in values:
        try:
            said = None if field is None else field.value_of(value)
        except FieldUnknown:
            continue
        parts.append(json.dumps(schema.nest(each.key, said)))
    return Wanted(tuple(values), tuple(parts))


FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Window:
    """How many records to return, and after which."""

    size: int
    after: UUID = FIRST


@dataclass(frozen=True, slots=True)
class Edge:
    """That a record refers to another, as it is kept."""

    source_database: int
    source: UUID
    field: str
    target_database: int
    target: UUID | None


def rules(linked: Iterable[Tie]) -> dict[tuple[int, str], str]:
    """Return the rule for deletion of each link, by the database and field that refer."""
    return {(each.source, each.field): each.on_delete for each in linked}


def kept_by(
    edges: Iterable[Edge],
    known: Mapping[tuple[int, str], str],
    falling: Mapping[UUID, object],
) -> dict[int, int]:
    """Return how many records of which databases keep what shall be deleted."""
    kept: dict[int, set[UUID]] = {}
    for each in edges:
        rule = known.get((each.source_database, each.field), ORPHAN)
        if rule == RESTRICT and each.source not in falling:
            kept.setdefault(each.source_database, set()).add(each.source)
    return {database: len(records) for database, records in kept.items()}


def still_linked(kept: Mapping[int, int], codes: Mapping[int, str]) -> StillLinked:
    """Return the refusal that names databases and counts, and nobody's record."""
    said = [f"{codes.get(each, each)} ({count})" for each, count in sorted(kept.items())]
    return StillLinked("records of these databases refer to it: " + ", ".join(said))
