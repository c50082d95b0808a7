"""Failures by source, shared by all workers; the rows may be lost when PostgreSQL crashes."""

from gateway.attempts.models import (
    FIRST_HOLD,
    FORGOTTEN_AFTER,
    LONGEST_HOLD,
    WINDOW,
    Count,
)
from kit.database import Session

# $1 source, $2 window, $3 failures that are free, $4 first hold, $5 longest, $6 forgotten after
_IS_FREE = "known.held_until <= now()"
_IN_WINDOW = "known.began_at > now() - $2::interval"
_HOLDS = "CASE WHEN known.held_until < now() - $6::interval THEN 0 ELSE known.holds END"
_IS_ENOUGH = f"{_IS_FREE} AND {_IN_WINDOW} AND known.failures + 1 >= $3"
_FAILED = f"""
INSERT INTO attempt AS known (source, failures, began_at, holds, held_at, held_until)
VALUES ($1, 1, now(), 0, 'epoch', 'epoch')
ON CONFLICT (source) DO UPDATE SET
  failures = CASE WHEN NOT ({_IS_FREE}) THEN known.failures
                  WHEN NOT ({_IN_WINDOW}) THEN 1
                  WHEN {_IS_ENOUGH} THEN 0
                  ELSE known.failures + 1 END,
  began_at = CASE WHEN {_IS_FREE} AND NOT ({_IN_WINDOW}) THEN now() ELSE known.began_at END,
  holds = CASE WHEN {_IS_ENOUGH} THEN least({_HOLDS} + 1, 30) ELSE known.holds END,
  held_at = CASE WHEN {_IS_ENOUGH} THEN now() ELSE known.held_at END,
  held_until = CASE WHEN {_IS_ENOUGH} THEN now() + least($4::interval * 2 ^ ({_HOLDS}), $5)
                    ELSE known.held_until END
RETURNING extract(epoch FROM held_until - now())::float8, held_at = now()
"""  # noqa: S608  put together from what stands above
_FORGET = "DELETE FROM attempt WHERE greatest(began_at, held_until) < now() - $1::interval"


async def count(session: Session, source: bytes, free: int) -> Count:
    """Count a failure of a source; the ``free``-th in a window makes it wait."""
    row = await session.fetchrow(
        _FAILED, source, WINDOW, free, FIRST_HOLD, LONGEST_HOLD, FORGOTTEN_AFTER
    )
    return Count(max(0.0, row[0]), row[1]) if row else Count(0.0, is_new=False)


async def forget(session: Session) -> None:
    """Delete the rows of sources that have been quiet for long."""
    await session.fetch(_FORGET, FORGOTTEN_AFTER)
