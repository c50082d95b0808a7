"""What may be written in a record, and what a write makes of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kit.problems import Conflict, FieldError, Invalid, Problem
from registry.actions.models import Event
from registry.databases.models import Release
from registry.fields.models import Schema
from registry.paths import value_at, with_value
from registry.places import pointer
from registry.records.models import Record
from registry.rights.models import FieldHidden, Grant
from registry.secrets import models as secrets
from registry.triggers.models import counters, fire
from registry.validation.models import refuse_content

PLACE = ("write", "content")
_READ_ONLY = "is read-only"
_NOTHING = hashlib.sha256(b"{}").hexdigest()


class IdentifierFixed(Conflict):
    """An identifier of a person never changes once it is there (DRS-14)."""

    title = "The person's identifier never changes"


class RecordChanged(Problem):
    """The record is not any more what the request says it changes (RFC 9110 section 13.1.1)."""

    status = 412
    title = "The record has changed"


class ReasonMissing(Invalid):
    """To destroy a record takes a law that says so (DR-CFR-data#7)."""

    title = "The legal basis is missing"


class NotUnique(Conflict):
    """Another record has these values already."""

    title = "Another record has these values"


@dataclass(frozen=True, slots=True)
class Tags:
    """The entity tags of which a record must have one to be changed; None: whatever it has."""

    given: tuple[str, ...] | None = None

    def check(self, record: Record) -> None:
        """Raise RecordChanged when the record has none of the tags."""
        if self.given is not None and record.tag not in self.given:
            raise RecordChanged("it has another ETag than If-Match names")


ANY_TAG = Tags()


def tags_of(header: str | None) -> Tags:
    """Return what If-Match asks for; ``*`` is any record that is there."""
    if header is None or header.strip() == "*":
        return ANY_TAG
    return Tags(tuple(part.strip() for part in header.split(",")))


@dataclass(frozen=True, slots=True)
class Archival:
    """Whether a record shall be out of normal results, and the tags it must have one of."""

    archived: bool
    tags: Tags = ANY_TAG


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as it will be kept: its content and what is looked up by."""

    content: dict[str, Any]
    primary_key: str | None
    subjects: tuple[str | None, ...]
    is_exact: bool
    """Whether the content has fields of the path's version only."""


Numbers = Mapping[str, int]


def same(one: object, other: object) -> bool:
    """Tell whether two JSON values are the same; unlike Python's, true is not 1 here."""
    if one is None or other is None:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def merge(content: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return content with a change merged in (RFC 7396): objects deeply, null removes."""
    merged = dict(content)
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            held = merged.get(name)
            inside = cast("dict[str, Any]", held) if isinstance(held, dict) else {}
            merged[name] = merge(inside, cast("dict[str, Any]", value))
        else:
            merged[name] = value
    return merged


def check_writable(grant: Grant, schema: Schema, content: Mapping[str, Any]) -> None:
    """Raise FieldHidden for content in a field that the caller's rights do not let them write."""
    if grant.fields is None and not grant.denials:
        return
    taken = frozenset[str]().union(*(denial.fields or () for denial in grant.denials))
    for field in schema.every:
        writable = grant.shows(field.name) and field.name not in taken
        if not field.fields and not writable and _mentions(content, field.path):
            where = pointer(*PLACE, *field.path)
            error = FieldError(where, "your rights do not cover this field")
            raise FieldHidden(f"{where}: {error.reason}", errors=[error])


def counted(release: Release, content: Mapping[str, Any]) -> list[str]:
    """Return the gapless counters that creating this record takes one number of."""
    triggers = release.path.triggers
    if not any(each.counter for each in triggers):
        return []
    return counters(triggers, release.path.schema.with_defaults(content))


def create(
    release: Release, content: Mapping[str, Any], number: int, gapless: Numbers | None = None
) -> Draft:
    """Return a new record with what triggers and defaults give it, or raise ContentInvalid.

    ``gapless`` has the next number of each counter that ``triggers.models.counters`` names.
    """
    path = release.path
    secrets.refuse_sealed(release.secrets, content, {}, PLACE)
    _refuse_read_only(path.schema, content, {})
    whole = path.schema.with_defaults(content)
    made = fire(path.triggers, whole, release.code, number, gapless=gapless)
    if not path.validator.fits(made):
        path.schema.check_known(content, *PLACE)
    return _draft(release, made, number)


def update(
    release: Release, content: Mapping[str, Any], change: Mapping[str, Any], number: int
) -> Draft:
    """Return a record with a change merged in; raise ContentInvalid or IdentifierFixed.

    ``number`` is the record's own. Triggers run when something else changes, and only then.
    """
    release.path.schema.check_known(change, *PLACE)
    secrets.refuse_sealed(release.secrets, change, content, PLACE)
    _refuse_read_only(release.path.schema, change, content)
    merged = merge(content, change)
    if not same(content, merged):
        merged = fire(release.path.triggers, merged, release.code, number, event=Event.CHANGE)
    for field in release.current.schema.identifiers:
        before, after = value_at(content, field.path), value_at(merged, field.path)
        if before is not None and not same(before, after):
            where = pointer(*PLACE, *field.path)
            error = FieldError(where, "identifies a person and never changes")
            raise IdentifierFixed(f"{where}: {error.reason}", errors=[error])
    return _draft(release, merged, number)


def attach(
    release: Release, content: Mapping[str, Any], files: tuple[tuple[str, ...], Any], number: int
) -> Draft:
    """Return a record with the files of a field, which nobody writes, and what triggers make of it.

    ``files`` are the field's path and what it says, None for nothing; ``number`` the record's own.
    """
    path, value = files
    merged = merge(content, with_value({}, path, value))
    merged = fire(release.path.triggers, merged, release.code, number, event=Event.CHANGE)
    return _draft(release, merged, number)


def _draft(release: Release, content: dict[str, Any], number: int = 0) -> Draft:
    path, current = release.path, release.current.schema
    is_exact = path.validator.fits(content)
    if not is_exact:
        _check(release, content)
    if release.secrets:
        kept = secrets.encryption_of(release.settings)
        content = secrets.sealed(release.secrets, content, (release.database, number), kept)
    key = current.primary_key
    return Draft(
        content,
        None if key is None else _text(value_at(content, key.path)),
        tuple(_text(value_at(content, field.path)) for field in current.identifiers),
        is_exact,
    )


def _check(release: Release, content: Mapping[str, Any]) -> None:
    """Raise ContentInvalid for what does not fit; what is sealed was checked when it came."""
    path = release.path
    clear, sealed = secrets.without_sealed(release.secrets, path.schema.project(content))
    kept = {pointer(*PLACE) + place.removeprefix("#") for place in sealed}
    errors = path.validator.errors(clear, *PLACE)
    refuse_content([error for error in errors if error.pointer not in kept])


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _refuse_read_only(
    schema: Schema, change: Mapping[str, Any], content: Mapping[str, Any]
) -> None:
    """Refuse what may not be written, unless it says what the record has already."""
    errors = [
        FieldError(pointer(*PLACE, *field.path), _READ_ONLY)
        for field in schema.given
        if _mentions(change, field.path)
        and not same(value_at(change, field.path), value_at(content, field.path))
    ]
    refuse_content(errors)


def _mentions(content: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Tell whether content says something of a path, were it that it shall be gone."""
    inside: Any = content
    for name in path:
        if not isinstance(inside, dict) or name not in inside:
            return False
        inside = cast("dict[str, Any]", inside)[name]
        if inside is None:
            return True
    return True


def without_read_only(schema: Schema, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return content without the fields that nobody may write."""
    kept = dict(content)
    for field in schema.every:
        if field.marked("readOnly") and len(field.path) == 1:
            kept.pop(field.path[0], None)
    return kept


def changed(release: Release, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of the schema's fields whose values differ.

    Names inside an object without described fields are data, so they are not among them.
    """
    return [
        field.name
        for field in release.path.schema.every
        if not field.inside
        and not field.in_list
        and not same(value_at(before, field.path), value_at(after, field.path))
    ]


def values(content: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the named values for the log: integers past 2^53, which RFC 8785 lacks, as text."""
    found = {name: value_at(content, tuple(name.split("."))) for name in names}
    return {name: loggable(value) for name, value in found.items() if value is not None}


def loggable(value: Any) -> Any:
    """Return a JSON value that RFC 8785 can write: integers past 2^53 become text."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: loggable(item) for name, item in members.items()}
    if isinstance(value, list):
        return [loggable(item) for item in cast("list[Any]", value)]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    return value


def touches_unique(release: Release, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether a change touches a value that must be unique."""
    names = {name for group in release.current.schema.uniques for name in group}
    paths = [tuple(name.split(".")) for name in names]
    return any(not same(value_at(before, path), value_at(after, path)) for path in paths)


def not_unique(broken: Iterable[str], *place: object) -> NotUnique:
    """Return what is wrong with content at a place that breaks rules, named as PostgreSQL does."""
    names = dict.fromkeys(name for rule in broken for name in json.loads(rule))
    errors = [
        FieldError(pointer(*place, *name.split(".")), "another record has this value")
        for name in names
    ]
    return NotUnique("another record has the same " + ", ".join(names), errors=errors)


def digest(content: Mapping[str, Any]) -> str:
    """Return what the ledger keeps of content that is about nobody: SHA-256 of its JSON text."""
    if not content:
        return _NOTHING
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
