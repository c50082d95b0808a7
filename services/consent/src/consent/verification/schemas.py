"""Decisions on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from consent.agreements.schemas import Member
from consent.policies.schemas import Line
from consent.verification import models
from kit.web import Text

Client = Annotated[Text, Field(pattern=r"^[^/]+/[^/]+/[^/]+/[^/]+$", max_length=500)]
Attribute = Annotated[Line, Field(min_length=1)]


class Person(BaseModel):
    """Whose data it is."""

    model_config = ConfigDict(extra="ignore")

    externalId: Annotated[Line, Field(min_length=1, examples=["EE49001010002"])]
    externalIdType: Line | None = Field(
        default=None, description="Its type; any when not given", examples=["personal-id"]
    )


class Question(BaseModel):
    """Whether a client may have a person's data under an agreement."""

    model_config = ConfigDict(extra="ignore")

    dataAgreementId: Line = Field(description="The agreement the data is used under")
    individual: Person
    client: Client = Field(
        description="Who would receive the data", examples=["DEV/GOV/10001/health-centre"]
    )
    dataSource: Member | None = Field(
        default=None, description="The member it comes from", examples=["DEV/GOV/10002"]
    )
    attributes: list[Attribute] = Field(
        default=[],
        max_length=1000,
        description="The attributes asked for",
        examples=[["firstName"]],
    )

    def question(self) -> models.Question:
        """Return what is asked."""
        return models.Question(
            self.dataAgreementId,
            self.individual.externalId,
            self.individual.externalIdType,
            self.client,
            self.dataSource,
            self.attributes,
        )


class Decision(BaseModel):
    """Whether the data may be used now, and why."""

    permitted: bool
    reason: models.Reason = Field(description="Why", examples=["permitted"])
    consentRecordId: str | None = Field(
        default=None, description="The record it was decided on, if there is one"
    )
    dataAgreementRevisionHash: str | None = Field(
        default=None, description="The agreement's revision that record was given under"
    )
    decidedAt: datetime = Field(description="When it was decided")
    maxAgeSeconds: int = Field(description="How long the decision may be reused")

    @classmethod
    def of(cls, decision: models.Decision) -> "Decision":
        """Return a decision as the wire has it."""
        record = decision.record
        return cls(
            permitted=decision.permitted,
            reason=decision.reason,
            consentRecordId=record.id if record else None,
            dataAgreementRevisionHash=record.choice.agreement_revision_hash if record else None,
            decidedAt=decision.decided_at,
            maxAgeSeconds=decision.max_age,
        )
