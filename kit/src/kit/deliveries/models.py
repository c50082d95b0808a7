"""What is delivered, where to, how often it is tried, and what became of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from kit.identifiers import new_id
from kit.problems import Conflict, NotFound

MEDIA_TYPE = "application/cloudevents+json"
_GONE = 410
_LONGEST_REST = 300.0


class DeliveryNotFound(NotFound):
    """There is no such delivery here."""

    title = "Delivery not found"


class PayloadDestroyed(Conflict):
    """What was to be delivered has been destroyed, as it is at the end."""

    title = "There is nothing left to deliver"


class State(StrEnum):
    """How far a delivery is; what it carries is there until ``delivered`` or ``dead``."""

    WAITING = "waiting"
    FAILED = "failed"  # given up; it can be delivered again until it is dead
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, as CloudEvents 1.0 tells it; ``subject`` names no person.

    The id is made once and given to nothing else, however often the event is sent.
    """

    type: str
    source: str
    data: Mapping[str, Any]
    subject: str | None = None
    id: UUID = field(default_factory=new_id)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def body(self) -> bytes:
        """Return the event in structured mode (CloudEvents 1.0, JSON event format 3)."""
        said: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }
        kept = {name: value for name, value in said.items() if value is not None}
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """Return the event that ``body`` gave."""
        said: dict[str, Any] = json.loads(body)
        return cls(
            said["type"],
            said["source"],
            said["data"],
            said.get("subject"),
            UUID(said["id"]),
            datetime.fromisoformat(said["time"]),
        )

    def carrying(self, data: Mapping[str, Any]) -> Self:
        """Return the same event with other data."""
        return replace(self, data=data)


@dataclass(frozen=True, slots=True)
class Secret:
    """What callbacks are signed with, until a time when another takes its place."""

    value: str
    until: datetime | None = None

    def signs(self, now: datetime) -> bool:
        """Tell whether it is still used."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Target:
    """Where an endpoint's events go: to an address, signed, or to a room of the mediator.

    ``room`` is ``INSTANCE/CLASS/MEMBER/APPLICATION``; ``room_type`` the event type there.
    ``media_type`` is what a callback calls its body.
    """

    url: str = ""
    secrets: tuple[Secret, ...] = ()
    room: str = ""
    room_type: str = ""
    media_type: str = MEDIA_TYPE

    def rotated(self, secret: str, now: datetime, overlap: timedelta) -> Self:
        """Return the target with a new secret; those before it sign along for ``overlap``."""
        until = now + overlap
        older = tuple(
            replace(each, until=min(each.until or until, until))
            for each in self.secrets
            if each.signs(now)
        )
        return replace(self, secrets=(Secret(secret), *older))

    def dump(self) -> bytes:
        """Return what is kept of it, to be sealed."""
        secrets = [
            {"value": each.value, "until": each.until and each.until.isoformat()}
            for each in self.secrets
        ]
        said = {"url": self.url, "secrets": secrets, "room": self.room, "type": self.room_type}
        return json.dumps({**said, "mediaType": self.media_type}).encode()

    @classmethod
    def load(cls, kept: bytes) -> Self:
        """Return the target that ``dump`` gave."""
        said: dict[str, Any] = json.loads(kept)
        secrets = tuple(
            Secret(each["value"], each["until"] and datetime.fromisoformat(each["until"]))
            for each in said["secrets"]
        )
        media_type = said.get("mediaType", MEDIA_TYPE)  # not kept at first
        return cls(said["url"], secrets, said["room"], said["type"], media_type)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt went: the status answered, or why there was none, in one word."""

    reason: str
    status: int | None = None
    again_after: timedelta | None = None
    is_final: bool = False
    """Whether another attempt would be of no use."""

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver took it."""
        return self.reason == "accepted"

    @classmethod
    def answered(cls, status: int, again_after: timedelta | None = None) -> Self:
        """Return what a status means: 2xx is success, and 410 asks for nothing more."""
        if status // 100 == 2:  # noqa: PLR2004  the class of statuses
            return cls("accepted", status)
        return cls("refused", status, again_after, is_final=status == _GONE)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often and how long a delivery is tried."""

    first: timedelta = timedelta(seconds=10)
    factor: float = 2.0
    ceiling: timedelta = timedelta(hours=2)
    give_up_after: timedelta = timedelta(hours=24)
    keep: timedelta = timedelta(days=7)
    """How long one that was given up can be delivered again, before it is dead."""
    rest: float = 1.0
    """Seconds that an endpoint rests after its first failure; twice that after the next …"""

    def pause(self, attempt: int, outcome: Outcome, jitter: float) -> timedelta:
        """Return how long to wait after an attempt; ``jitter`` is between 0 and 1.

        Waits grow by ``factor``, vary by a fifth, and are no shorter than the receiver asked for.
        """
        grown = self.first.total_seconds() * self.factor ** min(attempt - 1, 32)
        varied = min(grown, self.ceiling.total_seconds()) * (0.9 + 0.2 * jitter)
        return max(timedelta(seconds=varied), outcome.again_after or timedelta(0))

    def rest_after(self, failures: int) -> timedelta:
        """Return how long an endpoint rests after so many failures in a row, 5 min at most."""
        return timedelta(seconds=min(self.rest * 2 ** min(failures - 1, 16), _LONGEST_REST))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, as the log keeps it: nothing of what was sent or answered."""

    number: int
    at: datetime
    reason: str
    status: int | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    state: State
    created_at: datetime
    give_up_at: datetime
    next_at: datetime | None = None
    ended_at: datetime | None = None
    count: int = 0
    attempts: Sequence[Attempt] = ()

    def after(self, outcome: Outcome, pause: timedelta, now: datetime) -> "Delivery":
        """Return the delivery after an attempt that went so."""
        tried = replace(self, count=self.count + 1)
        if outcome.is_success:
            return replace(tried, state=State.DELIVERED, next_at=None, ended_at=now)
        if outcome.is_final or now + pause > self.give_up_at:
            return replace(tried, state=State.FAILED, next_at=None, ended_at=now)
        return replace(tried, next_at=now + pause)
