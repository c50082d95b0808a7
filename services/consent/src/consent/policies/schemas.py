"""Policies on the wire."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from consent.policies import models
from consent.revisions.schemas import Revision
from kit.web import Text

GivenId = Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$")]
"""An id an administrator gives; from others it is ignored and a new one is made."""

Line = Annotated[Text, Field(max_length=2000)]


class PolicyContent(BaseModel):
    """What a policy says."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[Line, Field(min_length=1, description="Its name", examples=["Health data"])]
    version: Annotated[Line, Field(min_length=1, description="Its version", examples=["1.0"])]
    url: Annotated[
        Line,
        Field(
            min_length=1,
            description="Where this very version can be read for good",
            examples=["https://health.example.org/policies/health-data/1.0"],
        ),
    ]
    jurisdiction: Line | None = Field(
        default=None, description="Whose law it stands under", examples=["EE"]
    )
    industrySector: Line | None = Field(
        default=None, description="The sector it is made for", examples=["health"]
    )
    dataRetentionPeriodDays: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None, description="How long data is kept, in days", examples=[365]
    )
    geographicRestriction: Line | None = Field(
        default=None, description="Where data may be processed", examples=["EU"]
    )
    storageLocation: Line | None = Field(
        default=None, description="Where data is stored", examples=["EE"]
    )


class NewPolicy(PolicyContent):
    """A policy as it is sent."""

    id: GivenId | None = Field(default=None, description="Taken from administrators only")

    def content(self) -> dict[str, Any]:
        """Return what it says, without what was left out."""
        return self.model_dump(exclude={"id"}, exclude_none=True)


class PolicyBody(BaseModel):
    """A request with a policy."""

    policy: NewPolicy


class Policy(PolicyContent):
    """A policy as it is kept."""

    id: str = Field(description="Its id")

    @classmethod
    def of(cls, policy: models.Policy) -> "Policy":
        """Return a policy as the wire has it."""
        return cls(**policy.content, id=policy.id)


class PolicyAnswer(BaseModel):
    """A policy and the revision that says so."""

    policy: Policy
    revision: Revision


class PolicyRevisions(BaseModel):
    """A policy and the states it had, oldest first."""

    policy: Policy
    revisions: list[Revision]


class Policies(BaseModel):
    """A page of policies."""

    policies: list[Policy]
