"""Access rights (GovStack IM Configuration Management API)."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from gateway.configuration.api import Books, Configured, Instance, refusals_noted
from gateway.identity.api import rights_scope
from gateway.rights import service
from gateway.rights.models import Filter, PageTokenRefused, RightRefused, grantees
from gateway.rights.schemas import AllowList, ServiceAccessRight
from kit.access import Caller
from kit.web import Evidence, Transaction, may_answer

router = APIRouter(prefix="/api/v1/rights", tags=["rights"])
Reader = Annotated[Caller, rights_scope("read:rights")]
Writer = Annotated[Caller, rights_scope("write:rights")]


@router.get(
    "/allow",
    operation_id="getAllowed",
    response_model_exclude_none=True,
    responses=may_answer(PageTokenRefused),
)
async def allowed(  # noqa: PLR0913, PLR0917  the filters the contract declares
    request: Request,
    _caller: Reader,
    configuration: Configured,
    instance: Instance,
    memberClass: str | None = None,  # noqa: N803  the wire's spelling
    memberCode: str | None = None,  # noqa: N803  as above
    applicationId: str | None = None,  # noqa: N803  as above
    serviceId: str | None = None,  # noqa: N803  as above
    pageSize: Annotated[  # noqa: N803  as above
        int, Query(ge=1, le=1000, description="Pairs of a service and a client on a page")
    ] = 100,
    nextPageToken: str | None = None,  # noqa: N803  as above
) -> AllowList:
    """Return who may use which service, a page at a time."""
    chosen = Filter(instance, memberClass, memberCode, applicationId, serviceId)
    keyring = request.app.state.keyring
    found, token = service.page(configuration, keyring, chosen, nextPageToken, pageSize)
    return AllowList.of(configuration, instance, found, token)


@router.patch("/allow", operation_id="setAllowed", responses=may_answer(RightRefused))
async def allow(  # noqa: PLR0913, PLR0917  what a change of the configuration needs
    request: Request,
    caller: Writer,
    session: Transaction,
    ledger: Evidence,
    book: Books,
    now: Configured,
    instance: Instance,
    wanted: list[ServiceAccessRight] | None = None,
) -> None:
    """Allow applications to use services."""
    changes = [right.change(instance) for right in wanted or ()]
    async with refusals_noted(request, caller, now, instance, "setAllowed"):
        grantees(now, changes, registered=True)
    await service.allow(session, ledger, book, caller, changes)


@router.patch("/deny", operation_id="setDenied", responses=may_answer(RightRefused))
async def deny(  # noqa: PLR0913, PLR0917  as above
    request: Request,
    caller: Writer,
    session: Transaction,
    ledger: Evidence,
    book: Books,
    now: Configured,
    instance: Instance,
    wanted: list[ServiceAccessRight] | None = None,
) -> None:
    """Deny applications services, at once."""
    changes = [right.change(instance) for right in wanted or ()]
    async with refusals_noted(request, caller, now, instance, "setDenied"):
        grantees(now, changes, registered=False)
    await service.deny(session, ledger, book, caller, changes)
