"""Routes that change many records at once."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Response

from kit.access import Caller, requires
from kit.web import Evidence, Transaction, may_answer
from kit.web.problems import ProblemField
from registry.batches import service
from registry.batches.models import BatchTooLarge, Fault
from registry.batches.schemas import (
    ChangedEntries,
    ChosenEntries,
    Created,
    EntryResult,
    Mode,
    NewEntries,
    Updated,
)
from registry.batches.service import Row
from registry.changes.models import IdentifierFixed, NotUnique
from registry.changes.service import Asked
from registry.databases.models import RegistryNotFound
from registry.fields.models import FieldUnknown
from registry.records.api import call_of
from registry.records.models import QueryInvalid, RegistryArchived
from registry.records.schemas import Addressed, Change, NoRecord
from registry.validation.models import ContentInvalid

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["batches"])

Writer = Annotated[Caller, requires("records:write")]
_answers = may_answer(
    ContentInvalid, FieldUnknown, RegistryNotFound, NotUnique, RegistryArchived, BatchTooLarge
)
_changes: dict[int | str, dict[str, Any]] = {
    **may_answer(
        ContentInvalid, FieldUnknown, QueryInvalid, NotUnique, IdentifierFixed, BatchTooLarge
    ),
    404: {
        "model": NoRecord,
        "description": "No such record, or no such registry or version",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    },
}


@router.post(
    "/createEntries", operation_id="createEntries", response_model=Created, responses=_answers
)
async def create_entries(
    session: Transaction, ledger: Evidence, caller: Writer, where: Addressed, new: NewEntries
) -> Response:
    """Create many records; the answer holds what triggers gave each of them.

    By default one entry that cannot be kept refuses all of them, and the first 20 faults are named
    (`#/entries/3/village`).
    """
    rows = await service.create_entries(
        session, ledger, call_of(caller, where), new.entries, each=new.mode is Mode.EACH
    )
    return Response(_results(rows).encode(), media_type="application/json")


@router.put("/updateEntries", operation_id="updateEntries", responses=_changes)
async def update_entries(
    session: Transaction, ledger: Evidence, caller: Writer, where: Addressed, asked: ChangedEntries
) -> Updated:
    """Merge values into all records that match, 10,000 at most; the same again changes nothing."""
    call = call_of(caller, where)
    if asked.entries is None:
        count = await service.update_matching(session, ledger, call, _asked(asked))
        return Updated(count=count, failed=0)
    entries = [_asked(each) for each in asked.entries]
    each = asked.mode is Mode.EACH
    done = await service.update_entries(session, ledger, call, entries, each=each)
    failures = sorted((_failure(fault) for fault in done.faults), key=lambda one: one.entry)
    return Updated(count=len(done.made), failed=len(failures), failures=failures)


@router.post(
    "/deleteEntries",
    operation_id="deleteEntries",
    status_code=204,
    responses=may_answer(
        FieldUnknown, QueryInvalid, RegistryNotFound, RegistryArchived, BatchTooLarge
    ),
)
async def delete_entries(
    session: Transaction, ledger: Evidence, caller: Writer, where: Addressed, asked: ChosenEntries
) -> None:
    """Delete many records; they stay for the audit. Deleting what is gone is a success."""
    call = call_of(caller, where)
    if asked.query is not None:
        await service.delete_matching(session, ledger, call, asked.query.content)
    else:
        await service.delete_entries(session, ledger, call, asked.entries or [])


def _asked(change: Change | ChangedEntries) -> Asked:
    content = {} if change.write is None else change.write.content
    return Asked(content, None if change.query is None else change.query.content)


def _failure(fault: Fault) -> EntryResult:
    errors = [ProblemField(pointer=e.pointer, reason=e.reason) for e in fault.errors]
    return EntryResult(entry=fault.row, content=None, errors=errors)


def _results(rows: Iterable[Row]) -> str:
    """Write what became of entries around the records' own JSON texts."""
    made, failed, results = 0, 0, list[str]()
    for row in rows:
        if row.fault is None:
            made += 1
            results.append(f'{{"entry":{row.row},"content":{row.shown}}}')
        else:
            failed += 1
            said = [{"pointer": e.pointer, "reason": e.reason} for e in row.fault.errors]
            results.append(f'{{"entry":{row.row},"errors":{json.dumps(said)}}}')
    return f'{{"count":{made},"failed":{failed},"results":[{",".join(results)}]}}'
