"""Who is to be told of a change, and who was, in PostgreSQL."""

from datetime import UTC, datetime

from kit.database import Session


async def page(
    session: Session, agreement_id: str, after: str, at: datetime, limit: int
) -> list[str]:
    """Return, behind an id, the individuals who want to be told and agreed to an agreement.

    Their newest record under it is opted in and was not over at a time.
    """
    rows = await session.fetch(
        """
        SELECT p.individual_id FROM notification_preference p
        CROSS JOIN LATERAL (
          SELECT c.opt_in, c.expires_at FROM consent_record c
          WHERE c.agreement_id = $1 AND c.individual_id = p.individual_id
          ORDER BY c.agreement_revision_number DESC LIMIT 1
        ) c
        WHERE p.enabled AND p.individual_id > $2 AND c.opt_in
          AND (c.expires_at IS NULL OR c.expires_at > $3)
        ORDER BY p.individual_id LIMIT $4
        """,
        agreement_id,
        after,
        at,
        limit,
    )
    return [row["individual_id"] for row in rows]


async def find_told(session: Session, revision_id: str, ids: list[str]) -> set[str]:
    """Return those of the individuals who were told of a revision already."""
    rows = await session.fetch(
        "SELECT individual_id FROM notice WHERE revision_id = $1 AND individual_id = ANY($2)",
        revision_id,
        ids,
    )
    return {row["individual_id"] for row in rows}


async def keep(
    session: Session, revision_id: str, individual_id: str, message_id: str | None
) -> bool:
    """Keep that somebody was told, or (None) cannot be; tell whether it was not kept before."""
    return bool(
        await session.fetch(
            "INSERT INTO notice (revision_id, individual_id, message_id, at) "
            "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING individual_id",
            revision_id,
            individual_id,
            message_id,
            datetime.now(UTC),
        )
    )
