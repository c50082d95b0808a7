"""Routes for what a change would break."""

from typing import Annotated

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.web import Reading, may_answer
from registry.databases.models import DatabaseNotFound
from registry.databases.schemas import ChosenDatabase
from registry.impact import service
from registry.impact.schemas import ImpactOf, Proposal, written

router = APIRouter(prefix="/database/{id}", tags=["versions"])

Viewer = Annotated[Caller, requires("databases:read")]


@router.post("/impact", responses=may_answer(DatabaseNotFound))
async def impact(
    session: Reading, caller: Viewer, chosen: ChosenDatabase, proposal: Proposal | None = None
) -> ImpactOf:
    """Tell what a proposed definition, or the draft, would break; nothing is changed."""
    given = proposal and proposal.model_dump(by_alias=True, exclude_unset=True)
    found = await service.of_proposal(session, caller.tenant, chosen.id, given or None)
    return ImpactOf.model_validate(written(found))
