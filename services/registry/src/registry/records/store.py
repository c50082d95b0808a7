"""Reading records in PostgreSQL: the hot reads are one statement each, on the driver."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from kit.database import Session
from registry.records import models
from registry.records.models import Found, Record, as_id, record_of

# ruff: noqa: S608  only the texts written here are put in
_RELEASE = """
    FROM database d
    JOIN database_version v ON v.database_id = d.id AND v.number = $3
      AND v.published_at IS NOT NULL AND v.deleted_at IS NULL
"""
_NAMED = "WHERE d.tenant = $1 AND lower(d.code) = lower($2) AND d.deleted_at IS NULL"
_VERSIONS = """
    SELECT d.tenant, d.id AS database_id, d.code, v.id AS path_version, d.current_version,
      d.revision AS database_revision
"""
_COLUMNS = """
    r.id, r.number, r.version_id, r.primary_key, r.subjects, r.content::text AS content,
    r.revision, r.archived_at IS NOT NULL AS is_archived
"""
# OFFSET 0 keeps the planner from walking all records in order of id in the hope of an early match
_MATCHING = """
    LEFT JOIN LATERAL (
      SELECT * FROM (
        SELECT * FROM record
        WHERE database_id = d.id AND deleted_at IS NULL AND archived_at IS NULL
          AND content @> $4::jsonb OFFSET 0
      ) matching ORDER BY id LIMIT 1
    ) r ON true
"""
_REFERRED = """
    LEFT JOIN LATERAL (
      SELECT * FROM record
      WHERE database_id = d.id AND deleted_at IS NULL AND (primary_key = $4 OR id = $5)
      ORDER BY primary_key IS DISTINCT FROM $4 LIMIT 1
    ) r ON true
"""
# what records were at a moment: those that have not changed since, and what is kept of the others
_THEN = """
    SELECT id, number, version_id, primary_key, subjects, content, revision, archived_at,
      changed_at AS valid_from, database_id
    FROM record WHERE deleted_at IS NULL OR deleted_at > {at}
    UNION ALL
    SELECT h.record_id, n.number, h.version_id, h.primary_key, h.subjects, h.content, h.revision,
      h.archived_at, h.valid_from, h.database_id
    FROM record_history h JOIN record n ON n.id = h.record_id WHERE h.valid_to > {at}
"""
_REFERRED_THEN = f"""
    LEFT JOIN LATERAL (
      SELECT * FROM ({_THEN.format(at="$6")}) past
      WHERE database_id = d.id AND valid_from <= $6 AND (primary_key = $4 OR id = $5)
      ORDER BY primary_key IS DISTINCT FROM $4 LIMIT 1
    ) r ON true
"""
_ALL_MATCHING = f"""
    SELECT {_COLUMNS} FROM record r
    WHERE r.database_id = $1 AND r.deleted_at IS NULL AND r.archived_at IS NULL
      AND r.content @> $2::jsonb
    ORDER BY r.id LIMIT 1000
"""
_ALL_MATCHED = f"""
    SELECT {_COLUMNS} FROM ({_THEN.format(at="$3")}) r
    WHERE r.database_id = $1 AND r.valid_from <= $3 AND r.archived_at IS NULL
      AND r.content @> $2::jsonb
    ORDER BY r.id LIMIT 1000
"""
_FIND_REFERRED_THEN = f"{_VERSIONS}, {_COLUMNS} {_RELEASE} {_REFERRED_THEN} {_NAMED}"
_FIND_RELEASE = f"{_VERSIONS} {_RELEASE} {_NAMED}"
_FIND_MATCHING = f"{_VERSIONS}, {_COLUMNS} {_RELEASE} {_MATCHING} {_NAMED}"
_FIND_REFERRED = f"{_VERSIONS}, {_COLUMNS} {_RELEASE} {_REFERRED} {_NAMED}"


def _found(row: asyncpg.Record | None, *, with_record: bool) -> Found | None:
    if row is None:
        return None
    kept = record_of(row) if with_record and row["id"] is not None else None
    return Found(models.named_of(row), kept)


async def find_release(
    session: Session, tenant: str, registry: str, number: int, *, lock: bool = False
) -> Found | None:
    """Return a published version; ``lock`` keeps the database from changing meanwhile."""
    sql = f"{_FIND_RELEASE} FOR SHARE OF d" if lock else _FIND_RELEASE
    return _found(await session.fetchrow(sql, tenant, registry, number), with_record=False)


async def find_matching(  # noqa: PLR0913, PLR0917  what a data path says, and the query
    session: Session,
    tenant: str,
    registry: str,
    number: int,
    content: Mapping[str, Any],
    as_of: datetime | None = None,
) -> Found | None:
    """Return a published version and its oldest record that contains, or contained, ``content``."""
    asked = tenant, registry, number
    if as_of is None:
        row = await session.fetchrow(_FIND_MATCHING, *asked, json.dumps(content))
        return _found(row, with_record=True)
    found = await find_release(session, *asked)
    if found is None:
        return None
    matching = await find_all_matching(session, found.named.database, content, as_of)
    return Found(found.named, next(iter(matching), None))


async def find_all_matching(
    session: Session, database_id: int, content: Mapping[str, Any], as_of: datetime | None = None
) -> list[Record]:
    """Return the oldest 1000 records that contain, or contained, ``content``."""
    sql = _ALL_MATCHING if as_of is None else _ALL_MATCHED
    more = () if as_of is None else (as_of,)
    rows = await session.fetch(sql, database_id, json.dumps(content), *more)
    return [record_of(row) for row in rows]


async def find_referred(  # noqa: PLR0913, PLR0917  what a data path says, and the reference
    session: Session,
    tenant: str,
    registry: str,
    number: int,
    reference: str,
    as_of: datetime | None = None,
) -> Found | None:
    """Return a published version and its record with this primary key, or else this id."""
    asked = tenant, registry, number, reference, as_id(reference)
    if as_of is None:
        return _found(await session.fetchrow(_FIND_REFERRED, *asked), with_record=True)
    return _found(await session.fetchrow(_FIND_REFERRED_THEN, *asked, as_of), with_record=True)
