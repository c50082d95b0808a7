"""The message log's rows."""

import json

from gateway.evidence.models import Logged, Search
from kit.database import Session


async def page(session: Session, search: Search) -> list[Logged]:
    """Return entries, newest first."""
    rows = await session.fetch(
        """
        SELECT id, at, kind, actor, object, facts::text FROM evidence_entry
        WHERE ($1::text IS NULL OR facts @> jsonb_build_object('requestId', $1::text))
          AND ($2::text IS NULL OR actor = $2)
          AND ($3::text IS NULL OR object = $3)
          AND ($4::text IS NULL OR kind = $4)
          AND ($5::timestamptz IS NULL OR at >= $5)
          AND ($6::timestamptz IS NULL OR at < $6)
          AND ($7::text IS NULL OR actor = $7 OR starts_with(object, $8))
        ORDER BY at DESC, id DESC LIMIT $9 OFFSET $10
        """,
        search.request_id,
        search.client,
        search.service,
        search.kind,
        search.since,
        search.until,
        search.seen_by,
        search.provider,
        search.limit,
        search.offset,
    )
    return [
        Logged(
            row["id"], row["at"], row["kind"], row["actor"], row["object"], json.loads(row["facts"])
        )
        for row in rows
    ]
