"""What can be asked about webhooks (CON-6.1.6); a secret is shown when it is made, then never."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from consent.announcements.models import EVENTS, TYPE
from consent.desk import Desk
from consent.tracing import trace
from consent.webhooks import store
from consent.webhooks.models import (
    MOST,
    OVERLAP,
    Wanted,
    Webhook,
    WebhookNotFound,
    WebhooksFull,
    WebhookTaken,
    check_events,
    refuse,
)
from kit import deliveries
from kit.database import Session
from kit.deliveries import AddressRefused, Delivery, Event, Networks, Secret, Target
from kit.identifiers import new_id

TEST = f"{TYPE}webhook-test"
"""The type of the event that tries the way."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A webhook with where it leads; ``is_new`` when its secret is to be shown."""

    webhook: Webhook
    target: Target
    is_new: bool = False


async def endpoints_for(session: Session, tenant: str, kind: str) -> Sequence[UUID]:
    """Return where events of a kind go that happen to a member."""
    return await store.endpoints_for(session, tenant, kind)


async def is_silent(session: Session, endpoint_id: UUID) -> bool:
    """Tell whether an endpoint is that of a webhook which is disabled."""
    return await store.is_silent(session, endpoint_id)


# -- a webhook -------------------------------------------------------------------------------


async def create(desk: Desk, networks: Networks, wanted: Wanted, given_id: str | None) -> Shown:
    """Make a webhook that is told of every kind of event.

    Raises WebhookInvalid, WebhooksFull or WebhookTaken. Only an administrator's id is taken; giving
    it twice with equal content changes nothing.
    """
    _check(networks, wanted)
    tenant = desk.caller.tenant
    own = given_id if given_id and desk.caller.is_administrator else None
    await store.hold(desk.session, tenant)
    existing = await store.find(desk.session, own) if own else None
    if existing is not None:
        return await _the_same(desk, existing, wanted)
    if await store.count(desk.session, tenant) >= MOST:
        raise WebhooksFull(f"a member has {MOST} webhooks at most")
    secret = Secret(wanted.secret or deliveries.new_secret())
    target = Target(wanted.url, (secret,), media_type=wanted.media_type)
    endpoint_id = await deliveries.add_endpoint(desk.session, desk.keyring, target)
    now = datetime.now(UTC)
    made = Webhook(
        own or str(new_id()), tenant, endpoint_id, wanted.disabled, frozenset(EVENTS), now, now
    )
    if not await store.insert(desk.session, made):
        raise WebhookTaken("another webhook carries this id")
    await _record(desk, "webhook.created", made)
    return Shown(made, target, is_new=True)


async def _the_same(desk: Desk, existing: Webhook, wanted: Wanted) -> Shown:
    if existing.tenant == desk.caller.tenant and not existing.deleted_at:
        shown = await _shown(desk, existing)
        if wanted.is_met(existing, shown.target):
            return shown
    raise WebhookTaken("another webhook carries this id, or did until it was deleted")


def _check(networks: Networks, wanted: Wanted) -> None:
    try:
        networks.check(wanted.url)
    except AddressRefused as error:
        raise refuse("webhook/payloadUrl", error.detail) from error
    if wanted.secret is not None and not deliveries.is_secret(wanted.secret):
        raise refuse("webhook/secretKey", "is whsec_ and 24 to 64 bytes in base64")


async def get(desk: Desk, webhook_id: str) -> Shown:
    """Return a webhook of the caller's member, or raise WebhookNotFound."""
    return await _shown(desk, await _find(desk, webhook_id))


async def page(desk: Desk, offset: int, limit: int) -> list[Shown]:
    """Return the webhooks of the caller's member, oldest first."""
    found = await store.page(desk.session, desk.caller.tenant, offset, limit)
    return [await _shown(desk, each) for each in found]


async def update(desk: Desk, networks: Networks, webhook_id: str, wanted: Wanted) -> Shown:
    """Change a webhook; the same again changes nothing, another secret is a rotation.

    What is on its way goes to the new address. Raises WebhookNotFound or WebhookInvalid.
    """
    found = await _find(desk, webhook_id, lock="FOR UPDATE")
    _check(networks, wanted)
    shown = await _shown(desk, found)
    if wanted.is_met(found, shown.target):
        return shown
    now = datetime.now(UTC)
    target = replace(shown.target, url=wanted.url, media_type=wanted.media_type)
    if wanted.secret is not None and wanted.replaces(target):
        target = target.rotated(wanted.secret, now, OVERLAP)
    if target != shown.target:
        await deliveries.change_endpoint(desk.session, desk.keyring, found.endpoint_id, target)
    changed = replace(found, disabled=wanted.disabled, changed_at=now)
    await store.save(desk.session, changed)
    await _record(desk, "webhook.updated", changed)
    return Shown(changed, target)


async def delete(desk: Desk, webhook_id: str) -> None:
    """End a webhook and destroy what is on its way to it; ending it again changes nothing.

    Raises WebhookNotFound for one that never was.
    """
    found = await store.find(desk.session, webhook_id, lock="FOR UPDATE")
    if found is None or found.tenant != desk.caller.tenant:
        raise WebhookNotFound("no webhook with this id")
    if found.deleted_at:
        return
    await store.save(desk.session, replace(found, deleted_at=datetime.now(UTC)))
    await deliveries.remove_endpoint(desk.session, found.endpoint_id)
    await _record(desk, "webhook.deleted", found)


async def rotate(desk: Desk, webhook_id: str) -> str:
    """Give a webhook a new secret and return it; the old one signs along for a day."""
    found = await _find(desk, webhook_id, lock="FOR UPDATE")
    secret = await deliveries.rotate(desk.session, desk.keyring, found.endpoint_id, OVERLAP)
    if secret is None:
        raise WebhookNotFound("no webhook with this id")
    await _record(desk, "webhook.rotated", found)
    return secret


# -- what it is told --------------------------------------------------------------------------


async def subscribe(desk: Desk, webhook_id: str, events: frozenset[str]) -> Webhook:
    """Say which kinds of events a webhook is told of, none too; the same again changes nothing.

    Raises WebhookNotFound or WebhookInvalid.
    """
    found = await _find(desk, webhook_id, lock="FOR UPDATE")
    check_events(events, EVENTS)
    if events == found.events:
        return found
    changed = replace(found, events=events, changed_at=datetime.now(UTC))
    await store.save(desk.session, changed)
    await _record(desk, "webhook.updated", changed)
    return changed


async def test(desk: Desk, webhook_id: str) -> UUID:
    """Send a webhook an event that says nothing but its id; return the event's."""
    found = await _find(desk, webhook_id, lock="FOR SHARE")
    event = Event(TEST, f"/{found.tenant}/consent", {"webhookId": found.id})
    await deliveries.deliver(desk.session, desk.keyring, [(found.endpoint_id, event)])
    await _record(desk, "webhook.tested", found)
    return event.id


async def log(desk: Desk, webhook_id: str, offset: int, limit: int) -> list[Delivery]:
    """Return a webhook's deliveries with their attempts, newest first."""
    found = await _find(desk, webhook_id)
    return await deliveries.page(desk.session, found.endpoint_id, offset, limit)


async def redeliver(desk: Desk, webhook_id: str, delivery_id: UUID) -> Delivery:
    """Deliver once more, now, what waits or was given up.

    Raises WebhookNotFound, DeliveryNotFound, or PayloadDestroyed when nothing is left of it.
    """
    found = await _find(desk, webhook_id, lock="FOR SHARE")
    again = await deliveries.deliver_again(desk.session, found.endpoint_id, delivery_id)
    await _record(desk, "webhook.redelivered", found, delivery=str(delivery_id))
    return again


async def _find(desk: Desk, webhook_id: str, *, lock: str = "") -> Webhook:
    found = await store.find(desk.session, webhook_id, lock=lock)
    if found is None or found.tenant != desk.caller.tenant or found.deleted_at:
        raise WebhookNotFound("no webhook with this id")
    return found


async def _shown(desk: Desk, found: Webhook) -> Shown:
    target = await deliveries.target_of(desk.session, desk.keyring, found.endpoint_id)
    if target is None:
        raise WebhookNotFound("no webhook with this id")
    return Shown(found, target)


async def _record(desk: Desk, kind: str, found: Webhook, **more: Any) -> None:
    facts = {"disabled": found.disabled, "events": sorted(found.events), **more}
    await desk.ledger.record(desk.session, trace(kind, desk.caller, found.thing, **facts))
