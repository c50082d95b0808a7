"""What a description needs to know of records."""

from uuid import UUID

from kit.database import Session


async def newest_record(session: Session, database_id: int) -> UUID | None:
    """Return the id of the newest record of a database, if it has one."""
    row = await session.fetchrow(
        """
        SELECT id FROM record
        WHERE database_id = $1 AND deleted_at IS NULL AND archived_at IS NULL
        ORDER BY id DESC LIMIT 1
        """,
        database_id,
    )
    return None if row is None else row["id"]
