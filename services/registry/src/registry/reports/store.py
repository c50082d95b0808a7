"""Reports in PostgreSQL."""

import json
from uuid import UUID

import asyncpg

from kit.database import Session
from registry.reports.models import Report, read


async def page(session: Session, database: int) -> list[Report]:
    """Return the reports of a database, by name."""
    query = f"{_SELECT} WHERE database_id = $1 AND deleted_at IS NULL ORDER BY name"
    return [_report(row) for row in await session.fetch(query, database)]


async def find(session: Session, database: int, report: UUID) -> Report | None:
    """Return a report of a database, if there is one."""
    query = f"{_SELECT} WHERE database_id = $1 AND id = $2 AND deleted_at IS NULL"
    row = await session.fetchrow(query, database, report)
    return None if row is None else _report(row)


async def find_called(session: Session, database: int, name: str) -> Report | None:
    """Return the report of a database with a name, if there is one."""
    query = f"{_SELECT} WHERE database_id = $1 AND name = $2 AND deleted_at IS NULL"
    row = await session.fetchrow(query, database, name)
    return None if row is None else _report(row)


async def save(session: Session, report: Report) -> None:
    """Keep a report, new or changed."""
    await session.fetch(
        """
        INSERT INTO report
          (id, database_id, name, description, question, changed_at, changed_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, description = EXCLUDED.description,
          question = EXCLUDED.question, changed_at = EXCLUDED.changed_at,
          changed_by = EXCLUDED.changed_by
        """,
        report.id,
        report.database,
        report.wanted.name,
        report.wanted.description,
        json.dumps(report.wanted.document),
        report.changed_at,
        report.changed_by,
    )


async def delete(session: Session, report: UUID) -> None:
    """Take a report away; its row stays."""
    await session.fetch("UPDATE report SET deleted_at = now() WHERE id = $1", report)


def _report(row: asyncpg.Record) -> Report:
    wanted = read(row["name"], row["description"], json.loads(row["question"]))
    return Report(row["id"], row["database_id"], wanted, row["changed_at"], row["changed_by"])


_SELECT = """
    SELECT id, database_id, name, description, question::text AS question, changed_at, changed_by
    FROM report
"""
