"""What can be subscribed to, and which of it a subscription asks for (DRS-5.h)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.problems import Conflict, FieldError, Forbidden, Invalid, NotFound
from registry.conditions import models as conditions
from registry.conditions.models import Condition
from registry.records.models import Record

NAME = "subscribed"
"""The setting of a database that somebody subscribes to."""

MOST = 50
"""Subscriptions of one database."""

_TYPE = "global.govstack.registry."
TEST = f"{_TYPE}subscription-test"
"""The type of the event that a subscriber sends to itself."""


class SubscriptionNotFound(NotFound):
    """There is no subscription of the caller's with this id."""

    title = "Subscription not found"


class SubscriptionInvalid(Invalid):
    """The subscription cannot be used; the errors name the place."""

    title = "The subscription is not valid"


class SubscriptionOfOther(Forbidden):
    """Only who subscribed changes a subscription; the owner of the database may end it."""

    title = "It is another application's subscription"


class SubscriptionsFull(Conflict):
    """The database has as many subscriptions as it may."""

    title = "No more subscriptions"


class Kind(StrEnum):
    """What happens to records and databases."""

    RECORD_CREATED = "record.created"
    RECORD_UPDATED = "record.updated"
    RECORD_DELETED = "record.deleted"
    RECORD_ARCHIVED = "record.archived"
    RECORD_RESTORED = "record.restored"
    RECORD_DESTROYED = "record.destroyed"
    DATABASE_PUBLISHED = "database.published"

    @property
    def type(self) -> str:
        """Return the type of its events, as CloudEvents wants it."""
        return f"{_TYPE}{self.value}"


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened: to a record, or to the database when there is no ``record_id``.

    ``before`` and ``after`` are the record's content, empty where there was or is none; ``fields``
    names the fields that changed. None of the content is kept.
    """

    kind: Kind
    record_id: UUID | None = None
    number: int | None = None
    revision: int | None = None
    before: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fields: Sequence[str] = ()

    @property
    def content(self) -> Mapping[str, Any]:
        """Return the record as it is, or as it was before it went."""
        return self.after or self.before


@dataclass(frozen=True, slots=True)
class Present:
    """A record as it is when an event about it leaves."""

    kept: Record
    is_deleted: bool


@dataclass(frozen=True)
class Subscription:
    """What somebody wants to be told of, with the rights that they are told by."""

    id: UUID
    database: int
    tenant: str
    client: str
    scopes: frozenset[str]
    legal_basis: str | None
    version: int
    events: frozenset[Kind]
    condition: Mapping[str, Any] | None
    fields: frozenset[str]
    with_content: bool
    is_active: bool
    endpoint_id: UUID
    created_at: datetime
    changed_at: datetime

    @cached_property
    def filter(self) -> Condition | None:
        """Return the condition that records must fulfil, if there is one."""
        if self.condition is None:
            return None
        return conditions.parse(self.condition, ("condition",), None)

    def wants(self, happened: Happened) -> bool:
        """Tell whether it asks for this: its kind, a field that changed, and its condition."""
        if not self.is_active or happened.kind not in self.events:
            return False
        if happened.record_id is None:
            return True
        is_change = happened.kind is Kind.RECORD_UPDATED
        if is_change and self.fields and not self.fields & set(happened.fields):
            return False
        return self.filter is None or self.filter.holds(happened.content)

    @property
    def caller(self) -> Caller:
        """Return the subscriber as a caller, with the scopes of its right when it subscribed."""
        return Caller(self.client, self.tenant, scopes=self.scopes)

    @property
    def label(self) -> str:
        """Return the version whose fields it is told, ``1.0``."""
        return f"{self.version}.0"

    @property
    def is_owners(self) -> bool:
        """Tell whether an application of the member whose database it is subscribed."""
        return self.caller.is_owner


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscriber asks for."""

    events: frozenset[Kind]
    condition: Mapping[str, Any] | None = None
    fields: frozenset[str] = frozenset()
    with_content: bool = False
    is_active: bool = True
    legal_basis: str | None = None


def refuse(place: str, reason: str) -> SubscriptionInvalid:
    """Return the refusal of one place of a subscription."""
    where = f"#/{place}"
    return SubscriptionInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


def source_of(tenant: str, database_id: int) -> str:
    """Return where a database's events come from, as CloudEvents names it."""
    return f"/{tenant}/registry/database/{database_id}"
