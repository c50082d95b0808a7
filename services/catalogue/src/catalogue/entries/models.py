"""What an entry of the catalogue is, and who may change it."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from catalogue.sources.models import Source, faults_of
from catalogue.statuses import Status
from kit.canonical import canonical
from kit.problems import Conflict, Forbidden, Invalid, NotFound

SDGS = 17
"""How many Sustainable Development Goals the United Nations have set."""


class EntryNotFound(NotFound):
    """No entry carries this id, or it was deleted."""

    title = "Entry not found"


class EntryTaken(Conflict):
    """Another entry carries this id, or carried it until it was deleted."""

    title = "The id is taken"


class EntryOfAnother(Forbidden):
    """Another member published the entry; an id stays with its publisher even when deleted."""

    title = "Another member published this entry"


class EntryRefused(Invalid):
    """The entry says something that the catalogue does not keep."""

    title = "The entry is not valid"


class Kind(StrEnum):
    """What sort of thing an entry describes."""

    PRACTICE = "practice"
    PRODUCT = "product"
    COMPONENT = "component"
    SERVICE = "service"
    STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Content:
    """What an entry says."""

    kind: Kind
    name: str
    description: str
    owner: str
    sources: tuple[Source, ...]
    countries: tuple[str, ...] = ()
    repository_url: str | None = None
    licence: str | None = None
    remarks: str | None = None
    building_blocks: tuple[str, ...] = ()
    sdgs: tuple[int, ...] = ()
    obsolete: bool = False

    def check(self) -> None:
        """Raise EntryRefused when a claim has no source."""
        faults = faults_of(self.sources)
        if faults:
            raise EntryRefused(faults[0].reason, errors=faults)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the content as canonical JSON (RFC 8785), in hexadecimal."""
        return hashlib.sha256(canonical(asdict(self))).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: its content, the member that published it, and its times."""

    id: str
    publisher: str
    content: Content
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    @property
    def is_deleted(self) -> bool:
        """Tell whether the entry was deleted."""
        return self.deleted_at is not None

    @property
    def tag(self) -> str:
        """Return what changes whenever the entry changes (RFC 9110 section 8.8.3, unquoted)."""
        return f"{self.content.digest[:32]}-{self.updated_at.timestamp():.6f}"

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what the ledger says about the entry."""
        return {"id": self.id, "kind": str(self.content.kind), "digest": self.content.digest}

    def check_publisher(self, member: str) -> None:
        """Raise EntryOfAnother unless this member published the entry."""
        if member != self.publisher:
            raise EntryOfAnother("only the member that published an entry may change it")

    def replaced(self, content: Content, at: datetime) -> "Entry":
        """Return the entry with this content; itself, when that changes nothing."""
        if self.is_deleted:
            return replace(self, content=content, created_at=at, updated_at=at, deleted_at=None)
        return self if content == self.content else replace(self, content=content, updated_at=at)

    def deleted(self, at: datetime) -> "Entry":
        """Return the entry as deleted; itself, when it was deleted before."""
        return self if self.is_deleted else replace(self, deleted_at=at)


@dataclass(frozen=True, slots=True)
class Search:
    """Which entries to find; an unset field does not limit.

    ``reuse_status`` and ``reused_in`` must both be true of one reuse of the entry.
    """

    words: str | None = None
    kind: Kind | None = None
    country: str | None = None
    building_block: str | None = None
    sdg: int | None = None
    owner: str | None = None
    publisher: str | None = None
    reuse_status: Status | None = None
    reused_in: str | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One page of entries, and how many there are in all."""

    count: int
    entries: tuple[Entry, ...]
