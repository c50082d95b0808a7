"""The ledger's rows as the walk reads them, and what an entry's own row and text say of each other.

All statements take batches by key, so that none gets slower as the ledger grows.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from kit.canonical import canonical
from kit.evidence.merkle import leaf_hash, root_of
from kit.evidence.models import moment

_LARGEST = 1 << 53


def wrong(row: asyncpg.Record, block: str) -> str:
    """Say what of an entry's row does not hold; empty when all does."""
    said: bytes = row["canonical"]
    if row["leaf"] != leaf_hash(said):
        return "its text does not have its hash"
    try:
        is_as_stated = said == canonical(_stated(row, block))
        return "" if is_as_stated else _wrong_column(row, block)
    except (ValueError, TypeError, RecursionError):
        return "its text is not readable"


def _stated(row: asyncpg.Record, block: str) -> dict[str, Any]:
    """Return what the text would say if it said what the columns do."""
    facts = json.loads(row["facts"], parse_int=_number)
    sealed, subject = row["sealed"], row["subject"]
    return {
        "actor": row["actor"],
        "at": moment(row["at"]),
        "block": block,
        "detail": None if sealed is None else hashlib.sha256(sealed).hexdigest(),
        "facts": facts,
        "id": str(row["entry_id"]),
        "kind": row["kind"],
        "object": row["object"],
        "subject": None if subject is None else subject.hex(),
        "tenant": row["tenant"],
    }


def _number(text: str) -> float:
    """Return a number as the text had it: a large one was no integer there."""
    found = int(text)
    return found if -_LARGEST < found < _LARGEST else float(text)


def _wrong_column(row: asyncpg.Record, block: str) -> str:
    """Say which column is not what the text says; empty for an entry older than tenants."""
    said: dict[str, Any] = dict(json.loads(row["canonical"]))
    stated = _stated(row, block)
    if "tenant" not in said and not row["tenant"]:
        del stated["tenant"]
    if canonical(stated) == row["canonical"]:
        return ""
    for name in sorted(stated):
        if name not in said or canonical(said[name]) != canonical(stated[name]):
            return f"its {name} is not what its text says"
    return "its text says more than its row"


def wrong_parts(
    rows: Sequence[asyncpg.Record], said: tuple[int, bytes] | None, at: datetime
) -> str:
    """Say what of an entry's parts does not hold; empty when all does.

    ``rows`` are all of its parts in their order; ``said`` is what the entry states of them, ``at``
    its time.
    """
    if said is None:
        return "it has parts and states none"
    count, root = said
    if [row["place"] for row in rows] != list(range(len(rows))) or len(rows) != count:
        return "a part of it is missing, or one too many"
    if root_of(leaf_hash(row["canonical"]) for row in rows) != root:
        return "its parts do not make the root that it states"
    for row in rows:
        if row["at"] != at or row["canonical"] != _as_stated(row):
            return f"its part {row['place']} is not what its text says"
    return ""


def _as_stated(row: asyncpg.Record) -> bytes:
    """Return what a part's text would be if it said what the columns do."""
    sealed, subject = row["sealed"], row["subject"]
    try:
        facts = json.loads(row["canonical"])["facts"]
        return canonical(
            {
                "detail": None if sealed is None else hashlib.sha256(sealed).hexdigest(),
                "facts": facts,
                "object": row["object"],
                "subject": None if subject is None else subject.hex(),
            }
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return b""


_COLUMNS = """
    e.id, e.at, e.kind, e.actor, e.object, e.subject, e.tenant, e.facts::text AS facts,
    e.canonical, e.leaf, d.sealed
"""
ENTRIES = f"""
    SELECT l.index, l.entry_id, l.hash, {_COLUMNS}
    FROM evidence_leaf l
    LEFT JOIN evidence_entry e ON e.id = l.entry_id
    LEFT JOIN evidence_detail d ON d.entry_id = l.entry_id
    WHERE l.index >= $1 AND l.index < $2
    ORDER BY l.index
"""  # noqa: S608  made of constants, as all below
NODES_BETWEEN = """
    SELECT n.level, n.index, n.hash
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS w (level, low, high)
    JOIN LATERAL (
      SELECT * FROM evidence_node
      WHERE level = w.level AND index >= w.low AND index < w.high OFFSET 0
    ) n ON true
"""
CHECKPOINTS = """
    SELECT size, root, at, signed FROM evidence_checkpoint
    WHERE size > $1 AND size <= $2 ORDER BY size
"""
COSIGNATURES = """
    SELECT c.size, c.witness, c.signed, k.signed AS of
    FROM evidence_cosignature c LEFT JOIN evidence_checkpoint k ON k.size = c.size
    WHERE c.size > $1 AND c.size <= $2 ORDER BY c.size, c.witness
"""
TIMESTAMPS = """
    SELECT t.size, t.token, k.signed AS of
    FROM evidence_timestamp t LEFT JOIN evidence_checkpoint k ON k.size = t.size
    WHERE t.size > $1 AND t.size <= $2 ORDER BY t.size
"""
_END = "(SELECT coalesce(max(size), 0) AS size FROM evidence_checkpoint)"
EXTRA = {
    f"""
    SELECT l.entry_id, l.index, NULL::bigint AS checkpoint FROM evidence_leaf l
    WHERE l.index < 0 OR l.index >= {_END} ORDER BY l.index LIMIT 1
    """: "it has a place under no checkpoint",  # noqa: S608
    f"""
    SELECT NULL::uuid AS entry_id, NULL::bigint AS checkpoint,
      n.index << greatest(0, least(n.level, 62))::int AS index
    FROM (
      SELECT n.level, n.index FROM generate_series(1, 62) w (level)
      JOIN LATERAL (
        (SELECT * FROM evidence_node WHERE level = w.level AND index >= {_END} >> w.level LIMIT 1)
        UNION ALL
        (SELECT * FROM evidence_node WHERE level = w.level AND index < 0 LIMIT 1)
      ) n ON true
      UNION ALL (SELECT level, index FROM evidence_node WHERE level < 1 LIMIT 1)
      UNION ALL (SELECT level, index FROM evidence_node WHERE level > 62 LIMIT 1)
    ) n LIMIT 1
    """: "a node stands over no entries",  # noqa: S608
    f"""
    SELECT NULL::uuid AS entry_id, NULL::bigint AS index, size AS checkpoint FROM (
      SELECT size FROM evidence_cosignature UNION ALL SELECT size FROM evidence_timestamp
    ) s WHERE size < 1 OR size > {_END} LIMIT 1
    """: "a co-signed or time-stamped checkpoint is not there",  # noqa: S608
}
"""Rows that no walk over places meets, and what to say of them."""

_SWEPT = """
    WITH batch AS (SELECT {id} AS id {more} FROM {table} WHERE {id} > $1 ORDER BY {id} LIMIT $2)
    SELECT (SELECT id FROM batch ORDER BY id DESC LIMIT 1) AS last,
      ARRAY(
        SELECT id FROM batch b WHERE NOT EXISTS ({other}) {where} ORDER BY id LIMIT 1000
      ) AS found
"""
LOOSE = _SWEPT.format(
    id="id",
    more=", at",
    table="evidence_entry",
    other="SELECT FROM evidence_leaf l WHERE l.entry_id = b.id",
    where="AND (b.at < $3 OR b.at > now() + interval '1 minute')",
)
_EXTRA = {
    "id": "entry_id",
    "more": "",
    "other": "SELECT FROM evidence_entry e WHERE e.id = b.id",
    "where": "",
}
EXTRA_DETAILS = _SWEPT.format(table="evidence_detail", **_EXTRA)
EXTRA_PARTS = _SWEPT.format(table="evidence_part", **_EXTRA)
HAVING_PARTS = """
    SELECT e.id AS entry_id FROM unnest($1::uuid[]) AS e (id)
    WHERE EXISTS (SELECT FROM evidence_part p WHERE p.entry_id = e.id)
"""
PARTS = """
    SELECT place, at, object, subject, canonical, sealed FROM evidence_part
    WHERE entry_id = $1 ORDER BY place
"""
STILL_LOOSE = f"""
    SELECT e.id AS entry_id, {_COLUMNS} FROM evidence_entry e
    LEFT JOIN evidence_detail d ON d.entry_id = e.id
    WHERE e.id = ANY($1) AND NOT EXISTS (SELECT FROM evidence_leaf l WHERE l.entry_id = e.id)
    ORDER BY e.id LIMIT 1
"""  # noqa: S608
