"""What a caller can ask about delegations."""

from datetime import UTC, datetime
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.paging import Page
from registry.delegations import store
from registry.delegations.models import Asked, Delegation, DelegationNotFound, NotYours


async def make(session: Session, ledger: Ledger, caller: Caller, asked: Asked) -> Delegation:
    """Let somebody speak for somebody else; raise DelegationInvalid or NotYours.

    A signed-in person may let others speak for themselves; the owner's applications decide for
    anybody, as for a child and its parents.
    """
    asked.check()
    if caller.person is not None and caller.speaks_for != asked.principal:
        raise NotYours("a person may let others speak for themselves only")
    now = datetime.now(UTC)
    new = Delegation(
        new_id(),
        asked.principal,
        asked.delegate,
        tuple(asked.databases),
        asked.valid_from,
        asked.valid_until,
        now,
        caller.client,
    )
    await store.insert_new(session, caller.tenant, new)
    await _record(session, ledger, caller, "delegation.made", new)
    return new


async def page(session: Session, caller: Caller, window: Page) -> list[Delegation]:
    """Return delegations newest first: a person's own, or for the owner's application all."""
    person = caller.speaks_for if caller.person is not None else None
    return await store.page(session, caller.tenant, person, (window.offset, window.limit))


async def get(session: Session, caller: Caller, delegation_id: UUID) -> Delegation:
    """Return a delegation, or raise DelegationNotFound; others' are not there for a person."""
    found = await store.find(session, caller.tenant, delegation_id)
    if found is None or not _may_see(caller, found):
        raise DelegationNotFound("there is no such delegation")
    return found


async def revoke(session: Session, ledger: Ledger, caller: Caller, delegation_id: UUID) -> None:
    """End a delegation; who spoke by it does not any more. One that has ended stays so."""
    found = await store.find(session, caller.tenant, delegation_id, lock=True)
    if found is None or not _may_see(caller, found) or found.revoked_at is not None:
        return
    await store.revoke(session, found.id, datetime.now(UTC))
    await _record(session, ledger, caller, "delegation.revoked", found)


def _may_see(caller: Caller, found: Delegation) -> bool:
    return caller.person is None or found.concerns(caller.speaks_for)


async def _record(
    session: Session, ledger: Ledger, caller: Caller, kind: str, about: Delegation
) -> None:
    entry = Entry(
        kind,
        caller.client,
        f"delegation:{about.id}",
        subject=about.principal,
        facts={"requestId": caller.request_id, "databases": list(about.databases)},
        detail={"principal": about.principal, "delegate": about.delegate},
        tenant=caller.tenant,
    )
    await ledger.record(session, entry)
