"""What refers to what, in PostgreSQL."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from kit.database import Session
from registry.databases.models import Named
from registry.links.models import Edge, LinksBusy, Tie, Wanted

_BY_ID = """
    SELECT id::text AS value, id FROM record
    WHERE database_id = $1 AND deleted_at IS NULL AND id = ANY($2::text[]::uuid[])
    ORDER BY id
"""
_BY_PRIMARY_KEY = """
    SELECT primary_key AS value, id FROM record
    WHERE database_id = $1 AND deleted_at IS NULL AND primary_key = ANY($2::text[])
    ORDER BY id
"""
_BY_VALUE = """
    SELECT content #>> $3::text[] AS value, id FROM record
    WHERE database_id = $1 AND deleted_at IS NULL AND content #>> $3::text[] = ANY($2::text[])
      AND id IN (
        SELECT found.id FROM unnest($4::jsonb[]) AS wanted (part)
        JOIN LATERAL (
          SELECT id FROM record
          WHERE database_id = $1 AND deleted_at IS NULL AND content @> wanted.part OFFSET 0
        ) found ON true
      )
    ORDER BY id
"""
_NAMED = """
    SELECT id, tenant, code, current_version, revision FROM database
    WHERE deleted_at IS NULL AND current_version IS NOT NULL
"""


def _edge(row: asyncpg.Record) -> Edge:
    return Edge(
        row["source_database"],
        row["source"],
        row["field"],
        row["target_database"],
        row["target"],
    )


def _named(row: asyncpg.Record) -> Named:
    version = row["current_version"]
    return Named(row["tenant"], row["id"], row["code"], version, version, row["revision"])


async def find_databases(session: Session, ids: Iterable[int]) -> dict[int, Named]:
    """Return published databases by their ids, as their newest version."""
    rows = await session.fetch(f"{_NAMED} AND id = ANY($1::bigint[])", list(ids))
    return {row["id"]: _named(row) for row in rows}


async def find_database(
    session: Session, tenant: str, code: str | None, database_id: int | None
) -> Named | None:
    """Return a published database by its id, whoever's it is, or by its code in a member's."""
    row = await session.fetchrow(
        f"{_NAMED} AND (id = $3 OR (tenant = $1 AND lower(code) = lower($2)))",
        tenant,
        code,
        database_id,
    )
    return _named(row) if row else None


async def find_targets(
    session: Session, tie: Tie, wanted: Wanted, *, lock: bool = False
) -> dict[str, UUID]:
    """Return the records that values refer to; ``lock`` keeps them from being deleted meanwhile.

    Raise LinksBusy.
    """
    hold, values = "FOR KEY SHARE" if lock else "", list(wanted.values)
    try:
        if tie.key is None:
            rows = await session.fetch(f"{_BY_ID} {hold}", tie.target, values)
        elif wanted.by_primary_key:
            rows = await session.fetch(f"{_BY_PRIMARY_KEY} {hold}", tie.target, values)
        else:
            path, parts = tie.key.split("."), list(wanted.parts)
            rows = await session.fetch(f"{_BY_VALUE} {hold}", tie.target, values, path, parts)
    except asyncpg.DeadlockDetectedError as error:
        raise LinksBusy from error
    return {row["value"]: row["id"] for row in rows}


async def keep(session: Session, tie: Tie, rows: Sequence[tuple[UUID, str, UUID | None]]) -> None:
    """Write down what the content of records refers to: record, value, and record meant."""
    await session.fetch(
        """
        INSERT INTO record_link
          (source, field, value, source_database, target_database, target, in_content)
        SELECT source, $1, value, $2, $3, target, true
        FROM unnest($4::uuid[], $5::text[], $6::uuid[]) AS t (source, value, target)
        ON CONFLICT (source, field, value) DO UPDATE SET in_content = true
        """,
        tie.field,
        tie.source,
        tie.target,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
    )


async def drop(session: Session, tie: Tie, rows: Sequence[tuple[UUID, str]]) -> None:
    """Forget what the content of records refers to no more; an edge added for itself stays."""
    sources, values = [row[0] for row in rows], [row[1] for row in rows]
    for change in (
        "DELETE FROM record_link l USING",
        "UPDATE record_link l SET in_content = false FROM",
    ):
        kept = "added" if change.startswith("UPDATE") else "NOT added"
        await session.fetch(
            f"""
            {change} unnest($2::uuid[], $3::text[]) AS t (source, value)
            WHERE l.source = t.source AND l.field = $1 AND l.value = t.value AND {kept}
            """,
            tie.field,
            sources,
            values,
        )


async def edges_to(session: Session, targets: Sequence[UUID]) -> list[Edge]:
    """Return what refers to some records, from records that are not deleted."""
    rows = await session.fetch(
        """
        SELECT l.source_database, l.source, l.field, l.target_database, l.target
        FROM record_link l JOIN record s ON s.id = l.source AND s.deleted_at IS NULL
        WHERE l.target = ANY($1::uuid[]) ORDER BY l.source
        """,
        list(targets),
    )
    return [_edge(row) for row in rows]


async def lock(session: Session, records: Sequence[UUID]) -> set[UUID]:
    """Lock records that are to be deleted, in order of their ids; return those still there."""
    try:
        rows = await session.fetch(
            """
            SELECT id FROM record WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL
            ORDER BY id FOR UPDATE
            """,
            list(records),
        )
    except asyncpg.DeadlockDetectedError as error:
        raise LinksBusy from error
    return {row["id"] for row in rows}


async def forget(session: Session, sources: Sequence[UUID]) -> None:
    """Forget what records that are gone refer to."""
    await session.fetch("DELETE FROM record_link WHERE source = ANY($1::uuid[])", list(sources))


async def unlink(session: Session, database: int) -> None:
    """Forget what a database and its records refer to: at both ends, and at once."""
    await session.fetch("DELETE FROM record_link WHERE source_database = $1", database)
    await session.fetch(
        """
        UPDATE database SET revision = revision + 1, settings = settings || jsonb_build_object(
          'linkedFrom',
          (SELECT coalesce(jsonb_agg(each), '[]')
           FROM jsonb_array_elements(settings -> 'linkedFrom') each
           WHERE (each ->> 'source')::bigint <> $1::bigint))
        WHERE settings -> 'linkedFrom'
          @> jsonb_build_array(jsonb_build_object('source', $1::bigint))
        """,
        database,
    )


async def codes(session: Session, databases: Iterable[int]) -> dict[int, str]:
    """Return the codes of databases that are not deleted."""
    rows = await session.fetch(
        "SELECT id, code FROM database WHERE deleted_at IS NULL AND id = ANY($1::bigint[])",
        list(databases),
    )
    return {row["id"]: row["code"] for row in rows}


async def settings_of(session: Session, databases: Iterable[int], name: str) -> dict[int, Any]:
    """Return one part of the settings of databases, those that have it."""
    rows = await session.fetch(
        """
        SELECT id, (settings -> $2)::text AS kept FROM database
        WHERE deleted_at IS NULL AND id = ANY($1::bigint[]) AND settings ? $2
        """,
        list(databases),
        name,
    )
    return {row["id"]: json.loads(row["kept"]) for row in rows}


async def lock_databases(session: Session, databases: Iterable[int]) -> None:
    """Lock databases whose settings are to change, in order of their ids; raise LinksBusy."""
    try:
        await session.fetch(
            "SELECT id FROM database WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE",
            sorted(databases),
        )
    except asyncpg.DeadlockDetectedError as error:
        raise LinksBusy from error


async def forget_field(session: Session, database: int, field: str) -> None:
    """Forget what the records of a database refer to through a field, edges too."""
    await session.fetch(
        "DELETE FROM record_link WHERE source_database = $1 AND field = $2", database, field
    )


async def contents(
    session: Session, database: int, path: Sequence[str], after: UUID, limit: int
) -> list[tuple[UUID, str]]:
    """Return records that have a value at a path, in order of their ids: id and JSON text."""
    rows = await session.fetch(
        """
        SELECT id, content::text AS content FROM record
        WHERE database_id = $1 AND deleted_at IS NULL AND content #> $2::text[] IS NOT NULL
          AND id > $3
        ORDER BY id LIMIT $4
        """,
        database,
        list(path),
        after,
        limit,
    )
    return [(row["id"], row["content"]) for row in rows]
