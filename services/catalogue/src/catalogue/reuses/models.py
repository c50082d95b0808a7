"""What a reuse is: a claim that something is reused, its state and its proof."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from catalogue.sources.models import Source, faults_of
from catalogue.statuses import PRODUCTION, Status
from kit.canonical import canonical
from kit.problems import Conflict, FieldError, Forbidden, Invalid, NotFound

LISTED = 1000
"""How many reuses an answer without pages lists at most."""

DEEPEST = 32
"""How many steps a chain is followed at most."""


class ReuseNotFound(NotFound):
    """No reuse carries this id, or it was deleted, or an entry it names was."""

    title = "Reuse not found"


class ReuseTaken(Conflict):
    """Another reuse carries this id, or carried it until it was deleted."""

    title = "The id is taken"


class ReuseOfAnother(Forbidden):
    """Another member published the reuse; an id stays with its publisher even when deleted."""

    title = "Another member published this reuse"


class ReuseRefused(Invalid):
    """The reuse says something that the catalogue does not keep."""

    title = "The reuse is not valid"


class Direction(StrEnum):
    """Which way a chain is followed."""

    REUSED_BY = "reusedBy"
    REUSES = "reuses"


@dataclass(frozen=True, slots=True)
class Reuser:
    """Who reuses something, in words; it need not be an entry of the catalogue."""

    name: str
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a reuse says: ``reused`` and ``by_entry`` are the ids of entries."""

    reused: str
    status: Status
    sources: tuple[Source, ...]
    by_entry: str | None = None
    by: Reuser | None = None
    note: str | None = None

    @property
    def entries(self) -> frozenset[str]:
        """Return the ids of the entries it names."""
        return frozenset({self.reused, self.by_entry or self.reused})

    def check(self, existing: Collection[str]) -> None:
        """Raise ReuseRefused unless it has a source, a reuser, and names ``existing`` entries."""
        faults = [*faults_of(self.sources), *self._faults_of_reuser()]
        faults += [
            FieldError(f"#/{field}", "no entry carries this id")
            for field, entry_id in (("reused", self.reused), ("byEntry", self.by_entry))
            if entry_id and entry_id not in existing
        ]
        if faults:
            said = "; ".join(f"{fault.pointer[2:]}: {fault.reason}" for fault in faults)
            raise ReuseRefused(said, errors=faults)

    def _faults_of_reuser(self) -> list[FieldError]:
        if self.by is None and self.by_entry is None:
            return [FieldError("#/by", "either by or byEntry must say who reuses it")]
        if self.by_entry == self.reused:
            return [FieldError("#/byEntry", "nothing reuses itself")]
        return []

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the claim as canonical JSON (RFC 8785), in hexadecimal."""
        return hashlib.sha256(canonical(asdict(self))).hexdigest()


@dataclass(frozen=True, slots=True)
class Reuse:
    """A reuse: its claim, the member that published it, and its times.

    The names are those of the entries it names, as far as they were looked up.
    """

    id: str
    publisher: str
    claim: Claim
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    reused_name: str | None = None
    by_entry_name: str | None = None

    @property
    def is_deleted(self) -> bool:
        """Tell whether the reuse was deleted."""
        return self.deleted_at is not None

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what the ledger says about the reuse."""
        claim = self.claim
        return {
            "id": self.id,
            "reused": claim.reused,
            "status": str(claim.status),
            "digest": claim.digest,
        }

    def check_publisher(self, member: str) -> None:
        """Raise ReuseOfAnother unless this member published the reuse."""
        if member != self.publisher:
            raise ReuseOfAnother("only the member that published a reuse may change it")

    def replaced(self, claim: Claim, at: datetime) -> "Reuse":
        """Return the reuse with this claim; itself, when that changes nothing."""
        if self.is_deleted:
            return replace(self, claim=claim, created_at=at, updated_at=at, deleted_at=None)
        return self if claim == self.claim else replace(self, claim=claim, updated_at=at)

    def deleted(self, at: datetime) -> "Reuse":
        """Return the reuse as deleted; itself, when it was deleted before."""
        return self if self.is_deleted else replace(self, deleted_at=at)


@dataclass(frozen=True, slots=True)
class Search:
    """Which reuses to find; an unset field does not limit."""

    reused: str | None = None
    by_entry: str | None = None
    status: Status | None = None
    country: str | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One page of reuses, and how many there are in all."""

    count: int
    reuses: tuple[Reuse, ...]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who reuses an entry and what it reuses; ``counted`` counts the former by status."""

    reused_by: tuple[Reuse, ...]
    reuses: tuple[Reuse, ...]
    counted: Mapping[Status, int]

    @property
    def in_production(self) -> int:
        """Return how many reuses of the entry are in production, by the word of their status."""
        return sum(count for status, count in self.counted.items() if status in PRODUCTION)


@dataclass(frozen=True, slots=True)
class Link:
    """One reuse in a chain, ``depth`` steps (from 1) away from where the chain begins."""

    depth: int
    reuse: Reuse


@dataclass(frozen=True, slots=True)
class Chain:
    """All that follows from an entry, nearest first; not ``complete`` when a bound cut it off."""

    links: tuple[Link, ...]
    complete: bool
