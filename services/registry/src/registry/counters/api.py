"""Routes for how a database is used."""

from typing import Annotated

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.web import Reading, may_answer
from registry.counters import service
from registry.counters.models import Between, CountsNotYours, GroupingUnknown, grouping
from registry.counters.schemas import DatabaseUse, SearchUse, UseAsked, UseGroup
from registry.databases.models import DatabaseNotFound

router = APIRouter(prefix="/database/{id}", tags=["databases"])

Viewer = Annotated[Caller, requires("databases:read")]


@router.get(
    "/usage",
    responses=may_answer(CountsNotYours, GroupingUnknown, DatabaseNotFound),
    response_model_exclude_none=True,
)
async def database_usage(session: Reading, caller: Viewer, asked: UseAsked) -> DatabaseUse:
    """Tell how often the services of a database are called, by whom, and what is searched by."""
    between = Between(asked.first, asked.last)
    found = await service.counted(session, caller, asked.id, between, grouping(asked.group_by))
    return DatabaseUse(
        total=found.total,
        groups=[UseGroup.model_validate({**one.by, "count": one.count}) for one in found.uses],
        searches=[SearchUse(fields=list(one.fields), count=one.count) for one in found.searches],
    )
