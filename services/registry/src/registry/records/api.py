"""Routes that look at records."""

import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from kit.access import Caller, requires
from kit.web import Evidence, Neighbours, Reading, may_answer
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired, DecisionMissing
from registry.fields.models import FieldUnknown
from registry.records import service
from registry.records.models import LegalBasisMissing, Listing, QueryInvalid
from registry.records.schemas import (
    Address,
    Addressed,
    AddressedThen,
    Answer,
    ByQuery,
    ExistsAnswer,
    ExistsQuery,
    Listed,
    NoRecord,
    RecordContent,
    Records,
)
from registry.records.service import Call, Shown
from registry.rights.models import FieldHidden, LoginNeeded, NotAllowed

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])

Reader = Annotated[Caller, requires("records:read")]
Asker = Annotated[Caller, requires("records:exists")]

_PREFIX = "query."
RIGHTS = (NotAllowed, LoginNeeded, FieldHidden, LegalBasisMissing)
_answers = may_answer(RegistryNotFound, FieldUnknown, QueryInvalid, ConsentRequired, *RIGHTS)
_one: dict[int | str, dict[str, Any]] = {
    **may_answer(FieldUnknown, QueryInvalid, ConsentRequired, DecisionMissing, *RIGHTS),
    404: {
        "model": NoRecord,
        "description": "No such record, or no such registry or version",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    },
}
_by_field = {
    "parameters": [
        {
            "name": "query.<fieldName>",
            "in": "query",
            "required": False,
            "description": "Value of a field, exactly; one parameter for each field, dotted inside",
            "schema": {"type": "string"},
        }
    ]
}


@router.get(
    "",
    operation_id="list",
    response_model=Records,
    responses=_answers,
    openapi_extra=_by_field,
)
async def list_records(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    session: Reading,
    ledger: Evidence,
    caller: Reader,
    where: Addressed,
    asked: Listed,
) -> Response:
    """Return the records that match, oldest first unless ordered."""
    given = request.query_params.multi_items()
    equals = {name.removeprefix(_PREFIX): v for name, v in given if name.startswith(_PREFIX)}
    listing = Listing(
        asked.search, asked.filter, asked.ordering, asked.page, asked.page_size, equals
    )
    shown = await service.page(session, ledger, _call(caller, where), listing)
    return _json(_page(shown, listing, given))


@router.post("/exists", operation_id="exists", responses=_answers)
async def exists(
    session: Reading, ledger: Evidence, caller: Asker, where: Addressed, asked: ExistsQuery
) -> ExistsAnswer:
    """Tell whether a record has these values."""
    call = _call(caller, where)
    if await service.exists(session, ledger, call, asked.query.content):
        return ExistsAnswer(answer=Answer(status=True, message="Object found from database"))
    return ExistsAnswer(answer=Answer(status=False, message="no record found"))


@router.post("/read", operation_id="read", response_model=RecordContent, responses=_one)
async def read(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    neighbours: Neighbours,
    caller: Reader,
    where: AddressedThen,
    asked: ByQuery,
) -> Response:
    """Return the record that has these values; the read of personal data is written down."""
    call = _call(caller, where, where.as_of)
    text, tag = await service.read(session, ledger, neighbours, call, asked.query.content)
    return _json(f'{{"content":{text}}}', tag)


@router.get(
    "/{uuid}/readValue/{field}.{ext}", operation_id="readValue", response_model=Any, responses=_one
)
async def read_value(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    neighbours: Neighbours,
    caller: Reader,
    where: AddressedThen,
    uuid: str,
    field: str,
    ext: str,
) -> Response:
    """Return one field of the record with this primary key or id, as bare JSON."""
    call = _call(caller, where, where.as_of)
    return _json(await service.read_value(session, ledger, neighbours, call, (uuid, field, ext)))


one = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])


@one.get("/{uuid}", operation_id="get", response_model=RecordContent, responses=_one)
async def get(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    neighbours: Neighbours,
    caller: Reader,
    where: AddressedThen,
    uuid: UUID,
) -> Response:
    """Return the record with this id, as ``read`` does; archived ones are for the owner."""
    call = _call(caller, where, where.as_of)
    text, tag = await service.get(session, ledger, neighbours, call, str(uuid))
    return _json(f'{{"content":{text}}}', tag)


def _call(caller: Caller, where: Address, as_of: datetime | None = None) -> Call:
    said = where.legal_basis, as_of, where.consent_record
    return Call(caller, where.registry, where.version, *said)


def _json(text: str, tag: str | None = None) -> Response:
    headers = None if tag is None else {"ETag": tag}
    return Response(text.encode(), media_type="application/json", headers=headers)


def _page(shown: Shown, listing: Listing, given: list[tuple[str, str]]) -> str:
    """Write a page around the records' own JSON texts."""
    parts = [f'"count":{shown.count}']
    if listing.offset + len(shown.results) < shown.count and shown.results:
        parts.append('"next":' + _link(given, listing.page + 1))
    if listing.page > 1:
        parts.append('"previous":' + _link(given, listing.page - 1))
    return "{" + ",".join(parts) + ',"results":[' + ",".join(shown.results) + "]}"


def _link(given: list[tuple[str, str]], page: int) -> str:
    kept = [(name, value) for name, value in given if name != "page"]
    return json.dumps("?" + urlencode([*kept, ("page", str(page))]))
