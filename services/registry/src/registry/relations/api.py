"""Routes from a record to those it is linked with."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.fields.models import FieldUnknown
from registry.links.models import LinkInContent, LinkUnknown
from registry.records.api import RIGHTS, call_of
from registry.records.models import RecordNotFound, RegistryArchived
from registry.records.schemas import Addressed, NoRecord
from registry.relations import service
from registry.relations.models import Asked, Group
from registry.relations.schemas import EdgeAsked, EdgeEnd, LinksAsked, RecordLinks
from registry.relations.service import End

router = APIRouter(prefix="/data/{registryName}/{versionNumber}/{uuid}", tags=["links"])

Reader = Annotated[Caller, requires("records:read")]
Writer = Annotated[Caller, requires("records:write")]

_no_record: dict[int | str, dict[str, Any]] = {
    404: {
        "model": NoRecord,
        "description": f"{RecordNotFound.title}, {RegistryNotFound.title} or {LinkUnknown.title}",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    }
}


@router.get(
    "/links",
    response_model=RecordLinks,
    responses={**may_answer(ConsentRequired, *RIGHTS), **_no_record},
)
async def links(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    caller: Reader,
    where: Addressed,
    uuid: UUID,
    asked: LinksAsked,
) -> Response:
    """Return what a record is linked with, in both directions, a page for each link.

    Only what the caller may see over there; with direction, database and field, one link's pages.
    """
    wanted = Asked(asked.direction, asked.database, asked.field, asked.after, asked.page_size)
    found = await service.around(session, ledger, call_of(caller, where), uuid, wanted)
    groups = ",".join(_group(each, asked.page_size) for each in found)
    return Response(f'{{"results":[{groups}]}}'.encode(), media_type="application/json")


_changes = may_answer(FieldUnknown, LinkInContent, RegistryArchived, *RIGHTS)


@router.post("/links", status_code=204, responses={**_changes, **_no_record})
async def add_link(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Addressed,
    uuid: UUID,
    new: EdgeEnd,
) -> None:
    """Link the record with another by an edge, beside its content; again changes nothing."""
    end = End(uuid, new.field, new.target)
    await service.add(session, ledger, call_of(caller, where), end)


@router.delete("/links", status_code=204, responses={**_changes, **_no_record})
async def remove_link(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Addressed,
    uuid: UUID,
    edge: EdgeAsked,
) -> None:
    """Take away an edge that stands beside the content; one that is gone stays gone."""
    end = End(uuid, edge.field, edge.target)
    await service.remove(session, ledger, call_of(caller, where), end)


def _group(found: Group, size: int) -> str:
    """Write a group around the records' own JSON texts."""
    side = found.side
    said: dict[str, Any] = {
        "direction": side.direction.value,
        "database": {"id": side.other, "code": found.code, "version": found.version},
        "field": side.tie.field,
        "type": side.tie.type,
    }
    if found.next is not None:
        query = {"direction": said["direction"], "database": side.other, "field": side.tie.field}
        said["next"] = "?" + urlencode({**query, "after": found.next, "pageSize": size})
    records = ",".join(
        f'{{"id":"{one.record.id}","number":{one.record.number},"content":{one.text}}}'
        for one in found.records
    )
    return json.dumps(said)[:-1] + f',"records":[{records}]}}'
