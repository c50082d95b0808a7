"""Evidence on the wire."""

import base64
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from kit.audit.models import Kept, Signed
from kit.audit.service import Proven, Word
from kit.evidence.models import moment
from kit.evidence.packages import FORMAT
from kit.evidence.proofs import Consistency
from kit.evidence.verification import Finding
from kit.web import Moment, Text

AT = "2026-11-22T10:00:00.000000Z"
ID = "019aaa51-7c00-7000-8000-000000000001"
JWS = "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoi….….…"
HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Jws = Annotated[
    str, Field(max_length=8192, pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")
]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=[HASH])]
Size = Annotated[int, Field(ge=1, lt=1 << 63)]


class EvidenceEntry(BaseModel):
    """An entry of the ledger; it names no person."""

    id: UUID = Field(examples=[ID])
    at: str = Field(examples=[AT])
    kind: str = Field(description="What happened", examples=["thing.read"])
    actor: str = Field(description="The application that acted", examples=["DEV/GOV/10001/mcts"])
    object: str = Field(description="What it happened to")
    tenant: str = Field(description="The member concerned", examples=["DEV/GOV/10002"])
    facts: dict[str, Any] = Field(description="What else is known of it")
    aboutPerson: bool = Field(description="Whether it concerns a person")
    index: int | None = Field(description="Its place in the tree, null for a moment")

    @classmethod
    def of(cls, entry: Kept) -> "EvidenceEntry":
        """Return an entry as it is shown."""
        return cls(**_shown(entry))


def _shown(entry: Kept) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "kind": entry.kind,
        "actor": entry.actor,
        "object": entry.object,
        "tenant": entry.tenant,
        "facts": dict(entry.facts),
        "aboutPerson": entry.subject is not None,
        "index": entry.index,
    }


class EvidenceEntries(BaseModel):
    """A page of entries, newest first."""

    entries: list[EvidenceEntry]


class EvidenceSearch(BaseModel):
    """Which entries are asked for; what is left out does not limit."""

    subject: Text | None = Field(
        default=None, description="The person they are about", examples=["EE48905120013"]
    )
    since: Moment | None = Field(default=None, description="Then or later", examples=[AT])
    until: Moment | None = Field(default=None, description="Before")
    kind: list[Text] = Field(default=[], max_length=50, description="Of one of these kinds")
    actor: Text | None = Field(default=None, description="By this application")
    object: Text | None = Field(default=None, description="About what begins like this")
    page: int = Field(default=1, ge=1, le=1_000_000)
    pageSize: int = Field(default=100, ge=1, le=1000)


class InclusionProof(BaseModel):
    """Where an entry stands, and the hashes from it to the root (RFC 9162 section 2.1.3)."""

    index: int
    size: int
    path: list[str] = Field(description="SHA-256 each", examples=[[HASH]])


class ProvenEntry(EvidenceEntry):
    """An entry with its proof."""

    canonical: str = Field(description="What is hashed as the leaf (RFC 8785)")
    detail: dict[str, Any] | None = Field(
        description="What is sealed beside it, for the person and the member concerned"
    )
    proof: InclusionProof | None
    checkpoint: str | None = Field(description="A compact JWS (RFC 7515)", examples=[JWS])

    @classmethod
    def proven(cls, found: Proven) -> "ProvenEntry":
        """Return an entry as it is shown alone."""
        proof = None
        if (said := found.inclusion) is not None:
            path = [step.hex() for step in said.path]
            proof = InclusionProof(index=said.index, size=said.checkpoint.size, path=path)
        return cls(
            **_shown(found.entry),
            canonical=found.entry.canonical.decode(),
            detail=None if found.detail is None else dict(found.detail),
            proof=proof,
            checkpoint=said.checkpoint.signed if said else None,
        )


class Checkpoint(BaseModel):
    """What the ledger signed over its tree, and what others signed over that."""

    size: int = Field(description="Entries under it", examples=[1024])
    root: str = Field(description="SHA-256 (RFC 9162 section 2.1)", examples=[HASH])
    at: str = Field(examples=[AT])
    signed: str = Field(description="A compact JWS (RFC 7515)", examples=[JWS])
    cosignatures: dict[str, str] = Field(description="By witness, a compact JWS each")
    timestamp: str | None = Field(description="An authority's token (RFC 3161) in base64")

    @classmethod
    def of(cls, found: Signed) -> "Checkpoint":
        """Return a checkpoint as it is shown."""
        token = found.timestamp
        return cls(
            size=found.size,
            root=found.root.hex(),
            at=moment(found.at),
            signed=found.signed,
            cosignatures=dict(found.cosigned),
            timestamp=None if token is None else base64.b64encode(token).decode(),
        )


class Checkpoints(BaseModel):
    """A page of checkpoints, newest first."""

    checkpoints: list[Checkpoint]


class ConsistencyProof(BaseModel):
    """That the second checkpoint extends the first (RFC 9162 section 2.1.4)."""

    first: str = Field(description="A compact JWS", examples=[JWS])
    second: str = Field(description="A compact JWS", examples=[JWS])
    path: list[str] = Field(description="SHA-256 each", examples=[[HASH]])

    @classmethod
    def of(cls, found: Consistency) -> "ConsistencyProof":
        """Return a proof as it is shown."""
        return cls(
            first=found.first.signed,
            second=found.second.signed,
            path=[step.hex() for step in found.path],
        )


class LedgerFault(BaseModel):
    """The first thing that does not hold."""

    reason: str = Field(examples=["its kind is not what its text says"])
    entry: UUID | None = Field(description="The entry's id", examples=[ID])
    index: int | None = Field(description="The entry's place", examples=[17])
    checkpoint: int | None = Field(description="The size of a checkpoint")


class LedgerFinding(BaseModel):
    """What a walk through the ledger found."""

    holds: bool
    entries: int = Field(description="Entries that hold", examples=[1024])
    checkpoints: int = Field(description="Checkpoints that hold", examples=[12])
    fault: LedgerFault | None

    @classmethod
    def of(cls, found: Finding) -> "LedgerFinding":
        """Return a finding as it is shown."""
        fault = None
        if (said := found.fault) is not None:
            fault = LedgerFault(
                reason=said.reason,
                entry=said.entry,
                index=said.index,
                checkpoint=said.checkpoint,
            )
        return cls(
            holds=found.holds, entries=found.entries, checkpoints=found.checkpoints, fault=fault
        )


class SealedDetail(BaseModel):
    """A detail and the key that opens it and no other."""

    sealed: str = Field(description="AES-256-GCM, base64")
    key: str = Field(description="base64", repr=False)


class KeySet(BaseModel):
    """Public keys (RFC 7517)."""

    keys: list[dict[str, Any]]


class EvidencePart(BaseModel):
    """A part of a bulk operation's entry, with its path to the root that the entry states."""

    text: str = Field(description="Its canonical text (RFC 8785)")
    detail: SealedDetail | None = Field(description="For those who may open it")
    proof: InclusionProof


class EvidencePackage(BaseModel):
    """One entry with all that proves it, for somebody who has nothing but the file."""

    format: str = Field(examples=[FORMAT])
    entry: str = Field(description="Its canonical text (RFC 8785)")
    detail: SealedDetail | None = Field(description="For those who may open it")
    proof: InclusionProof
    checkpoint: str = Field(description="A compact JWS", examples=[JWS])
    cosignatures: list[str] = Field(description="Of witnesses, a compact JWS each")
    timestamp: str | None = Field(description="An authority's token (RFC 3161) in base64")
    keys: KeySet = Field(description="Of the ledger and of its witnesses")
    part: EvidencePart | None = Field(
        default=None, description="The part of a bulk operation that it is of; else absent"
    )


class Erasure(BaseModel):
    """Whose details become unreadable for good."""

    subject: Text = Field(min_length=1, max_length=200, examples=["EE48905120013"])


class CosignatureAsked(BaseModel):
    """A checkpoint, and the proof that it extends the one over ``first`` entries."""

    ledger: Name = Field(description="The block whose ledger it is", examples=["gateway"])
    checkpoint: Jws = Field(description="A compact JWS")
    first: Size | None = Field(default=None, description="Where the proof begins")
    path: list[Hash] = Field(default=[], max_length=64)


class CosignatureGiven(BaseModel):
    """A witness' word, and how far it has witnessed the ledger."""

    cosignature: str | None = Field(
        description="A compact JWS; null when the proof does not begin at `witnessed`",
        examples=[JWS],
    )
    witnessed: int = Field(description="Entries under the newest checkpoint witnessed")

    @classmethod
    def of(cls, word: Word) -> "CosignatureGiven":
        """Return a word as it is shown."""
        return cls(cosignature=word.cosigned, witnessed=word.witnessed)


class PublicKeys(BaseModel):
    """The keys that verify what the ledger signs, the former ones too (RFC 7517)."""

    keys: list[Mapping[str, Any]]
