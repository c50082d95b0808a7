"""What an entry says, as its writer states it and as it is kept."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kit.canonical import canonical
from kit.evidence.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, as its writer states it.

    ``facts`` are JSON values without personal data; ``subject`` is the person it concerns (kept
    only as a pseudonym); ``detail`` is what is sealed for those entitled; ``tenant`` is the member
    whose objects it is about, who may read the entry as its actor may; ``reference`` is the
    subject's pseudonym where the writer knows only that.
    """

    kind: str
    actor: str
    object: str = ""
    subject: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    detail: Mapping[str, Any] | None = None
    tenant: str = ""
    reference: bytes | None = None


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


@dataclass(frozen=True, slots=True)
class Search:
    """Which entries to find; an unset field does not limit. Newest first."""

    kinds: Sequence[str] = ()
    actor: str | None = None
    object_prefix: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    facts: Mapping[str, Any] | None = None
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
    facts: str
    canonical: bytes
    leaf: bytes


def sealed(
    block: str, entry: Entry, born: tuple[UUID, datetime], kept: tuple[bytes | None, bytes | None]
) -> Sealed:
    """Return an entry with its canonical form (RFC 8785), which is what the ledger proves.

    ``born`` are its id and time; ``kept`` its subject's pseudonym and its detail's ciphertext.
    """
    (entry_id, at), (reference, seal) = born, kept
    facts = canonical(dict(entry.facts)).decode()
    rest = {
        "id": str(entry_id),
        "kind": entry.kind,
        "object": entry.object,
        "subject": None if reference is None else reference.hex(),
        "tenant": entry.tenant,
    }
    first = {
        "actor": entry.actor,
        "at": moment(at),
        "block": block,
        "detail": None if seal is None else hashlib.sha256(seal).hexdigest(),
    }
    # "facts" stand between the two in the order of the names, and are written once for both uses
    said = canonical(first)[:-1] + b',"facts":' + facts.encode() + b"," + canonical(rest)[1:]
    return Sealed(entry, entry_id, at, reference, seal, facts, said, leaf_hash(said))


def moment(at: datetime) -> str:
    """Return a time as entries and checkpoints say it: UTC, microseconds (RFC 3339)."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
