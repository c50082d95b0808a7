"""What is held about a person, and which of it is somebody else's (DR-CFR-data#4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from registry.databases.models import Definition
from registry.fields.models import Field, Schema
from registry.paths import value_at, values_in
from registry.rights.models import Sight
from registry.usage.models import Usage

MOST = 1000
"""Records, earlier states and uses that one export holds of each."""


@dataclass(frozen=True, slots=True)
class State:
    """What a record was for some time before it was changed."""

    record: UUID
    revision: int
    valid_from: datetime
    valid_to: datetime
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A record about the person, as it is now; a deleted one is still held."""

    database: int
    id: UUID
    number: int
    primary_key: str | None
    created_at: datetime
    changed_at: datetime
    archived_at: datetime | None
    deleted_at: datetime | None
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Framework:
    """A database, and what its newest published version says of its own rules."""

    id: int
    code: str
    number: int
    version: UUID
    definition: Definition


@dataclass(frozen=True, slots=True)
class Copy:
    """A record, as much of it as is the person's, and what is kept from them in it."""

    held: Held
    content: Mapping[str, Any]
    withheld: Sequence[str]
    earlier: Sequence[State]


@dataclass(frozen=True, slots=True)
class Database:
    """What one database holds about the person, by what rules, and who looked at it."""

    framework: Framework
    identifiers: Sequence[str]
    personal: Sequence[str]
    records: Sequence[Copy]
    uses: Sequence[Usage]


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that a member's databases hold about a person."""

    person: str
    controller: str
    at: datetime
    databases: Sequence[Database]
    is_complete: bool
    """Whether nothing was left out because there is too much of it."""


def withheld(schema: Schema, content: Mapping[str, Any], person: str) -> frozenset[str]:
    """Return the fields of a record that a person is not given: secrets, and what is another's.

    Personal data is whose identifier stands nearest: in the same object, or else in one around it.
    """
    secrets = {field.name for field in schema.secrets}
    others = {
        field.name
        for field in schema.every
        if field.is_personal and _is_anothers(schema, field, content, person)
    }
    return frozenset(secrets | others)


def _is_anothers(schema: Schema, field: Field, content: Mapping[str, Any], person: str) -> bool:
    around = [
        each for each in schema.identifiers if field.path[: len(each.path) - 1] == each.path[:-1]
    ]
    nearest = max((len(each.path) for each in around), default=0)
    owners = [each for each in around if len(each.path) == nearest]
    values = (value_at(content, each.path) for each in owners)
    named = {str(value) for value in values if value is not None}
    return bool(named) and person not in named


def shown(
    schema: Schema, content: Mapping[str, Any], person: str
) -> tuple[dict[str, Any], list[str]]:
    """Return what a person is given of content, and the fields in it that they are not."""
    without = withheld(schema, content, person)
    kept = Sight(without=without).of(schema.fields, content)
    present = [
        name
        for name in sorted(without)
        if any(True for _ in values_in(content, tuple(name.split("."))))
    ]
    return kept, present
