"""Routes that change records."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from kit.access import Caller, requires
from kit.web import Evidence, Transaction, leads_to, may_answer
from registry.changes import service
from registry.changes.models import IdentifierFixed, NotUnique
from registry.changes.service import Asked
from registry.databases.models import RegistryNotFound
from registry.fields.models import FieldUnknown
from registry.records.models import QueryInvalid
from registry.records.schemas import (
    Address,
    Addressed,
    Change,
    ChosenRecord,
    NewRecord,
    NoRecord,
    RecordContent,
)
from registry.records.service import Call
from registry.validation.models import ContentInvalid

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])

Writer = Annotated[Caller, requires("records:write")]
_answers = may_answer(ContentInvalid, FieldUnknown, RegistryNotFound, NotUnique, IdentifierFixed)
_one: dict[int | str, dict[str, Any]] = {
    **may_answer(ContentInvalid, FieldUnknown, QueryInvalid, NotUnique, IdentifierFixed),
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
        **_answers,
        **leads_to(
            200,
            "delete",
            registryName="$request.path.registryName",
            versionNumber="$request.path.versionNumber",
            ID="$response.body#/content/ID",
        ),
    },
)
async def create(
    session: Transaction, ledger: Evidence, caller: Writer, where: Addressed, new: NewRecord
) -> Response:
    """Create a record; the answer holds what triggers gave it."""
    return _json(await service.create(session, ledger, _call(caller, where), new.write.content))


@router.put("/update", operation_id="update", response_class=Response, responses=_one)
async def update(
    session: Transaction, ledger: Evidence, caller: Writer, where: Addressed, change: Change
) -> Response:
    """Merge values into the record that matches; the same again changes nothing."""
    await service.update(session, ledger, _call(caller, where), _asked(change))
    return Response(status_code=200)


@router.post(
    "/updateOrCreate",
    operation_id="updateOrCreate",
    response_model=RecordContent,
    responses=_answers,
)
async def update_or_create(
    session: Transaction, ledger: Evidence, caller: Writer, where: Addressed, change: Change
) -> Response:
    """Merge values into the record that matches, or create one from them."""
    done = await service.update_or_create(session, ledger, _call(caller, where), _asked(change))
    return _json(done)


@router.delete(
    "/{ID}/delete",  # noqa: FAST003  ChosenRecord has it
    operation_id="delete",
    status_code=204,
    responses=may_answer(RegistryNotFound),
)
async def delete(
    session: Transaction, ledger: Evidence, caller: Writer, where: Addressed, chosen: ChosenRecord
) -> None:
    """Delete a record; it stays for the audit. Deleting one that is gone is a success."""
    await service.delete(session, ledger, _call(caller, where), chosen.ID)


def _call(caller: Caller, where: Address) -> Call:
    return Call(caller, where.registry, where.version, where.legal_basis)


def _asked(change: Change) -> Asked:
    return Asked(change.write.content, None if change.query is None else change.query.content)


def _json(text: str) -> Response:
    return Response(f'{{"content":{text}}}'.encode(), media_type="application/json")
