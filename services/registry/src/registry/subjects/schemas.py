"""What a person is given of themselves, on the wire."""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from kit.web import Text
from registry.usage.schemas import PersonalDataUsage

AT = "2026-07-21T17:32:28Z"


class SubjectQuery(BaseModel):
    """Whose data; in a body, so that no address carries an identifier."""

    personalDataId: Text | None = Field(
        None,
        description="The person's identifier: any that a database has; not needed by who is "
        "signed in",
        examples=["EE378129277266"],
    )


class EarlierState(BaseModel):
    """What a record said for some time."""

    revision: int
    validFrom: AwareDatetime = Field(examples=[AT])
    validTo: AwareDatetime = Field(examples=[AT])
    content: dict[str, Any]


class SubjectRecord(BaseModel):
    """A record about the person."""

    id: UUID
    number: int = Field(description="Its registry number")
    primaryKey: str | None = None
    createdAt: AwareDatetime = Field(examples=[AT])
    changedAt: AwareDatetime = Field(examples=[AT])
    archivedAt: AwareDatetime | None = None
    deletedAt: AwareDatetime | None = Field(None, description="It is deleted, and still kept")
    content: dict[str, Any]
    withheld: list[str] = Field(
        description="Fields that are not in it: secrets, and personal data of somebody else"
    )
    earlier: list[EarlierState] = Field(description="What it said before, oldest first")


class LegalFramework(BaseModel):
    """By what rules a database is kept, as its owner states them."""

    metadata: dict[str, Any] | None = Field(
        description="Domain, department, retention policy, classification"
    )
    access: dict[str, Any] | None = Field(
        description="What a read needs: the person's consent, a legal basis"
    )


class SubjectDatabase(BaseModel):
    """What one database holds about the person."""

    id: int
    code: str = Field(examples=["MCTS"])
    version: str = Field(description="The newest published version", examples=["2.0"])
    legalFramework: LegalFramework
    identifiers: list[str] = Field(description="Fields that identify a person")
    personalFields: list[str] = Field(description="Fields that hold personal data")
    records: list[SubjectRecord]
    uses: list[PersonalDataUsage] = Field(description="Who looked at it, newest first")


class SubjectExport(BaseModel):
    """Everything that a member's databases hold about a person."""

    personalDataId: str = Field(examples=["EE378129277266"])
    controller: str = Field(description="The member that keeps it", examples=["DEV/GOV/10001"])
    exportedAt: AwareDatetime = Field(examples=[AT])
    isComplete: bool = Field(
        description="False when there are more than 1000 records, earlier states or uses"
    )
    databases: list[SubjectDatabase]
