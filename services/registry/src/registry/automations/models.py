"""What an automation is: when it runs, for which records, what it makes of them and where (DRS-19).

The document as its owner wrote it is what is kept; ``read`` makes a plan of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.problems import Conflict, FieldError, Forbidden, Invalid, NotFound
from registry.conditions import models as conditions
from registry.conditions.models import Condition
from registry.fields.models import Schema
from registry.mappings import models as mappings
from registry.mappings.models import Mapper

LEAST_SECONDS = 60
MOST = 50
"""Automations of one database."""

NEEDED = frozenset({"records:read", "records:write"})
"""The scopes that whoever makes an automation works with."""


class AutomationNotFound(NotFound):
    """There is no automation with this id."""

    title = "Automation not found"


class AutomationInvalid(Invalid):
    """The automation cannot be used; the errors name the place."""

    title = "The automation is not valid"


class AutomationsFull(Conflict):
    """The database has as many automations as it may."""

    title = "No more automations"


class RightsLacking(Forbidden):
    """An automation works with its maker's rights, and those do not suffice."""

    title = "Your rights do not cover what the automation does"


@dataclass(frozen=True, slots=True)
class Target:
    """Where outcomes go: to a database (``code`` and ``version``), or to an address by ``method``.

    ``match`` names the fields by which the record to change is found; ``member`` whose database.
    """

    code: str = ""
    version: str = ""
    member: str = ""
    match: tuple[str, ...] = ()
    method: str = "POST"

    @property
    def is_database(self) -> bool:
        """Tell whether it is a database here."""
        return bool(self.code)


@dataclass(frozen=True, slots=True)
class Plan:
    """An automation's document made ready."""

    condition: Condition | None
    query: Mapper
    answer: Mapper
    target: Target


@dataclass(frozen=True)
class Automation:
    """An automation as kept; its address and the token that begins it stand elsewhere."""

    id: UUID
    database: int
    tenant: str
    client: str
    scopes: frozenset[str]
    document: Mapping[str, Any]
    is_active: bool
    seconds: int | None
    next_at: datetime | None
    token: bytes | None
    endpoint_id: UUID | None
    created_at: datetime
    changed_at: datetime

    @cached_property
    def plan(self) -> Plan:
        """Return what is to be done."""
        return read(self.document, None, None)

    def caller(self, tenant: str | None = None) -> Caller:
        """Return who works: its maker, with the scopes of the right it was made with."""
        return Caller(self.client, tenant or self.tenant, scopes=self.scopes)


def refuse(place: str, reason: str) -> AutomationInvalid:
    """Return the refusal of one place of an automation."""
    where = f"#/{place}"
    return AutomationInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


def target_of(document: Mapping[str, Any]) -> Target:
    """Return where a document's outcomes go."""
    said = document["target"]
    return Target(
        said.get("database") or "",
        said.get("version") or "1.0",
        said.get("member") or "",
        tuple(said.get("match") or ()),
        said.get("method") or "POST",
    )


def read(document: Mapping[str, Any], source: Schema | None, outcome: Schema | None) -> Plan:
    """Read a document, or raise ConditionInvalid, MappingInvalid or AutomationInvalid.

    ``source`` is the schema of the database it reads, ``outcome`` that of the one it writes.
    """
    said = document.get("conditions")
    condition = None if said is None else conditions.parse(said, ("conditions",), source)
    if condition is not None and condition.bind({}) != condition:
        raise refuse("conditions", "cannot speak of a caller: nobody calls")
    mapping = document["mapping"]
    query = mappings.parse(mapping["query"], ("mapping", "query"), source, outcome)
    if not query.names:
        raise refuse("mapping/query", "names at least one field")
    answer = mappings.parse(mapping.get("answer") or {}, ("mapping", "answer"), None, source)
    target = target_of(document)
    for name in target.match:
        if name not in query.names:
            raise refuse("target/match", f"{name} is not among the names of mapping.query")
    return Plan(condition, query, answer, target)
