"""What changed, in PostgreSQL: by the transactions that changed it."""

from kit.database import Session
from registry.feed.models import Change, Mark
from registry.records.models import record_of

# A change is told once every transaction that began before its own has ended: what commits later
# than its neighbours is told later too, and nothing is left out.
_CHANGED = """
    SELECT id, number, version_id, primary_key, subjects, content::text AS content, revision,
      archived_at IS NOT NULL AS is_archived, deleted_at IS NOT NULL AS is_deleted,
      coalesce(deleted_at, changed_at) AS at, changed_in::text AS changed_in
    FROM record
    WHERE database_id = $1 AND (changed_in, id) > ($2::text::xid8, $3)
      AND changed_in < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY changed_in, id LIMIT $4
"""
_MEND = """
    UPDATE record SET changed_in = pg_current_xact_id()
    WHERE database_id = $1 AND changed_in >= pg_snapshot_xmax(pg_current_snapshot())
      AND changed_in <> pg_current_xact_id()
"""


async def mend(session: Session, database_id: int) -> None:
    """Bring changes of another server's transactions, from a backup, into this server's order."""
    await session.fetch(_MEND, database_id)


async def knows(session: Session, mark: Mark) -> bool:
    """Tell whether a mark is of this server's past."""
    row = await session.fetchrow(
        "SELECT $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot()) AS known",
        str(mark.transaction),
    )
    return bool(row and row["known"])


async def page(session: Session, database_id: int, after: Mark, most: int) -> list[Change]:
    """Return the records of a database that changed after a mark, in the order of the changes."""
    rows = await session.fetch(_CHANGED, database_id, str(after.transaction), after.record, most)
    return [
        Change(
            record_of(row),
            Mark(int(row["changed_in"]), row["id"]),
            row["at"],
            row["is_deleted"],
        )
        for row in rows
    ]
