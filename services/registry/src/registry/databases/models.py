"""What a database is, how its versions follow each other, and what a version means for records."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from kit.problems import Conflict, NotFound
from registry.actions.models import NUMBER, Event
from registry.fields.models import Field, Schema
from registry.keywords import models as keywords
from registry.places import refuse
from registry.triggers import models as triggers
from registry.triggers.models import Trigger
from registry.validation.models import Validator

_VERSION = re.compile(r"([1-9][0-9]{0,8})\.0")
_FLAGS = {
    "primaryKey": "primaryKey",
    "readOnly": "readOnly",
    "unique": "unique",
    "x-personalData": "personalData",
    "x-personalDataId": "personalDataId",
}


class DatabaseNotFound(NotFound):
    """This member has no database with this id."""

    title = "Database not found"


class RegistryNotFound(NotFound):
    """This member has published no such version of a database with this code."""

    title = "Registry or version not found"


class DatabaseTaken(Conflict):
    """The id or the code belongs to another database."""

    title = "The id or code belongs to another database"


class DatabaseArchived(Conflict):
    """An archived database stays as it is: no other definition, no other version (DRS-1.b)."""

    title = "The database is archived"


class NotPublished(Conflict):
    """A database is archived after it was published, not before (DRS-1.b)."""

    title = "The database was never published"


class VersionNotFound(NotFound):
    """The database has no version with this number."""

    title = "Version not found"


class RecordsNotUnique(Conflict):
    """The records there are break a uniqueness rule of the version to be published."""

    title = "Existing records are not unique"


@dataclass(frozen=True, slots=True)
class ConsentRule:
    """Whose consent a read of another member needs (DRS-6.c)."""

    data_agreement_id: str
    external_id_type: str
    identifier: str | None


@dataclass(frozen=True, slots=True)
class Definition:
    """What an analyst says of a database, as the wire spells it."""

    document: Mapping[str, Any]

    def replaced(self, given: Mapping[str, Any]) -> "Definition":
        """Return the definition with what was given; what was not given stays as it is."""
        return Definition({**self.document, **given})

    def __getitem__(self, name: str) -> Any:
        return self.document.get(name)

    @property
    def uniques(self) -> Sequence[Sequence[str]]:
        """Return the groups of fields that are unique together."""
        return self["fieldsUniques"] or []

    def schema(self) -> Schema:
        """Return the schema as read, or raise SchemaInvalid."""
        return keywords.parse(self["schema"], self.uniques)

    @property
    def needs_legal_basis(self) -> bool:
        """Tell whether a read must say by what law it is done (DRS-8.e)."""
        return bool((self["access"] or {}).get("requiresLegalBasis"))

    def consent(self, schema: Schema) -> ConsentRule | None:
        """Return the consent that reads need, or raise SchemaInvalid when nobody could give it."""
        said = (self["access"] or {}).get("requiresConsent")
        if said is None:
            return None
        named = said.get("personalDataIdField")
        if named not in (None, *(field.name for field in schema.identifiers)):
            refuse(
                ("access", "requiresConsent", "personalDataIdField"),
                "is not a field marked x-personalDataId",
            )
        if not schema.identifiers:
            refuse(("access", "requiresConsent"), "needs a field marked x-personalDataId")
        return ConsentRule(said["dataAgreementId"], said["externalIdType"], named)


@dataclass(frozen=True, slots=True)
class Rules:
    """A version made ready for work on records."""

    version: UUID
    number: int
    schema: Schema
    validator: Validator
    triggers: tuple[Trigger, ...]
    consent: ConsentRule | None
    needs_legal_basis: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a database: a draft until it is published, then unchangeable."""

    id: UUID
    database: int
    number: int
    definition: Definition
    changed_at: datetime
    changed_by: str
    published_at: datetime | None = None

    @property
    def label(self) -> str:
        """Return the version number as data paths carry it, ``1.0``."""
        return f"{self.number}.0"

    @property
    def is_draft(self) -> bool:
        """Tell whether the version is not published yet."""
        return self.published_at is None

    def compile(self) -> Rules:
        """Make the version ready, or raise SchemaInvalid naming what cannot be used."""
        schema = self.definition.schema()
        consent = self.definition.consent(schema)
        made = triggers.parse(schema)
        _check_reachable(schema, made)
        basis = self.definition.needs_legal_basis
        return Rules(self.id, self.number, schema, Validator(schema), made, consent, basis)


class State(StrEnum):
    """Where a database is in its life: it goes forward, and never back (DRS-1.b)."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Database:
    """A database, with what its features keep of it by name."""

    id: int
    tenant: str
    code: str
    current_version: UUID | None
    last_number: int
    archived_at: datetime | None = None
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def state(self) -> State:
        """Return where the database is in its life."""
        if self.archived_at is not None:
            return State.ARCHIVED
        return State.DRAFT if self.current_version is None else State.PUBLISHED


@dataclass(frozen=True, slots=True)
class Named:
    """What a data path names, as the database said a moment ago: what a release is made of."""

    tenant: str
    database: int
    code: str
    path_version: UUID
    current_version: UUID
    revision: int

    @property
    def versions(self) -> tuple[UUID, UUID]:
        """Return the version the path names, and the newest published one."""
        return self.path_version, self.current_version


@dataclass(frozen=True)
class Release:
    """A published version as a data path names it.

    ``path`` decides which fields there are; ``current``, the newest published version, decides
    what is unique, who is identified and whose consent is needed, whichever version is used.
    ``settings`` holds what features keep of the database, by name; ``revision`` goes up with every
    change of anything here, so that what was made of it is made anew.
    """

    database: int
    code: str
    path: Rules
    current: Rules
    tenant: str = ""
    revision: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_archived: bool = False

    @cached_property
    def secrets(self) -> tuple[Field, ...]:
        """Return the fields that are secret in this version or in the newest one."""
        named = {each.name: each for each in self.current.schema.secrets}
        return tuple({**named, **{e.name: e for e in self.path.schema.secrets}}.values())

    @cached_property
    def personal(self) -> tuple[str, ...]:
        """Return the names of this version's personal fields, by its own marks or newer ones."""
        newer = set(self.current.schema.personal)
        return tuple(
            each.name for each in self.path.schema.every if each.is_personal or each.name in newer
        )


def version_number(label: str) -> int:
    """Return the number of a version label such as ``1.0``, or raise RegistryNotFound."""
    found = _VERSION.fullmatch(label)
    if found is None:
        raise RegistryNotFound("a version is written like 1.0")
    return int(found[1])


def group_number(tenant: str) -> int:
    """Return the integer GovStack wants for a member's group of databases: stable, 48 bits."""
    return int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:6])


def flags(schema: Schema) -> list[dict[str, str]]:
    """Return the marks of a schema's fields, each with the path of its field."""
    found: list[dict[str, str]] = []
    for each in schema.every:
        path = "/" + "/".join(each.path)
        if each.required:
            found.append({"name": "mandatory", "path": path})
        found += [
            {"name": name, "path": path} for mark, name in _FLAGS.items() if each.marked(mark)
        ]
    return found


def number_format(version: Version) -> str:
    """Return how records are numbered: the template of the primary key's trigger."""
    schema = version.definition.schema()
    key = schema.primary_key
    templates = [t.template for t in triggers.parse(schema) if key and t.target.path == key.path]
    return str(templates[0]) if templates else f"{{{NUMBER}}}"


def _check_reachable(schema: Schema, made: Sequence[Trigger]) -> None:
    """Refuse a schema no record could ever fit."""
    set_by_trigger = {trigger.target.name for trigger in made if Event.CREATE in trigger.events}
    for each in schema.every:
        if each.required and each.marked("readOnly") and each.name not in set_by_trigger:
            refuse((*each.place, "readOnly"), "is required, and nothing could ever set it")
