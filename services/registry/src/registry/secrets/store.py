"""Databases' key pairs in PostgreSQL."""

import json
from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from kit.database import Session
from registry.secrets.models import NAME, Clear, Encryption, encryption_of

Table = Literal["record", "history"]
CLEAR_TOGETHER = 500

_CLEAR: Mapping[Table, str] = {
    "record": """
        SELECT id, revision, number, content::text AS content FROM record
        WHERE database_id = $1 AND (id, revision) > ($2::uuid, $3::integer)
          AND EXISTS (SELECT FROM unnest($4::text[]) p WHERE content @? p::jsonpath)
        ORDER BY id, revision LIMIT $5
    """,
    "history": """
        SELECT h.record_id AS id, h.revision, r.number, h.content::text AS content
        FROM record_history h JOIN record r ON r.id = h.record_id
        WHERE r.database_id = $1 AND (h.record_id, h.revision) > ($2::uuid, $3::integer)
          AND EXISTS (SELECT FROM unnest($4::text[]) p WHERE h.content @? p::jsonpath)
        ORDER BY h.record_id, h.revision LIMIT $5
    """,
}
_SEAL: Mapping[Table, str] = {
    "record": """
        UPDATE record SET content = given.content::jsonb
        FROM unnest($1::uuid[], $2::integer[], $3::text[]) AS given (id, revision, content)
        WHERE record.id = given.id
    """,
    "history": """
        UPDATE record_history h SET content = given.content::jsonb
        FROM unnest($1::uuid[], $2::integer[], $3::text[]) AS given (id, revision, content)
        WHERE h.record_id = given.id AND h.revision = given.revision
    """,
}


async def find(session: Session, database_id: int, *, lock: bool = False) -> Encryption | None:
    """Return a database's key pair, if it has one; ``lock`` keeps it from changing meanwhile."""
    sql = "SELECT settings::text AS settings FROM database WHERE id = $1"
    row = await session.fetchrow(f"{sql} FOR UPDATE" if lock else sql, database_id)
    return encryption_of(json.loads(row["settings"])) if row else None


async def next_clear(
    session: Session, table: Table, database_id: int, after: tuple[UUID, int], paths: list[str]
) -> list[Clear]:
    """Return contents that may hold one of some fields in the clear, in order of id and revision.

    ``paths`` are JSON paths; ``after`` is what was returned last.
    """
    rows = await session.fetch(
        _CLEAR[table], database_id, after[0], after[1], paths, CLEAR_TOGETHER
    )
    return [
        Clear((row["id"], row["revision"]), row["number"], json.loads(row["content"]))
        for row in rows
    ]


async def seal(
    session: Session, table: Table, contents: Mapping[tuple[UUID, int], Mapping[str, Any]]
) -> None:
    """Keep contents, now sealed, in the place of those that were in the clear."""
    await session.fetch(
        _SEAL[table],
        [record for record, _ in contents],
        [revision for _, revision in contents],
        [json.dumps(content) for content in contents.values()],
    )


async def is_taken(session: Session, database_id: int, key_id: str) -> bool:
    """Tell whether another database has this key."""
    row = await session.fetchrow(
        """
        SELECT 1 FROM database
        WHERE settings -> $1 ->> 'keyId' = $2 AND id <> $3 AND deleted_at IS NULL LIMIT 1
        """,
        NAME,
        key_id,
        database_id,
    )
    return row is not None
