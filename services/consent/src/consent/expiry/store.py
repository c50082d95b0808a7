"""Records whose end has come, in PostgreSQL."""

from consent.expiry.models import Ended
from kit.database import Session


async def take(session: Session, most: int) -> list[Ended]:
    """Mark records whose end has come as told, and return them; no other process gets these."""
    rows = await session.fetch(
        """
        UPDATE consent_record c SET expiry_told_at = clock_timestamp()
        WHERE c.id IN (
          SELECT id FROM consent_record
          WHERE expires_at <= clock_timestamp() AND expiry_told_at IS NULL
          ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        RETURNING c.id, c.tenant, c.individual_id, c.agreement_id, c.expires_at,
          c.opt_in AND c.ever_signed AND NOT EXISTS (
            SELECT FROM consent_record newer
            WHERE newer.agreement_id = c.agreement_id AND newer.individual_id = c.individual_id
              AND newer.agreement_revision_number > c.agreement_revision_number
          ) AS stood
        """,
        most,
    )
    return [Ended(*row.values()) for row in rows]
