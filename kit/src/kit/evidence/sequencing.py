"""Giving entries their place: one sequencer per ledger appends them to the tree.

Whichever jobs process holds the ledger's advisory lock is the sequencer. It finds the entries that
have no leaf yet by anti-join, never by their id: a transaction that commits late would vanish. What
bounds the search is PostgreSQL's own word on which transactions were still open the last time.
"""

import asyncio
import hashlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from kit.evidence.keeping import keeping
from kit.evidence.merkle import Tree, cover
from kit.evidence.models import moment
from kit.evidence.nodes import read_nodes
from kit.evidence.signing import CHECKPOINT, Signer

BEHIND = 0.4
"""Seconds between two looks for new entries; a checkpoint is at most about so far behind."""

_MOST = 2_000
_STANDBY = 2.0

_VISIBLE = "SELECT pg_current_snapshot()::text"
"""What every other answer depends on: asked alone it is a sixth of the work of a ledger at rest.

It begins with the oldest transaction that was still open, from which the next look goes on.
"""
_FRESH = """
    SELECT e.id, e.leaf FROM evidence_entry e
    WHERE e.xid >= $1::text::xid8
      AND NOT EXISTS (SELECT 1 FROM evidence_leaf l WHERE l.entry_id = e.id)
    ORDER BY e.xid, e.id LIMIT $2
"""


@dataclass(slots=True)
class _Head:
    """Where the ledger stands: its tree's edge, its newest checkpoint, what was visible last."""

    tree: Tree
    newest: str | None
    seen: str = "0"


def sequencing(block: str, url: str, signer: Signer) -> AbstractAsyncContextManager[None]:
    """Give a block's entries their places while this is open; any number of processes may try."""

    async def work(connection: asyncpg.Connection) -> None:
        head = await read_head(connection)
        while True:
            if await append(connection, block, signer, head) < _MOST:
                await asyncio.sleep(BEHIND)

    return keeping(url, "evidence sequencer", work, _STANDBY)


async def read_head(connection: asyncpg.Connection) -> _Head:
    """Read where the ledger stands."""
    newest = await connection.fetchrow(
        "SELECT size, signed FROM evidence_checkpoint ORDER BY size DESC LIMIT 1"
    )
    if newest is None:
        return _Head(Tree(), None)
    nodes = cover((0, newest["size"]))
    found = await read_nodes(connection, nodes)
    return _Head(Tree(newest["size"], [found[node] for node in nodes]), newest["signed"])


async def append(connection: asyncpg.Connection, block: str, signer: Signer, head: _Head) -> int:
    """Append what is new, under one signed checkpoint; return how many entries that were.

    When this raises, ``head`` may be ahead of the database: read it again.
    """
    visible: str = await connection.fetchval(_VISIBLE)  # pyright: ignore[reportAssignmentType]
    if visible == head.seen:
        return 0  # nothing ended since the last look: nothing can be new
    async with connection.transaction():
        fresh = await connection.fetch(_FRESH, head.seen.partition(":")[0], _MOST)
        if fresh:
            await _append(connection, block, signer, head, fresh)
    if len(fresh) < _MOST:
        head.seen = visible  # all that had ended then has its place
    return len(fresh)


async def _append(
    connection: asyncpg.Connection,
    block: str,
    signer: Signer,
    head: _Head,
    fresh: list[asyncpg.Record],
) -> None:
    first = head.tree.size
    nodes = [made for row in fresh for made in head.tree.append(row["leaf"])]
    await connection.execute(
        """
        INSERT INTO evidence_leaf (index, entry_id, hash)
        SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])
        """,
        list(range(first, head.tree.size)),
        [row["id"] for row in fresh],
        [row["leaf"] for row in fresh],
    )
    await connection.execute(
        """
        INSERT INTO evidence_node (level, index, hash)
        SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
        """,
        [level for (level, _), _ in nodes],
        [index for (_, index), _ in nodes],
        [found for _, found in nodes],
    )
    at, root = datetime.now(UTC), head.tree.root()
    signed = signer.sign(
        CHECKPOINT,
        {
            "at": moment(at),
            "ledger": block,
            "previous": None if head.newest is None else digest_of(head.newest),
            "root": root.hex(),
            "size": head.tree.size,
        },
    )
    await connection.execute(
        "INSERT INTO evidence_checkpoint (size, root, at, signed) VALUES ($1, $2, $3, $4)",
        head.tree.size,
        root,
        at,
        signed,
    )
    head.newest = signed


def digest_of(signed: str) -> str:
    """Return what the next checkpoint, a witness or a time-stamp says of a checkpoint."""
    return hashlib.sha256(signed.encode()).hexdigest()
