"""What is read of the ledger to be reported, and where the reports are."""

import json

from gateway.exchange.models import ANSWER
from gateway.transmissions.models import FACT, Held, Passed

_PLACE = "SELECT next FROM transmission_mark"
_END = "SELECT coalesce(max(index) + 1, 0) AS ends FROM evidence_leaf"
_PASSED = f"""
    SELECT l.index, e.id, e.at, e.actor, e.facts::text AS facts
    FROM evidence_leaf l JOIN evidence_entry e ON e.id = l.entry_id
    WHERE l.index >= $1 AND l.index < $2 AND e.kind = '{ANSWER}' AND e.facts ? '{FACT}'
    ORDER BY l.index
"""  # noqa: S608  made of constants
_KEEP = """
    INSERT INTO transmission_mark (next) VALUES ($1)
    ON CONFLICT (single) DO UPDATE SET next = greatest(transmission_mark.next, EXCLUDED.next)
"""


async def place(held: Held) -> int:
    """Return the place in the ledger that the reports have come to."""
    rows = await held.fetch(_PLACE)
    return int(rows[0]["next"]) if rows else 0


async def keep(held: Held, place: int) -> None:
    """Keep that all before a place is reported."""
    await held.fetch(_KEEP, place)


async def end(held: Held) -> int:
    """Return how many entries have a place in the ledger."""
    return int((await held.fetch(_END))[0]["ends"])


async def passed(held: Held, start: int, stop: int) -> list[Passed]:
    """Return the exchanges under consents between two places of the ledger, in their order."""
    return [
        Passed(row["index"], row["id"], row["at"], row["actor"], json.loads(row["facts"]))
        for row in await held.fetch(_PASSED, start, stop)
    ]
