"""Routes for webhooks."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request

from consent.announcements.models import EVENTS, TYPE
from consent.door import BothSpellings, Office
from consent.revisions.models import RevisionNotFound
from consent.webhooks import schemas, service
from consent.webhooks.models import WebhookInvalid, WebhookNotFound, WebhooksFull, WebhookTaken
from kit.access import Caller, requires
from kit.deliveries import DeliveryNotFound, Networks, PayloadDestroyed
from kit.deliveries.schemas import DeliveryInfo, SentEvent
from kit.paging import Paged
from kit.web import Reading, Transaction, leads_to, may_answer

router = BothSpellings(tags=["webhooks"])

Reader = Annotated[Caller, requires("webhooks:read")]
Writer = Annotated[Caller, requires("webhooks:write")]
WebhookId = Annotated[str, Path(alias="webhookId", description="Id of the webhook")]
DeliveryId = Annotated[UUID, Path(alias="deliveryId", description="Id of the delivery")]


async def _networks(request: Request) -> Networks:
    return Networks(request.app.state.settings.delivery_networks)


async def _no_revision(
    revisionId: Annotated[  # noqa: N803  GovStack's spelling
        str | None, Query(description="Webhooks have no revisions: refused")
    ] = None,
) -> None:
    if revisionId is not None:
        raise RevisionNotFound("webhooks have no revisions")


Allowed = Annotated[Networks, Depends(_networks)]


@router.post(
    "/config/webhook/",
    operation_id="configWebhookCreate",
    responses={
        **may_answer(WebhookInvalid, WebhookTaken, WebhooksFull),
        **leads_to(
            200,
            "configWebhookRead",
            "configWebhookUpdate",
            "configWebhookDelete",
            "configWebhookSubscriptions",
            "configWebhookSubscribe",
            "configWebhookRotate",
            "configWebhookTest",
            "configWebhookDeliveries",
            webhookId="$response.body#/webhook/id",
        ),
    },
)
async def config_webhook_create(
    session: Transaction,
    office: Office,
    allowed: Allowed,
    caller: Writer,
    body: schemas.WebhookBody,
) -> schemas.WebhookAnswer:
    """Make a webhook, told of everything at first; the answer shows its secret, this once."""
    desk, sent = office.desk(session, caller), body.webhook
    made = await service.create(desk, allowed, sent.wanted(), sent.id)
    return schemas.WebhookAnswer(webhook=schemas.Webhook.of(made))


@router.get(
    "/config/webhook/{webhookId}/",
    operation_id="configWebhookRead",
    responses=may_answer(WebhookNotFound, RevisionNotFound),
    dependencies=[Depends(_no_revision)],
)
async def config_webhook_read(
    session: Reading, office: Office, caller: Reader, webhook_id: WebhookId
) -> schemas.WebhookAnswer:
    """Read a webhook."""
    found = await service.get(office.desk(session, caller), webhook_id)
    return schemas.WebhookAnswer(webhook=schemas.Webhook.of(found))


@router.put(
    "/config/webhook/{webhookId}/",
    operation_id="configWebhookUpdate",
    responses=may_answer(WebhookNotFound, WebhookInvalid),
)
async def config_webhook_update(  # noqa: PLR0913, PLR0917  what a request is made of
    session: Transaction,
    office: Office,
    allowed: Allowed,
    caller: Writer,
    webhook_id: WebhookId,
    body: schemas.WebhookBody,
) -> schemas.WebhookAnswer:
    """Change where a webhook leads, or switch it on or off (CON-6.1.6)."""
    desk = office.desk(session, caller)
    changed = await service.update(desk, allowed, webhook_id, body.webhook.wanted())
    return schemas.WebhookAnswer(webhook=schemas.Webhook.of(changed))


@router.delete(
    "/config/webhook/{webhookId}/",
    operation_id="configWebhookDelete",
    responses=may_answer(WebhookNotFound),
)
async def config_webhook_delete(
    session: Transaction, office: Office, caller: Writer, webhook_id: WebhookId
) -> schemas.Deleted:
    """Delete a webhook; what was on its way to it is destroyed."""
    await service.delete(office.desk(session, caller), webhook_id)
    return schemas.Deleted(deleted=webhook_id)


@router.get(
    "/config/webhooks/",
    operation_id="configWebhookList",
    responses=may_answer(RevisionNotFound),
    dependencies=[Depends(_no_revision)],
)
async def config_webhook_list(
    session: Reading, office: Office, caller: Reader, page: Paged
) -> schemas.Webhooks:
    """List webhooks, oldest first."""
    found = await service.page(office.desk(session, caller), page.offset, page.limit)
    return schemas.Webhooks(webhooks=[schemas.Webhook.of(each) for each in found])


@router.get("/config/webhook-events/", operation_id="configWebhookEventList")
async def config_webhook_event_list(_caller: Reader) -> schemas.WebhookEvents:
    """List the kinds of events that webhooks can be told of (CON-7.events)."""
    return schemas.WebhookEvents(
        webhookEvents=[
            schemas.WebhookEvent(id=kind, name=TYPE + kind, description=said)
            for kind, said in EVENTS.items()
        ]
    )


@router.get(
    "/config/webhook/{webhookId}/subscriptions/",
    operation_id="configWebhookSubscriptions",
    responses=may_answer(WebhookNotFound),
)
async def config_webhook_subscriptions(
    session: Reading, office: Office, caller: Reader, webhook_id: WebhookId
) -> schemas.Subscriptions:
    """Return what a webhook is told of."""
    shown = await service.get(office.desk(session, caller), webhook_id)
    return schemas.Subscriptions.of(shown.webhook)


@router.put(
    "/config/webhook/{webhookId}/subscriptions/",
    operation_id="configWebhookSubscribe",
    responses=may_answer(WebhookNotFound, WebhookInvalid),
)
async def config_webhook_subscribe(
    session: Transaction,
    office: Office,
    caller: Writer,
    webhook_id: WebhookId,
    body: schemas.NewSubscriptions,
) -> schemas.Subscriptions:
    """Say what a webhook is told of (CON-6.1.6)."""
    desk = office.desk(session, caller)
    return schemas.Subscriptions.of(await service.subscribe(desk, webhook_id, body.events()))


@router.post(
    "/config/webhook/{webhookId}/secret/",
    operation_id="configWebhookRotate",
    responses=may_answer(WebhookNotFound),
)
async def config_webhook_rotate(
    session: Transaction, office: Office, caller: Writer, webhook_id: WebhookId
) -> schemas.NewSecret:
    """Make a new secret; callbacks are signed with both for a day."""
    secret = await service.rotate(office.desk(session, caller), webhook_id)
    return schemas.NewSecret(secretKey=secret)


@router.post(
    "/config/webhook/{webhookId}/test/",
    operation_id="configWebhookTest",
    responses=may_answer(WebhookNotFound),
)
async def config_webhook_test(
    session: Transaction, office: Office, caller: Writer, webhook_id: WebhookId
) -> SentEvent:
    """Send an event that says nothing, to try the way."""
    return SentEvent(eventId=await service.test(office.desk(session, caller), webhook_id))


@router.get(
    "/config/webhook/{webhookId}/deliveries/",
    operation_id="configWebhookDeliveries",
    responses=may_answer(WebhookNotFound),
)
async def config_webhook_deliveries(
    session: Reading, office: Office, caller: Reader, webhook_id: WebhookId, page: Paged
) -> schemas.Deliveries:
    """Return what was delivered, or is on its way, with each attempt, newest first."""
    desk = office.desk(session, caller)
    found = await service.log(desk, webhook_id, page.offset, page.limit)
    return schemas.Deliveries(deliveries=[DeliveryInfo.of(each) for each in found])


@router.post(
    "/config/webhook/{webhookId}/deliveries/{deliveryId}/redeliver/",
    operation_id="configWebhookRedeliver",
    responses=may_answer(WebhookNotFound, DeliveryNotFound, PayloadDestroyed),
)
async def config_webhook_redeliver(
    session: Transaction,
    office: Office,
    caller: Writer,
    webhook_id: WebhookId,
    delivery_id: DeliveryId,
) -> schemas.DeliveryAnswer:
    """Deliver once more, now, what waits or was given up."""
    desk = office.desk(session, caller)
    again = await service.redeliver(desk, webhook_id, delivery_id)
    return schemas.DeliveryAnswer(delivery=DeliveryInfo.of(again))
