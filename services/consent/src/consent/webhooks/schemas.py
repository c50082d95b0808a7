"""Webhooks, their events and their deliveries on the wire."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from consent.policies.schemas import GivenId
from consent.webhooks import models
from consent.webhooks.models import HIDDEN, MEDIA_TYPES, Wanted
from consent.webhooks.service import Shown
from kit.deliveries.schemas import DeliveryInfo
from kit.web import Text

MediaType = Literal["application/cloudevents+json", "application/json"]


class NewWebhook(BaseModel):
    """A webhook as it is sent."""

    id: GivenId | None = Field(default=None, description="Taken from administrators only")
    payloadUrl: Annotated[
        Text,
        Field(
            max_length=2048,
            description="Where events are posted: https, in a network that is public, or one that "
            "the operator listed",
            examples=["https://198.41.0.4/events"],
        ),
    ]
    contentType: MediaType = Field(
        default=MEDIA_TYPES[0], description="What callbacks call their body, a CloudEvent"
    )
    disabled: bool = Field(default=False, description="Whether nothing is sent")
    secretKey: Annotated[
        Text | None,
        Field(
            max_length=100,
            description="Signs the callbacks (Standard Webhooks), whsec_ and 24 to 64 bytes in "
            f"base64; without one, or with {HIDDEN}, one is made or the one there is stays",
        ),
    ] = None

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        secret = None if self.secretKey in {"", HIDDEN} else self.secretKey
        return Wanted(self.payloadUrl, self.contentType, self.disabled, secret)


class WebhookBody(BaseModel):
    """A request with a webhook."""

    webhook: NewWebhook


class Webhook(BaseModel):
    """A webhook as it is shown."""

    id: str
    payloadUrl: str
    contentType: str
    disabled: bool
    secretKey: str = Field(
        description=f"What signs the callbacks, in the answer that made the webhook; then {HIDDEN}"
    )

    @classmethod
    def of(cls, shown: Shown) -> "Webhook":
        """Return a webhook as the wire has it."""
        target = shown.target
        return cls(
            id=shown.webhook.id,
            payloadUrl=target.url,
            contentType=target.media_type,
            disabled=shown.webhook.disabled,
            secretKey=target.secrets[0].value if shown.is_new else HIDDEN,
        )


class WebhookAnswer(BaseModel):
    """A webhook."""

    webhook: Webhook


class Webhooks(BaseModel):
    """A page of webhooks."""

    webhooks: list[Webhook]


class Deleted(BaseModel):
    """What is not there any more."""

    deleted: str = Field(description="Id of the webhook")


class WebhookEvent(BaseModel):
    """A kind of event."""

    id: str = Field(examples=["consent.withdrawn"])
    name: str = Field(
        description="The `type` of its events", examples=["global.govstack.consent.policy.created"]
    )
    description: str


class WebhookEvents(BaseModel):
    """The kinds of events there are."""

    webhookEvents: list[WebhookEvent]


class NewSubscription(BaseModel):
    """A kind of event that a webhook shall be told of."""

    webhookEventId: Annotated[Text, Field(max_length=100, examples=["consent.withdrawn"])]


class NewSubscriptions(BaseModel):
    """All that a webhook shall be told of."""

    subscriptions: Annotated[list[NewSubscription], Field(max_length=100)]

    def events(self) -> frozenset[str]:
        """Return the kinds."""
        return frozenset(each.webhookEventId for each in self.subscriptions)


class WebhookEventSubscription(BaseModel):
    """That a webhook is told of a kind of event."""

    id: str
    webhookId: str
    webhookEventId: str


class Subscriptions(BaseModel):
    """All that a webhook is told of."""

    subscriptions: list[WebhookEventSubscription]

    @classmethod
    def of(cls, webhook: models.Webhook) -> "Subscriptions":
        """Return a webhook's subscriptions as the wire has them."""
        return cls(
            subscriptions=[
                WebhookEventSubscription(
                    id=f"{webhook.id}:{each}", webhookId=webhook.id, webhookEventId=each
                )
                for each in sorted(webhook.events)
            ]
        )


class NewSecret(BaseModel):
    """A secret that took another's place; the other one signs along for a day."""

    secretKey: str = Field(description="Shown this once")


class Deliveries(BaseModel):
    """What was delivered to a webhook, or is on its way, newest first."""

    deliveries: list[DeliveryInfo]


class DeliveryAnswer(BaseModel):
    """A delivery."""

    delivery: DeliveryInfo
