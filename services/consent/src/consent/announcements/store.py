"""Records that a decision may have been made by."""

from collections.abc import Sequence

from kit.database import Session

_BESIDE = """
SELECT other.id FROM consent_record mine
JOIN consent_record other USING (agreement_id, individual_id)
WHERE mine.id = $1
"""


async def beside(session: Session, record_id: str) -> Sequence[str]:
    """Return the ids of an individual's records under the agreement of one of them, with its own.

    There is one for each revision of the agreement that the individual decided on; none is left
    when the record was deleted for good.
    """
    return [row["id"] for row in await session.fetch(_BESIDE, record_id)]
