"""Writing records in PostgreSQL, each in the request's transaction."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from kit.database import Session
from registry.changes.models import Draft
from registry.records.models import Record, RecordNotFound, as_id, record_of

_COLUMNS = """
    id, number, version_id, primary_key, subjects, content::text AS content, revision,
    archived_at IS NOT NULL AS is_archived
"""
# ruff: noqa: S608  only the column names above are put in
# the conditions stand twice: once to choose the row, once for what it is when its lock is ours
_LOCK_MATCHING = f"""
    SELECT {_COLUMNS} FROM record
    WHERE id = (
      SELECT id FROM (
        SELECT id FROM record
        WHERE database_id = $1 AND deleted_at IS NULL AND archived_at IS NULL
          AND content @> $2::jsonb OFFSET 0
      ) matching ORDER BY id LIMIT 1
    ) AND deleted_at IS NULL AND archived_at IS NULL AND content @> $2::jsonb
    FOR UPDATE
"""
_LOCK_REFERRED = f"""
    SELECT {_COLUMNS} FROM record
    WHERE database_id = $1 AND deleted_at IS NULL AND (primary_key = $2 OR id = $3)
    ORDER BY primary_key IS DISTINCT FROM $2 LIMIT 1
    FOR UPDATE
"""
_INSERT = f"""
    INSERT INTO record
      (id, database_id, number, version_id, primary_key, subjects, content, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
    RETURNING {_COLUMNS}
"""
# what a record was is kept by the statement that changes it
_KEPT = """
    WITH kept AS (
      INSERT INTO record_history
        (record_id, revision, database_id, valid_from, valid_to, version_id, primary_key, subjects,
         content, archived_at)
      SELECT id, revision, database_id, changed_at, $2, version_id, primary_key, subjects, content,
        archived_at
      FROM record WHERE id = $1
    )
"""
_CHANGED = "changed_at = $2, changed_in = pg_current_xact_id(), revision = revision + 1"
_UPDATE = f"""
    {_KEPT}
    UPDATE record
    SET {_CHANGED}, version_id = $3, primary_key = $4, subjects = $5, content = $6
    WHERE id = $1
    RETURNING {_COLUMNS}
"""
_ARCHIVE = f"""
    {_KEPT}
    UPDATE record SET {_CHANGED}, archived_at = CASE WHEN $3 THEN $2 END
    WHERE id = $1
    RETURNING {_COLUMNS}
"""


def _record(row: asyncpg.Record | None) -> Record | None:
    if row is None:
        return None
    return record_of(row)


async def next_number(session: Session, database_id: int) -> int:
    """Return a number no record of this database had before."""
    row = await session.fetchrow(
        "SELECT nextval(('numbers.database_' || $1::bigint)::regclass) AS number", database_id
    )
    return row["number"] if row else 0


async def count(session: Session, database_id: int, names: Mapping[str, int]) -> dict[str, int]:
    """Count gapless counters up, each by how many are taken; return the first number of each.

    Until the transaction ends nobody else counts them: a number that is rolled back comes again.
    """
    taken: dict[str, int] = {}
    for name in sorted(names):
        row = await session.fetchrow(
            """
            INSERT INTO record_counter (database_id, name, value) VALUES ($1, $2, $3)
            ON CONFLICT (database_id, name)
              DO UPDATE SET value = record_counter.value + EXCLUDED.value
            RETURNING value
            """,
            database_id,
            name,
            names[name],
        )
        taken[name] = (row["value"] if row else 0) - names[name] + 1
    return taken


async def hold(session: Session, what: str) -> None:
    """Let no other transaction do the same until this one ends."""
    await session.fetchrow("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", what)


async def lock_matching(
    session: Session, database_id: int, content: Mapping[str, Any]
) -> Record | None:
    """Return the oldest record that contains ``content``, locked."""
    return _record(await session.fetchrow(_LOCK_MATCHING, database_id, json.dumps(content)))


async def lock_referred(session: Session, database_id: int, reference: str) -> Record | None:
    """Return the record with this primary key, or else this id, locked."""
    return _record(await session.fetchrow(_LOCK_REFERRED, database_id, reference, as_id(reference)))


async def insert(
    session: Session, database_id: int, new: tuple[UUID, int, UUID], draft: Draft, at: datetime
) -> Record | None:
    """Keep a new record; ``new`` is its id, its number and the version it was written by."""
    record_id, number, version = new
    row = await session.fetchrow(
        _INSERT,
        record_id,
        database_id,
        number,
        version,
        draft.primary_key,
        list(draft.subjects),
        json.dumps(draft.content),
        at,
    )
    return _record(row)


async def save(
    session: Session, record_id: UUID, version: UUID | None, draft: Draft, at: datetime
) -> Record | None:
    """Write a changed record back; ``version`` is the one whose fields it has exactly, if any."""
    row = await session.fetchrow(
        _UPDATE,
        record_id,
        at,
        version,
        draft.primary_key,
        list(draft.subjects),
        json.dumps(draft.content),
    )
    return _record(row)


async def free_values(session: Session, record_id: UUID) -> None:
    """Let other records have this record's unique values."""
    await session.fetch("DELETE FROM record_unique_value WHERE record_id = $1", record_id)


async def archive(session: Session, record_id: UUID, at: datetime, *, archived: bool) -> Record:
    """Take a record out of normal results, or bring it back."""
    row = await session.fetchrow(_ARCHIVE, record_id, at, archived)
    made = _record(row)
    if made is None:
        raise RecordNotFound
    return made


async def delete(session: Session, record_id: UUID, at: datetime) -> None:
    """Mark a record as deleted; it stays for the audit (DR-CFR-data#7)."""
    await session.fetch(
        """
        UPDATE record SET deleted_at = $2, changed_in = pg_current_xact_id(),
          revision = revision + 1
        WHERE id = $1
        """,
        record_id,
        at,
    )


async def destroy(
    session: Session, database_id: int, reference: str, at: datetime
) -> Record | None:
    """Destroy what a record holds and ever held, deleted or not; its id and number stay."""
    row = await session.fetchrow(
        f"""
        SELECT {_COLUMNS} FROM record
        WHERE database_id = $1 AND content <> '{{}}' AND (primary_key = $2 OR id = $3)
        ORDER BY primary_key IS DISTINCT FROM $2 LIMIT 1 FOR UPDATE
        """,
        database_id,
        reference,
        as_id(reference),
    )
    if row is None:
        return None
    await session.fetch("DELETE FROM record_history WHERE record_id = $1", row["id"])
    await session.fetch(
        """
        UPDATE record SET content = '{}', primary_key = NULL, subjects = '{}',
          deleted_at = coalesce(deleted_at, $2), changed_in = pg_current_xact_id(),
          revision = revision + 1
        WHERE id = $1
        """,
        row["id"],
        at,
    )
    return _record(row)
