"""What the log asks of the records."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from kit.database import Session
from registry.audit_logs.models import About


async def find_database(session: Session, tenant: str, record: UUID) -> int | None:
    """Return the database that a member's record is in, also when it is deleted."""
    row = await session.fetchrow(
        """
        SELECT r.database_id FROM record r JOIN database d ON d.id = r.database_id
        WHERE r.id = $1 AND d.tenant = $2
        """,
        record,
        tenant,
    )
    return None if row is None else row["database_id"]


async def about(session: Session, records: Sequence[UUID]) -> Mapping[UUID, About]:
    """Return what records are and whom they are about, by their ids, deleted ones too."""
    rows = await session.fetch(
        "SELECT id, database_id, number, primary_key, subjects FROM record WHERE id = ANY($1)",
        list(set(records)),
    )
    return {
        row["id"]: About(row["database_id"], row["number"], row["primary_key"], row["subjects"])
        for row in rows
    }
