"""Routes that change records."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer
from registry.changes import service
from registry.changes.models import (
    Archival,
    IdentifierFixed,
    NotUnique,
    ReasonMissing,
    RecordChanged,
    tags_of,
)
from registry.changes.service import Asked
from registry.creations import service as creations
from registry.databases.models import RegistryNotFound
from registry.fields.models import FieldUnknown
from registry.links.models import LinkBroken, StillLinked
from registry.records.api import RIGHTS, answer, call_of
from registry.records.models import QueryInvalid, RegistryArchived
from registry.records.schemas import (
    Addressed,
    Change,
    ChosenRecord,
    Guard,
    Guarded,
    NewRecord,
    NoRecord,
    RecordContent,
)
from registry.secrets.models import KeyMissing
from registry.validation.models import ContentInvalid

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])

Writer = Annotated[Caller, requires("records:write")]
_HARD = Query(description="Destroy what the record holds and ever held, for good")
CHANGES = (RegistryArchived, KeyMissing)
_creations = (ContentInvalid, FieldUnknown, NotUnique, IdentifierFixed, LinkBroken, StillLinked)
_changes = (*_creations, RecordChanged)
_created = may_answer(*_creations, RegistryNotFound, *RIGHTS, *CHANGES)
_answers = may_answer(*_changes, RegistryNotFound, *RIGHTS, *CHANGES)
_one: dict[int | str, dict[str, Any]] = {
    **may_answer(*_changes, QueryInvalid, *RIGHTS, *CHANGES),
    404: {
        "model": NoRecord,
        "description": "No such record, or no such registry or version",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    },
}


@router.post(
    "/create",
    operation_id="create",
    response_model=RecordContent,
    responses={
        **_created,
        **leads_to(
            200,
            "delete",
            registryName="$request.path.registryName",
            versionNumber="$request.path.versionNumber",
            ID="$response.body#/content/ID",
        ),
    },
)
async def create(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    reading: Reading,
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Addressed,
    new: NewRecord,
) -> Response:
    """Create a record; the answer holds what triggers gave it."""
    call, content = call_of(caller, where), new.write.content
    return answer(await creations.create(reading, session, ledger, call, content))


@router.put("/update", operation_id="update", response_class=Response, responses=_one)
async def update(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Guarded,
    change: Change,
) -> Response:
    """Merge values into the record that matches; the same again changes nothing."""
    tag = await service.update(session, ledger, call_of(caller, where), _asked(change, where))
    return Response(status_code=200, headers={"ETag": tag})


@router.post(
    "/updateOrCreate",
    operation_id="updateOrCreate",
    response_model=RecordContent,
    responses=_answers,
)
async def update_or_create(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Guarded,
    change: Change,
) -> Response:
    """Merge values into the record that matches, or create one from them."""
    asked = _asked(change, where)
    return answer(await service.update_or_create(session, ledger, call_of(caller, where), asked))


@router.delete(
    "/{ID}/delete",  # noqa: FAST003  ChosenRecord has it
    operation_id="delete",
    status_code=204,
    responses=may_answer(
        RegistryNotFound, RecordChanged, ReasonMissing, StillLinked, *RIGHTS, *CHANGES
    ),
)
async def delete(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Guarded,
    chosen: ChosenRecord,
    hard: Annotated[bool, _HARD] = False,  # noqa: FBT002  a query parameter
) -> None:
    """Delete a record; it stays for the audit. Deleting one that is gone is a success.

    ``hard`` destroys its content and history for good; the owner may, by a law that it names.
    """
    call = call_of(caller, where)
    if hard:
        await service.destroy(session, ledger, call, chosen.ID)
    else:
        await service.delete(session, ledger, call, chosen.ID, tags_of(where.if_match))


@router.post("/{uuid}/archive", operation_id="archive", status_code=204, responses=_one)
async def archive(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Guarded,
    uuid: UUID,
) -> Response:
    """Take a record out of normal results; it is kept, and nothing else about it changes."""
    asked = Archival(archived=True, tags=tags_of(where.if_match))
    tag = await service.archive(session, ledger, call_of(caller, where), str(uuid), asked)
    return Response(status_code=204, headers={"ETag": tag})


@router.post("/{uuid}/restore", operation_id="restore", status_code=204, responses=_one)
async def restore(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Guarded,
    uuid: UUID,
) -> Response:
    """Bring an archived record back into normal results."""
    asked = Archival(archived=False, tags=tags_of(where.if_match))
    tag = await service.archive(session, ledger, call_of(caller, where), str(uuid), asked)
    return Response(status_code=204, headers={"ETag": tag})


def _asked(change: Change, where: Guard) -> Asked:
    query = None if change.query is None else change.query.content
    return Asked(change.write.content, query, tags_of(where.if_match))
