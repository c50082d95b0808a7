"""The tree as it is kept: perfect nodes, and leaves as those of level 0."""

from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg

from kit.evidence.merkle import Node


class Source(Protocol):
    """Where statements are sent: a ``Reading`` or a connection."""

    async def fetch(self, query: str, /, *args: Any) -> list[asyncpg.Record]:
        """Run a statement and return its rows."""
        ...


async def read_nodes(source: Source, nodes: Sequence[Node]) -> dict[Node, bytes]:
    """Read the hashes of nodes with one statement; what is not there is left out."""
    if not nodes:
        return {}
    rows = await source.fetch(_NODES, [level for level, _ in nodes], [index for _, index in nodes])
    return {(row["level"], row["index"]): row["hash"] for row in rows}


_NODES = """
    SELECT w.level, w.index, h.hash
    FROM unnest($1::bigint[], $2::bigint[]) AS w (level, index)
    JOIN LATERAL (
      (SELECT hash FROM evidence_node n
       WHERE w.level > 0 AND n.level = w.level AND n.index = w.index LIMIT 1)
      UNION ALL
      (SELECT hash FROM evidence_leaf l WHERE w.level = 0 AND l.index = w.index LIMIT 1)
    ) h ON true
"""
