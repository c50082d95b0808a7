"""Routes for subscriptions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from kit.access import Caller, requires
from kit.deliveries import DeliveryNotFound, Networks, PayloadDestroyed
from kit.deliveries.schemas import DeliveryInfo, SentEvent
from kit.paging import Paged
from kit.web import Evidence, Keys, Reading, Transaction, leads_to, may_answer
from registry.databases.models import DatabaseNotFound, RegistryNotFound
from registry.databases.schemas import ChosenDatabase
from registry.subscriptions import service
from registry.subscriptions.models import (
    SubscriptionInvalid,
    SubscriptionNotFound,
    SubscriptionsFull,
)
from registry.subscriptions.schemas import (
    ChangedSubscription,
    ChosenDelivery,
    ChosenSubscription,
    NewSecret,
    NewSubscription,
    SubscriptionInfo,
)
from registry.subscriptions.service import Work

router = APIRouter(prefix="/database/{id}/subscriptions", tags=["subscriptions"])
one = APIRouter(prefix="/database/{id}/subscriptions/{subscriptionId}", tags=["subscriptions"])
Subscriber = Annotated[Caller, requires("subscriptions:write")]


async def _looking(session: Reading, ledger: Evidence, keys: Keys, caller: Subscriber) -> Work:
    return Work(session, ledger, keys, caller)


async def _working(session: Transaction, ledger: Evidence, keys: Keys, caller: Subscriber) -> Work:
    return Work(session, ledger, keys, caller)


async def _networks(request: Request) -> Networks:
    return Networks(request.app.state.settings.delivery_networks)


Looking = Annotated[Work, Depends(_looking)]
Working = Annotated[Work, Depends(_working)]
Allowed = Annotated[Networks, Depends(_networks)]


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **may_answer(SubscriptionInvalid, RegistryNotFound, SubscriptionsFull),
        **leads_to(
            201,
            "subscription",
            "change_subscription",
            "unsubscribe",
            "test_subscription",
            "deliveries",
            id="$request.path.id",
            subscriptionId="$response.body#/id",
        ),
    },
)
async def subscribe(
    work: Working, allowed: Allowed, chosen: ChosenDatabase, new: NewSubscription
) -> SubscriptionInfo:
    """Subscribe to what happens in a database; the answer shows the secret, this once (DRS-5.h)."""
    asked = new.wanted(), new.where()
    return SubscriptionInfo.of(
        await service.subscribe(work, allowed, chosen.id, asked), with_secret=True
    )


@router.get("", response_model_exclude_none=True, responses=may_answer(DatabaseNotFound))
async def subscriptions(work: Looking, chosen: ChosenDatabase) -> list[SubscriptionInfo]:
    """Return your subscriptions of a database; the member whose database it is sees all."""
    return [SubscriptionInfo.of(each) for each in await service.page(work, chosen.id)]


@one.get(
    "",
    response_model_exclude_none=True,
    responses=may_answer(SubscriptionNotFound),
)
async def subscription(work: Looking, chosen: ChosenSubscription) -> SubscriptionInfo:
    """Return a subscription."""
    return SubscriptionInfo.of(await service.get(work, chosen.id, chosen.subscriptionId))


@one.patch(
    "",
    response_model_exclude_none=True,
    responses=may_answer(SubscriptionInvalid, SubscriptionNotFound),
)
async def change_subscription(
    work: Working, allowed: Allowed, chosen: ChosenSubscription, change: ChangedSubscription
) -> SubscriptionInfo:
    """Change what a subscription asks for, or where it goes."""
    asked = change.changes(), change.callbackUrl
    return SubscriptionInfo.of(
        await service.change(work, allowed, chosen.id, chosen.subscriptionId, asked)
    )


@one.delete("", status_code=204, responses=may_answer(DatabaseNotFound))
async def unsubscribe(work: Working, chosen: ChosenSubscription) -> None:
    """End a subscription. Ending one that is gone is a success."""
    await service.unsubscribe(work, chosen.id, chosen.subscriptionId)


@one.post("/secret", responses=may_answer(SubscriptionInvalid, SubscriptionNotFound))
async def rotate_secret(work: Working, chosen: ChosenSubscription) -> NewSecret:
    """Make a new secret; callbacks are signed with both for a day."""
    return NewSecret(secret=await service.rotate(work, chosen.id, chosen.subscriptionId))


@one.post("/test", status_code=202, responses=may_answer(SubscriptionNotFound))
async def test_subscription(work: Working, chosen: ChosenSubscription) -> SentEvent:
    """Send the subscriber an event that says nothing, to try the way."""
    return SentEvent(eventId=await service.test(work, chosen.id, chosen.subscriptionId))


@one.get(
    "/deliveries",
    response_model_exclude_none=True,
    responses=may_answer(SubscriptionNotFound),
)
async def deliveries(work: Looking, chosen: ChosenSubscription, page: Paged) -> list[DeliveryInfo]:
    """Return what was delivered to a subscriber, or is on its way, newest first."""
    window = page.offset, page.limit
    found = await service.log(work, chosen.id, chosen.subscriptionId, window)
    return [DeliveryInfo.of(each) for each in found]


@one.post(
    "/deliveries/{deliveryId}/redeliver",  # noqa: FAST003  ChosenDelivery has it
    status_code=202,
    response_model_exclude_none=True,
    responses=may_answer(SubscriptionNotFound, DeliveryNotFound, PayloadDestroyed),
)
async def redeliver(
    work: Working, chosen: ChosenSubscription, delivery: ChosenDelivery
) -> DeliveryInfo:
    """Deliver once more, now, what waits or was given up."""
    found = await service.redeliver(work, chosen.id, chosen.subscriptionId, delivery)
    return DeliveryInfo.of(found)
