"""What a subscriber can ask; the secret of a subscription is shown when it is made (DRS-5.h)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from kit import deliveries
from kit.access import Caller
from kit.database import Session
from kit.deliveries import AddressRefused, Delivery, Event, Networks, Secret, Target
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.sealing import Keyring
from registry.conditions import models as conditions
from registry.databases import service as databases
from registry.databases.models import Release
from registry.records import service as records
from registry.records.service import Call
from registry.rights.models import Action
from registry.subscriptions import store
from registry.subscriptions.models import (
    MOST,
    NAME,
    TEST,
    Present,
    Subscription,
    SubscriptionNotFound,
    SubscriptionOfOther,
    SubscriptionsFull,
    Wanted,
    refuse,
    source_of,
)

_OVERLAP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Work:
    """What a request about subscriptions works with."""

    session: Session
    ledger: Ledger
    keyring: Keyring
    caller: Caller


@dataclass(frozen=True, slots=True)
class Shown:
    """A subscription with where it leads."""

    subscription: Subscription
    target: Target


async def subscribe(
    work: Work, networks: Networks, database_id: int, asked: tuple[Wanted, Target]
) -> Shown:
    """Subscribe to a database; the target's secret is shown this once.

    Raise SubscriptionInvalid, ConditionInvalid, AddressRefused, SubscriptionsFull or what opening
    the database raises.
    """
    wanted, target = asked
    _check_target(networks, work.caller, target)
    release = await databases.release_of(work.session, work.caller.tenant, database_id)
    await _check(work, release, wanted)
    await store.hold(work.session, database_id)
    if await store.count(work.session, database_id) >= MOST:
        raise SubscriptionsFull(f"a database has {MOST} subscriptions at most")
    if target.url and not target.secrets:
        target = replace(target, secrets=(Secret(deliveries.new_secret()),))
    endpoint_id = await deliveries.add_endpoint(work.session, work.keyring, target)
    made = _made(work.caller, release, wanted, endpoint_id)
    await store.add(work.session, made)
    if not release.settings.get(NAME):
        await databases.configure(work.session, database_id, NAME, value=True)
    await _record(work, "subscription.created", made)
    return Shown(made, target)


def _made(caller: Caller, release: Release, wanted: Wanted, endpoint_id: UUID) -> Subscription:
    now = datetime.now(UTC)
    return Subscription(
        new_id(),
        release.database,
        caller.tenant,
        caller.client,
        caller.scopes,
        wanted.legal_basis,
        release.path.number,
        wanted.events,
        wanted.condition,
        wanted.fields,
        wanted.with_content,
        wanted.is_active,
        endpoint_id,
        now,
        now,
    )


def _check_target(networks: Networks, caller: Caller, target: Target) -> None:
    if bool(target.url) == bool(target.room):
        raise refuse("callbackUrl", "is needed, or else target.room, and not both")
    if target.room and (not caller.is_owner or not target.room.startswith(f"{caller.tenant}/")):
        raise refuse("target/room", "is a room of the member whose database it is")
    if target.url:
        try:
            networks.check(target.url)
        except AddressRefused as error:
            raise refuse("callbackUrl", error.detail) from error
    for secret in target.secrets:
        if not deliveries.is_secret(secret.value):
            raise refuse("secret", "is whsec_ and 24 to 64 bytes in base64")


async def _check(work: Work, release: Release, wanted: Wanted) -> None:
    """Refuse fields that the version does not have, or that do not show to the subscriber."""
    schema = release.path.schema
    for name in sorted(wanted.fields):
        if schema.find(name) is None:
            raise refuse("fields", f"{name} is not a field of this version")
    said = wanted.condition
    named = set(wanted.fields)
    if said is not None:
        condition = conditions.parse(said, ("condition",), schema)
        if condition.bind({}) != condition:
            raise refuse("condition", "cannot speak of a caller: nobody calls")
        named |= condition.fields
    if not work.caller.is_owner:
        call = Call(work.caller, release.code, f"{release.path.number}.0", wanted.legal_basis)
        opened = await records.open_for(work.session, call, Action.READ)
        opened.grant.check_named(named)


async def get(work: Work, database_id: int, subscription_id: UUID) -> Shown:
    """Return a subscription of the caller's, or raise SubscriptionNotFound."""
    return await _shown(work, await _find(work, database_id, subscription_id))


async def page(work: Work, database_id: int) -> list[Shown]:
    """Return the caller's subscriptions of a database; the owner member sees all."""
    await databases.get(work.session, work.caller.tenant, database_id)
    found = await store.page(work.session, database_id)
    return [await _shown(work, each) for each in found if _is_theirs(work.caller, each)]


async def change(
    work: Work,
    networks: Networks,
    database_id: int,
    subscription_id: UUID,
    asked: tuple[Mapping[str, Any], str | None],
) -> Shown:
    """Change what is asked for, where it goes, or both; the same again changes nothing."""
    given, url = asked
    found = await _own(work, database_id, subscription_id)
    shown = await _shown(work, found)
    target = shown.target if url is None else replace(shown.target, url=url)
    _check_target(networks, work.caller, target)
    changed = replace(found, **given)
    release = await databases.release_of(work.session, found.tenant, database_id, found.version)
    await _check(work, release, _wanted(changed))
    if changed == found and target == shown.target:
        return shown
    changed = replace(changed, scopes=work.caller.scopes, changed_at=datetime.now(UTC))
    await store.save(work.session, changed)
    if target != shown.target:
        await deliveries.change_endpoint(work.session, work.keyring, found.endpoint_id, target)
    await _record(work, "subscription.changed", changed)
    return Shown(changed, target)


def _wanted(found: Subscription) -> Wanted:
    return Wanted(
        found.events,
        found.condition,
        found.fields,
        found.with_content,
        found.is_active,
        found.legal_basis,
    )


async def rotate(work: Work, database_id: int, subscription_id: UUID) -> str:
    """Give a subscription a new secret and return it; the old one signs along for a day."""
    found = await _own(work, database_id, subscription_id)
    if not (await _shown(work, found)).target.url:
        raise refuse("secret", "what goes to a room is not signed")
    secret = await deliveries.rotate(work.session, work.keyring, found.endpoint_id, _OVERLAP)
    if secret is None:
        raise SubscriptionNotFound("the subscription is not here any more")
    await _record(work, "subscription.rotated", found)
    return secret


async def unsubscribe(work: Work, database_id: int, subscription_id: UUID) -> None:
    """End a subscription; what is on its way is destroyed. One that is gone stays gone."""
    await databases.get(work.session, work.caller.tenant, database_id)
    await store.hold(work.session, database_id)
    found = await store.find(work.session, database_id, subscription_id)
    if found is None or not _is_theirs(work.caller, found):
        return
    await store.delete(work.session, found.id, datetime.now(UTC))
    await deliveries.remove_endpoint(work.session, found.endpoint_id)
    if not await store.count(work.session, database_id):
        await databases.configure(work.session, database_id, NAME, None)
    await _record(work, "subscription.deleted", found)


async def test(work: Work, database_id: int, subscription_id: UUID) -> UUID:
    """Send a subscriber an event that says nothing; return its id."""
    found = await _find(work, database_id, subscription_id)
    said = {"subscriptionId": str(found.id)}
    event = Event(TEST, source_of(found.tenant, found.database), said)
    await deliveries.deliver(work.session, work.keyring, [(found.endpoint_id, event)])
    return event.id


async def log(
    work: Work, database_id: int, subscription_id: UUID, window: tuple[int, int]
) -> list[Delivery]:
    """Return a subscription's deliveries with their attempts, newest first."""
    found = await _find(work, database_id, subscription_id)
    return await deliveries.page(work.session, found.endpoint_id, *window)


async def redeliver(
    work: Work, database_id: int, subscription_id: UUID, delivery_id: UUID
) -> Delivery:
    """Deliver once more what waits or was given up.

    Raise DeliveryNotFound, or PayloadDestroyed when there is nothing left of it.
    """
    found = await _find(work, database_id, subscription_id)
    again = await deliveries.deliver_again(work.session, found.endpoint_id, delivery_id)
    await _record(work, "subscription.redelivered", found, delivery=str(delivery_id))
    return again


async def _find(work: Work, database_id: int, subscription_id: UUID) -> Subscription:
    found = await store.find(work.session, database_id, subscription_id)
    if found is None or found.tenant != work.caller.tenant or not _is_theirs(work.caller, found):
        raise SubscriptionNotFound("there is no subscription of yours with this id")
    return found


async def _own(work: Work, database_id: int, subscription_id: UUID) -> Subscription:
    found = await _find(work, database_id, subscription_id)
    if found.client != work.caller.client:
        raise SubscriptionOfOther("only the application that subscribed changes it")
    return found


async def _shown(work: Work, found: Subscription) -> Shown:
    target = await deliveries.target_of(work.session, work.keyring, found.endpoint_id)
    return Shown(found, target or Target())


def _is_theirs(caller: Caller, found: Subscription) -> bool:
    return caller.is_owner or caller.client == found.client


async def _record(work: Work, kind: str, found: Subscription, **more: Any) -> None:
    facts = {
        "events": sorted(found.events),
        "content": found.with_content,
        "active": found.is_active,
        "requestId": work.caller.request_id,
        **more,
    }
    said = f"database:{found.database}/subscription:{found.id}"
    entry = Entry(kind, work.caller.client, said, facts=facts, tenant=found.tenant)
    await work.ledger.record(work.session, entry)


async def every(session: Session, database_id: int) -> list[Subscription]:
    """Return all subscriptions of a database."""
    return await store.page(session, database_id)


async def find_of_endpoint(session: Session, endpoint_id: UUID) -> Subscription | None:
    """Return the subscription whose events go to an endpoint, if there is one."""
    return await store.find_of_endpoint(session, endpoint_id)


async def find_record(session: Session, database_id: int, record_id: UUID) -> Present | None:
    """Return a record that a subscriber is to be told of, a deleted one too."""
    return await store.find_record(session, database_id, record_id)
