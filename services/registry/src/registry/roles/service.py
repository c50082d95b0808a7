"""What a caller can ask about groups and about who holds roles."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.paging import Page
from registry.access_templates.models import check_name
from registry.roles import store
from registry.roles.models import Group, GroupNotFound, Holder, HolderNotFound, Kept, PartyKind


@dataclass(frozen=True, slots=True)
class _Said:
    """What the ledger is told of a change: who is concerned is sealed."""

    kind: str
    object: str
    person: str | None = None
    detail: dict[str, Any] | None = None


async def groups(session: Session, caller: Caller) -> list[Group]:
    """Return all groups of the member, by name."""
    return await store.groups(session, caller.tenant)


async def get_group(session: Session, caller: Caller, name: str) -> Group:
    """Return a group, or raise GroupNotFound."""
    found = await store.find_group(session, caller.tenant, name)
    if found is None:
        raise GroupNotFound("the member has no group of this name")
    return found


async def put_group(session: Session, ledger: Ledger, caller: Caller, given: Group) -> None:
    """Set a group; who is in it has its roles from now on. Raise NameInvalid."""
    check_name(given.name)
    if await store.find_group(session, caller.tenant, given.name) == given:
        return
    await store.save_group(session, caller.tenant, given)
    await _record(session, ledger, caller, _Said("access-group.changed", f"group:{given.name}"))


async def delete_group(session: Session, ledger: Ledger, caller: Caller, name: str) -> None:
    """Take a group away with what its members had by it; one that is gone stays gone."""
    if await store.find_group(session, caller.tenant, name) is None:
        return
    await store.remove_group(session, caller.tenant, name)
    await _record(session, ledger, caller, _Said("access-group.deleted", f"group:{name}"))


async def page(session: Session, caller: Caller, window: Page) -> list[Kept]:
    """Return who holds roles in the member's databases, oldest first."""
    return await store.page(session, caller.tenant, (window.offset, window.limit))


async def get(session: Session, caller: Caller, holder_id: UUID) -> Kept:
    """Return what somebody holds, or raise HolderNotFound."""
    found = await store.find(session, caller.tenant, holder_id)
    if found is None:
        raise HolderNotFound("nobody is kept under this id")
    return found


async def put(session: Session, ledger: Ledger, caller: Caller, given: Holder) -> Kept:
    """Set what an application or a person holds; the same again changes nothing.

    Raise HolderInvalid.
    """
    given.check()
    found = await store.find_party(session, caller.tenant, given.kind, given.party)
    if found is not None and found.holder == given:
        return found
    kept = Kept(found.id if found else new_id(), given)
    await store.save(session, caller.tenant, kept)
    await _record(session, ledger, caller, _said("role-holder.changed", kept))
    return kept


async def delete(session: Session, ledger: Ledger, caller: Caller, holder_id: UUID) -> None:
    """Take everything away that somebody holds; who is gone stays gone."""
    found = await store.find(session, caller.tenant, holder_id)
    if found is None:
        return
    await store.remove(session, caller.tenant, holder_id)
    await _record(session, ledger, caller, _said("role-holder.deleted", found))


def _said(kind: str, kept: Kept) -> _Said:
    holder = kept.holder
    person = holder.party if holder.kind is PartyKind.PERSON else None
    detail = {"party": holder.party, "roles": list(holder.roles), "groups": list(holder.groups)}
    return _Said(kind, f"role-holder:{kept.id}", person, detail)


async def _record(session: Session, ledger: Ledger, caller: Caller, said: _Said) -> None:
    entry = Entry(
        said.kind,
        caller.client,
        said.object,
        subject=said.person or caller.tenant,
        facts={"requestId": caller.request_id},
        detail=said.detail,
        tenant=caller.tenant,
    )
    await ledger.record(session, entry)
