"""Automations on the wire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from kit.web import JsonObject, Text, gathered
from registry.automations.models import LEAST_SECONDS
from registry.automations.service import Asked, Shown

_CONDITIONS = {
    "all": [
        {"field": "status", "is": "APPROVED"},
        {"any": [{"field": "district", "is": "north"}, {"field": "age", "atLeast": 65}]},
    ]
}
_QUERY = {
    "motherId": {"field": "motherId", "transform": ["trim", "upper"]},
    "name": {"fields": ["mother.firstName", "mother.lastName"], "separator": " "},
}
_ANSWER = {"paymentId": {"field": "ID"}}


@dataclass(frozen=True)
class Chosen:
    """The automation an address names."""

    id: Annotated[int, Path(ge=0, le=(1 << 63) - 1, description="Id of the database")]
    automationId: Annotated[UUID, Path(description="Id of the automation")]


ChosenAutomation = Annotated[Chosen, gathered(Chosen)]


class Trigger(BaseModel):
    """What begins a run: time, or a call to an address that only its owner knows."""

    type: Literal["interval", "webhook"]
    seconds: int | None = Field(
        None,
        ge=LEAST_SECONDS,
        le=366 * 86_400,
        validate_default=True,
        description="Between two runs, where time begins them",
        examples=[60],
    )

    @field_validator("seconds")
    @classmethod
    def _fits(cls, given: int | None, info: ValidationInfo) -> int | None:
        if (given is None) == (info.data.get("type") == "interval"):
            raise ValueError("is needed where time begins runs, and nowhere else")
        return given


class Mapping(BaseModel):
    """What becomes of values; the README of the registry describes the language."""

    query: JsonObject = Field(
        description="What is sent, or written: each name with what it is made of",
        examples=[_QUERY],
    )
    answer: JsonObject | None = Field(
        None,
        description="What of the answer is written back in the record",
        examples=[_ANSWER],
    )


class Destination(BaseModel):
    """Where it goes: to another database here, or to an address outside."""

    database: Text | None = Field(None, min_length=1, max_length=64, examples=["PAYMENTS"])
    version: str = Field("1.0", pattern=r"^[1-9][0-9]{0,8}\.0$")
    member: Text | None = Field(
        None, max_length=300, description="Whose database it is, when it is another member's"
    )
    match: list[Text] = Field(
        [],
        max_length=20,
        description="Names of mapping.query by which the record is found; the primary key if none",
        examples=[["motherId"]],
    )
    url: Text | None = Field(None, max_length=2048, examples=["https://198.41.0.4/payments"])
    method: Literal["POST", "PUT", "PATCH"] = "POST"


class NewAutomation(BaseModel):
    """What an automation shall do."""

    name: Text = Field(min_length=1, max_length=200, examples=["Payments for mothers"])
    isActive: bool = True
    trigger: Trigger
    conditions: JsonObject | None = Field(
        None, description="Which records; all if none", examples=[_CONDITIONS]
    )
    mapping: Mapping
    target: Destination
    legalBasis: Text | None = Field(
        None, min_length=1, max_length=500, description="By what law records are read"
    )

    def asked(self) -> Asked:
        """Return what is asked for; the address stands apart from the document."""
        kept = self.model_dump(exclude={"isActive": True, "trigger": True, "target": {"url"}})
        document = {name: value for name, value in kept.items() if value is not None}
        return Asked(document, self.isActive, self.trigger.seconds, self.target.url or "")


class AutomationInfo(NewAutomation):
    """An automation."""

    id: UUID
    client: str = Field(description="With whose rights it works")
    nextRunAt: datetime | None = None
    createdAt: datetime
    modifiedAt: datetime
    triggerToken: str | None = Field(
        None,
        description="POST /automations/{triggerToken} begins a run; shown this once",
        examples=["7Ff0bMBJHSW3Xo1FJZXYcJq1eVmDmuUtWjkfpoCcVvQ"],
    )
    secret: str | None = Field(
        None, description="What signs the calls to the address; shown this once"
    )

    @classmethod
    def of(cls, shown: Shown) -> "AutomationInfo":
        """Return an automation as it is shown."""
        found = shown.automation
        kind = "webhook" if found.seconds is None else "interval"
        said: dict[str, Any] = {
            **found.document,
            "target": {**found.document["target"], "url": shown.url or None},
            "trigger": {"type": kind, "seconds": found.seconds},
            "isActive": found.is_active,
            "id": found.id,
            "client": found.client,
            "nextRunAt": found.next_at,
            "createdAt": found.created_at,
            "modifiedAt": found.changed_at,
            "triggerToken": shown.token,
            "secret": shown.secret,
        }
        return cls.model_validate(said)
