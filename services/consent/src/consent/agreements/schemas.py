"""Data agreements on the wire."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consent.agreements import models
from consent.policies.schemas import GivenId, Line, Policy
from consent.revisions.schemas import Next, Reference, Revision
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


class Period(BaseModel):
    """So many units of time."""

    unit: models.Unit = Field(description="The unit", examples=["month"])
    value: Annotated[int, Field(ge=1, le=1000, description="How many of them", examples=[6])]


class Frequency(BaseModel):
    """At most so many fetches in one unit of time."""

    unit: models.Unit = Field(description="The unit, counted from a fetch", examples=["day"])
    value: Annotated[int, Field(ge=1, le=1_000_000, description="How many fetches", examples=[2])]


class Extensible(BaseModel):
    """How the individual may put the end of a consent off."""

    maxTimes: Annotated[int, Field(ge=1, le=1000, description="How often", examples=[2])]
    days: Annotated[int, Field(ge=1, le=36_500, description="By how many days at most, each time")]
    signatureStays: bool = Field(
        default=False,
        description="Whether the signature stands after it; if not, the new end is signed again",
    )


class AgreementTerms(BaseModel):
    """How often data may be fetched, how long it may be kept, and who may put the end off."""

    model_config = ConfigDict(extra="ignore")

    fetchType: Literal["oneshot", "periodic"] | None = Field(
        default=None, description="Once, or so often as frequency says; unlimited when not given"
    )
    frequency: Frequency | None = Field(default=None, description="How often, when periodic")
    dataLife: Period | None = Field(
        default=None, description="How long a receiver may keep what it got"
    )
    consentMode: Literal["view", "store", "query", "stream"] | None = Field(
        default=None, description="What a receiver may do with it"
    )
    extensible: Extensible | None = Field(
        default=None, description="How the individual may put the end off; not when not given"
    )

    @model_validator(mode="after")
    def _periodic_with_frequency(self) -> Self:
        if (self.fetchType == "periodic") != (self.frequency is not None):
            message = "a periodic fetchType has a frequency, and no other has"
            raise ValueError(message)
        return self


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
    purposeCode: Line | None = Field(
        default=None,
        description="The purpose's code in a list that asker and owner share",
        examples=["dpv:PublicBenefit"],
    )
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
    terms: AgreementTerms | None = Field(
        default=None, description="How often, how long and by whose will beyond that"
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
    next: Next = None

    @classmethod
    def of(cls, found: models.Listed, following: str | None) -> "Agreements":
        """Return a page as the wire has it."""
        said = [DataAgreement.of(each) for each in found.agreements]
        return cls(dataAgreements=said, next=following)


class AgreementRevisions(BaseModel):
    """The states an agreement had, oldest first."""

    revisions: list[Revision]
