"""What the usage report asks of the records."""

from collections.abc import Sequence
from uuid import UUID

from kit.database import Session


async def knows(session: Session, database_id: int, person: str) -> bool:
    """Tell whether a record of the database is about the person."""
    row = await session.fetchrow(
        """
        SELECT 1 FROM record
        WHERE database_id = $1 AND subjects @> ARRAY[$2::text] AND deleted_at IS NULL LIMIT 1
        """,
        database_id,
        person,
    )
    return row is not None


async def references(session: Session, records: Sequence[UUID]) -> dict[str | None, str | None]:
    """Return the primary keys of records by their ids as texts, of deleted ones too."""
    rows = await session.fetch(
        "SELECT id::text AS id, primary_key FROM record WHERE id = ANY($1)", list(set(records))
    )
    return {row["id"]: row["primary_key"] for row in rows}
