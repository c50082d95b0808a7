"""Individuals on the wire."""

from typing import Annotated

from pydantic import BaseModel, Field

from consent.individuals import models
from consent.policies.schemas import GivenId, Line


class IndividualContent(BaseModel):
    """What identifies an individual outside this block."""

    externalId: Annotated[
        Line,
        Field(
            min_length=1,
            description="A foundational or functional id; kept sealed",
            examples=["EE49001010002"],
        ),
    ]
    externalIdType: Line = Field(
        default="", description="What kind of id it is", examples=["personal-id"]
    )
    identityProviderId: Line = Field(default="", description="Who vouches for it")


class NewIndividual(IndividualContent):
    """An individual as sent."""

    id: GivenId | None = Field(default=None, description="Taken from administrators only")

    def identity(self) -> models.Identity:
        """Return what identifies the individual."""
        return models.Identity(self.externalId, self.externalIdType, self.identityProviderId)


class IndividualBody(BaseModel):
    """A request with an individual."""

    individual: NewIndividual


class Individual(IndividualContent):
    """An individual as a member knows them."""

    id: str = Field(description="The id; the only one that travels in headers and addresses")

    @classmethod
    def of(cls, individual: models.Individual) -> "Individual":
        """Return an individual as the wire has it."""
        identity = individual.identity
        return cls(
            id=individual.id,
            externalId=identity.external_id,
            externalIdType=identity.external_id_type,
            identityProviderId=identity.identity_provider_id,
        )


class IndividualAnswer(BaseModel):
    """An individual."""

    individual: Individual


class Individuals(BaseModel):
    """A page of individuals."""

    individuals: list[Individual]


class IndividualSearch(BaseModel):
    """Whom to find; in a body, so that no address carries the id of a person."""

    externalId: Annotated[Line, Field(min_length=1, description="The external id")]
    externalIdType: Line | None = Field(default=None, description="Its type; any when not given")
