"""Rooms: event types, subscriptions and events (GovStack IM PubSub API)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from gateway.configuration.api import Configured
from gateway.configuration.models import member_of
from gateway.events import service
from gateway.events.models import (
    EventRefused,
    EventTypeRefused,
    EventTypeTaken,
    EventTypeUnknown,
    EventUnknown,
    NotForYou,
    Room,
    RoomUnknown,
    SubscriptionRefused,
    SubscriptionTaken,
    SubscriptionUnknown,
)
from gateway.events.schemas import (
    EventItem,
    EventType,
    PublishEvent,
    PublishEventResult,
    SubscriptionItem,
)
from gateway.identity.api import admits
from gateway.identity.service import Identity
from kit.access import Caller
from kit.evidence import Entry, Ledger
from kit.problems import FieldError
from kit.sealing import Keyring
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer

router = APIRouter(prefix="/r1/{instanceId}/{memberClass}/{memberCode}/{applicationCode}")
Application = Annotated[Caller, admits("events")]


async def _room(  # noqa: PLR0913, PLR0917  the parts of an address
    request: Request,
    caller: Application,
    configuration: Configured,
    instanceId: str,  # noqa: N803  the wire's spelling
    memberClass: str,  # noqa: N803  as above
    memberCode: str,  # noqa: N803  as above
    applicationCode: str,  # noqa: N803  as above
) -> Room:
    """Return the room; who has no right to what is asked there is in the log."""
    address = f"{instanceId}/{memberClass}/{memberCode}/{applicationCode}"
    room = Room(address, caller, configuration)
    code, scope = _needed(request)
    try:
        room.check(code, scope)
    except NotForYou as problem:
        known = address if address in configuration.applications else ""
        identity: Identity = request.app.state.identity
        asked = configuration, caller.client
        identity.tell(problem, request.scope, *asked, request_id=caller.request_id, about=known)
        ledger: Ledger = request.app.state.ledger
        facts = {
            "operation": request.scope["route"].operation_id,
            "reason": NotForYou.title,
            "requestId": caller.request_id,
        }
        tenant = member_of(known)
        await ledger.note(Entry("room.refused", caller.client, known, facts=facts, tenant=tenant))
        raise
    return room


def _needed(request: Request) -> tuple[str, str]:
    """Return the right that an operation needs: a reserved service and a scope of it."""
    code = request.scope["route"].tags[0]
    if code == "pub":
        return "pub", "publish"
    if code == "pull":
        return "pull", "pull"
    manages = request.scope["route"].operation_id in ("createEventType", "deleteEventType")
    return "api", "manage" if manages else "subscribe"


async def _keyring(request: Request) -> Keyring:
    return request.app.state.keyring


Place = Annotated[Room, Depends(_room)]
Keys = Annotated[Keyring, Depends(_keyring)]
_SAME_ROOM = {
    name: f"$request.path.{name}"
    for name in ("instanceId", "memberClass", "memberCode", "applicationCode")
}
_TYPES = "/api/v1/eventType"
_SUBSCRIPTIONS = "/api/v1/subs"


@router.post(
    _TYPES,
    operation_id="createEventType",
    tags=["admin"],
    responses={
        **may_answer(RoomUnknown, EventTypeRefused, EventTypeTaken),
        **leads_to(
            200,
            "getEventType",
            "addSub",
            "deleteEventType",
            **_SAME_ROOM,
            eventType="$request.body#/eventType",
        ),
    },
)
async def create_event_type(
    room: Place, session: Transaction, ledger: Evidence, new: EventType
) -> None:
    """Create an event type in the room."""
    await service.create_type(session, ledger, room, new.eventType, new.schema_)


@router.get(
    _TYPES,
    operation_id="getEventTypeList",
    tags=["admin"],
    response_model=list[str],
    responses={204: {"description": "The room has no event types"}, **may_answer(RoomUnknown)},
)
async def list_event_types(room: Place, session: Reading) -> list[str] | Response:
    """List the room's event types."""
    return await service.type_names(session, room) or Response(status_code=204)


@router.get(
    f"{_TYPES}/{{eventType}}",
    operation_id="getEventType",
    tags=["admin"],
    response_model=EventType,
    responses={204: {"description": "No such event type"}, **may_answer(RoomUnknown)},
)
async def get_event_type(
    room: Place,
    session: Reading,
    eventType: str,  # noqa: N803  the wire's spelling
) -> EventType | Response:
    """Return an event type with its schema."""
    found = await service.find_type(session, room, eventType)
    return EventType.of(found) if found else Response(status_code=204)


@router.delete(
    f"{_TYPES}/{{eventType}}",
    operation_id="deleteEventType",
    tags=["admin"],
    status_code=204,
    responses=may_answer(RoomUnknown, EventTypeUnknown),
)
async def delete_event_type(
    room: Place,
    session: Transaction,
    ledger: Evidence,
    eventType: str,  # noqa: N803  the wire's spelling
) -> None:
    """Delete an event type with its events and subscriptions."""
    await service.delete_type(session, ledger, room, eventType)


@router.post(
    "/pub/v1/{eventType}",
    operation_id="publishEvent",
    tags=["pub"],
    status_code=201,
    responses={
        **may_answer(RoomUnknown, EventTypeUnknown, EventRefused),
        **leads_to(
            201,
            "getStatus",
            "confirmEvent",
            "deleteEvent",
            **_SAME_ROOM,
            eventType="$request.path.eventType",
            eventId="$response.body#/id",
        ),
    },
)
async def publish_event(  # noqa: PLR0913, PLR0917  what an event is made of
    room: Place,
    session: Transaction,
    ledger: Evidence,
    keyring: Keys,
    eventType: str,  # noqa: N803  the wire's spelling
    new: PublishEvent,
) -> PublishEventResult:
    """Publish an event to all subscribers of its type."""
    if new.eventType != eventType:
        error = FieldError("#/eventType", "differs from the event type in the path")
        raise EventRefused(f"eventType: {error.reason}", errors=[error])
    found = await service.publish(session, ledger, keyring, room, eventType, new.event)
    return PublishEventResult(id=found)


@router.get(
    "/pub/v1/{eventType}/{eventId}",
    operation_id="getStatus",
    tags=["pub"],
    response_model_exclude_none=True,
    responses=may_answer(RoomUnknown, EventUnknown),
)
async def get_event_status(
    room: Place,
    session: Reading,
    keyring: Keys,
    eventType: str,  # noqa: N803  the wire's spelling
    eventId: UUID,  # noqa: N803  as above
) -> EventItem:
    """Return an event the caller published, and how far it is with each subscriber."""
    found = await service.status(session, keyring, room, eventType, eventId)
    return EventItem.of(found, with_deliveries=True)


@router.delete(
    "/pub/v1/{eventType}/{eventId}",
    operation_id="deleteEvent",
    tags=["pub"],
    status_code=204,
    responses=may_answer(RoomUnknown, EventUnknown),
)
async def stop_event(
    room: Place,
    session: Transaction,
    ledger: Evidence,
    eventType: str,  # noqa: N803  the wire's spelling
    eventId: UUID,  # noqa: N803  as above
) -> None:
    """Stop an event's delivery."""
    await service.stop(session, ledger, room, eventType, eventId)


@router.get(
    _SUBSCRIPTIONS,
    operation_id="listSub",
    tags=["sub"],
    responses=may_answer(RoomUnknown),
)
async def list_subscriptions(room: Place, session: Reading) -> list[SubscriptionItem]:
    """List the caller's subscriptions in the room; its manager sees everybody's."""
    return [SubscriptionItem.of(one) for one in await service.subscriptions(session, room)]


@router.post(
    f"{_SUBSCRIPTIONS}/{{eventType}}",
    operation_id="addSub",
    tags=["sub"],
    responses=may_answer(RoomUnknown, EventTypeUnknown, SubscriptionTaken, SubscriptionRefused),
)
async def subscribe(
    room: Place,
    session: Transaction,
    ledger: Evidence,
    eventType: str,  # noqa: N803  the wire's spelling
    new: SubscriptionItem,
) -> SubscriptionItem:
    """Subscribe the caller to an event type."""
    found = await service.subscribe(session, ledger, room, eventType, new.details())
    return SubscriptionItem.of(found)


@router.get(
    f"{_SUBSCRIPTIONS}/{{eventType}}",
    operation_id="getSub",
    tags=["sub"],
    responses=may_answer(RoomUnknown, SubscriptionUnknown),
)
async def get_subscription(
    room: Place,
    session: Reading,
    eventType: str,  # noqa: N803  the wire's spelling
) -> SubscriptionItem:
    """Return the caller's subscription to an event type."""
    return SubscriptionItem.of(await service.subscription(session, room, eventType))


@router.patch(
    f"{_SUBSCRIPTIONS}/{{eventType}}",
    operation_id="patchSub",
    tags=["sub"],
    status_code=201,
    responses=may_answer(RoomUnknown, SubscriptionUnknown, SubscriptionRefused),
)
async def change_subscription(
    room: Place,
    session: Transaction,
    ledger: Evidence,
    eventType: str,  # noqa: N803  the wire's spelling
    new: SubscriptionItem,
) -> SubscriptionItem:
    """Change the caller's subscription."""
    return SubscriptionItem.of(
        await service.change(session, ledger, room, eventType, new.details())
    )


@router.delete(
    f"{_SUBSCRIPTIONS}/{{eventType}}",
    operation_id="deleteSub",
    tags=["sub"],
    status_code=204,
    responses=may_answer(RoomUnknown, SubscriptionUnknown),
)
async def unsubscribe(
    room: Place,
    session: Transaction,
    ledger: Evidence,
    eventType: str,  # noqa: N803  the wire's spelling
) -> None:
    """Cancel the caller's subscription."""
    await service.cancel(session, ledger, room, eventType)


@router.get(
    "/pull/v1/{eventType}",
    operation_id="pullEvent",
    tags=["pull"],
    response_model_exclude_none=True,
    responses=may_answer(RoomUnknown, SubscriptionUnknown, EventUnknown),
)
async def pull_event(
    room: Place,
    session: Reading,
    ledger: Evidence,
    keyring: Keys,
    eventType: str,  # noqa: N803  the wire's spelling
) -> EventItem:
    """Return the oldest event that the caller has not acknowledged."""
    return EventItem.of(await service.pull(session, ledger, keyring, room, eventType))


@router.delete(
    "/pull/v1/{eventType}/{eventId}",
    operation_id="confirmEvent",
    tags=["pull"],
    status_code=204,
    responses=may_answer(RoomUnknown, SubscriptionUnknown, EventUnknown),
)
async def confirm_event(
    room: Place,
    session: Transaction,
    ledger: Evidence,
    eventType: str,  # noqa: N803  the wire's spelling
    eventId: UUID,  # noqa: N803  as above
) -> None:
    """Acknowledge an event."""
    await service.confirm(session, ledger, room, eventType, eventId)
