"""Revisions in PostgreSQL: inserted, never changed."""

from collections.abc import Sequence
from dataclasses import astuple, fields, replace

import asyncpg

from consent.revisions.models import Revision, Search
from kit.database import Session

_COLUMNS = [field.name for field in fields(Revision) if field.name != "successor"]
_LIST = ", ".join(_COLUMNS)
_OWN = ", ".join(f"r.{name}" for name in _COLUMNS)
_NEXT = ", ".join(f"n.{name} AS next_{name}" for name in _COLUMNS)
_PLACES = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
_INSERT = (
    f"INSERT INTO revision ({_LIST}) VALUES ({_PLACES}) "  # noqa: S608  our own column names
    "ON CONFLICT DO NOTHING RETURNING id"
)
_SELECT = (
    f"SELECT {_OWN}, {_NEXT} FROM revision r "  # noqa: S608  our own column names
    "LEFT JOIN revision n ON n.schema_name = r.schema_name AND n.object_id = r.object_id "
    "AND n.number = r.number + 1 "
)
_SEARCH = """
WHERE ($1::text IS NULL OR r.tenant = $1)
  AND ($2::text IS NULL OR r.schema_name = $2)
  AND ($3::text IS NULL OR r.object_id = $3)
  AND ($4::timestamptz IS NULL OR r.at >= $4)
  AND ($5::timestamptz IS NULL OR r.at < $5)
"""
_ORDERS = {
    False: "ORDER BY r.at, r.object_id, r.number ",
    True: "ORDER BY r.at DESC, r.object_id DESC, r.number DESC ",
}


def _revision(row: asyncpg.Record) -> Revision:
    own = Revision(**{name: row[name] for name in _COLUMNS})
    if row["next_id"] is None:
        return own
    return replace(own, successor=Revision(**{name: row[f"next_{name}"] for name in _COLUMNS}))


async def insert(session: Session, revision: Revision) -> bool:
    """Keep a revision; tell whether its place and its hash were free."""
    return bool(await session.fetch(_INSERT, *astuple(revision)[: len(_COLUMNS)]))


async def find(session: Session, ids: Sequence[str]) -> list[Revision]:
    """Return the revisions with these ids, those that exist."""
    return [_revision(row) for row in await session.fetch(f"{_SELECT} WHERE r.id = ANY($1)", ids)]


async def find_by_digest(session: Session, digest: str) -> Revision | None:
    """Return the revision whose serialization has this SHA-256, if there is one."""
    row = await session.fetchrow(f"{_SELECT} WHERE r.hash_sha256 = $1", digest)
    return _revision(row) if row else None


async def page(session: Session, search: Search) -> list[Revision]:
    """Return the revisions a search finds, one page."""
    order = _ORDERS[search.newest_first]
    rows = await session.fetch(
        f"{_SELECT} {_SEARCH} {order} OFFSET $6 LIMIT $7",
        search.tenant,
        search.schema_name,
        search.object_id,
        search.since,
        search.until,
        search.offset,
        search.limit,
    )
    return [_revision(row) for row in rows]
