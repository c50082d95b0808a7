"""What records were, in PostgreSQL."""

from uuid import UUID

from kit.database import Session
from registry.history.models import Past
from registry.records.models import record_of

_COLUMNS = "version_id, primary_key, subjects, content::text AS content"
# ruff: noqa: S608  only the column names above are put in
_PAST = f"""
    SELECT id, number, revision, changed_at AS valid_from, deleted_at AS valid_to, {_COLUMNS},
      archived_at IS NOT NULL AS is_archived
    FROM record WHERE database_id = $1 AND id = $2 AND content <> '{{}}'
    UNION ALL
    SELECT h.record_id, r.number, h.revision, h.valid_from, h.valid_to, h.version_id,
      h.primary_key, h.subjects, h.content::text, h.archived_at IS NOT NULL
    FROM record_history h JOIN record r ON r.id = h.record_id
    WHERE r.database_id = $1 AND h.record_id = $2
    ORDER BY revision DESC OFFSET $3 LIMIT $4
"""


async def page(
    session: Session, database_id: int, record_id: UUID, window: tuple[int, int]
) -> list[Past]:
    """Return what a record is and was, newest first; ``window`` is what to skip and to return."""
    rows = await session.fetch(_PAST, database_id, record_id, *window)
    return [
        Past(
            record_of(row),
            row["valid_from"],
            row["valid_to"],
        )
        for row in rows
    ]
