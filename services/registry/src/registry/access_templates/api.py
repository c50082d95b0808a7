"""Routes for access templates."""

from typing import Annotated

from fastapi import APIRouter, Path

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.access_templates import service
from registry.access_templates.models import (
    Kind,
    NamedPolicies,
    NameInvalid,
    TemplateInUse,
    TemplateNotFound,
)
from registry.access_templates.schemas import AccessTemplateBody, AccessTemplateInfo
from registry.conditions.models import ConditionInvalid
from registry.places import SchemaInvalid
from registry.policies.models import RightsInvalid

router = APIRouter(prefix="/access-templates", tags=["rights"])

Reader = Annotated[Caller, requires("rights:read", "rights:write")]
Writer = Annotated[Caller, requires("rights:write")]
Name = Annotated[str, Path(description="Name of the template", examples=["inspection"])]


@router.get("")
async def access_templates(session: Reading, caller: Reader) -> list[AccessTemplateInfo]:
    """Return all access templates of the member, by name (DRS-6.e)."""
    return [_shown(each) for each in await service.page(session, caller, Kind.TEMPLATE)]


@router.get("/{name}", responses=may_answer(TemplateNotFound))
async def access_template(session: Reading, caller: Reader, name: Name) -> AccessTemplateInfo:
    """Return one access template."""
    return _shown(await service.get(session, caller, Kind.TEMPLATE, name))


@router.put(
    "/{name}", responses=may_answer(NameInvalid, RightsInvalid, ConditionInvalid, SchemaInvalid)
)
async def put_access_template(
    session: Transaction, ledger: Evidence, caller: Writer, name: Name, body: AccessTemplateBody
) -> AccessTemplateInfo:
    """Set an access template; databases that take it over decide by it from now on."""
    given = NamedPolicies(Kind.TEMPLATE, name, body.description, body.policies)
    await service.put(session, ledger, caller, given)
    return _shown(given)


@router.delete("/{name}", status_code=204, responses=may_answer(TemplateInUse))
async def delete_access_template(
    session: Transaction, ledger: Evidence, caller: Writer, name: Name
) -> None:
    """Take an access template away; one that is gone is a success."""
    await service.delete(session, ledger, caller, Kind.TEMPLATE, name)


def _shown(given: NamedPolicies) -> AccessTemplateInfo:
    return AccessTemplateInfo(
        name=given.name, description=given.description, policies=list(given.policies)
    )
