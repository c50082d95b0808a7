"""Imports in PostgreSQL: how far each is, the sealed parts of its file, and its faults."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from kit.database import Connection, Lender, Session, Transaction
from registry.imports.models import (
    Import,
    ImportStorageFull,
    Part,
    Report,
    RowFault,
    State,
    Tally,
    options_from,
)
from registry.rows.models import Format

_Found = TypeVar("_Found")
_COLUMNS = """
    id, database_id, client, state, format, options::text AS options, wrapped, caller,
    problem::text AS problem, bytes, rows_read, created, updated, unchanged, failed, created_at,
    changed_at, ended_at
"""
# ruff: noqa: S608  only the column names above are put in


def _import(row: asyncpg.Record | None) -> Import | None:
    if row is None:
        return None
    return Import(
        row["id"],
        row["database_id"],
        row["client"],
        State(row["state"]),
        options_from(Format(row["format"]), json.loads(row["options"])),
        row["wrapped"],
        row["caller"],
        None if row["problem"] is None else json.loads(row["problem"]),
        row["bytes"],
        Tally(row["rows_read"], row["created"], row["updated"], row["unchanged"], row["failed"]),
        row["created_at"],
        row["changed_at"],
        row["ended_at"],
    )


class Shared(Transaction):
    """A transaction that several tasks use in turns: a connection runs one statement at a time.

    A task that has borrowed the connection may send statements meanwhile; the others wait, so that
    what it tries in a savepoint is its own.
    """

    def __init__(self, lender: Lender) -> None:
        super().__init__(lender)
        self._turn = asyncio.Lock()
        self._whose: asyncio.Task[Any] | None = None

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Connection]:
        """Lend the transaction's connection when it is this task's turn."""
        async with self._taken(), super().lend() as connection:
            yield connection

    async def _send(self, use: Callable[[Connection], Awaitable[_Found]]) -> _Found:
        async with self._taken():
            return await super()._send(use)

    @asynccontextmanager
    async def _taken(self) -> AsyncGenerator[None]:
        task = asyncio.current_task()
        if self._whose is task:
            yield
            return
        async with self._turn:
            self._whose = task
            try:
                yield
            finally:
                self._whose = None
        await asyncio.sleep(0)  # the next statement is on its way before this task computes


async def insert(session: Session, new: Import) -> None:
    """Keep a new import."""
    await session.fetch(
        """
        INSERT INTO import_job (id, database_id, client, state, format, options, wrapped, caller,
          created_at, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $9)
        """,
        new.id,
        new.database,
        new.client,
        new.state,
        new.options.format,
        json.dumps(new.options.document),
        new.wrapped,
        new.caller,
        new.created_at,
    )


async def find(session: Session, import_id: UUID, *, lock: bool = False) -> Import | None:
    """Return an import, locked until the transaction ends when asked."""
    sql = f"SELECT {_COLUMNS} FROM import_job WHERE id = $1"
    return _import(await session.fetchrow(f"{sql} FOR UPDATE" if lock else sql, import_id))


async def page(session: Session, database_id: int, client: str | None) -> list[Import]:
    """Return the newest 100 imports of a database, of one client or of all."""
    rows = await session.fetch(
        f"""
        SELECT {_COLUMNS} FROM import_job
        WHERE database_id = $1 AND ($2::text IS NULL OR client = $2)
        ORDER BY created_at DESC LIMIT 100
        """,
        database_id,
        client,
    )
    return [found for row in rows if (found := _import(row))]


async def add_part(session: Session, import_id: UUID, part: Part, at: datetime) -> bool:
    """Keep a part of a file; tell whether it is still wanted. Raise ImportStorageFull."""
    try:
        row = await session.fetchrow(
            """
            WITH wanted AS (
              UPDATE import_job SET bytes = bytes + $4, changed_at = $5
              WHERE id = $1 AND state = 'uploading' RETURNING id
            )
            INSERT INTO import_part (import_id, number, sealed)
            SELECT id, $2, $3 FROM wanted RETURNING number
            """,
            import_id,
            part.number,
            part.sealed,
            part.size,
            at,
        )
    except asyncpg.DiskFullError as error:
        raise ImportStorageFull("nothing of the file was kept") from error
    return row is not None


async def find_part(session: Session, import_id: UUID, number: int) -> bytes | None:
    """Return a sealed part of a file, None behind its end."""
    row = await session.fetchrow(
        "SELECT sealed FROM import_part WHERE import_id = $1 AND number = $2", import_id, number
    )
    return None if row is None else row["sealed"]


async def drop_parts(session: Session, import_id: UUID, count: int) -> bool:
    """Destroy some parts of a file; tell whether there may be more."""
    rows = await session.fetch(
        """
        DELETE FROM import_part WHERE import_id = $1 AND number IN (
          SELECT number FROM import_part WHERE import_id = $1 LIMIT $2
        ) RETURNING number
        """,
        import_id,
        count,
    )
    return len(rows) == count


async def start(
    session: Session, import_id: UUID, kind: str, options: Mapping[str, Any], at: datetime
) -> bool:
    """Let an uploaded file be taken in; tell whether it was still being uploaded."""
    row = await session.fetchrow(
        """
        UPDATE import_job
        SET state = 'waiting', format = $2, options = $3::text::jsonb, changed_at = $4
        WHERE id = $1 AND state = 'uploading' RETURNING id
        """,
        import_id,
        kind,
        json.dumps(options),
        at,
    )
    return row is not None


async def go_on(session: Session, import_id: UUID, tally: Tally, at: datetime) -> None:
    """Keep how far an import is."""
    await session.fetch(
        """
        UPDATE import_job SET state = 'running', rows_read = $2, created = $3, updated = $4,
          unchanged = $5, failed = $6, changed_at = $7
        WHERE id = $1
        """,
        import_id,
        tally.rows,
        tally.created,
        tally.updated,
        tally.unchanged,
        tally.failed,
        at,
    )


async def end(
    session: Session,
    import_id: UUID,
    state: State,
    at: datetime,
    problem: Mapping[str, Any] | None = None,
) -> bool:
    """End an import and destroy the key of its file; tell whether it had not ended before."""
    row = await session.fetchrow(
        """
        UPDATE import_job SET state = $2, ended_at = $3, changed_at = $3, wrapped = NULL,
          caller = NULL, problem = $4::text::jsonb
        WHERE id = $1 AND ended_at IS NULL RETURNING id
        """,
        import_id,
        state,
        at,
        None if problem is None else json.dumps(problem),
    )
    return row is not None


async def add_faults(session: Session, import_id: UUID, report: Report) -> None:
    """Keep why rows were not taken in."""
    await session.fetch(
        """
        INSERT INTO import_fault (import_id, place, line, errors)
        SELECT $1, n.place, n.line, n.errors::jsonb
        FROM unnest($2::bigint[], $3::bigint[], $4::text[]) AS n (place, line, errors)
        """,
        import_id,
        [fault.place for fault in report.faults],
        [fault.line for fault in report.faults],
        [json.dumps(fault.errors) for fault in report.faults],
    )


async def faults(session: Session, import_id: UUID, after: int, count: int) -> Sequence[RowFault]:
    """Return faults behind a place, in their order."""
    rows = await session.fetch(
        """
        SELECT place, line, errors::text AS errors FROM import_fault
        WHERE import_id = $1 AND place > $2 ORDER BY place LIMIT $3
        """,
        import_id,
        after,
        count,
    )
    return [RowFault(row["place"], row["line"], json.loads(row["errors"])) for row in rows]
