"""Routes for automations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from kit.access import Caller, requires
from kit.deliveries import Networks
from kit.web import Evidence, Keys, Reading, Transaction, leads_to, may_answer
from registry.automations import service
from registry.automations.models import (
    AutomationInvalid,
    AutomationNotFound,
    AutomationsFull,
)
from registry.automations.schemas import AutomationInfo, ChosenAutomation, NewAutomation
from registry.automations.service import Work
from registry.databases.models import DatabaseNotFound, RegistryNotFound
from registry.databases.schemas import ChosenDatabase
from registry.records.models import RegistryArchived

router = APIRouter(prefix="/database/{id}/automations", tags=["automations"])
one = APIRouter(prefix="/database/{id}/automations/{automationId}", tags=["automations"])
Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]


async def _networks(request: Request) -> Networks:
    return Networks(request.app.state.settings.delivery_networks)


Allowed = Annotated[Networks, Depends(_networks)]


async def _looking(
    session: Reading, ledger: Evidence, keys: Keys, allowed: Allowed, caller: Viewer
) -> Work:
    return Work(session, ledger, keys, allowed, caller)


async def _working(
    session: Transaction, ledger: Evidence, keys: Keys, allowed: Allowed, caller: Analyst
) -> Work:
    return Work(session, ledger, keys, allowed, caller)


Looking = Annotated[Work, Depends(_looking)]
Working = Annotated[Work, Depends(_working)]


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    responses={
        **may_answer(AutomationInvalid, RegistryNotFound, AutomationsFull, RegistryArchived),
        **leads_to(
            201,
            "automation",
            "replace_automation",
            "delete_automation",
            "run_automation",
            "runs",
            id="$request.path.id",
            automationId="$response.body#/id",
        ),
    },
)
async def create_automation(
    work: Working, chosen: ChosenDatabase, new: NewAutomation
) -> AutomationInfo:
    """Make an automation; the answer shows what begins it and what signs, this once (DRS-19)."""
    return AutomationInfo.of(await service.add(work, chosen.id, new.asked()))


@router.get("", response_model_exclude_none=True, responses=may_answer(DatabaseNotFound))
async def automations(work: Looking, chosen: ChosenDatabase) -> list[AutomationInfo]:
    """Return all automations of a database."""
    return [AutomationInfo.of(each) for each in await service.page(work, chosen.id)]


@one.get("", response_model_exclude_none=True, responses=may_answer(AutomationNotFound))
async def automation(work: Looking, chosen: ChosenAutomation) -> AutomationInfo:
    """Return an automation."""
    return AutomationInfo.of(await service.get(work, chosen.id, chosen.automationId))


@one.put(
    "",
    response_model_exclude_none=True,
    responses=may_answer(AutomationInvalid, AutomationNotFound, RegistryArchived),
)
async def replace_automation(
    work: Working, chosen: ChosenAutomation, new: NewAutomation
) -> AutomationInfo:
    """Make another thing of an automation; the same again changes nothing."""
    return AutomationInfo.of(
        await service.replace_with(work, chosen.id, chosen.automationId, new.asked())
    )


@one.delete("", status_code=204, responses=may_answer(DatabaseNotFound))
async def delete_automation(work: Working, chosen: ChosenAutomation) -> None:
    """Delete an automation; its runs stay. Deleting one that is gone is a success."""
    await service.delete(work, chosen.id, chosen.automationId)
