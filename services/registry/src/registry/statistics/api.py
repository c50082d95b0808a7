"""Routes for statistics."""

from typing import Annotated

from fastapi import APIRouter, Request

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.databases.models import DatabaseNotFound
from registry.databases.schemas import ChosenDatabase
from registry.records.service import Call
from registry.statistics import service
from registry.statistics.models import REFUSALS
from registry.statistics.schemas import (
    BY_FIELD,
    StatisticsAnswer,
    StatisticsAsked,
    StatisticsSettings,
)

router = APIRouter(prefix="/stats/{registryName}", tags=["statistics"])
one = APIRouter(prefix="/database/{id}/statistics", tags=["statistics"])

Reader = Annotated[Caller, requires("records:read")]
Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]
_PREFIX = "query."


@router.get("", operation_id="statistics", responses=may_answer(*REFUSALS), openapi_extra=BY_FIELD)
async def statistics(
    request: Request, session: Reading, ledger: Evidence, caller: Reader, asked: StatisticsAsked
) -> StatisticsAnswer:
    """Count, sum or average the records that the caller may see, by fields and periods."""
    given = request.query_params.multi_items()
    filters = [(n.removeprefix(_PREFIX), v) for n, v in given if n.startswith(_PREFIX)]
    call = Call(caller, asked.registry, asked.version or "", asked.legal_basis)
    found = await service.make(session, ledger, call, asked.question(tuple(filters)))
    return StatisticsAnswer.of(found)


@one.get("", responses=may_answer(DatabaseNotFound))
async def statistics_settings(
    session: Reading, caller: Viewer, chosen: ChosenDatabase
) -> StatisticsSettings:
    """Return how small a group may be."""
    return StatisticsSettings(smallestGroup=await service.settings(session, caller, chosen.id))


@one.put("", responses=may_answer(DatabaseNotFound))
async def settle_statistics(
    session: Transaction,
    ledger: Evidence,
    caller: Analyst,
    chosen: ChosenDatabase,
    asked: StatisticsSettings,
) -> StatisticsSettings:
    """Say how small a group may be that others are told, or that personal data is used for."""
    kept = await service.settle(session, ledger, caller, chosen.id, asked.smallestGroup)
    return StatisticsSettings(smallestGroup=kept)
