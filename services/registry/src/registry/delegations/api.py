"""Routes for delegations."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer
from registry.delegations import service
from registry.delegations.models import (
    Asked,
    Delegation,
    DelegationInvalid,
    DelegationNotFound,
    NotYours,
)
from registry.delegations.schemas import DelegationBody, DelegationInfo

router = APIRouter(prefix="/delegations", tags=["rights"])

Party = Annotated[Caller, requires("delegations", "rights:write")]


@router.post(
    "",
    status_code=201,
    responses={
        **may_answer(DelegationInvalid, NotYours),
        **leads_to(201, "delegation", "revoke_delegation", delegationId="$response.body#/id"),
    },
)
async def make_delegation(
    session: Transaction, ledger: Evidence, caller: Party, body: DelegationBody
) -> DelegationInfo:
    """Let somebody speak for somebody else (DRS-6.d)."""
    asked = Asked(
        body.principal, body.delegate, tuple(body.databases), body.validFrom, body.validUntil
    )
    return _shown(await service.make(session, ledger, caller, asked))


@router.get("")
async def delegations(session: Reading, caller: Party, page: Paged) -> list[DelegationInfo]:
    """Return delegations newest first: a person's own, all for the owner's applications."""
    return [_shown(each) for each in await service.page(session, caller, page)]


@router.get("/{delegationId}", responses=may_answer(DelegationNotFound))
async def delegation(
    session: Reading,
    caller: Party,
    delegationId: UUID,  # noqa: N803  the wire's spelling
) -> DelegationInfo:
    """Return one delegation."""
    return _shown(await service.get(session, caller, delegationId))


@router.delete("/{delegationId}", status_code=204)
async def revoke_delegation(
    session: Transaction,
    ledger: Evidence,
    caller: Party,
    delegationId: UUID,  # noqa: N803  the wire's spelling
) -> None:
    """End a delegation; one that has ended is a success."""
    await service.revoke(session, ledger, caller, delegationId)


def _shown(given: Delegation) -> DelegationInfo:
    return DelegationInfo(
        id=given.id,
        principal=given.principal,
        delegate=given.delegate,
        databases=list(given.databases),
        validFrom=given.valid_from or given.made_at,
        validUntil=given.valid_until,
        madeAt=given.made_at,
        madeBy=given.made_by,
        revokedAt=given.revoked_at,
    )
