"""What an entry says, as its writer states it and as it is kept."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kit.canonical import canonical


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, as its writer states it.

    ``facts`` are JSON values without personal data; ``subject`` is the person it concerns (kept
    only as a pseudonym); ``detail`` is what is sealed for those entitled; ``tenant`` is the member
    whose objects it is about, who may read the entry as its actor may.
    """

    kind: str
    actor: str
    object: str = ""
    subject: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    detail: Mapping[str, Any] | None = None
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as kept: its id and time, its facts, and its detail when it can be opened."""

    id: UUID
    at: datetime
    kind: str
    actor: str
    object: str
    facts: Mapping[str, Any]
    detail: Mapping[str, Any] | None
    tenant: str = ""
    has_subject: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """Which entries to find; an unset field does not limit. Newest first.

    ``seen_by`` limits to the entries of a member: those its applications made, and those about its
    objects.
    """

    kinds: Sequence[str] = ()
    actor: str | None = None
    object_prefix: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    facts: Mapping[str, Any] | None = None
    seen_by: str | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry ready to be kept: what is hashed, and the ciphertext of its detail."""

    entry: Entry
    id: UUID
    at: datetime
    reference: bytes | None
    sealed: bytes | None
    canonical: bytes
    leaf: bytes


def statement(
    block: str, entry: Entry, born: tuple[UUID, datetime], kept: tuple[bytes | None, bytes | None]
) -> bytes:
    """Return the canonical form of an entry (RFC 8785), which is what the ledger proves.

    ``born`` are its id and time; ``kept`` its subject's pseudonym and its detail's ciphertext.
    """
    (entry_id, at), (reference, seal) = born, kept
    return canonical(
        {
            "actor": entry.actor,
            "at": moment(at),
            "block": block,
            "detail": None if seal is None else hashlib.sha256(seal).hexdigest(),
            "facts": dict(entry.facts),
            "id": str(entry_id),
            "kind": entry.kind,
            "object": entry.object,
            "subject": None if reference is None else reference.hex(),
            "tenant": entry.tenant,
        }
    )


def moment(at: datetime) -> str:
    """Return a time as entries and checkpoints say it: UTC, microseconds (RFC 3339)."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
