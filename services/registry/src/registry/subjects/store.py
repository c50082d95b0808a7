"""What PostgreSQL holds about a person."""

import json
from collections.abc import Sequence
from uuid import UUID

from kit.database import Session
from registry.databases.models import Definition
from registry.subjects.models import Framework, Held, State


async def records(session: Session, tenant: str, person: str, limit: int) -> list[Held]:
    """Return the records of a member's databases that are about a person, deleted ones too."""
    rows = await session.fetch(_RECORDS, tenant, person, limit)
    return [
        Held(
            row["database_id"],
            row["id"],
            row["number"],
            row["primary_key"],
            row["created_at"],
            row["changed_at"],
            row["archived_at"],
            row["deleted_at"],
            json.loads(row["content"]),
        )
        for row in rows
    ]


async def states(session: Session, records: Sequence[UUID], limit: int) -> list[State]:
    """Return what records were before, oldest first."""
    rows = await session.fetch(_STATES, list(records), limit)
    return [
        State(
            row["record_id"],
            row["revision"],
            row["valid_from"],
            row["valid_to"],
            json.loads(row["content"]),
        )
        for row in rows
    ]


async def frameworks(session: Session, databases: Sequence[int]) -> list[Framework]:
    """Return what the newest published versions of databases say, in the order of their ids."""
    rows = await session.fetch(_FRAMEWORKS, list(databases))
    return [
        Framework(
            row["id"],
            row["code"],
            row["number"],
            row["version"],
            Definition(json.loads(row["definition"])),
        )
        for row in rows
    ]


_RECORDS = """
    SELECT r.database_id, r.id, r.number, r.primary_key, r.created_at, r.changed_at, r.archived_at,
      r.deleted_at, r.content::text AS content
    FROM record r JOIN database d ON d.id = r.database_id
    WHERE d.tenant = $1 AND d.deleted_at IS NULL AND r.subjects @> ARRAY[$2::text]
    ORDER BY r.database_id, r.number LIMIT $3
"""
_STATES = """
    SELECT record_id, revision, valid_from, valid_to, content::text AS content
    FROM record_history WHERE record_id = ANY($1) ORDER BY record_id, revision LIMIT $2
"""
_FRAMEWORKS = """
    SELECT d.id, d.code, v.number, v.id AS version, v.definition::text AS definition
    FROM database d JOIN database_version v ON v.id = d.current_version
    WHERE d.id = ANY($1::bigint[]) ORDER BY d.id
"""
