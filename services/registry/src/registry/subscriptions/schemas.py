"""Subscriptions and their deliveries on the wire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, Field

from kit.deliveries import Secret, Target
from kit.web import JsonObject, Text, gathered
from registry.subscriptions.models import Kind, Wanted
from registry.subscriptions.service import Shown

_ROOM = r"^[^/\s?#%\\]+(/[^/\s?#%\\]+){3}$"
_CONDITION = {"field": "status", "is": "APPROVED"}


@dataclass(frozen=True)
class Chosen:
    """The subscription an address names."""

    id: Annotated[int, Path(ge=0, le=(1 << 63) - 1, description="Id of the database")]
    subscriptionId: Annotated[UUID, Path(description="Id of the subscription")]


ChosenSubscription = Annotated[Chosen, gathered(Chosen)]
ChosenDelivery = Annotated[UUID, Path(alias="deliveryId", description="Id of the delivery")]

Url = Annotated[
    Text,
    Field(
        max_length=2048,
        description="Where events are posted: https, in a network that is public, or one that "
        "the operator listed",
        examples=["https://198.41.0.4/events"],
    ),
]
Events = Annotated[
    list[Kind], Field(min_length=1, max_length=20, examples=[["record.created", "record.updated"]])
]
Fields = Annotated[
    list[Text],
    Field(
        max_length=1000, description="Of changes, only those of one of these fields; all if none"
    ),
]
Basis = Annotated[
    Text, Field(min_length=1, max_length=500, description="By what law content is received")
]


class Room(BaseModel):
    """A room of the information mediator."""

    room: str = Field(pattern=_ROOM, max_length=400, examples=["DEV/GOV/10002/life-events"])
    eventType: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,100}$",
        description="Event type of the room; its events are CloudEvents",
        examples=["recordChanged"],
    )


class NewSubscription(BaseModel):
    """What somebody wants to be told of, and where."""

    events: Events
    callbackUrl: Url | None = None
    secret: Text | None = Field(
        None,
        max_length=100,
        description="Signs the callbacks, whsec_ and 24 to 64 bytes in base64; made when not given",
    )
    target: Room | None = Field(None, description="A room, in place of the address")
    condition: JsonObject | None = Field(
        None, description="Only of records for which this holds", examples=[_CONDITION]
    )
    fields: Fields = []
    includeContent: bool = Field(
        default=False, description="Whether events hold the record, as far as it shows to you"
    )
    isActive: bool = True
    legalBasis: Basis | None = None

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        return Wanted(
            frozenset(self.events),
            self.condition,
            frozenset(self.fields),
            self.includeContent,
            self.isActive,
            self.legalBasis,
        )

    def where(self) -> Target:
        """Return where it goes."""
        secrets = () if self.secret is None else (Secret(self.secret),)
        room = self.target or Room.model_construct(room="", eventType="")
        return Target(self.callbackUrl or "", secrets, room.room, room.eventType)


class ChangedSubscription(BaseModel):
    """What shall be different. Keys left out stay as they are."""

    events: Events | None = None
    callbackUrl: Url | None = None
    condition: JsonObject | None = Field(None, description="null: no condition any more")
    fields: Fields | None = None
    includeContent: bool | None = None
    isActive: bool | None = None
    legalBasis: Basis | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was given, by the names of a subscription."""
        names = {"includeContent": "with_content", "isActive": "is_active"}
        names |= {"legalBasis": "legal_basis", "condition": "condition"}
        given = {
            names[name]: getattr(self, name) for name in self.model_fields_set if name in names
        }
        if self.events is not None:
            given["events"] = frozenset(self.events)
        if self.fields is not None:
            given["fields"] = frozenset(self.fields)
        kept = ("condition", "legal_basis")
        return {name: value for name, value in given.items() if value is not None or name in kept}


class SubscriptionInfo(BaseModel):
    """A subscription."""

    id: UUID
    events: list[Kind]
    callbackUrl: str | None = None
    target: Room | None = None
    condition: dict[str, Any] | None = None
    fields: list[str]
    includeContent: bool
    isActive: bool
    version: str = Field(description="Version whose fields the events name", examples=["1.0"])
    client: str = Field(description="The application that subscribed")
    createdAt: datetime
    modifiedAt: datetime
    secret: str | None = Field(None, description="What signs the callbacks; shown this once")

    @classmethod
    def of(cls, shown: Shown, *, with_secret: bool = False) -> "SubscriptionInfo":
        """Return a subscription as it is shown."""
        found, target = shown.subscription, shown.target
        room = Room(room=target.room, eventType=target.room_type) if target.room else None
        secret = target.secrets[0].value if with_secret and target.secrets else None
        return cls(
            id=found.id,
            events=sorted(found.events),
            callbackUrl=target.url or None,
            target=room,
            condition=None if found.condition is None else dict(found.condition),
            fields=sorted(found.fields),
            includeContent=found.with_content,
            isActive=found.is_active,
            version=found.label,
            client=found.client,
            createdAt=found.created_at,
            modifiedAt=found.changed_at,
            secret=secret,
        )


class NewSecret(BaseModel):
    """A secret that took another's place; the other one signs along for a day."""

    secret: str = Field(description="Shown this once")
