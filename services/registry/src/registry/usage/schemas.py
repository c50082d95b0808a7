"""The usage report on the wire, as GovStack spells it."""

from pydantic import BaseModel, Field

from kit.web import Text


class UsageQuery(BaseModel):
    """Whose data, in which database; in a body, so that no address carries an identifier."""

    userId: Text = Field(description="The person's identifier", examples=["EE378129277266"])
    databaseId: Text = Field(description="Code or id of the database", examples=["MCTS"])


class Reference(BaseModel):
    """A record that was looked at."""

    ReferenceID: str = Field(description="Its primary key, or else its id", examples=["MCTS31"])


class PersonalDataUsage(BaseModel):
    """One look at a person's data."""

    id: str = Field(description="Id of the log entry")
    readerId: str | None = Field(None, description="Who looked", examples=["EE37819285773"])
    readerInitials: str | None = Field(None, description="Their initials", examples=["JD"])
    readerInstitutionId: str = Field(description="Their institution", examples=["DEV/GOV/10001"])
    readerInstitutionName: str | None = Field(None, examples=["Ministry of Health"])
    readerApplicationName: str = Field(
        description="The application they used", examples=["Health centre"]
    )
    searchDateTime: str = Field(description="When (UTC)", examples=["2026-07-21T17:32:28Z"])
    refrences: list[Reference] = Field(description="What was looked at")
    recordId: str | None = Field(None, description="Id of the record")
    fields: list[str] = Field(description="Personal fields that were shown")
    operation: str = Field(description="How it was looked at", examples=["read"])
    legalBasis: str | None = Field(None, description="Legal basis the reader stated")
    consentRecordId: str | None = Field(None, description="Consent the read stood on")
