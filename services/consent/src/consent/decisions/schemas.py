"""Decisions on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consent.agreements.schemas import Member, Period
from consent.decisions import models
from consent.policies.schemas import Line
from kit.web import Moment, Text

Client = Annotated[Text, Field(pattern=r"^[^/]+/[^/]+/[^/]+/[^/]+$", max_length=500)]
Attribute = Annotated[Line, Field(min_length=1)]
_ONE_OF_EACH: dict[str, Any] = {
    "allOf": [
        {"oneOf": [{"required": ["client"]}, {"required": ["requester"]}]},
        {"oneOf": [{"required": ["dataAgreementId"]}, {"required": ["purpose"]}]},
    ]
}


class Person(BaseModel):
    """Whose data it is."""

    model_config = ConfigDict(extra="ignore")

    externalId: Annotated[Line, Field(min_length=1, examples=["EE49001010002"])]
    externalIdType: Line | None = Field(
        default=None, description="Its type; any when not given", examples=["personal-id"]
    )


class Question(BaseModel):
    """Whether a client may have a person's data, under an agreement or for a purpose."""

    model_config = ConfigDict(extra="ignore", json_schema_extra=_ONE_OF_EACH)

    dataAgreementId: Line | None = Field(
        default=None, description="The agreement the data is used under"
    )
    purpose: Annotated[Line, Field(min_length=1)] | None = Field(
        default=None,
        description="Instead: the purpose or the purposeCode of an active agreement of the asker, "
        "the recipient or the data source under which the individual decided",
    )
    individual: Person
    client: Client | None = Field(
        default=None,
        description="Who would receive the data",
        examples=["DEV/GOV/10001/health-centre"],
    )
    requester: Client | None = Field(default=None, description="Another name of client")
    dataSource: Member | None = Field(
        default=None, description="The member it comes from", examples=["DEV/GOV/10002"]
    )
    attributes: list[Attribute] = Field(
        default=[],
        max_length=1000,
        description="The attributes asked for",
        examples=[["firstName"]],
    )
    partial: bool = Field(
        default=False, description="Whether a permit may cover fewer attributes than asked for"
    )
    at: Moment | None = Field(
        default=None,
        description="An earlier moment to decide as of: an answer for auditors, never a permit "
        "to fetch. Needs dataAgreementId",
    )
    explain: bool = Field(default=False, description="Whether to say what was looked at")

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.client is None) == (self.requester is None):
            message = "give client, or requester"
            raise ValueError(message)
        if (self.dataAgreementId is None) == (self.purpose is None):
            message = "give dataAgreementId, or purpose"
            raise ValueError(message)
        if self.at is not None and self.purpose is not None:
            message = "at needs dataAgreementId"
            raise ValueError(message)
        return self

    def question(self) -> models.Question:
        """Return what is asked."""
        return models.Question(
            self.dataAgreementId,
            self.individual.externalId,
            self.individual.externalIdType,
            self.client or self.requester or "",
            self.dataSource,
            self.attributes,
            self.purpose,
            self.at,
            self.partial,
        )


class Looked(BaseModel):
    """One thing a decision looked at."""

    check: models.Check = Field(description="What was looked at", examples=["signed"])
    passed: bool = Field(description="Whether it let the decision go on")
    said: str = Field(description="What was found, in words")


class Decision(BaseModel):
    """Whether the data may be used, and why."""

    decisionId: str = Field(description="Its id, which its entry in the ledger has too")
    permitted: bool
    reason: models.Reason = Field(description="Why", examples=["permitted"])
    dataAgreementId: str | None = Field(default=None, description="The agreement it was decided by")
    consentRecordId: str | None = Field(
        default=None, description="The record it was decided on, if there is one"
    )
    dataAgreementRevisionHash: str | None = Field(
        default=None, description="The agreement's revision that record was given under"
    )
    decidedAt: datetime = Field(description="When it was decided, or the moment it is about")
    maxAgeSeconds: int = Field(description="How long the decision may be reused")
    effectiveAttributes: list[str] = Field(
        description="What may be had: asked for, in the agreement, agreed to and chosen"
    )
    expiresAt: datetime | None = Field(default=None, description="When the consent ends")
    dataLife: Period | None = Field(
        default=None, description="How long the receiver may keep what it gets"
    )
    consentMode: str | None = Field(
        default=None, description="What the receiver may do with it", examples=["store"]
    )
    fetchesLeft: int | None = Field(
        default=None, description="Fetches left after this one, where the terms count them"
    )
    nextFetchAt: datetime | None = Field(
        default=None, description="When the next fetch is let, where none is left until then"
    )
    asOf: datetime | None = Field(
        default=None, description="The earlier moment it is about: not a permit to fetch"
    )
    explanation: list[Looked] | None = Field(
        default=None, description="What was looked at, in order; the last one decided"
    )

    @classmethod
    def of(cls, decision: models.Decision, *, explain: bool) -> "Decision":
        """Return a decision as the wire has it."""
        life = decision.data_life
        return cls(
            decisionId=decision.id,
            permitted=decision.permitted,
            reason=decision.reason,
            dataAgreementId=decision.agreement_id,
            consentRecordId=decision.record_id,
            dataAgreementRevisionHash=decision.agreement_revision_hash,
            decidedAt=decision.decided_at,
            maxAgeSeconds=decision.max_age,
            effectiveAttributes=list(decision.attributes),
            expiresAt=decision.expires_at,
            dataLife=None if life is None else Period(unit=life.unit, value=life.value),
            consentMode=decision.consent_mode,
            fetchesLeft=decision.fetches_left,
            nextFetchAt=decision.next_fetch_at,
            asOf=decision.as_of,
            explanation=[_looked(*one) for one in decision.checks] if explain else None,
        )


def _looked(check: models.Check, passed: bool) -> Looked:  # noqa: FBT001  as it is kept
    words = models.SAYINGS[check]
    return Looked(check=check, passed=passed, said=words.passed if passed else words.failed)
