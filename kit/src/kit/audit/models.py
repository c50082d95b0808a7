"""Who sees which entries, what is asked for, and what can be wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.evidence.sequencing import digest_of
from kit.evidence.signing import CHECKPOINT, Keys
from kit.problems import Conflict, Forbidden, Invalid, NotFound

OWN, READ, VERIFY = "evidence:own", "evidence:read", "evidence:verify"
ERASE, COSIGN = "evidence:erase", "evidence:cosign"
_MOST = 1 << 63


class EntryNotFound(NotFound):
    """There is no such entry for this caller."""

    title = "No such entry"


class CheckpointNotFound(NotFound):
    """The ledger has no such checkpoint."""

    title = "No such checkpoint"


class NotProvenYet(Conflict):
    """The entry has no place under the checkpoint; a second later it may have."""

    title = "The entry is not proven yet"


class ViewNotYours(Forbidden):
    """Nothing says whose entries the caller may see."""

    title = "Nobody is signed in whose entries these are"


class ErasureNotYours(Forbidden):
    """Destroying keys concerns every member of a block, so a right must name it."""

    title = "The right does not name erasure"


class CheckpointRefused(Invalid):
    """What a witness is asked to sign is no checkpoint of the ledger."""

    title = "This is no checkpoint of the ledger"


class LedgerForked(Conflict):
    """A checkpoint does not extend what was witnessed before: the ledger shows two histories."""

    title = "The checkpoint does not extend the one that was witnessed"


@dataclass(frozen=True, slots=True)
class View:
    """Whose entries a caller sees: a person's, a member's, or all when neither is set."""

    person: str | None = None
    member: str | None = None

    @classmethod
    def of(cls, caller: Caller) -> "View":
        """Return a caller's view, or raise ViewNotYours.

        Whoever is signed in sees what is about them, or about whom they speak for; an application
        alone sees its member's with ``evidence:read``; an administrator sees all.
        """
        if caller.is_administrator:
            return cls()
        if caller.speaks_for is not None:
            return cls(person=caller.speaks_for)
        if caller.may(READ) and caller.tenant:
            return cls(member=caller.tenant)
        raise ViewNotYours(f"sign a person in, or come with the scope {READ}")

    def opens(self, tenant: str) -> bool:
        """Tell whether details are opened: to the person, and to the member concerned.

        Not to administrators, who keep the block and need not read what is in it.
        """
        return self.person is not None or self.member == tenant != ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; an unset field does not limit."""

    kinds: Sequence[str] = ()
    actor: str | None = None
    object_prefix: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry's row, with its place and its sealed detail when there are any."""

    id: UUID
    at: datetime
    kind: str
    actor: str
    object: str
    tenant: str
    canonical: bytes
    facts: Mapping[str, Any]
    subject: bytes | None
    """Whom it is about, as a pseudonym."""
    index: int | None
    sealed: bytes | None = None
    wrapped: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part of a bulk operation's entry, and the leaves of all its parts in their order."""

    place: int
    canonical: bytes
    leaves: Sequence[bytes]
    sealed: bytes | None
    wrapped: bytes | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint with what others signed over it."""

    size: int
    root: bytes
    at: datetime
    signed: str
    cosigned: Mapping[str, str]
    """By witness."""
    timestamp: bytes | None


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The newest checkpoint of another ledger that was witnessed here."""

    size: int
    root: bytes
    signed: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A checkpoint that a ledger wants witnessed, and that it extends the one over ``first``."""

    ledger: str
    checkpoint: str
    first: int | None = None
    path: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """What a checkpoint says."""

    size: int
    root: bytes
    digest: str


def read_head(claim: Claim, keys: Keys) -> Head:
    """Return what a claimed checkpoint says, or raise NotSigned or CheckpointRefused."""
    said = keys.verify(CHECKPOINT, claim.checkpoint)
    size, root = said.get("size"), said.get("root")
    if said.get("ledger") != claim.ledger:
        raise CheckpointRefused("it is a checkpoint of another ledger")
    if type(size) is not int or not 1 <= size < _MOST or not isinstance(root, str):
        raise CheckpointRefused("it does not say its size and root")
    try:
        found = bytes.fromhex(root)
    except ValueError as error:
        raise CheckpointRefused("its root is no hash") from error
    return Head(size, found, digest_of(claim.checkpoint))
