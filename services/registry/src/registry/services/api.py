"""Routes for the services of a database."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer
from registry.databases.models import DatabaseNotFound
from registry.databases.schemas import ChosenDatabase
from registry.services import service
from registry.services.models import (
    OWN,
    Generic,
    Own,
    ServiceNotFound,
    ServiceRefused,
    ServiceTaken,
    refuse,
)
from registry.services.schemas import (
    ChosenService,
    Copy,
    NewService,
    Service,
    ServiceChange,
    ServiceList,
    WantedServices,
)
from registry.services.service import Offered

router = APIRouter(prefix="/database/{id}/services", tags=["services"])

Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]


@router.get("", operation_id="services", responses=may_answer(DatabaseNotFound))
async def services(session: Reading, caller: Viewer, chosen: ChosenDatabase) -> ServiceList:
    """Return all services of a database: those that were generated, copies and views."""
    return _list(await service.get(session, caller.tenant, chosen.id))


@router.put("", operation_id="setServices", responses=may_answer(DatabaseNotFound, ServiceNotFound))
async def set_services(
    session: Transaction,
    ledger: Evidence,
    caller: Analyst,
    chosen: ChosenDatabase,
    wanted: WantedServices,
) -> ServiceList:
    """Offer these services and no others; generated ones that were deleted come back."""
    shown = {each.serviceId: each.isVisible for each in wanted.services}
    return _list(await service.replaced(session, ledger, caller, chosen.id, shown))


@router.post(
    "",
    operation_id="addService",
    responses={
        **may_answer(DatabaseNotFound, ServiceRefused, ServiceTaken),
        **leads_to(
            200,
            "changeService",
            "deleteService",
            id="$request.path.id",
            serviceId="$response.body#/serviceId",
        ),
    },
)
async def add_service(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenDatabase, new: NewService
) -> Service:
    """Offer a view as a service that only reads; the same again is the one there is."""
    view = new.viewName or new.viewId
    if view is None:
        refuse(("viewName",), "names the view")
    wanted = Own(0, new.name or view, "view", view, None, new.description)
    offered, made = await service.add(session, ledger, caller, chosen.id, wanted)
    return _service(offered, made)


@router.patch(
    "/{serviceId}",  # noqa: FAST003  ChosenService has it
    operation_id="changeService",
    responses=may_answer(DatabaseNotFound, ServiceNotFound),
)
async def change_service(
    session: Transaction,
    ledger: Evidence,
    caller: Analyst,
    chosen: ChosenService,
    change: ServiceChange,
) -> Service:
    """Show or hide a service: what is hidden answers nobody and is not described."""
    where, is_visible = (chosen.id, chosen.service), change.isVisible
    offered = await service.change(session, ledger, caller, where, is_visible=is_visible)
    return _service(offered, offered.services.find(chosen.service))


@router.delete(
    "/{serviceId}",  # noqa: FAST003  ChosenService has it
    operation_id="deleteService",
    status_code=HTTPStatus.NO_CONTENT,
    responses=may_answer(DatabaseNotFound),
)
async def delete_service(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenService
) -> None:
    """Take a service away; deleting one that is gone is a success."""
    await service.delete(session, ledger, caller, (chosen.id, chosen.service))


@router.post(
    "/{serviceId}/copy",  # noqa: FAST003  ChosenService has it
    operation_id="copyService",
    responses=may_answer(DatabaseNotFound, ServiceNotFound, ServiceRefused, ServiceTaken),
)
async def copy_service(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenService, copy: Copy
) -> Service:
    """Offer a service under another name too, for all fields or for some."""
    fields = None if copy.fields is None else tuple(copy.fields)
    wanted = Own(0, copy.name, "copy", "", fields, copy.description)
    where = chosen.id, chosen.service
    offered, made = await service.copy(session, ledger, caller, where, wanted)
    return _service(offered, made)


def _list(offered: Offered) -> ServiceList:
    return ServiceList(
        services=[_service(offered, each) for each in service.listed(offered.services)]
    )


def _service(offered: Offered, of: Generic | Own) -> Service:
    if isinstance(of, Generic):
        return Service(
            serviceId=of.number,
            name=of.name,
            type="generic",
            isVisible=offered.services.offers(of),
            method=of.method,
            path=of.path,
        )
    is_view = of.type == "view"
    return Service(
        serviceId=of.number,
        name=of.name,
        type=of.type,
        of=of.of,
        isVisible=of.is_visible,
        method="GET" if is_view else of.generic.method,
        path=f"/views/{of.of}" if is_view else f"/{OWN}/{of.name}",
        fields=None if of.fields is None else list(of.fields),
        description=of.description,
    )
