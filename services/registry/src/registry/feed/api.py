"""Routes for what changed."""

import json
from typing import Annotated

from fastapi import APIRouter, Query

from kit.access import Caller, requires
from kit.web import Evidence, Transaction, may_answer
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.feed import service
from registry.feed.models import Mark, MarkGone, MarkInvalid
from registry.feed.schemas import ChangedRecord, Changes
from registry.feed.service import Told
from registry.records.api import RIGHTS, call_of
from registry.records.schemas import Addressed

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])

Reader = Annotated[Caller, requires("records:read")]
Since = Annotated[
    str | None,
    Query(max_length=200, description="What an answer gave as next; all records when not given"),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Changes to return at most")]


@router.get(
    "/changes",
    operation_id="changes",
    response_model_exclude_none=True,
    responses=may_answer(RegistryNotFound, MarkInvalid, MarkGone, ConsentRequired, *RIGHTS),
)
async def changes(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Transaction,
    ledger: Evidence,
    caller: Reader,
    where: Addressed,
    since: Since = None,
    limit: Limit = 100,
) -> Changes:
    """Return the records that changed since a mark, each once, as it is now (DRS-26.a)."""
    call = call_of(caller, where)
    after = Mark() if since is None else Mark.read(since)
    found = await service.page(session, ledger, call, (after, limit))
    return Changes(
        changes=[_changed(each) for each in found.changes],
        next=str(found.next),
        hasMore=found.has_more,
    )


def _changed(told: Told) -> ChangedRecord:
    change = told.change
    return ChangedRecord(
        id=change.record.id,
        number=change.record.number,
        revision=change.record.revision,
        change=change.kind,
        changedAt=change.changed_at,
        content=None if told.text is None else json.loads(told.text),
    )
