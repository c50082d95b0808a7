"""What the usage report asks of the records."""

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
