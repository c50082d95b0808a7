"""Records as seen from one that they are linked with."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from registry.links.models import FIRST, Tie
from registry.records.models import Record

MOST_ROUNDS = 20
"""How often more is fetched for a page when rights hide what was fetched."""


class Direction(StrEnum):
    """Which end of a link a record is at: ``out`` refers to others, ``in`` is referred to."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True)
class Side:
    """A link, as seen from one of its ends."""

    direction: Direction
    tie: Tie

    @property
    def other(self) -> int:
        """Return the database at the other end."""
        return self.tie.target if self.direction is Direction.OUT else self.tie.source


@dataclass(frozen=True, slots=True)
class Asked:
    """Which links of a record to show: those that fit all that is given, a page of each."""

    direction: Direction | None = None
    database: int | None = None
    field: str | None = None
    after: UUID = FIRST
    size: int = 20

    def wants(self, side: Side) -> bool:
        """Tell whether a link is among those asked for."""
        return (
            self.direction in (None, side.direction)
            and self.database in (None, side.other)
            and self.field in (None, side.tie.field)
        )


@dataclass(frozen=True, slots=True)
class Related:
    """A linked record, and the JSON text of what shows of it."""

    record: Record
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """The records at the other end of one link that show: a page of them."""

    side: Side
    code: str
    version: str
    records: tuple[Related, ...]
    next: UUID | None
    """After which record the next page begins; None: there is none."""
