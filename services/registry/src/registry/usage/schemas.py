"""The usage report on the wire, as GovStack spells it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from kit.web import Text, gathered
from registry.usage.models import Usage

Cursor = Annotated[
    Text | None,
    Field(max_length=200, description="What `X-Next-Cursor` of the page before said"),
]
PageSize = Annotated[int, Field(ge=1, le=1000, description="Entries of a page")]


@dataclass(frozen=True)
class Place:
    """Which version of which registry."""

    registry: Annotated[
        str, Path(alias="registryName", description="Code of the database, in any case")
    ]
    version: Annotated[
        str, Path(alias="versionNumber", description="Published version", examples=["1.0"])
    ]


Placed = Annotated[Place, gathered(Place)]


class UsageQuery(BaseModel):
    """Whose data, in which database; in a body, so that no address carries an identifier."""

    userId: Text = Field(
        description="The person's identifier: any that the database has of them",
        examples=["EE378129277266"],
    )
    databaseId: Text = Field(description="Code or id of the database", examples=["MCTS"])
    cursor: Cursor = None
    pageSize: PageSize = 1000


class PersonQuery(BaseModel):
    """Whose data; in a body, so that no address carries an identifier."""

    userId: Text | None = Field(
        None,
        description="The person's identifier; not needed by who is signed in",
        examples=["EE378129277266"],
    )
    cursor: Cursor = None
    pageSize: PageSize = 1000


class Reference(BaseModel):
    """A record that was looked at."""

    ReferenceID: str = Field(description="Its primary key, or else its id", examples=["MCTS31"])


class PersonalDataUsage(BaseModel):
    """One look at a person's data."""

    id: str = Field(description="Id of the log entry, which `/evidence/packages/{id}` proves")
    part: int | None = Field(
        None, description="Of a list or an export: the place of this part, for `?part=`"
    )
    personalDataId: str = Field(description="Whose data", examples=["EE378129277266"])
    readerId: str | None = Field(None, description="Who looked", examples=["EE37819285773"])
    readerInitials: str | None = Field(None, description="Their initials", examples=["JD"])
    readerInstitutionId: str = Field(description="Their institution", examples=["DEV/GOV/10001"])
    readerInstitutionName: str | None = Field(None, examples=["Ministry of Health"])
    readerApplicationName: str = Field(
        description="The application they used", examples=["Health centre"]
    )
    onBehalfOf: str | None = Field(
        None, description="For whom the reader spoke, when that was not themselves"
    )
    searchDateTime: str = Field(description="When (UTC)", examples=["2026-07-21T17:32:28Z"])
    refrences: list[Reference] = Field(description="What was looked at")
    recordId: str | None = Field(None, description="Id of the record")
    fields: list[str] = Field(description="Personal fields that were shown")
    operation: str = Field(description="How it was looked at", examples=["read"])
    legalBasis: str | None = Field(None, description="Legal basis the reader stated")
    consentRecordId: str | None = Field(None, description="Consent the read stood on")
    statedConsentRecordId: str | None = Field(
        None, description="Consent the reader referred to (X-Consent-Record-Id), not checked"
    )

    @classmethod
    def told(cls, entry: Usage) -> "PersonalDataUsage":
        """Return an entry as it is shown."""
        reference = entry.reference
        detail, facts = entry.detail, entry.facts
        return cls(
            id=str(entry.id),
            part=entry.place,
            personalDataId=entry.person,
            readerId=detail.get("readerId"),
            onBehalfOf=detail.get("onBehalfOf"),
            readerInitials=entry.initials,
            readerInstitutionId=entry.application.rpartition("/")[0],
            readerInstitutionName=detail.get("institutionName"),
            readerApplicationName=detail.get("applicationName") or entry.application,
            searchDateTime=entry.at.isoformat().replace("+00:00", "Z"),
            refrences=[Reference(ReferenceID=reference)] if reference else [],
            recordId=entry.record,
            fields=facts.get("fields", []),
            operation=facts["operation"],
            legalBasis=detail.get("legalBasis"),
            consentRecordId=facts.get("consentRecordId"),
            statedConsentRecordId=facts.get("statedConsent"),
        )
