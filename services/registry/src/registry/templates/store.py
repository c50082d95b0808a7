"""Templates in PostgreSQL, and those that come with the registry."""

from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select, update

from kit.database import Session
from registry.databases.models import Definition
from registry.notations.models import read_yaml
from registry.tables import template
from registry.templates.models import Bundle, Template
from registry.templates.models import shipped as read_shipped


@cache
def shipped() -> tuple[Template, ...]:
    """Return the templates that come with the registry, by code."""
    folder = files(__name__.rpartition(".")[0]) / "shipped"
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".yaml"))
    return tuple(read_shipped(read_yaml((folder / name).read_bytes())) for name in names)


def _template(row: Row[Any]) -> Template:
    bundle = Bundle(Definition(row.bundle["definition"]), row.bundle["settings"])
    return Template(
        row.id,
        row.tenant,
        row.code,
        row.number,
        row.name,
        row.description,
        row.domain,
        row.is_shared,
        bundle,
        row.created_at,
        row.created_by,
    )


async def page(
    session: Session, tenant: str, code: str | None, domain: str | None
) -> list[Template]:
    """Return all versions of the templates a member may use, newest versions first."""
    seen = or_(template.c.tenant == tenant, template.c.is_shared)
    query = select(template).where(seen, template.c.deleted_at.is_(None))
    if code is not None:
        query = query.where(template.c.code == code)
    if domain is not None:
        query = query.where(template.c.domain == domain)
    order = template.c.code, template.c.tenant, template.c.number.desc()
    return [_template(row) for row in await session.rows(query.order_by(*order))]


async def find(session: Session, tenant: str, template_id: UUID) -> Template | None:
    """Return a version of a template the member may use, if there is one."""
    seen = or_(template.c.tenant == tenant, template.c.is_shared)
    row = await session.row(
        select(template).where(template.c.id == template_id, seen, template.c.deleted_at.is_(None))
    )
    return _template(row) if row else None


async def hold_code(session: Session, tenant: str, code: str) -> None:
    """Let no other transaction make a version of this template until this one ends."""
    await session.fetchrow(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", f"{tenant} {code}"
    )


async def newest(session: Session, tenant: str, code: str) -> tuple[Template | None, int]:
    """Return a member's newest version of a template, and the last number ever given."""
    rows = await session.rows(
        select(template, template.c.deleted_at)
        .where(template.c.tenant == tenant, template.c.code == code)
        .order_by(template.c.number.desc())
    )
    kept = [row for row in rows if row.deleted_at is None]
    return _template(kept[0]) if kept else None, rows[0].number if rows else 0


async def insert_template(session: Session, new: Template) -> None:
    """Keep a new version of a template."""
    await session.row(
        insert(template).values(
            id=new.id,
            tenant=new.tenant,
            code=new.code,
            number=new.number,
            name=new.name,
            description=new.description,
            domain=new.domain,
            is_shared=new.is_shared,
            bundle=new.bundle.document,
            created_at=new.created_at,
            created_by=new.created_by,
        )
    )


async def delete(session: Session, template_id: UUID, at: datetime) -> None:
    """Take a version of a template away; its number is not given again."""
    await session.row(update(template).where(template.c.id == template_id).values(deleted_at=at))
