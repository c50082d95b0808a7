"""What a webhook is, and what it cannot be (CON-6.1.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kit import deliveries
from kit.deliveries import Target
from kit.problems import Conflict, FieldError, Invalid, NotFound

MOST = 50
"""Webhooks of one member."""

OVERLAP = timedelta(days=1)
"""How long a secret that was replaced signs along."""

HIDDEN = "********"
"""What stands where a secret is not shown; sent back, it means the secret there is."""

MEDIA_TYPES = (deliveries.MEDIA_TYPE, "application/json")
"""What callbacks may call their body, the usual one first; the body is the same."""


class WebhookNotFound(NotFound):
    """No webhook of this member carries this id."""

    title = "Webhook not found"


class WebhookTaken(Conflict):
    """Another webhook carries this id."""

    title = "The id is taken"


class WebhooksFull(Conflict):
    """The member has as many webhooks as it may."""

    title = "No more webhooks"


class WebhookInvalid(Invalid):
    """The webhook cannot be used; the errors name the place."""

    title = "The webhook is not valid"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told: ``events`` are the kinds; where to is the endpoint's, sealed."""

    id: str
    tenant: str
    endpoint_id: UUID
    disabled: bool
    events: frozenset[str]
    created_at: datetime
    changed_at: datetime
    deleted_at: datetime | None = None

    @property
    def thing(self) -> str:
        """Return the webhook's reference in the ledger."""
        return f"{self.tenant}/webhook/{self.id}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook shall be; without a secret it keeps its own, or one is made."""

    url: str
    media_type: str = MEDIA_TYPES[0]
    disabled: bool = False
    secret: str | None = None

    def is_met(self, webhook: Webhook, target: Target) -> bool:
        """Tell whether a webhook is so already."""
        kept = (target.url, target.media_type, webhook.disabled)
        return kept == (self.url, self.media_type, self.disabled) and not self.replaces(target)

    def replaces(self, target: Target) -> bool:
        """Tell whether it brings another secret than the one in use."""
        return self.secret is not None and self.secret != target.secrets[0].value


def refuse(place: str, reason: str) -> WebhookInvalid:
    """Return the refusal of one place of a request, ``webhook/payloadUrl``."""
    where = f"#/{place}"
    return WebhookInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


def check_events(asked: frozenset[str], known: Mapping[str, str]) -> None:
    """Refuse events that there are none of, or raise nothing."""
    for each in sorted(asked - set(known)):
        raise refuse("subscriptions", f"there is no event {each}")
