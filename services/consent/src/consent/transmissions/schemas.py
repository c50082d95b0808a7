"""Transmissions on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from consent.agreements.schemas import Member
from consent.transmissions import models
from kit.web import Moment, Text

Name = Annotated[Text, Field(min_length=1, max_length=500)]


class Item(BaseModel):
    """One person's data in an exchange."""

    model_config = ConfigDict(extra="ignore")

    consentRecordId: Name = Field(description="The consent record it was shown under")
    decisionId: Name | None = Field(default=None, description="The decision that permitted it")
    attributes: list[Name] | None = Field(
        default=None, max_length=1000, description="What was shown, where the provider says it"
    )


class Exchange(BaseModel):
    """An exchange under consents."""

    model_config = ConfigDict(extra="ignore")

    exchangeId: UUID = Field(description="The entry of its answer in the gateway's ledger")
    at: Moment = Field(description="When the answer left")
    client: Name = Field(description="Who got it", examples=["DEV/GOV/10001/health-centre"])
    dataSource: Member = Field(description="Whose data it was", examples=["DEV/GOV/10002"])
    service: Name = Field(
        description="Which service gave it", examples=["DEV/GOV/10002/population/registry"]
    )
    items: list[Item] = Field(max_length=100)

    def exchange(self) -> models.Exchange:
        """Return what is reported."""
        items = [models.Item(i.consentRecordId, i.decisionId, i.attributes) for i in self.items]
        return models.Exchange(
            self.exchangeId, self.at, self.client, self.dataSource, self.service, items
        )


class Report(BaseModel):
    """Exchanges that an information mediator passed."""

    model_config = ConfigDict(extra="ignore")

    transmissions: list[Exchange] = Field(max_length=100)


class Refused(BaseModel):
    """What is not kept of a report."""

    exchangeId: UUID
    consentRecordId: str
    reason: Literal["record-unknown"] = Field(description="There is no such consent record")

    @classmethod
    def of(cls, refused: models.Refused) -> "Refused":
        """Return it as the wire has it."""
        return cls(
            exchangeId=refused.exchange_id,
            consentRecordId=refused.record_id,
            reason="record-unknown",
        )


class Reported(BaseModel):
    """What became of a report: all of it is kept but what is refused."""

    refused: list[Refused]


class Transmission(BaseModel):
    """Data of an individual that went to a client under a consent."""

    id: UUID
    at: datetime = Field(description="When the answer left")
    consentRecordId: str
    dataAgreementId: str
    individualId: str | None = Field(
        default=None, description="Whose data; absent once the consent record was forgotten"
    )
    client: str = Field(description="Who got it", examples=["DEV/GOV/10001/health-centre"])
    dataSource: str = Field(description="Whose data it was", examples=["DEV/GOV/10002"])
    service: str = Field(description="Which service gave it")
    attributes: list[str] | None = Field(
        default=None, description="What was shown; absent where the provider does not say it"
    )
    decisionId: str | None = Field(default=None, description="The decision that permitted it")
    confirmed: bool = Field(
        description="The agreement, as it was agreed to, covers recipient, source and attributes; "
        "if not, that this consent was meant is the provider's word against it"
    )
    exchangeId: UUID = Field(description="The entry of the exchange in the gateway's ledger")
    evidence: str = Field(
        description="Where the gateway proves that entry, to those who took part and to auditors",
        examples=["/evidence/packages/019ac0de-0000-7000-8000-000000000000"],
    )
    proof: str | None = Field(
        default=None,
        description="Where this block proves to the individual that the gateway told it so",
        examples=["/evidence/packages/019ac0de-0000-7000-8000-000000000001?part=0"],
    )

    @classmethod
    def of(cls, found: models.Transmission) -> "Transmission":
        """Return a transmission as the wire has it."""
        entry, part = found.proof or (None, None)
        return cls(
            id=found.id,
            at=found.at,
            consentRecordId=found.record_id,
            dataAgreementId=found.agreement_id,
            individualId=found.individual_id,
            client=found.client,
            dataSource=found.data_source,
            service=found.service,
            attributes=None if found.attributes is None else list(found.attributes),
            decisionId=found.decision_id,
            exchangeId=found.exchange_id,
            confirmed=found.confirmed,
            evidence=f"/evidence/packages/{found.exchange_id}",
            proof=entry and f"/evidence/packages/{entry}?part={part}",
        )


class Transmissions(BaseModel):
    """A page of transmissions, newest first."""

    transmissions: list[Transmission]
    next: str | None = Field(default=None, description="The next page; absent on the last")

    @classmethod
    def of(cls, page: models.Page, following: str | None) -> "Transmissions":
        """Return a page as the wire has it, with the link to the page behind it."""
        return cls(transmissions=[Transmission.of(one) for one in page.found], next=following)
