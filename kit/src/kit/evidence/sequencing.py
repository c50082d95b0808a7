"""Giving entries their place: one sequencer per ledger appends them to the tree.

Whichever jobs process holds the ledger's advisory lock is the sequencer. It finds the entries that
have no leaf yet by anti-join, never by their id: a transaction that commits late would vanish. What
bounds the search is PostgreSQL's own word on which transactions were still open the last time.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from kit.database import LOST
from kit.evidence.merkle import Tree, cover
from kit.evidence.models import moment
from kit.evidence.signing import CHECKPOINT, Signer

BEHIND = 0.4
"""Seconds between two looks for new entries; a checkpoint is at most about so far behind."""

_MOST = 2_000
_STANDBY = 2.0
_log = logging.getLogger("kit.evidence")

_VISIBLE = "SELECT pg_current_snapshot()::text"
"""What every other answer depends on: asked alone it is a sixth of the work of a ledger at rest."""
_OPEN = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
_FRESH = """
    SELECT e.id, e.leaf FROM evidence_entry e
    WHERE e.xid >= $1::text::xid8
      AND NOT EXISTS (SELECT 1 FROM evidence_leaf l WHERE l.entry_id = e.id)
    ORDER BY e.xid, e.id LIMIT $2
"""


@dataclass(slots=True)
class _Head:
    """Where the ledger stands: its tree's edge, its newest checkpoint, what was seen complete."""

    tree: Tree
    newest: str | None
    seen_until: str = "0"


@asynccontextmanager
async def sequencing(block: str, url: str, signer: Signer) -> AsyncGenerator[None]:
    """Give a block's entries their places while this is open; any number of processes may try."""
    task = asyncio.create_task(_Sequencer(block, url, signer).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Sequencer:
    def __init__(self, block: str, url: str, signer: Signer) -> None:
        self._block = block
        self._url = url
        self._signer = signer

    async def run(self) -> None:
        """Work through every loss of the database, until cancelled."""
        while True:
            try:
                await self._work()
            except (*LOST, TimeoutError, asyncpg.PostgresError) as error:
                _log.warning("the sequencer of %s begins anew: %s", self._block, error)
            await asyncio.sleep(_STANDBY)

    async def _work(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=5, command_timeout=60)
        try:
            lock = "SELECT pg_try_advisory_lock(hashtextextended('evidence sequencer', 0))"
            if not await connection.fetchval(lock):
                return
            head, seen = await read_head(connection), None
            while True:
                visible = await connection.fetchval(_VISIBLE)
                if visible == seen:  # nothing ended since the last look: nothing can be new
                    await asyncio.sleep(BEHIND)
                elif await append(connection, self._block, self._signer, head) < _MOST:
                    seen = visible
                    await asyncio.sleep(BEHIND)
        finally:
            with contextlib.suppress(*LOST, TimeoutError):
                await connection.close(timeout=2)


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


async def read_nodes(
    connection: asyncpg.Connection, nodes: list[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Read perfect nodes of the tree; those of level 0 are the leaves."""
    rows = await connection.fetch(
        """
        SELECT w.level, w.index, coalesce(n.hash, l.hash) AS hash
        FROM unnest($1::bigint[], $2::bigint[]) AS w (level, index)
        LEFT JOIN evidence_node n ON w.level > 0 AND n.level = w.level AND n.index = w.index
        LEFT JOIN evidence_leaf l ON w.level = 0 AND l.index = w.index
        """,
        [level for level, _ in nodes],
        [index for _, index in nodes],
    )
    return {(row["level"], row["index"]): row["hash"] for row in rows if row["hash"] is not None}


async def append(connection: asyncpg.Connection, block: str, signer: Signer, head: _Head) -> int:
    """Append what is new, under one signed checkpoint; return how many entries that were.

    When this raises, ``head`` may be ahead of the database: read it again.
    """
    async with connection.transaction():
        seen_until: str = await connection.fetchval(_OPEN)  # pyright: ignore[reportAssignmentType]
        fresh = await connection.fetch(_FRESH, head.seen_until, _MOST)
        if fresh:
            await _append(connection, block, signer, head, fresh)
    if len(fresh) < _MOST:
        head.seen_until = seen_until  # all that ended before it was seen has its place
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
