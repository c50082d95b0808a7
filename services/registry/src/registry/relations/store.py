"""Linked records in PostgreSQL, a page at a time."""

from collections.abc import Iterable
from uuid import UUID

from kit.database import Session
from registry.conditions.models import Condition
from registry.links.models import Tie, Window
from registry.records.models import Record, record_of
from registry.selecting import Arguments, where

_COLUMNS = """
    r.id, r.number, r.version_id, r.primary_key, r.subjects, r.content::text AS content,
    r.revision, r.archived_at IS NOT NULL AS is_archived
"""
# ruff: noqa: S608  only the column names above are put in


async def add(session: Session, source: UUID, tie: Tie, value: str, target: UUID) -> bool:
    """Keep an edge for itself; tell whether it was not there before."""
    row = await session.fetchrow(
        """
        INSERT INTO record_link
          (source, field, value, source_database, target_database, target, added)
        VALUES ($1, $2, $3, $4, $5, $6, true)
        ON CONFLICT (source, field, value) DO NOTHING RETURNING source
        """,
        source,
        tie.field,
        value,
        tie.source,
        tie.target,
        target,
    )
    return row is not None


async def find(session: Session, source: UUID, field: str, target: UUID) -> bool | None:
    """Tell whether an edge stands in the record's content; None when there is no such edge."""
    row = await session.fetchrow(
        "SELECT in_content FROM record_link WHERE source = $1 AND field = $2 AND target = $3",
        source,
        field,
        target,
    )
    return row["in_content"] if row else None


async def remove(session: Session, source: UUID, field: str, target: UUID) -> None:
    """Forget an edge that was added for itself."""
    await session.fetch(
        "DELETE FROM record_link WHERE source = $1 AND field = $2 AND target = $3",
        source,
        field,
        target,
    )


async def find_record(session: Session, database: int, record_id: UUID) -> Record | None:
    """Return a record that is not deleted, by its id."""
    row = await session.fetchrow(
        f"""
        SELECT {_COLUMNS} FROM record r
        WHERE r.id = $2 AND r.database_id = $1 AND r.deleted_at IS NULL
        """,
        database,
        record_id,
    )
    return record_of(row) if row else None


async def values_of(session: Session, source: UUID, field: str) -> list[str]:
    """Return what a record refers to through a field."""
    rows = await session.fetch(
        "SELECT value FROM record_link WHERE source = $1 AND field = $2", source, field
    )
    return [row["value"] for row in rows]


async def among(
    session: Session, ids: Iterable[UUID], window: Window, shown: Condition | None
) -> list[Record]:
    """Return some of these records, as ``outgoing`` does."""
    given = Arguments(list(ids))
    return await _page(session, "FROM record r WHERE r.id = ANY($1::uuid[])", given, window, shown)


async def outgoing(
    session: Session, tie: Tie, source: UUID, window: Window, shown: Condition | None
) -> list[Record]:
    """Return records that a record refers to by a link, in order of their ids.

    Without those that are deleted or archived, and those that do not fulfil ``shown``.
    """
    rows = """
        FROM record_link l JOIN record r ON r.id = l.target
        WHERE l.source = $1 AND l.field = $2
    """
    return await _page(session, rows, Arguments(source, tie.field), window, shown)


async def incoming(
    session: Session,
    tie: Tie,
    end: tuple[UUID, str | None],
    window: Window,
    shown: Condition | None,
) -> list[Record]:
    """Return records that refer to one by a link, as ``outgoing`` does.

    ``end`` is the record referred to, and what its field says where a soft link goes by that.
    """
    target, value = end
    means = "l.target = $1" if value is None else "l.target IS NULL AND l.value = $5"
    rows = f"""
        FROM record_link l JOIN record r ON r.id = l.source
        WHERE l.source_database = $2 AND l.field = $3 AND l.target_database = $4 AND {means}
    """
    given = Arguments(target, tie.source, tie.field, tie.target)
    if value is not None:
        given = Arguments(target, tie.source, tie.field, tie.target, value)
        rows += " AND l.source <> $1"
    return await _page(session, rows, given, window, shown)


async def _page(
    session: Session, rows: str, given: Arguments, window: Window, shown: Condition | None
) -> list[Record]:
    sql = f"""
        SELECT {_COLUMNS} {rows} AND r.id > {given.add(window.after, "uuid")}
          AND r.deleted_at IS NULL AND r.archived_at IS NULL
          AND {"true" if shown is None else where(shown, given)}
        ORDER BY r.id LIMIT {given.add(window.size, "int")}
    """
    return [record_of(row) for row in await session.fetch(sql, *given.values)]
