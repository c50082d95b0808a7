"""Routes for runs of automations, and the address that begins one."""

from typing import Annotated

from fastapi import APIRouter

from kit.access import Caller, public, requires
from kit.paging import Paged
from kit.web import Reading, Transaction, may_answer
from registry.automations.models import AutomationNotFound
from registry.automations.schemas import ChosenAutomation
from registry.runs import service
from registry.runs.models import RunNotFound, TriggerNotFound
from registry.runs.schemas import Begun, ChosenRun, RunDetails, RunInfo, Token

router = APIRouter(prefix="/database/{id}/automations/{automationId}", tags=["automations"])
triggers = APIRouter(tags=["automations"])
Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]
Anyone = Annotated[Caller, public()]


@router.post("/run", status_code=202, responses=may_answer(AutomationNotFound))
async def run_automation(session: Transaction, caller: Analyst, chosen: ChosenAutomation) -> Begun:
    """Begin a run now; while one is running, this is that one."""
    begun = await service.begin(session, caller, chosen.id, chosen.automationId)
    return Begun(runId=begun.id)


@router.get("/runs", response_model_exclude_none=True, responses=may_answer(AutomationNotFound))
async def runs(
    session: Reading, caller: Viewer, chosen: ChosenAutomation, page: Paged
) -> list[RunInfo]:
    """Return the runs of an automation, newest first."""
    window = page.offset, page.limit
    found = await service.page(session, caller, chosen.id, chosen.automationId, window)
    return [RunInfo.of(each) for each in found]


@router.get(
    "/runs/{runId}",  # noqa: FAST003  ChosenRun has it
    response_model_exclude_none=True,
    responses=may_answer(AutomationNotFound, RunNotFound),
)
async def run(
    session: Reading, caller: Viewer, chosen: ChosenAutomation, one: ChosenRun
) -> RunDetails:
    """Return a run with what failed in it."""
    return RunDetails.of(await service.get(session, caller, chosen.id, chosen.automationId, one))


@triggers.post(
    "/automations/{token}",  # noqa: FAST003  Token has it
    status_code=202,
    responses=may_answer(TriggerNotFound),
)
async def trigger(session: Transaction, _caller: Anyone, secret: Token) -> Begun:
    """Begin a run of the automation that this address belongs to (DRS-19.c)."""
    return Begun(runId=(await service.begin_by_token(session, secret)).id)
