"""What an entry says, as its writer states it and as it is kept."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kit.canonical import canonical
from kit.evidence.merkle import leaf_hash, root_of

PARTS = "parts"
"""The fact that an entry of a bulk operation has: how many parts, and the root over them."""

WHOLE = -1
"""The place of an entry itself, beside those of its parts: 0, 1, 2 …"""


@dataclass(frozen=True, slots=True)
class Part:
    """One of the things that a bulk operation did, as the writer of its entry states it.

    ``object``, ``subject`` and ``facts`` are as an entry's; ``detail`` is sealed with the key of
    the part's own subject, so that erasing one person leaves the others' readable.
    """

    object: str
    subject: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, as its writer states it.

    ``facts`` are JSON values without personal data; ``subject`` is the person it concerns (kept
    only as a pseudonym); ``detail`` is what is sealed for those entitled; ``tenant`` is the member
    whose objects it is about, who may read the entry as its actor may; ``reference`` is the
    subject's pseudonym where the writer knows only that. A bulk operation is one entry: ``parts``
    are what it did, and the entry holds their count and the Merkle root over them.
    """

    kind: str
    actor: str
    object: str = ""
    subject: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    detail: Mapping[str, Any] | None = None
    tenant: str = ""
    reference: bytes | None = None
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page of a search ended: the next one holds what is older."""

    at: datetime
    id: UUID
    place: int = WHOLE

    @property
    def text(self) -> str:
        """Return the mark as a client carries it."""
        return f"{moment(self.at)}_{self.id}_{self.place}"

    @classmethod
    def read(cls, text: str) -> "Mark":
        """Return what ``text`` says, or raise ValueError."""
        at, entry, place = text.split("_")
        mark = cls(datetime.fromisoformat(at), UUID(entry), int(place))
        if mark.text != text or not WHOLE <= mark.place < 1 << 31:
            raise ValueError(text)
        return mark


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as kept: its id and time, its facts, and its detail when it can be opened.

    A part is told as an entry of its own: with the object, facts and detail of both, and its place
    among the parts.
    """

    id: UUID
    at: datetime
    kind: str
    actor: str
    object: str
    facts: Mapping[str, Any]
    detail: Mapping[str, Any] | None
    tenant: str = ""
    place: int = WHOLE

    @property
    def mark(self) -> Mark:
        """Return where a page ends that ends here."""
        return Mark(self.at, self.id, self.place)


@dataclass(frozen=True, slots=True)
class Search:
    """Which entries to find; an unset field does not limit. Newest first.

    Of a bulk operation's entry the parts are found by ``subject`` and ``object``, and their objects
    begin with ``object_prefix`` as others do; a search by none of the two finds the entry itself.
    ``actor`` is an application, or a member and so all of its; ``within`` is an object and all that
    is inside it: ``thing:1`` and ``thing:1/page:2``.
    """

    kinds: Sequence[str] = ()
    actor: str | None = None
    tenant: str | None = None
    object: str | None = None
    object_prefix: str | None = None
    within: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    facts: Mapping[str, Any] | None = None
    before: Mark | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A part ready to be kept: what is hashed, and the ciphertext of its detail."""

    object: str
    reference: bytes | None
    canonical: bytes
    sealed: bytes | None


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
    parts: Sequence[SealedPart] = ()


UNKNOWN = secrets.token_hex(16)
"""Stands in an entry for the number that only a statement knows; nobody else can write it."""


@dataclass(frozen=True, slots=True)
class Open:
    """An entry that lacks one number: its canonical form ``before`` that and ``after``."""

    entry: Sealed
    before: str
    after: str

    def closed(self, number: int) -> Sealed:
        """Return the entry with its number."""
        said = f"{self.before}{number}{self.after}".encode()
        facts = self.entry.facts.replace(f'"{UNKNOWN}"', str(number))
        return replace(self.entry, facts=facts, canonical=said, leaf=leaf_hash(said))


def opened(entry: Sealed) -> Open:
    """Return an entry of which a fact is ``UNKNOWN`` as one that lacks that number."""
    before, after = entry.canonical.decode().split(f'"{UNKNOWN}"')
    return Open(entry, before, after)


def sealed(
    block: str,
    entry: Entry,
    born: tuple[UUID, datetime],
    kept: tuple[bytes | None, bytes | None],
    parts: Sequence[SealedPart] = (),
) -> Sealed:
    """Return an entry with its canonical form (RFC 8785), which is what the ledger proves.

    ``born`` are its id and time; ``kept`` its subject's pseudonym and its detail's ciphertext.
    """
    (entry_id, at), (reference, seal) = born, kept
    facts = canonical({**entry.facts, **_summed(parts)}).decode()
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
        "detail": _digest(seal),
    }
    # "facts" stand between the two in the order of the names, and are written once for both uses
    said = canonical(first)[:-1] + b',"facts":' + facts.encode() + b"," + canonical(rest)[1:]
    return Sealed(entry, entry_id, at, reference, seal, facts, said, leaf_hash(said), parts)


def sealed_part(part: Part, reference: bytes | None, seal: bytes | None) -> SealedPart:
    """Return a part with its canonical form, which is a leaf under the root its entry states."""
    digest = "null" if seal is None else f'"{_digest(seal)}"'
    subject = "null" if reference is None else f'"{reference.hex()}"'
    facts = canonical(dict(part.facts)) if part.facts else b"{}"
    # as canonical() would write the four names: there may be thousands of these
    said = b'{"detail":%b,"facts":%b,"object":%b,"subject":%b}' % (
        digest.encode(),
        facts,
        canonical(part.object),
        subject.encode(),
    )
    return SealedPart(part.object, reference, said, seal)


def _summed(parts: Sequence[SealedPart]) -> dict[str, Any]:
    """Return the fact that stands in an entry for its parts; nothing without any."""
    if not parts:
        return {}
    root = root_of(leaf_hash(part.canonical) for part in parts)
    return {PARTS: {"count": len(parts), "root": root.hex()}}


def _digest(seal: bytes | None) -> str | None:
    return None if seal is None else hashlib.sha256(seal).hexdigest()


def moment(at: datetime) -> str:
    """Return a time as entries and checkpoints say it: UTC, microseconds (RFC 3339)."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
