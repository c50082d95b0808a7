"""Runs in PostgreSQL, and the records that are still to be worked on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from kit.database import Lender, Session
from kit.identifiers import first_id
from registry import selecting
from registry.automations.models import Automation
from registry.conditions.models import Condition
from registry.records.models import Record
from registry.runs.models import Failure, Run, State

_BEGIN = """
    INSERT INTO automation_run (id, automation_id, began_by, state, started_at)
    VALUES ($1, $2, $3, 'running', $4)
    ON CONFLICT (automation_id) WHERE state = 'running' DO NOTHING
    RETURNING *
"""
# records are looked at in windows: each statement has an end, however many have nothing to be done
_NEXT = """
    WITH seen AS (
      SELECT CASE WHEN seen < pg_snapshot_xmax(pg_current_snapshot()) THEN seen END AS xid
      FROM automation WHERE id = $3
    ), looked_at AS MATERIALIZED (
      SELECT * FROM record
      WHERE database_id = $1 AND ($2::uuid IS NULL OR id > $2)
        AND changed_in >= coalesce((SELECT xid FROM seen), '0'::xid8)
      ORDER BY id LIMIT $4
    ), window_end AS (
      SELECT id FROM looked_at ORDER BY id DESC LIMIT 1
    ), found AS (
      SELECT r.id, r.number, r.version_id, r.primary_key, r.subjects, r.content::text AS content,
        r.revision
      FROM looked_at r
      WHERE r.deleted_at IS NULL AND r.archived_at IS NULL AND {where}
        AND NOT EXISTS (
          SELECT FROM automation_progress p
          WHERE p.automation_id = $3 AND p.record_id = r.id AND p.revision >= r.revision)
      ORDER BY r.id LIMIT $5
    )
    SELECT e.id AS window_end, f.* FROM window_end e LEFT JOIN found f ON true ORDER BY f.id
"""
_IS_CURRENT = """
    SELECT FROM record
    WHERE id = $1 AND revision = $2 AND deleted_at IS NULL AND archived_at IS NULL
"""
_WINDOW = 1000
_END = """
    WITH ended AS (
      UPDATE automation_run SET state = $2, ended_at = $3, reason = $4
      WHERE id = $1 AND state = 'running' RETURNING *
    ), done AS (
      UPDATE automation a SET seen = e.sees FROM ended e
      WHERE a.id = e.automation_id AND e.state = 'done' AND e.failed = 0
        AND a.changed_at < e.started_at
    )
    SELECT * FROM ended
"""
# ids begin with their time: the oldest are found by the key
_CLEAR = """
    WITH old AS (
      SELECT id FROM automation_run WHERE id < $1 AND ended_at < $2
      ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
    ), failures AS (
      DELETE FROM automation_failure WHERE run_id IN (SELECT id FROM old)
    )
    DELETE FROM automation_run WHERE id IN (SELECT id FROM old) RETURNING id
"""
_PROGRESS = """
    INSERT INTO automation_progress (automation_id, record_id, revision) VALUES ($1, $2, $3)
    ON CONFLICT (automation_id, record_id) DO UPDATE SET revision = excluded.revision
"""


def _run(row: asyncpg.Record) -> Run:
    return Run(
        row["id"],
        row["automation_id"],
        row["began_by"],
        State(row["state"]),
        row["started_at"],
        row["ended_at"],
        row["after_id"],
        row["done"],
        row["failed"],
        row["reason"],
    )


async def begin(
    session: Session, run_id: UUID, automation_id: UUID, began_by: str, at: datetime
) -> Run | None:
    """Keep a new run; None when one is running."""
    row = await session.fetchrow(_BEGIN, run_id, automation_id, began_by, at)
    return _run(row) if row else None


async def find_running(session: Session, automation_id: UUID) -> Run | None:
    """Return the run that an automation is at, if there is one."""
    row = await session.fetchrow(
        "SELECT * FROM automation_run WHERE automation_id = $1 AND state = 'running'",
        automation_id,
    )
    return _run(row) if row else None


async def find(session: Session, run_id: UUID) -> Run | None:
    """Return a run, if there is one."""
    row = await session.fetchrow("SELECT * FROM automation_run WHERE id = $1", run_id)
    return _run(row) if row else None


async def page(session: Session, automation_id: UUID, offset: int, limit: int) -> list[Run]:
    """Return an automation's runs, newest first."""
    rows = await session.fetch(
        "SELECT * FROM automation_run WHERE automation_id = $1 ORDER BY started_at DESC, id DESC "
        "OFFSET $2 LIMIT $3",
        automation_id,
        offset,
        limit,
    )
    return [_run(row) for row in rows]


async def with_failures(session: Session, found: Run, limit: int) -> Run:
    """Return a run with what failed in it, in the order of the records."""
    rows = await session.fetch(
        "SELECT * FROM automation_failure WHERE run_id = $1 ORDER BY record_id LIMIT $2",
        found.id,
        limit,
    )
    failures = [Failure(row["record_id"], row["number"], row["at"], row["reason"]) for row in rows]
    return replace(found, failures=failures)


async def next_records(
    session: Session,
    automation: Automation,
    after: UUID | None,
    where: Condition | None,
    limit: int,
) -> tuple[list[Record], UUID | None]:
    """Return records that fulfil a condition and have changed since they were worked on.

    With them goes the record up to which all were looked at, None when there are no more.
    """
    arguments = selecting.Arguments(automation.database, after, automation.id, _WINDOW, limit)
    condition = "true" if where is None else selecting.where(where, arguments)
    rows = await session.fetch(_NEXT.replace("{where}", condition), *arguments.values)
    if not rows:
        return [], None
    found = [_record(row) for row in rows if row["id"] is not None]
    return found, found[-1].id if len(found) == limit else rows[0]["window_end"]


async def is_current(session: Session, record: Record) -> bool:
    """Tell whether a record is still what it was when it was found."""
    return await session.fetchrow(_IS_CURRENT, record.id, record.revision) is not None


def _record(row: asyncpg.Record) -> Record:
    return Record(
        row["id"],
        row["number"],
        row["version_id"],
        row["primary_key"],
        tuple(row["subjects"]),
        row["content"],
        row["revision"],
    )


async def keep_done(session: Session, run: Run, record_id: UUID, revision: int) -> None:
    """Write down, in the transaction that does it, that a record was worked on."""
    await session.fetchrow(_PROGRESS, run.automation_id, record_id, revision)
    await session.fetchrow(
        "UPDATE automation_run SET done = done + 1, after_id = $2 WHERE id = $1", run.id, record_id
    )


async def keep_failed(session: Session, run: Run, failure: Failure) -> None:
    """Write down that a record could not be worked on; the next run tries it again."""
    row = await session.fetchrow(
        "INSERT INTO automation_failure (run_id, record_id, number, at, reason) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1",
        run.id,
        failure.record_id,
        failure.number,
        failure.at,
        failure.reason,
    )
    await session.fetchrow(
        "UPDATE automation_run SET failed = failed + $3, after_id = $2 WHERE id = $1",
        run.id,
        failure.record_id,
        1 if row else 0,
    )


async def end(
    session: Session, run_id: UUID, state: State, at: datetime, reason: str | None
) -> Run | None:
    """End a run, if it has not ended; after a whole one the next looks at later changes only."""
    row = await session.fetchrow(_END, run_id, state.value, at, reason)
    return _run(row) if row else None


async def clear(session: Session, before: datetime, most: int) -> int:
    """Delete the oldest runs that ended before a time, with what failed in them; count them."""
    return len(await session.fetch(_CLEAR, first_id(before), before, most))


@asynccontextmanager
async def alone(database: Lender, automation_id: UUID) -> AsyncGenerator[bool]:
    """Tell whether nobody else works on an automation while this is open.

    The lock is the connection's: it is free when the process is gone. No transaction is open.
    """
    name: Any = f"automation {automation_id}"
    async with database.connection() as connection:
        asked = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
        is_alone = bool(await connection.driver.fetchval(asked, name))
        try:
            yield is_alone
        finally:
            if is_alone and not connection.driver.is_closed():
                release = "SELECT pg_advisory_unlock(hashtextextended($1, 0))"
                await connection.driver.fetchval(release, name)
