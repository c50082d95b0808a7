"""What an analyst asks of the log, and what an entry of it tells (DRS-7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.evidence import Mark
from kit.problems import Forbidden, Invalid, NotFound
from registry.usage.models import CHECKED, EXPORTED, LOGGED, READ, REFUSED, REPORTED

ACTIONS: Mapping[str, Sequence[str]] = {
    "create": ("record.created", "database.created"),
    "read": (READ, CHECKED, EXPORTED),
    "update": ("record.updated", "database.changed"),
    "delete": ("record.deleted", "record.destroyed", "database.deleted"),
    "publish": ("database.published",),
    "refuse": (REFUSED,),
    "report": (REPORTED, LOGGED),
}
"""Words for kinds of entries; any kind can also be asked for by its own name."""

_CHANGED = "before", "after"


class LogNotYours(Forbidden):
    """The log is for applications of the owner, with nobody signed in."""

    title = "The log is for the owner's analysts"


class QuestionInvalid(Invalid):
    """The question about the log cannot be answered as it is put."""

    title = "The log cannot be asked this"


class RecordUnknown(NotFound):
    """No record of this member has the id."""

    title = "No such record"


def kinds_of(actions: Sequence[str]) -> list[str]:
    """Return the kinds of entries that actions mean, or raise QuestionInvalid."""
    found: list[str] = []
    for action in actions:
        if action not in ACTIONS and "." not in action:
            raise QuestionInvalid(f"action is one of {', '.join(ACTIONS)}, or a kind of entry")
        found += ACTIONS.get(action, [action])
    return found


def read_cursor(text: str | None) -> Mark | None:
    """Return where a page begins, None for the first, or raise QuestionInvalid."""
    try:
        return None if text is None else Mark.read(text)
    except ValueError as error:
        raise QuestionInvalid("give the cursor that the page before named as next") from error


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are asked for; what is not given does not limit."""

    database: str | None = None
    record: UUID | None = None
    actor: str | None = None
    actions: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class About:
    """Which database a record is in, its number and name, and whom it is about."""

    database: int
    number: int
    primary_key: str | None
    subjects: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Log:
    """One action: an entry, or what a bulk operation did to one record, then with its place."""

    id: UUID
    at: datetime
    action: str
    actor: str
    object: str
    facts: Mapping[str, Any]
    detail: Mapping[str, Any]
    place: int | None

    @property
    def database(self) -> int | None:
        """Return the id of the database it is about, None when it is about none."""
        first = self.object.partition("/")[0]
        return int(first.removeprefix("database:")) if first.startswith("database:") else None

    @property
    def record(self) -> UUID | None:
        """Return the id of the record it is about, None when it is about none."""
        said = self.object.partition("/record:")[2].partition("/")[0]
        return UUID(said) if said else None

    @property
    def is_personal(self) -> bool:
        """Tell whether it tells of a person: values, or that their data was looked at."""
        return self.record is not None and bool(self.detail)

    @property
    def values(self) -> Mapping[str, Any]:
        """Return the values before and after, where they can be opened."""
        return {name: self.detail[name] for name in _CHANGED if name in self.detail}
