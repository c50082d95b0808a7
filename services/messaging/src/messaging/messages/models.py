"""What becomes of a message: its states, its attempts, and when the next one is due."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit.problems import FieldError, Invalid, NotFound


class StatusUnknown(Invalid):
    """The status asked for is none of the published ones."""

    title = "Invalid input"


class RequestNotFound(NotFound):
    """The caller's member has made no such request."""

    title = "No such request"


class State(StrEnum):
    """The published status words."""

    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    NOT_SENT = "notSent"
    DELIVERED = "delivered"

    @property
    def is_final(self) -> bool:
        """Tell whether nothing comes after this."""
        return self in {State.BOUNCED, State.NOT_SENT, State.DELIVERED}


def read_state(word: str) -> State | None:
    """Return the state a word means; ``notSent``, ``not_sent`` and ``not sent`` are the same."""
    plain = re.sub(r"[ _-]", "", word).lower()
    return next((state for state in State if state.value.lower() == plain), None)


def read_states(words: Sequence[str]) -> dict[str, State]:
    """Return the states asked for by the words they were asked with, or raise StatusUnknown.

    What follows a second ``?`` is dropped: some clients append the query to itself.
    """
    asked = [word.split("?")[0].strip() for word in words]
    if not asked:
        raise StatusUnknown("status: say which", errors=[FieldError("#/status", "say which")])
    found = {word: state for word in asked if (state := read_state(word)) is not None}
    if len(found) < len(set(asked)):
        reason = "a status is " + ", ".join(State)
        raise StatusUnknown(f"status: {reason}", errors=[FieldError("#/status", reason)])
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the mail server took a message.

    ``code`` is its status (``250``) or a word of ours (``connection``), never its text;
    ``refused_copies`` counts the copies it refused while it took the message itself.
    """

    state: State
    code: str
    refused_copies: int = 0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a message is tried again (MSG-5.1.24)."""

    first: timedelta
    factor: float
    ceiling: timedelta
    give_up_after: timedelta

    def delay(self, attempt: int) -> timedelta:
        """Return how long to wait after an attempt, which is counted from 1."""
        seconds, ceiling = self.first.total_seconds(), self.ceiling.total_seconds()
        for _ in range(attempt - 1):
            seconds *= self.factor
            if self.factor == 1 or seconds >= ceiling:
                break
        return timedelta(seconds=min(seconds, ceiling))

    def next_at(self, attempt: int, accepted_at: datetime, now: datetime) -> datetime | None:
        """Return when to try next, None to give up; the last attempt is at the deadline."""
        deadline = accepted_at + self.give_up_after
        return None if now >= deadline else min(now + self.delay(attempt), deadline)


@dataclass(frozen=True, slots=True)
class Event:
    """A state a message entered; ``until`` is when the next attempt may begin."""

    number: int
    state: State
    at: datetime
    attempt: int
    code: str = ""
    until: datetime | None = None

    def must_wait(self, now: datetime) -> bool:
        """Tell whether another attempt is under way, or the next one is not due."""
        return self.until is not None and now < self.until

    def begin(self, now: datetime, lease: timedelta) -> "Event":
        """Return the event of a new attempt; nobody else begins one before its lease ends."""
        return Event(self.number + 1, State.PROCESSING, now, self.attempt + 1, until=now + lease)

    def end(
        self, outcome: Outcome, policy: RetryPolicy, accepted_at: datetime, now: datetime
    ) -> "Event":
        """Return the event of an attempt's outcome: what could not be sent waits or is given up."""
        state, until = outcome.state, None
        if state is State.DEFERRED:
            until = policy.next_at(self.attempt, accepted_at, now)
            state = State.DEFERRED if until else State.NOT_SENT
        return Event(self.number + 1, state, now, self.attempt, outcome.code, until)


@dataclass(frozen=True, slots=True)
class Message:
    """One recipient's message with its newest event; it holds nothing that a person could read."""

    id: UUID
    request_id: UUID
    request_uid: str
    tenant: str
    accepted_at: datetime
    newest: Event

    @property
    def reference(self) -> str:
        """Return the message's name in the ledger."""
        return f"{self.request_uid}/{self.id}"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message for whoever hands it over: what all of its request get, and whom it goes to."""

    id: UUID
    accepted_at: datetime
    letter: bytes
    recipient: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext with the wrapped key that opens it."""

    wrapped: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to keep: its first event, and its sealed recipient unless it already failed."""

    id: UUID
    first: Event
    content: Sealed | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Written:
    """A request's sealed letter and its messages, ready to be kept."""

    letter: Sealed
    messages: Sequence[NewMessage]

    @property
    def waiting(self) -> Sequence[NewMessage]:
        """Return the messages that can be sent."""
        return [each for each in self.messages if each.content is not None]

    @property
    def failed(self) -> Sequence[NewMessage]:
        """Return the messages that have no usable address."""
        return [each for each in self.messages if each.content is None]
