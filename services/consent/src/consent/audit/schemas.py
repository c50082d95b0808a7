"""What auditors see, on the wire."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from consent.audit import models
from consent.revisions.schemas import Next, Reference, Revision
from consent.signatures.schemas import SentSignature
from kit.evidence import Written
from kit.web import Moment, Text


class Revisions(BaseModel):
    """A page of revisions."""

    revisions: list[Revision]
    next: Next = None


class LogEntry(BaseModel):
    """Something that was done or looked at; it names no individual."""

    id: str = Field(description="The entry's id in the ledger")
    timestamp: datetime = Field(description="When it happened")
    action: str = Field(description="What happened", examples=["agreement.updated"])
    actor: str = Field(
        description="The application, and with it the member", examples=["DEV/GOV/10001/mcts"]
    )
    object: str = Field(description="What it happened to")
    facts: dict[str, Any] = Field(description="What else is known of it")

    @classmethod
    def of(cls, entry: Written) -> "LogEntry":
        """Return an entry as the wire has it."""
        return cls(
            id=str(entry.id),
            timestamp=entry.at,
            action=entry.kind,
            actor=entry.actor,
            object=entry.object,
            facts=dict(entry.facts),
        )


class Log(BaseModel):
    """A page of the log, newest first."""

    entries: list[LogEntry]


class SentRevision(BaseModel):
    """A revision as somebody was given it; what is left out is not compared."""

    model_config = ConfigDict(extra="ignore")

    id: Text = Field(description="The revision's id")
    serializedSnapshot: Text = Field(description="The state as it was serialized")
    serializedHash: Text = Field(description="SHA-1 of the snapshot in hex")
    serializedHashSha256: Text | None = None
    schemaName: Text | None = None
    objectId: Text | None = None
    signedWithoutObjectId: bool | None = None
    timestamp: Moment | None = None
    authorizedByIndividual: Reference | None = None
    authorizedByOther: Text | None = None
    predecessorHash: Text | None = None
    predecessorHashSha256: Text | None = None
    predecessorSignature: Text | None = None

    def said(self) -> dict[str, Any]:
        """Return what was sent, by our names."""
        who = self.authorizedByIndividual
        given = {
            "id": self.id,
            "snapshot": self.serializedSnapshot,
            "hash": self.serializedHash,
            "hash_sha256": self.serializedHashSha256,
            "schema_name": self.schemaName,
            "object_id": self.objectId,
            "signed_without_object_id": self.signedWithoutObjectId,
            "at": self.timestamp,
            "authorized_by_individual": None if who is None else who.id,
            "authorized_by_other": self.authorizedByOther,
            "predecessor_hash": self.predecessorHash,
            "predecessor_hash_sha256": self.predecessorHashSha256,
            "predecessor_signature": self.predecessorSignature,
        }
        return {name: value for name, value in given.items() if value is not None}


class PresentedSignature(SentSignature):
    """A signature as somebody was given it; what is left out is not compared."""

    id: Text | None = Field(
        default=None, description="Its id; without one it is compared with the first"
    )


class ToVerify(BaseModel):
    """A revision to be checked, and a signature it came with."""

    model_config = ConfigDict(extra="ignore")

    revision: SentRevision
    signature: PresentedSignature | None = None


class Verdict(BaseModel):
    """Whether all holds, and what does not."""

    valid: bool
    reasons: list[str] = Field(description="What does not hold; empty when all does")

    @classmethod
    def of(cls, reasons: list[str]) -> "Verdict":
        """Return a verdict as the wire has it."""
        return cls(valid=not reasons, reasons=reasons)


class Finding(BaseModel):
    """What does not hold of one revision or its object."""

    schemaName: str = Field(description="What kind of object; empty where only the ledger knows it")
    objectId: str
    revisionId: str
    reasons: list[str]


class Walk(BaseModel):
    """What a walk through revisions found, and how far it came."""

    valid: bool = Field(description="Whether all that was checked holds")
    checked: int = Field(description="Revisions checked on this page")
    through: datetime | None = Field(default=None, description="The time of the last of them")
    findings: list[Finding]
    next: Next = None

    @classmethod
    def of(cls, walk: models.Walk, following: str | None) -> "Walk":
        """Return a walk as the wire has it."""
        findings = [
            Finding(
                schemaName=each.schema_name,
                objectId=each.object_id,
                revisionId=each.revision_id,
                reasons=list(each.reasons),
            )
            for each in walk.findings
        ]
        return cls(
            valid=not findings,
            checked=walk.checked,
            through=walk.through,
            findings=findings,
            next=following,
        )
