"""Revisions in PostgreSQL: inserted, never changed."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from operator import attrgetter

import asyncpg

from consent.revisions.models import Revision, Search
from kit.database import Session, Statement, narrowed

_COLUMNS = [field.name for field in fields(Revision) if field.name != "successor"]
_VALUES: Callable[[Revision], tuple[object, ...]] = attrgetter(*_COLUMNS)
_LIST = ", ".join(_COLUMNS)
_OWN = ", ".join(f"r.{name}" for name in _COLUMNS)
_NEXT = ", ".join(f"n.{name} AS next_{name}" for name in _COLUMNS)
_PLACES = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
_INSERT = (
    f"INSERT INTO revision ({_LIST}) VALUES ({_PLACES}) "  # noqa: S608  our own column names
    "ON CONFLICT DO NOTHING RETURNING id"
)
_INSERT_WITH = f"INSERT INTO revision ({_LIST}) SELECT {_PLACES} FROM {{given}}"  # noqa: S608
_JOINED = (
    "LEFT JOIN revision n ON n.schema_name = r.schema_name AND n.object_id = r.object_id "
    "AND n.number = r.number + 1 "
)
_SELECT = f"SELECT {_OWN}, {_NEXT} FROM revision r {_JOINED}"  # noqa: S608  our own column names
_ORDERS = {
    "timestamp": "r.at, r.id",
    "-timestamp": "r.at DESC, r.id DESC",
    "objectId": "r.object_id, r.number",
}
_BEYOND = {
    "timestamp": "(r.at, r.id) > ({}, {})",
    "-timestamp": "(r.at, r.id) < ({}, {})",
    "objectId": "(r.object_id, r.number) > ({}, {})",
}
_OF_INDIVIDUAL = (
    "(r.authorized_by_individual = {0} OR r.object_id = ANY(ARRAY("
    "SELECT id FROM consent_record WHERE individual_id = {0})))"
)
_OF_AGREEMENT = (
    "(r.object_id = {0} OR EXISTS "
    "(SELECT FROM consent_record WHERE id = r.object_id AND agreement_id = {0}))"
)


def _revision(row: asyncpg.Record) -> Revision:
    own = Revision(**{name: row[name] for name in _COLUMNS})
    if row["next_id"] is None:
        return own
    return replace(own, successor=Revision(**{name: row[f"next_{name}"] for name in _COLUMNS}))


async def insert(session: Session, revision: Revision) -> bool:
    """Keep a revision; tell whether its place and its hash were free."""
    return bool(await session.fetch(_INSERT, *_VALUES(revision)))


def insertion(revision: Revision, given: str) -> Statement:
    """Return what keeps a revision where the part ``given`` of a larger statement has a row."""
    sql = _INSERT_WITH.format(given=given)
    return Statement("revision", sql, _VALUES(revision))


async def find(session: Session, ids: Sequence[str]) -> list[Revision]:
    """Return the revisions with these ids, those that exist."""
    return [_revision(row) for row in await session.fetch(f"{_SELECT} WHERE r.id = ANY($1)", ids)]


async def find_by_digest(session: Session, digest: str) -> Revision | None:
    """Return the revision whose serialization has this SHA-256, if there is one."""
    row = await session.fetchrow(f"{_SELECT} WHERE r.hash_sha256 = $1", digest)
    return _revision(row) if row else None


async def find_before(session: Session, found: Sequence[Revision]) -> dict[str, Revision]:
    """Return, by the id of each revision, the one before it in its chain, where there is one."""
    rows = await session.fetch(
        f"SELECT w.id AS of, {_OWN} FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) "  # noqa: S608
        "AS w (id, schema_name, object_id, number) JOIN revision r "
        "ON r.schema_name = w.schema_name AND r.object_id = w.object_id AND r.number = w.number",
        [each.id for each in found],
        [each.schema_name for each in found],
        [each.object_id for each in found],
        [each.number - 1 for each in found],
    )
    return {row["of"]: Revision(**{name: row[name] for name in _COLUMNS}) for row in rows}


async def page(session: Session, search: Search) -> list[Revision]:
    """Return the revisions a search finds, one page.

    What an individual and what an application authorized is looked for apart and merged: each is
    read from an index in its order, however deep the page lies.
    """
    where, values = _where(search)
    wheres = [where]
    if search.authorized_by is not None:
        values.append(search.authorized_by)
        wheres = [
            f"r.authorized_by_{who} = ${len(values)} AND {where}" for who in ("individual", "other")
        ]
    order, at = _ORDERS[search.sort], len(values)
    parts = (
        f"(SELECT {_OWN} FROM revision r WHERE {each} ORDER BY {order} "  # noqa: S608
        f"LIMIT ${at + 1}::bigint + ${at + 2}::bigint)"
        for each in wheres
    )
    rows = await session.fetch(
        f"SELECT {_OWN}, {_NEXT} FROM (SELECT * FROM ({' UNION ALL '.join(parts)}) r "  # noqa: S608
        f"ORDER BY {order} LIMIT ${at + 1}::bigint OFFSET ${at + 2}::bigint) r {_JOINED} "
        f"ORDER BY {order}",
        *values,
        search.limit,
        search.offset,
    )
    return [_revision(row) for row in rows]


def _where(search: Search) -> tuple[str, list[object]]:
    return narrowed(
        [
            ("r.tenant = {}", search.tenant),
            ("r.schema_name = {}", search.schema_name),
            ("r.object_id = {}", search.object_id),
            ("r.at >= {}", search.since),
            ("r.at < {}", search.until),
            (_OF_INDIVIDUAL, search.individual_id),
            (_OF_AGREEMENT, search.agreement_id),
            (_BEYOND[search.sort], search.after),
        ]
    )


async def newest_at(session: Session, individual_id: str, agreement_id: str) -> datetime | None:
    """Return when an individual last decided under an agreement, by what is left of it."""
    row = await session.fetchrow(
        f"SELECT max(r.at) AS at FROM revision r WHERE {_OF_INDIVIDUAL.format('$1')} "  # noqa: S608
        "AND r.schema_name = 'ConsentRecord' "
        "AND r.snapshot::jsonb->'objectData'->>'dataAgreement' = $2",
        individual_id,
        agreement_id,
    )
    return row["at"] if row else None
