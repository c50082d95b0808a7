"""Routes for views: making them, and reading what they show."""

from typing import Annotated

from fastapi import APIRouter, Request, Response

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.conditions.models import ConditionInvalid
from registry.databases.models import DatabaseNotFound
from registry.databases.schemas import ChosenDatabase
from registry.listing.api import BY_FIELD, MAY_ANSWER, Links
from registry.listing.schemas import Listed, Records
from registry.places import SchemaInvalid
from registry.policies.models import RightsInvalid
from registry.records.api import call_of
from registry.records.schemas import AddressedThen
from registry.services.models import ServiceHidden
from registry.views import service
from registry.views.models import (
    PoliciesRefused,
    ViewBroken,
    ViewInvalid,
    ViewNotFound,
    ViewTaken,
)
from registry.views.schemas import ChosenView, View, ViewDefinition, ViewName

router = APIRouter(prefix="/database/{id}/views", tags=["views"])
one = APIRouter(prefix="/database/{id}/views/{viewName}", tags=["views"])
data = APIRouter(prefix="/data/{registryName}/{versionNumber}/views/{viewName}", tags=["views"])

Reader = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]
Viewer = Annotated[Caller, requires("records:read")]

_refusals = (
    DatabaseNotFound,
    ViewInvalid,
    ConditionInvalid,
    RightsInvalid,
    SchemaInvalid,
    PoliciesRefused,
)


@router.get("", response_model_exclude_none=True, responses=may_answer(DatabaseNotFound))
async def views(session: Reading, caller: Reader, chosen: ChosenDatabase) -> list[View]:
    """Return the views of a database (DRS-9)."""
    found = await service.page(session, caller, chosen.id)
    return [View.model_validate(each) for each in found]


@router.post("", response_model_exclude_none=True, responses=may_answer(*_refusals, ViewTaken))
async def create_view(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenDatabase, new: View
) -> View:
    """Make a view; it answers under /data at once, for every version that has its fields."""
    await service.create(session, ledger, caller, chosen.id, new.named())
    return new


@one.get(
    "",
    response_model_exclude_none=True,
    responses=may_answer(DatabaseNotFound, ViewNotFound),
)
async def view(session: Reading, caller: Reader, chosen: ChosenView) -> View:
    """Return how a view is made."""
    return View.model_validate(await service.get(session, caller, chosen.id, chosen.name))


@one.put("", response_model_exclude_none=True, responses=may_answer(*_refusals))
async def put_view(
    session: Transaction,
    ledger: Evidence,
    caller: Analyst,
    chosen: ChosenView,
    changed: ViewDefinition,
) -> View:
    """Make a view or change it."""
    document = changed.document(chosen.name)
    await service.put(session, ledger, caller, chosen.id, document)
    return View.model_validate(document)


@one.delete("", status_code=204, responses=may_answer(DatabaseNotFound))
async def delete_view(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenView
) -> None:
    """Take a view away; one that is gone stays gone."""
    await service.delete(session, ledger, caller, chosen.id, chosen.name)


@data.get(
    "",
    operation_id="listView",
    response_model=Records,
    responses={**MAY_ANSWER, **may_answer(ViewNotFound, ServiceHidden, ViewBroken)},
    openapi_extra=BY_FIELD,
)
async def list_view(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    session: Reading,
    ledger: Evidence,
    caller: Viewer,
    where: AddressedThen,
    name: ViewName,
    asked: Listed,
) -> Response:
    """Return what a view shows; it is asked as a list is, by the names of its columns."""
    links = Links(request, (caller.tenant, where.registry.casefold(), where.version, name))
    call = call_of(caller, where)
    page = await service.show(session, ledger, call, name, links.listing(asked))
    return links.answer(page, asked)
