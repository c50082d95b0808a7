"""Consent records on the wire."""

from datetime import datetime
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from consent.agreements.schemas import DataAgreement
from consent.consents import models
from consent.individuals.models import Hand
from consent.policies.schemas import Line
from consent.revisions import models as revisions
from consent.revisions.schemas import Next, Reference, Revision
from consent.signatures.schemas import Signature
from kit.web import Moment, Text


class SentReference(BaseModel):
    """An object named by its id; its other members are ignored."""

    model_config = ConfigDict(extra="ignore")

    id: Line = Field(description="The object's id")


class ChangedRecord(BaseModel):
    """What can be changed in a consent record."""

    model_config = ConfigDict(extra="ignore")

    optIn: bool = Field(description="False to withdraw, true to opt in again")
    dataAgreementRevisionHash: Text = Field(
        default="", description="When sent, it must be the record's own"
    )
    expiresAt: Moment | None = Field(
        default=None,
        description="When the consent ends: earlier, or later where the agreement's terms let it",
    )


class ChangedRecordBody(BaseModel):
    """A request that changes a consent record."""

    consentRecord: ChangedRecord


class SentRecord(BaseModel):
    """A consent record as a draft gave it."""

    model_config = ConfigDict(extra="ignore")

    dataAgreement: SentReference
    dataAgreementRevisionHash: Line = Field(description="The hash of the agreement's revision")
    individual: SentReference | None = None
    optIn: bool = Field(default=True, description="Whether the individual agrees")
    expiresAt: Moment | None = Field(default=None, description="When the consent ends")
    attributes: list[Line] | None = Field(
        default=None, max_length=1000, description="What of the agreement's attributes it covers"
    )


class GivenBy(BaseModel):
    """A representative, and by what they are one."""

    individualId: str = Field(description="The individual that the representative is here")
    representationId: str = Field(description="What they acted under")
    kind: Literal["guardian", "delegate"] = Field(description="By law, or because they were asked")

    @classmethod
    def of(cls, authorized_by_other: str | None) -> "GivenBy | None":
        """Return the representative whom a revision names, None when it names none."""
        hand = Hand.read(authorized_by_other)
        if hand is None:
            return None
        said = {"individualId": hand.representative_id, "representationId": hand.representation_id}
        return cls.model_validate({**said, "kind": hand.kind})


class ConsentRecord(BaseModel):
    """What an individual decided under one revision of an agreement; a draft has no id."""

    id: str | None = Field(default=None, description="Its id; absent in a draft")
    dataAgreement: DataAgreement = Field(description="The agreement, as it was agreed to")
    dataAgreementRevision: Revision = Field(description="The agreement's revision")
    dataAgreementRevisionHash: str = Field(description="That revision's serializedHash")
    individual: Reference = Field(description="Who decided")
    optIn: bool = Field(description="Whether the individual agrees")
    state: models.State = Field(description="Whether the newest decision is signed")
    expiresAt: datetime | None = Field(
        default=None, description="When the consent ends; absent when it does not"
    )
    attributes: list[str] | None = Field(
        default=None,
        description="What of the agreement's attributes the individual chose; absent: all of them",
    )
    givenBy: GivenBy | None = Field(
        default=None, description="Who made the newest decision for the individual, if another did"
    )
    signature: Signature | None = Field(
        default=None, description="The signature of the newest decision"
    )
    signatures: list[Signature] | None = Field(
        default=None,
        description="All signatures of the newest decision; each further one signs the one before",
    )

    @classmethod
    def of(cls, kept: models.Kept, *, signature: bool = True) -> "ConsentRecord":
        """Return a record as the wire has it, with its signature where that is theirs to see."""
        record = cls.draft(kept.record.choice, kept.agreement_revision)
        record.id, record.state = kept.record.id, kept.record.state
        record.givenBy = GivenBy.of(kept.revision.authorized_by_other)
        if signature and kept.signatures:
            record.signatures = [Signature.of(each) for each in kept.signatures]
            record.signature = record.signatures[0]
        return record

    @classmethod
    def draft(cls, choice: models.Choice, revision: revisions.Revision) -> "ConsentRecord":
        """Return a record nobody keeps yet."""
        agreement, state = _agreed(choice.agreement_id, revision)
        return cls(
            dataAgreement=agreement,
            dataAgreementRevision=state,
            dataAgreementRevisionHash=choice.agreement_revision_hash,
            individual=Reference(id=choice.individual_id),
            optIn=choice.opt_in,
            state="unsigned",
            expiresAt=choice.expires_at,
            attributes=None if choice.attributes is None else list(choice.attributes),
        )


@lru_cache(maxsize=128)
def _agreed(agreement_id: str, revision: revisions.Revision) -> tuple[DataAgreement, Revision]:
    """Return what many agreed to, which never changes; nobody may change it here."""
    return DataAgreement.said(agreement_id, revision.object_data), Revision.of(revision)


class RecordAnswer(BaseModel):
    """A consent record and the revision that says so."""

    consentRecord: ConsentRecord
    revision: Revision

    @classmethod
    def of(cls, kept: models.Kept) -> "RecordAnswer":
        """Return a kept record as the wire has it, without its signature."""
        record = ConsentRecord.of(kept, signature=False)
        return cls(consentRecord=record, revision=Revision.of(kept.revision))


class RecordOnly(BaseModel):
    """A consent record."""

    consentRecord: ConsentRecord


class Records(BaseModel):
    """A page of consent records, newest first."""

    consentRecords: list[ConsentRecord]
    next: Next = None

    @classmethod
    def of(cls, found: models.Listed, following: str | None) -> "Records":
        """Return a page as the wire has it, without signatures."""
        records = [ConsentRecord.of(kept, signature=False) for kept in found.kept]
        return cls(consentRecords=records, next=following)


class Forgotten(BaseModel):
    """What was deleted for good."""

    deleted: list[str] = Field(description="The ids of the consent records that are gone")
