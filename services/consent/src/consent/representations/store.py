"""Representations in PostgreSQL; what a guardian is one by is sealed with the represented's key."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from consent.representations.models import EndedBy, Filter, Representation
from kit.database import Session
from kit.sealing import DataKey

_COLUMNS = (
    "r.id, r.tenant, r.individual_id, r.representative_id, r.kind, r.agreements, r.depth, "
    "r.parent_id, r.sealed, r.starts_at, r.ends_at, r.created_at, r.ended_at, r.ended_by"
)
_SELECT = f"SELECT {_COLUMNS} FROM representation r "  # noqa: S608  our own column names

Keys = Mapping[str, DataKey]
"""The keys of represented individuals by id: whose is missing, their evidence stays sealed."""


def _place(representation_id: str) -> bytes:
    return f"representation/{representation_id}".encode()


def _representation(row: asyncpg.Record, keys: Keys) -> Representation:
    key, evidence = keys.get(row["individual_id"]), None
    if key is not None and row["sealed"] is not None:
        evidence = key.open(row["sealed"], _place(row["id"])).decode()
    return Representation(
        row["id"],
        row["tenant"],
        row["individual_id"],
        row["representative_id"],
        row["kind"],
        None if row["agreements"] is None else tuple(row["agreements"]),
        row["depth"],
        row["parent_id"],
        evidence,
        row["starts_at"],
        row["ends_at"],
        row["created_at"],
        row["ended_at"],
        row["ended_by"],
    )


async def lock(session: Session, tenant: str) -> None:
    """Let one transaction at a time change a member's representations: rules span many rows."""
    await session.fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"representations of {tenant}"
    )


async def find(session: Session, representation_id: str) -> Representation | None:
    """Return any member's representation with this id, if there is one."""
    found = await find_many(session, [representation_id], {})
    return found[0] if found else None


async def find_many(session: Session, ids: Sequence[str], keys: Keys) -> list[Representation]:
    """Return representations by id, those that exist."""
    rows = await session.fetch(f"{_SELECT} WHERE r.id = ANY($1)", ids)
    return [_representation(row, keys) for row in rows]


async def page(session: Session, wanted: Filter) -> list[Representation]:
    """Return the representations a filter lets through, newest first."""
    rows = await session.fetch(
        f"{_SELECT} WHERE ($1::text IS NULL OR r.tenant = $1) AND ($2::text[] IS NULL "
        "OR r.individual_id = ANY($2) OR r.representative_id = ANY($2)) "
        "ORDER BY r.created_at DESC, r.id DESC OFFSET $3 LIMIT $4",
        wanted.tenant,
        wanted.individual_ids,
        wanted.offset,
        wanted.limit,
    )
    return [_representation(row, {}) for row in rows]


async def of_pair(
    session: Session, individual_id: str, representative_id: str, keys: Keys
) -> list[Representation]:
    """Return the representations of one individual by another."""
    rows = await session.fetch(
        f"{_SELECT} WHERE r.individual_id = $1 AND r.representative_id = $2",
        individual_id,
        representative_id,
    )
    return [_representation(row, keys) for row in rows]


async def chain(session: Session, representation_id: str) -> list[Representation]:
    """Return a representation and those it was passed on from."""
    rows = await session.fetch(
        f"WITH RECURSIVE chain AS (SELECT r.* FROM representation r WHERE r.id = $1 "  # noqa: S608
        "UNION SELECT p.* FROM representation p JOIN chain ON p.id = chain.parent_id) "
        f"SELECT {_COLUMNS} FROM chain r",
        representation_id,
    )
    return [_representation(row, {}) for row in rows]


async def reaches(session: Session, start: str, end: str, now: datetime) -> bool:
    """Tell whether one individual represents another now or later, or somebody who does."""
    return bool(
        await session.fetch(
            """
            WITH RECURSIVE standing AS (
              SELECT representative_id, individual_id FROM representation
              WHERE ended_at IS NULL AND (ends_at IS NULL OR ends_at > $3)
            ), reached (id) AS (
              SELECT individual_id FROM standing WHERE representative_id = $1
              UNION SELECT s.individual_id FROM standing s JOIN reached
                ON s.representative_id = reached.id
            )
            SELECT 1 FROM reached WHERE id = $2
            """,
            start,
            end,
            now,
        )
    )


async def insert(session: Session, made: Representation, key: DataKey) -> None:
    """Keep a new representation."""
    evidence = None if made.evidence is None else made.evidence.encode()
    await session.fetch(
        "INSERT INTO representation (id, tenant, individual_id, representative_id, kind, "
        "agreements, depth, parent_id, sealed, starts_at, ends_at, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        made.id,
        made.tenant,
        made.individual_id,
        made.representative_id,
        made.kind,
        made.agreements,
        made.depth,
        made.parent_id,
        None if evidence is None else key.seal(evidence, _place(made.id)),
        made.starts_at,
        made.ends_at,
        made.created_at,
    )


async def end(
    session: Session, representation_id: str, now: datetime, ended_by: EndedBy
) -> list[Representation]:
    """End a representation and all that were passed on from it; return those that ended."""
    rows = await session.fetch(
        f"""
        WITH RECURSIVE below (id) AS (
          SELECT $1::text
          UNION SELECT c.id FROM representation c JOIN below ON c.parent_id = below.id
        )
        UPDATE representation r SET ended_at = $2,
          ended_by = CASE WHEN r.id = $1 THEN $3 ELSE 'parent' END
        FROM below WHERE r.id = below.id AND r.ended_at IS NULL
          AND (r.ends_at IS NULL OR r.ends_at > $2)
        RETURNING {_COLUMNS}
        """,  # noqa: S608  our own column names
        representation_id,
        now,
        ended_by,
    )
    return [_representation(row, {}) for row in rows]
