"""Routes for what records were."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Evidence, Reading, may_answer
from registry.decisions.models import ConsentRequired
from registry.history import service
from registry.history.schemas import PastRecord
from registry.history.service import Shown
from registry.records.api import ONE, call_of
from registry.records.schemas import Addressed

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])

Reader = Annotated[Caller, requires("records:read")]


@router.get(
    "/{uuid}/history",
    operation_id="history",
    response_model_exclude_none=True,
    responses={**ONE, **may_answer(ConsentRequired)},
)
async def history(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    caller: Reader,
    where: Addressed,
    uuid: UUID,
    page: Paged,
) -> list[PastRecord]:
    """Return what a record is and was, newest first; each look at it is written down."""
    call = call_of(caller, where)
    return [_past(each) for each in await service.page(session, ledger, call, uuid, page)]


def _past(shown: Shown) -> PastRecord:
    past = shown.past
    return PastRecord(
        revision=past.record.revision,
        validFrom=past.valid_from,
        validTo=past.valid_to,
        isArchived=past.record.is_archived,
        content=json.loads(shown.text),
    )
