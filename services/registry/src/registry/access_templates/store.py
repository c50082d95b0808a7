"""Named policies in PostgreSQL: access templates and roles."""

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from kit.database import Session
from registry.access_templates.models import Kind, NamedPolicies
from registry.tables import database, named_policies


async def page(session: Session, tenant: str, kind: Kind) -> list[NamedPolicies]:
    """Return all of a member's, by name."""
    query = select(named_policies).where(
        named_policies.c.tenant == tenant, named_policies.c.kind == kind
    )
    rows = await session.rows(query.order_by(named_policies.c.name))
    return [NamedPolicies(kind, row.name, row.description, row.policies) for row in rows]


async def find(session: Session, tenant: str, kind: Kind, name: str) -> NamedPolicies | None:
    """Return a member's, if there is one of this name."""
    query = select(named_policies).where(
        named_policies.c.tenant == tenant,
        named_policies.c.kind == kind,
        named_policies.c.name == name,
    )
    row = await session.row(query)
    return NamedPolicies(kind, row.name, row.description, row.policies) if row else None


async def save(session: Session, tenant: str, given: NamedPolicies) -> None:
    """Keep policies under their name, new or changed."""
    values = {"description": given.description, "policies": list(given.policies)}
    await session.row(
        insert(named_policies)
        .values(tenant=tenant, kind=given.kind, name=given.name, **values)
        .on_conflict_do_update(index_elements=["tenant", "kind", "name"], set_=values)
    )


async def remove(session: Session, tenant: str, kind: Kind, name: str) -> None:
    """Take a name's policies away."""
    await session.row(
        delete(named_policies).where(
            named_policies.c.tenant == tenant,
            named_policies.c.kind == kind,
            named_policies.c.name == name,
        )
    )


async def used_by(session: Session, tenant: str, name: str) -> list[str]:
    """Return the codes of the databases that take a template over."""
    rows = await session.rows(
        select(database.c.code)
        .where(database.c.tenant == tenant, database.c.deleted_at.is_(None))
        .where(database.c.settings["rights"]["templates"].contains([name]))
        .order_by(database.c.code)
    )
    return [row.code for row in rows]
