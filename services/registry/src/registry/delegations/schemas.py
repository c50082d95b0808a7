"""Delegations on the wire."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from kit.web import Moment, Text

Person = Annotated[Text, Field(min_length=1, max_length=200)]


class DelegationBody(BaseModel):
    """Who shall speak for whom."""

    principal: Person = Field(description="Who is spoken for", examples=["EE60001019906"])
    delegate: Person = Field(description="Who speaks", examples=["EE48001019908"])
    databases: list[Text] = Field(
        default=[], description="Codes of databases; all of the member's when none is given"
    )
    validFrom: Moment | None = Field(None, description="Now when not given")
    validUntil: Moment | None = Field(None, description="Until revoked when not given")


class DelegationInfo(BaseModel):
    """Who speaks for whom."""

    id: UUID
    principal: str
    delegate: str
    databases: list[str]
    validFrom: AwareDatetime
    validUntil: AwareDatetime | None = None
    madeAt: AwareDatetime
    madeBy: str = Field(description="Application it was made through")
    revokedAt: AwareDatetime | None = None
