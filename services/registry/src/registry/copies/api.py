"""Routes that answer for copied services."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from kit.access import Caller, requires
from kit.decisions import DecisionMissing
from kit.web import Deciding, Evidence, Reading, Transaction, may_answer
from registry.changes.models import IdentifierFixed, NotUnique
from registry.copies import service
from registry.copies.schemas import Called, CopyName
from registry.copies.service import Said, Tools
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.fields.models import FieldUnknown
from registry.links.models import LinkBroken
from registry.listing import service as listing
from registry.listing.api import BY_FIELD, MAY_ANSWER, Links
from registry.listing.schemas import Listed
from registry.records.api import call_of
from registry.records.models import QueryInvalid, RegistryArchived
from registry.records.schemas import Addressed, AddressedThen, NoRecord
from registry.records.service import Call
from registry.rights.models import FieldHidden, LoginNeeded, NotAllowed
from registry.services.models import ServiceHidden
from registry.validation.models import ContentInvalid

router = APIRouter(prefix="/data/{registryName}/{versionNumber}/services", tags=["services"])

Reader = Annotated[Caller, requires("records:read")]
Writer = Annotated[Caller, requires("records:write")]
Anybody = Annotated[Caller, requires("records:read", "records:exists", "records:write")]

_writes = (ContentInvalid, NotUnique, IdentifierFixed, LinkBroken, RegistryArchived)
_answers: dict[int | str, dict[str, Any]] = {
    **may_answer(FieldUnknown, QueryInvalid, *_writes, NotAllowed, LoginNeeded, FieldHidden),
    **may_answer(ConsentRequired, DecisionMissing),
    404: {
        "model": NoRecord,
        "description": "No such service or record, or no such registry or version",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    },
}


@router.get(
    "/{serviceName}",  # noqa: FAST003  CopyName has it
    operation_id="listByCopy",
    response_class=Response,
    responses={**MAY_ANSWER, **may_answer(RegistryNotFound, ServiceHidden)},
    openapi_extra=BY_FIELD,
)
async def list_by_copy(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    session: Reading,
    ledger: Evidence,
    caller: Reader,
    where: AddressedThen,
    name: CopyName,
    asked: Listed,
) -> Response:
    """Return records as ``list`` does, with the fields of the copy."""
    await service.find(session, caller, where.registry, name, "GET")
    links = Links(request, (caller.tenant, where.registry.casefold(), where.version, name))
    page = await listing.page(session, ledger, call_of(caller, where), links.listing(asked))
    return links.answer(page, asked)


@router.post(
    "/{serviceName}",  # noqa: FAST003  CopyName has it
    operation_id="callCopy",
    response_class=Response,
    responses=_answers,
)
async def call_copy(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    work: Transaction,
    ledger: Evidence,
    decisions: Deciding,
    caller: Anybody,
    where: Addressed,
    name: CopyName,
    said: Called,
) -> Response:
    """Do what the copied service does: exists, read, create or updateOrCreate."""
    tools = Tools(session, work, ledger, decisions)
    return await _called(tools, call_of(caller, where), (name, "POST"), said)


@router.put(
    "/{serviceName}",  # noqa: FAST003  CopyName has it
    operation_id="updateByCopy",
    response_class=Response,
    responses=_answers,
)
async def update_by_copy(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    work: Transaction,
    ledger: Evidence,
    decisions: Deciding,
    caller: Writer,
    where: Addressed,
    name: CopyName,
    said: Called,
) -> Response:
    """Change a record as ``update`` does, in the fields of the copy."""
    tools = Tools(session, work, ledger, decisions)
    return await _called(tools, call_of(caller, where), (name, "PUT"), said)


async def _called(tools: Tools, call: Call, named: tuple[str, str], said: Called) -> Response:
    """Return the answer of a copied service; ``named`` are its name and the method."""
    copied = await service.find(tools.reading, call.caller, call.registry, *named)
    query, write = said.query and said.query.content, said.write and said.write.content
    done = await service.answer(tools, call, copied, Said(query, write))
    headers = None if done.tag is None else {"ETag": done.tag}
    return Response(done.text.encode(), media_type="application/json", headers=headers)
