"""Rooms, event types, subscriptions and events: the rules."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jsonschema_rs

from gateway.configuration.models import Configuration, Service, is_code
from kit.access import Caller
from kit.problems import Conflict, FieldError, Forbidden, Invalid, NotFound

LONGEST_TTL = 31_536_000
_ERRORS_SAID = 20


class RoomUnknown(NotFound):
    """No application has the room's address."""

    title = "Room not found"


class NotForYou(Forbidden):
    """The caller has no right to do this in the room."""

    title = "No right in this room"


class EventTypeUnknown(NotFound):
    """The room has no event type of this name."""

    title = "Event type not found"


class EventTypeTaken(Conflict):
    """The room has an event type of this name."""

    title = "Event type already exists"


class EventTypeRefused(Invalid):
    """The event type's name or schema cannot be one."""

    title = "The event type is not valid"


class EventRefused(Invalid):
    """The event does not fit its type's schema."""

    title = "The event is not valid"


class EventUnknown(NotFound):
    """There is no such event, or none is waiting."""

    title = "Event not found"


class SubscriptionUnknown(NotFound):
    """The caller has no subscription to this event type."""

    title = "Subscription not found"


class SubscriptionTaken(Conflict):
    """The caller has subscribed to this event type already."""

    title = "Subscription already exists"


class SubscriptionRefused(Invalid):
    """The subscription asks for what is not there."""

    title = "The subscription is not valid"


@dataclass(frozen=True, slots=True)
class EventType:
    """A kind of event in a room, with the JSON Schema of its payload."""

    room: str
    name: str
    schema: Mapping[str, Any]
    created_at: datetime

    def check(self) -> None:
        """Refuse a name or a schema that cannot be one; raise EventTypeRefused."""
        if not is_code(self.name):
            reason = "letters, digits, dots, - and _, not _ at first"
            errors = [FieldError("#/eventType", reason)]
            raise EventTypeRefused(f"eventType: {reason}", errors=errors)
        try:
            _validator(json.dumps(dict(self.schema), sort_keys=True))
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            errors = [FieldError("#/schema", "is not a JSON Schema that can be compiled here")]
            raise EventTypeRefused("schema: is not a JSON Schema", errors=errors) from error

    def check_event(self, event: Mapping[str, Any]) -> None:
        """Refuse a payload that breaks the schema, naming fields and never values."""
        validator = _validator(json.dumps(dict(self.schema), sort_keys=True))
        found = validator.iter_errors(dict(event))
        errors = [
            FieldError("/".join(["#/event", *map(str, error.instance_path)]), error.message)
            for error, _ in zip(found, range(_ERRORS_SAID), strict=False)
        ]
        if errors:
            detail = "; ".join(f"{e.pointer}: {e.reason}" for e in errors[:3])
            raise EventRefused(detail, errors=errors)


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    """Compile a schema once; it never reads another document, and its patterns are linear."""
    return jsonschema_rs.validator_for(
        json.loads(schema),
        mask="the value",
        offline=True,
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
    )


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscriber's queue for one event type; ``ttl`` in seconds."""

    id: UUID
    room: str
    event_type: str
    subscriber: str
    delivery: str
    ttl: int
    fifo: bool
    created_at: datetime

    def check(self) -> None:
        """Refuse what cannot be subscribed to; raise SubscriptionRefused."""
        if self.delivery != "PULL":
            reason = "only PULL is delivered by this gateway; say delivery: PULL"
            raise SubscriptionRefused(reason, errors=[FieldError("#/delivery", reason)])
        if not 1 <= self.ttl <= LONGEST_TTL:
            reason = f"1 to {LONGEST_TTL} seconds"
            raise SubscriptionRefused(
                f"options.TTL: {reason}", errors=[FieldError("#/options/TTL", reason)]
            )

    def oldest_at(self, now: datetime) -> datetime:
        """Return the time before which an event is too old to be delivered."""
        return now - timedelta(seconds=self.ttl)


@dataclass(frozen=True, slots=True)
class Event:
    """A published event; the payload is sealed with a key of its own."""

    id: UUID
    room: str
    event_type: str
    sequence: int
    publisher: str
    wrapped: bytes
    sealed: bytes
    published_at: datetime
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far an event is with one subscriber."""

    subscriber: str
    acknowledged_at: datetime | None
    is_expired: bool

    def status(self, *, stopped: bool) -> str:
        """Return ``acknowledged``, ``stopped``, ``expired`` or ``waiting``."""
        if self.acknowledged_at:
            return "acknowledged"
        if stopped:
            return "stopped"
        return "expired" if self.is_expired else "waiting"


@dataclass(frozen=True, slots=True)
class Room:
    """A room as one caller sees it: rights on its reserved services decide."""

    address: str
    caller: Caller
    configuration: Configuration

    @property
    def is_managed_by_caller(self) -> bool:
        """Tell whether the caller may do everything here."""
        return self.caller.is_administrator or self.caller.client == self.address

    def may(self, code: str, scope: str) -> bool:
        """Tell whether a right on ``api``, ``pub`` or ``pull`` covers a scope."""
        if self.is_managed_by_caller:
            return True
        place = Service(self.address, code).address
        service = self.configuration.services.get(place)
        scopes = (
            self.configuration.scopes_of_right(service, self.caller.client) if service else None
        )
        return scopes is not None and bool(scopes & {scope, "*"})

    def check(self, code: str, scope: str) -> None:
        """Refuse what the caller has no right to; raise RoomUnknown or NotForYou."""
        if self.address not in self.configuration.applications:
            raise RoomUnknown("no application has this address")
        if not self.may(code, scope):
            raise NotForYou(f"a right to {code} of this room is needed")

    def subscriber(self) -> str:
        """Return whose queue is meant; raise NotForYou when it is no application's."""
        if self.caller.client not in self.configuration.applications:
            raise NotForYou("name the application in the client header")
        return self.caller.client
