"""The message log's rows."""

from sqlalchemy import ColumnElement, func, or_, select

from gateway.evidence.models import Logged, Search
from gateway.tables import evidence_entry as entry
from gateway.tables import request_id_of_entry
from kit.database import Session


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    """Return only what limits, so that PostgreSQL can choose an index for it."""
    found: list[ColumnElement[bool]] = []
    if search.request_id is not None:
        found.append(request_id_of_entry == search.request_id)
    if search.client is not None:
        found.append(entry.c.actor == search.client)
    if search.service is not None:
        found.append(entry.c.object == search.service)
    if search.kind is not None:
        found.append(entry.c.kind == search.kind)
    if search.since is not None:
        found.append(entry.c["at"] >= search.since)
    if search.until is not None:
        found.append(entry.c["at"] < search.until)
    if search.seen_by is not None:
        provided = func.starts_with(entry.c.object, search.provider)
        found.append(or_(entry.c.actor == search.seen_by, provided))
    return found


async def page(session: Session, search: Search) -> list[Logged]:
    """Return entries, newest first."""
    columns = (entry.c[name] for name in ("id", "at", "kind", "actor", "object", "facts"))
    statement = (
        select(*columns)
        .where(*_conditions(search))
        .order_by(entry.c["at"].desc(), entry.c.id.desc())
        .limit(search.limit)
        .offset(search.offset)
    )
    return [Logged(*row) for row in await session.rows(statement)]
