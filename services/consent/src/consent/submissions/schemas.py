"""Drafts and submissions on the wire."""

from pydantic import BaseModel

from consent.consents.models import Kept
from consent.consents.schemas import ConsentRecord, SentRecord
from consent.revisions.schemas import Revision
from consent.signatures.schemas import SentSignature, Signature
from consent.submissions.models import Draft, Submission


class DraftAnswer(BaseModel):
    """A record and a signature that nobody keeps yet."""

    consentRecord: ConsentRecord
    signature: Signature

    @classmethod
    def of(cls, draft: Draft) -> "DraftAnswer":
        """Return a draft as the wire has it."""
        return cls(
            consentRecord=ConsentRecord.draft(draft.choice, draft.agreement_revision),
            signature=Signature.draft(draft.signature),
        )


class SubmissionBody(BaseModel):
    """A draft that was signed."""

    consentRecord: SentRecord
    signature: SentSignature

    def submission(self) -> Submission:
        """Return what was signed."""
        record = self.consentRecord
        return Submission(
            agreement_id=record.dataAgreement.id,
            agreement_revision_hash=record.dataAgreementRevisionHash,
            signature=self.signature.content(),
            opt_in=record.optIn,
            expires_at=record.expiresAt,
            attributes=record.attributes,
            individual_id=record.individual.id if record.individual else None,
        )


class SubmissionAnswer(BaseModel):
    """A signed record, its revision and its signature."""

    consentRecord: ConsentRecord
    revision: Revision
    signature: Signature | None = None

    @classmethod
    def of(cls, kept: Kept) -> "SubmissionAnswer":
        """Return a signed record as the wire has it."""
        return cls(
            consentRecord=ConsentRecord.of(kept, signature=False),
            revision=Revision.of(kept.revision),
            signature=Signature.of(kept.signature) if kept.signature else None,
        )
