"""Databases' key pairs in PostgreSQL."""

import json

from kit.database import Session
from registry.secrets.models import NAME, Encryption, encryption_of


async def find(session: Session, database_id: int, *, lock: bool = False) -> Encryption | None:
    """Return a database's key pair, if it has one; ``lock`` keeps it from changing meanwhile."""
    sql = "SELECT settings::text AS settings FROM database WHERE id = $1"
    row = await session.fetchrow(f"{sql} FOR UPDATE" if lock else sql, database_id)
    return encryption_of(json.loads(row["settings"])) if row else None


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
