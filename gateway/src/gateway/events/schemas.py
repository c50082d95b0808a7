"""Rooms on the wire (GovStack IM PubSub API)."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from gateway.events.models import EventType as Kind
from gateway.events.models import Subscription
from gateway.events.service import Details, Opened
from kit.web import JsonObject, Text


class EventType(BaseModel):
    """A kind of event and the JSON Schema of its payload."""

    eventType: Text = Field(examples=["newBirth"])
    # `schema` is a method of BaseModel
    schema_: JsonObject = Field(alias="schema", examples=[{"type": "object"}])

    @classmethod
    def of(cls, kind: Kind) -> "EventType":
        """Return an event type as it is shown."""
        return cls.model_validate({"eventType": kind.name, "schema": dict(kind.schema)})


class PublishEvent(BaseModel):
    """An event to publish."""

    eventType: Text = Field(examples=["newBirth"])
    event: JsonObject = Field(examples=[{"place": "City Hospital"}])


class PublishEventResult(BaseModel):
    """The id of a published event."""

    id: UUID


class Address(BaseModel):
    """An application's address, in parts."""

    instanceId: str | None = None
    memberClass: str | None = None
    memberCode: str | None = None
    applicationCode: str | None = None

    @classmethod
    def of(cls, address: str) -> "Address | None":
        """Return an address in parts; None for who is no application."""
        try:
            instance, member_class, code, application = address.split("/")
        except ValueError:
            return None
        return cls(
            instanceId=instance,
            memberClass=member_class,
            memberCode=code,
            applicationCode=application,
        )


class Options(BaseModel):
    """How a subscription is delivered."""

    TTL: int | None = Field(default=None, description="Seconds an event waits; 3600 if not said")
    FIFO: bool | None = Field(default=None, description="A queue that is pulled is always in order")


class SubscriptionItem(BaseModel):
    """A subscription."""

    id: UUID | None = None
    subscriberId: Address | None = None
    eventType: Text | None = Field(default=None, examples=["newBirth"])
    delivery: Text | None = Field(
        default=None,
        description="`PULL`; `PUSH`, the published default, is refused by this gateway",
        examples=["PULL"],
    )
    options: Options | None = None

    def details(self) -> Details:
        """Return what is asked for."""
        options = self.options or Options.model_validate({})
        return Details(self.delivery, options.TTL, options.FIFO)

    @classmethod
    def of(cls, subscription: Subscription) -> "SubscriptionItem":
        """Return a subscription as it is shown."""
        return cls(
            id=subscription.id,
            subscriberId=Address.of(subscription.subscriber),
            eventType=subscription.event_type,
            delivery=subscription.delivery,
            options=Options(TTL=subscription.ttl, FIFO=subscription.fifo),
        )


class DeliveryItem(BaseModel):
    """How far an event is with one subscriber."""

    subscriberId: Address | None
    status: str = Field(examples=["waiting", "acknowledged", "expired", "stopped"])


class EventItem(BaseModel):
    """An event."""

    id: UUID
    sequence: int = Field(examples=[42], description="Grows within the event type")
    publisherId: Address | None = None
    eventType: str
    event: dict[str, Any]
    publishedAt: str = Field(examples=["2026-11-22T10:00:00Z"])
    deliveries: list[DeliveryItem] | None = None

    @classmethod
    def of(cls, opened: Opened, *, with_deliveries: bool = False) -> "EventItem":
        """Return an event as it is shown."""
        event = opened.event
        stopped = event.stopped_at is not None
        shown = [
            DeliveryItem(subscriberId=Address.of(d.subscriber), status=d.status(stopped=stopped))
            for d in opened.deliveries
        ]
        return cls(
            id=event.id,
            sequence=event.sequence,
            publisherId=Address.of(event.publisher),
            eventType=event.event_type,
            event=dict(opened.payload),
            publishedAt=event.published_at.isoformat().replace("+00:00", "Z"),
            deliveries=shown if with_deliveries else None,
        )
