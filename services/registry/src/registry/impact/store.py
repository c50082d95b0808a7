"""The records that a new version is tried on."""

from kit.database import Session


async def sample(session: Session, database_id: int, most: int) -> list[str]:
    """Return the content of a database's newest records, as JSON texts."""
    rows = await session.fetch(
        """
        SELECT content::text AS content FROM record
        WHERE database_id = $1 AND deleted_at IS NULL ORDER BY id DESC LIMIT $2
        """,
        database_id,
        most,
    )
    return [row["content"] for row in rows]
