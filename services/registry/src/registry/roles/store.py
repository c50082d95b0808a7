"""Groups and holders of roles in PostgreSQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select
from sqlalchemy.dialects.postgresql import insert

from kit.database import Session
from registry.roles.models import Group, Holder, Kept, PartyKind
from registry.tables import access_group, role_holder


def _kept(row: Row[Any]) -> Kept:
    holder = Holder(
        PartyKind(row.kind),
        row.party,
        tuple(row.roles),
        tuple(row.groups),
        row.attributes,
        row.valid_from,
        row.valid_until,
    )
    return Kept(row.id, holder)


async def groups(session: Session, tenant: str) -> list[Group]:
    """Return all groups of a member, by name."""
    query = select(access_group).where(access_group.c.tenant == tenant)
    rows = await session.rows(query.order_by(access_group.c.name))
    return [Group(row.name, row.description, tuple(row.roles)) for row in rows]


async def find_group(session: Session, tenant: str, name: str) -> Group | None:
    """Return a group of a member, if there is one of this name."""
    query = select(access_group).where(access_group.c.tenant == tenant, access_group.c.name == name)
    row = await session.row(query)
    return Group(row.name, row.description, tuple(row.roles)) if row else None


async def save_group(session: Session, tenant: str, given: Group) -> None:
    """Keep a group, new or changed."""
    values = {"description": given.description, "roles": list(given.roles)}
    await session.row(
        insert(access_group)
        .values(tenant=tenant, name=given.name, **values)
        .on_conflict_do_update(index_elements=["tenant", "name"], set_=values)
    )


async def remove_group(session: Session, tenant: str, name: str) -> None:
    """Take a group away."""
    await session.row(
        delete(access_group).where(access_group.c.tenant == tenant, access_group.c.name == name)
    )


async def page(session: Session, tenant: str, window: tuple[int, int]) -> list[Kept]:
    """Return holders of a member, oldest first; ``window`` is how many to skip and to return."""
    skipped, most = window
    query = select(role_holder).where(role_holder.c.tenant == tenant)
    rows = await session.rows(query.order_by(role_holder.c.id).offset(skipped).limit(most))
    return [_kept(row) for row in rows]


async def find(session: Session, tenant: str, holder_id: UUID) -> Kept | None:
    """Return a holder by its id, if there is one."""
    query = select(role_holder).where(role_holder.c.tenant == tenant, role_holder.c.id == holder_id)
    row = await session.row(query)
    return _kept(row) if row else None


async def find_party(session: Session, tenant: str, kind: PartyKind, party: str) -> Kept | None:
    """Return what an application or person holds, if anything is kept of them."""
    query = select(role_holder).where(
        role_holder.c.tenant == tenant,
        role_holder.c.kind == kind,
        role_holder.c.party == party,
    )
    row = await session.row(query)
    return _kept(row) if row else None


async def save(session: Session, tenant: str, given: Kept) -> None:
    """Keep what somebody holds, new or changed."""
    holder = given.holder
    values = {
        "roles": list(holder.roles),
        "groups": list(holder.groups),
        "attributes": dict(holder.attributes),
        "valid_from": holder.valid_from,
        "valid_until": holder.valid_until,
    }
    await session.row(
        insert(role_holder)
        .values(id=given.id, tenant=tenant, kind=holder.kind, party=holder.party, **values)
        .on_conflict_do_update(index_elements=["tenant", "kind", "party"], set_=values)
    )


async def remove(session: Session, tenant: str, holder_id: UUID) -> None:
    """Take everything away that somebody holds."""
    await session.row(
        delete(role_holder).where(role_holder.c.tenant == tenant, role_holder.c.id == holder_id)
    )
