"""Routes that look at records."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response

from kit.access import Caller, requires
from kit.decisions import DecisionMissing
from kit.web import Deciding, Evidence, Reading, may_answer
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.fields.models import FieldUnknown
from registry.records import service
from registry.records.models import LegalBasisMissing, QueryInvalid, Shown
from registry.records.schemas import (
    Address,
    Addressed,
    AddressedThen,
    Answer,
    ByQuery,
    ExistsAnswer,
    ExistsQuery,
    NoRecord,
    RecordContent,
    Then,
)
from registry.records.service import Call
from registry.rights.models import FieldHidden, LoginNeeded, NotAllowed
from registry.secrets.models import KeyInvalid, KeyWrong

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])

Reader = Annotated[Caller, requires("records:read")]
Asker = Annotated[Caller, requires("records:exists")]

RIGHTS = (NotAllowed, LoginNeeded, FieldHidden, LegalBasisMissing, KeyInvalid, KeyWrong)
_answers = may_answer(RegistryNotFound, FieldUnknown, QueryInvalid, ConsentRequired, *RIGHTS)
ONE: dict[int | str, dict[str, Any]] = {
    **may_answer(FieldUnknown, QueryInvalid, ConsentRequired, DecisionMissing, *RIGHTS),
    404: {
        "model": NoRecord,
        "description": "No such record, or no such registry or version",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    },
}


@router.post("/exists", operation_id="exists", responses=_answers)
async def exists(
    session: Reading, ledger: Evidence, caller: Asker, where: Addressed, asked: ExistsQuery
) -> ExistsAnswer:
    """Tell whether a record has these values."""
    call = call_of(caller, where)
    if await service.exists(session, ledger, call, asked.query.content):
        return ExistsAnswer(answer=Answer(status=True, message="Object found from database"))
    return ExistsAnswer(answer=Answer(status=False, message="no record found"))


@router.post("/read", operation_id="read", response_model=RecordContent, responses=ONE)
async def read(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    decisions: Deciding,
    caller: Reader,
    where: AddressedThen,
    asked: ByQuery,
) -> Response:
    """Return the record that has these values; the read of personal data is written down."""
    call = call_of(caller, where)
    return answer(await service.read(session, ledger, decisions, call, asked.query.content))


@router.get(
    "/{uuid}/readValue/{field}.{ext}", operation_id="readValue", response_model=Any, responses=ONE
)
async def read_value(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    decisions: Deciding,
    caller: Reader,
    where: AddressedThen,
    uuid: str,
    field: str,
    ext: str,
) -> Response:
    """Return one field of the record with this primary key or id, as bare JSON."""
    call = call_of(caller, where)
    text = await service.read_value(session, ledger, decisions, call, (uuid, field, ext))
    return Response(text.encode(), media_type="application/json")


one = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])


@one.get("/{uuid:uuid}", operation_id="get", response_model=RecordContent, responses=ONE)
async def get(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    decisions: Deciding,
    caller: Reader,
    where: AddressedThen,
    uuid: UUID,
) -> Response:
    """Return the record with this id, as ``read`` does; archived ones are for the owner."""
    call = call_of(caller, where)
    return answer(await service.get(session, ledger, decisions, call, str(uuid)))


def call_of(caller: Caller, where: Address) -> Call:
    """Return who calls, and what their address and headers say of it."""
    return Call(
        caller,
        where.registry,
        where.version,
        where.legal_basis,
        where.as_of if isinstance(where, Then) else None,
        where.consent_record,
        where.database_key,
    )


def answer(shown: Shown) -> Response:
    """Return the answer that shows a record; its headers say which one it is."""
    return Response(shown.body, media_type="application/json", headers=shown.headers)
