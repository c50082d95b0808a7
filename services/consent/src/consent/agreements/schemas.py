"""Data agreements on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from consent.agreements import models
from consent.policies.schemas import GivenId, Line, Policy
from consent.revisions.schemas import Reference, Revision
from kit.web import Text

Member = Annotated[Text, Field(pattern=r"^[^/]+/[^/]+/[^/]+$", max_length=400)]
"""A member of the mediator, ``INSTANCE/CLASS/MEMBER``."""

LawfulBasis = Literal[
    "consent",
    "legal_obligation",
    "contract",
    "vital_interest",
    "public_task",
    "legitimate_interest",
]


class Controller(BaseModel):
    """Who decides about the data."""

    id: Line = Field(default="", description="Its id", examples=["DEV/GOV/10001"])
    name: Line = Field(default="", description="Its name", examples=["Ministry of Health"])
    url: Line = Field(default="", description="Where it is found", examples=["https://example.org"])


class Lifecycle(BaseModel):
    """Where the agreement is in its owner's own workflow; it decides nothing here."""

    id: Line = Field(default="", description="The stage's id")
    name: Line = Field(default="", description="The stage", examples=["Complete"])


class AttributeContent(BaseModel):
    """What an attribute is."""

    name: Annotated[Line, Field(min_length=1, description="Its name", examples=["firstName"])]
    sensitivity: Line = Field(default="", description="How sensitive it is", examples=["normal"])
    category: Line = Field(default="", description="What kind of data it is", examples=["identity"])


class NewAttribute(AttributeContent):
    """One attribute the agreement covers, as sent."""

    id: Line | None = Field(default=None, description="Its id; its name when not given")


class Attribute(AttributeContent):
    """One attribute the agreement covers."""

    id: str = Field(description="Its id")


class PolicyChoice(BaseModel):
    """The policy an agreement stands under; other members of it are ignored."""

    id: Annotated[Line, Field(min_length=1, description="Its id")]
    revisionId: Line | None = Field(
        default=None,
        description="Its revision; when not given the one the agreement has, or the newest",
    )


class EmbeddedPolicy(Policy):
    """The policy an agreement stands under, as of one revision."""

    revisionId: str = Field(description="The policy's revision")
    revisionHash: str = Field(description="That revision's serializedHash")


class AgreementContent(BaseModel):
    """What an agreement says, besides its policy."""

    model_config = ConfigDict(extra="ignore")

    version: Line = Field(default="1.0", description="The version of the agreement's format")
    controller: Controller | None = None
    purpose: Annotated[
        Line,
        Field(
            min_length=1,
            description="Why data is used, as the individual is told",
            examples=["Register your child for mother and child care"],
        ),
    ]
    lawfulBasis: LawfulBasis = Field(description="What makes the use lawful", examples=["consent"])
    dataUse: Literal["null", "data_source", "data_using_service"] | None = Field(
        default=None, description="Whether data is provided or used", examples=["data_source"]
    )
    dpia: Line = Field(default="", description="The data protection impact assessment")
    active: bool = Field(default=True, description="Whether consent can be given and data used")
    forgettable: bool = Field(
        default=False, description="Whether records may be deleted when the individual asks"
    )
    lifecycle: Lifecycle | None = None
    compatibleWithVersion: Reference | None = Field(
        default=None, description="An earlier agreement this one replaces"
    )
    recipients: list[Member] = Field(
        default=[],
        max_length=1000,
        description="Members who may receive the data, besides the owner",
        examples=[["DEV/GOV/10001"]],
    )
    dataSources: list[Member] = Field(
        default=[],
        max_length=1000,
        description="Members the data may come from; empty means any",
        examples=[["DEV/GOV/10002"]],
    )
    maxAgeSeconds: int = Field(
        default=0, ge=0, le=86_400, description="How long a positive decision may be reused"
    )
    validityDays: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None, description="How long a consent lasts, in days; for ever when not given"
    )


class NewAgreement(AgreementContent):
    """A data agreement as it is sent."""

    id: GivenId | None = Field(default=None, description="Taken from administrators only")
    policy: PolicyChoice | None = None
    dataAttributes: list[NewAttribute] = Field(
        default=[], max_length=1000, description="What it covers; an empty list covers nothing"
    )

    def content(self) -> dict[str, Any]:
        """Return what it says, without what was left out."""
        content = self.model_dump(exclude={"id"}, exclude_none=True)
        for attribute in content["dataAttributes"]:
            attribute.setdefault("id", attribute["name"])
        return content


class AgreementBody(BaseModel):
    """A request with a data agreement."""

    dataAgreement: NewAgreement


class DataAgreement(AgreementContent):
    """A data agreement as it is kept."""

    id: str = Field(description="Its id")
    policy: EmbeddedPolicy | None = None
    dataAttributes: list[Attribute] = Field(description="What it covers")

    @classmethod
    def of(cls, agreement: models.Agreement) -> "DataAgreement":
        """Return an agreement as the wire has it."""
        return cls.said(agreement.id, agreement.content)

    @classmethod
    def said(cls, agreement_id: str, content: Mapping[str, Any]) -> "DataAgreement":
        """Return what an agreement said at one revision."""
        return cls.model_validate({**content, "id": agreement_id})


class AgreementAnswer(BaseModel):
    """A data agreement and the revision that says so."""

    dataAgreement: DataAgreement
    revision: Revision


class AgreementOnly(BaseModel):
    """A data agreement."""

    dataAgreement: DataAgreement


class AgreementPage(BaseModel):
    """A page of agreements, under the key GovStack publishes for administrators."""

    dataAgreement: list[DataAgreement]


class Agreements(BaseModel):
    """A page of agreements."""

    dataAgreements: list[DataAgreement]


class AgreementRevisions(BaseModel):
    """The states an agreement had, oldest first."""

    revisions: list[Revision]
