"""Routes for roles, groups and who holds them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer
from registry.access_templates import service as named
from registry.access_templates.models import Kind, NamedPolicies, NameInvalid, TemplateNotFound
from registry.conditions.models import ConditionInvalid
from registry.places import SchemaInvalid
from registry.policies.models import RightsInvalid
from registry.roles import service
from registry.roles.models import Group, GroupNotFound, Holder, HolderInvalid, HolderNotFound, Kept
from registry.roles.schemas import (
    GroupBody,
    GroupInfo,
    HolderBody,
    HolderInfo,
    RoleBody,
    RoleInfo,
)

router = APIRouter(tags=["rights"])

Reader = Annotated[Caller, requires("rights:read", "rights:write")]
Writer = Annotated[Caller, requires("rights:write")]
Name = Annotated[str, Path(description="Name of the role or group", examples=["clinician"])]


@router.get("/roles")
async def roles(session: Reading, caller: Reader) -> list[RoleInfo]:
    """Return all roles of the member, by name (DRS-6.i)."""
    return [_role(each) for each in await named.page(session, caller, Kind.ROLE)]


@router.get("/roles/{name}", responses=may_answer(TemplateNotFound))
async def role(session: Reading, caller: Reader, name: Name) -> RoleInfo:
    """Return one role."""
    return _role(await named.get(session, caller, Kind.ROLE, name))


@router.put(
    "/roles/{name}",
    responses=may_answer(NameInvalid, RightsInvalid, ConditionInvalid, SchemaInvalid),
)
async def put_role(
    session: Transaction, ledger: Evidence, caller: Writer, name: Name, body: RoleBody
) -> RoleInfo:
    """Set what a role may do; whoever has it may do that from now on."""
    given = NamedPolicies(Kind.ROLE, name, body.description, body.policies)
    await named.put(session, ledger, caller, given)
    return _role(given)


@router.delete("/roles/{name}", status_code=204)
async def delete_role(session: Transaction, ledger: Evidence, caller: Writer, name: Name) -> None:
    """Take a role's rights away; one that is gone is a success."""
    await named.delete(session, ledger, caller, Kind.ROLE, name)


@router.get("/groups")
async def groups(session: Reading, caller: Reader) -> list[GroupInfo]:
    """Return all groups of the member, by name."""
    return [_group(each) for each in await service.groups(session, caller)]


@router.get("/groups/{name}", responses=may_answer(GroupNotFound))
async def group(session: Reading, caller: Reader, name: Name) -> GroupInfo:
    """Return one group."""
    return _group(await service.get_group(session, caller, name))


@router.put("/groups/{name}", responses=may_answer(NameInvalid))
async def put_group(
    session: Transaction, ledger: Evidence, caller: Writer, name: Name, body: GroupBody
) -> GroupInfo:
    """Set a group; who is in it has its roles from now on."""
    given = Group(name, body.description, tuple(body.roles))
    await service.put_group(session, ledger, caller, given)
    return _group(given)


@router.delete("/groups/{name}", status_code=204)
async def delete_group(session: Transaction, ledger: Evidence, caller: Writer, name: Name) -> None:
    """Take a group away; one that is gone is a success."""
    await service.delete_group(session, ledger, caller, name)


@router.get("/role-holders")
async def role_holders(session: Reading, caller: Reader, page: Paged) -> list[HolderInfo]:
    """Return who holds roles in the member's databases, oldest first."""
    return [_holder(each) for each in await service.page(session, caller, page)]


@router.post(
    "/role-holders",
    responses={
        **may_answer(HolderInvalid),
        **leads_to(200, "role_holder", "delete_role_holder", holderId="$response.body#/id"),
    },
)
async def put_role_holder(
    session: Transaction, ledger: Evidence, caller: Writer, body: HolderBody
) -> HolderInfo:
    """Set what an application or a person holds; who they are stands in no address."""
    given = Holder(
        body.kind,
        body.party,
        tuple(body.roles),
        tuple(body.groups),
        body.attributes,
        body.validFrom,
        body.validUntil,
    )
    return _holder(await service.put(session, ledger, caller, given))


@router.get("/role-holders/{holderId}", responses=may_answer(HolderNotFound))
async def role_holder(
    session: Reading,
    caller: Reader,
    holderId: UUID,  # noqa: N803  the wire's spelling
) -> HolderInfo:
    """Return what somebody holds."""
    return _holder(await service.get(session, caller, holderId))


@router.delete("/role-holders/{holderId}", status_code=204)
async def delete_role_holder(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    holderId: UUID,  # noqa: N803  the wire's spelling
) -> None:
    """Take everything away that somebody holds; who is gone is a success."""
    await service.delete(session, ledger, caller, holderId)


def _role(given: NamedPolicies) -> RoleInfo:
    return RoleInfo(name=given.name, description=given.description, policies=list(given.policies))


def _group(given: Group) -> GroupInfo:
    return GroupInfo(name=given.name, description=given.description, roles=list(given.roles))


def _holder(kept: Kept) -> HolderInfo:
    holder = kept.holder
    return HolderInfo(
        id=kept.id,
        kind=holder.kind,
        party=holder.party,
        roles=list(holder.roles),
        groups=list(holder.groups),
        attributes=dict(holder.attributes),
        validFrom=holder.valid_from,
        validUntil=holder.valid_until,
    )
