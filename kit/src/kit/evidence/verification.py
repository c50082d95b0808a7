"""The walk that verifies a ledger: every entry, hash and checkpoint, and nothing beside them.

It reads what a reader can read, in batches, and builds the whole tree anew. It changes nothing and
needs no secret: the ledger's public keys are enough. What it cannot see is what nobody wrote down
elsewhere: a ledger that was cut at a checkpoint, or whose entry was changed before it had a place,
is found by who holds a promise or a co-signed checkpoint of it.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from kit.evidence import parts, rows
from kit.evidence.merkle import Node, Tree, cover
from kit.evidence.models import moment
from kit.evidence.nodes import Source, read_nodes
from kit.evidence.sequencing import digest_of
from kit.evidence.signing import CHECKPOINT, COSIGNATURE, Keys, NotSigned, unproven

PATIENCE = timedelta(seconds=10)
"""How long an entry may be without a place: its transaction, then the sequencer, take a while."""

_BATCH = 1_000
_SWEEP = 20_000
_LEAST = -1 << 63


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that does not hold, and why.

    ``entry`` and ``index`` name an entry and its place; ``checkpoint`` is the size of one.
    """

    reason: str
    entry: UUID | None = None
    index: int | None = None
    checkpoint: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a walk found: how many entries and checkpoints hold, up to the fault if there is one."""

    entries: int
    checkpoints: int
    fault: Fault | None = None

    @property
    def holds(self) -> bool:
        """Tell whether everything that was looked at holds."""
        return self.fault is None


@dataclass(frozen=True, slots=True)
class Extent:
    """What is walked: the entries with these places, and the checkpoints over them.

    The whole ledger when nothing is said. A walk that begins later takes what is below its first
    place from the kept nodes, which the next signed checkpoint confirms.
    """

    start: int = 0
    end: int | None = None


class _NotHolding(Exception):
    """Something does not hold."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


async def verify(  # noqa: PLR0913, PLR0917  what a walk is about
    source: Source,
    block: str,
    keys: Keys,
    extent: Extent | None = None,
    witnesses: Mapping[str, Keys] | None = None,
    patience: timedelta = PATIENCE,
) -> Finding:
    """Walk through a block's ledger and return what was found, up to the first fault.

    ``keys`` are those the ledger signs with or has signed with; ``witnesses`` the known keys of
    those who co-sign. Memory does not grow with the ledger.
    """
    walk = _Walk(source, block, keys, extent or Extent(), witnesses or {}, patience)
    try:
        await walk.run()
    except _NotHolding as found:
        return Finding(walk.entries, walk.checkpoints, found.fault)
    return Finding(walk.entries, walk.checkpoints)


class _Walk:
    def __init__(  # noqa: PLR0913, PLR0917  what a walk is about
        self,
        source: Source,
        block: str,
        keys: Keys,
        extent: Extent,
        witnesses: Mapping[str, Keys],
        patience: timedelta,
    ) -> None:
        self._source = source
        self._block = block
        self._keys = keys
        self._extent = extent
        self._witnesses = witnesses
        self._patience = patience
        self._tree = Tree()
        self._previous: str | None = None
        self.entries = 0
        self.checkpoints = 0

    async def run(self) -> None:
        """Walk; raise _NotHolding at the first fault."""
        start = self._extent.start
        began_at = datetime.now(UTC)
        newest = await self._newest()
        end = newest if self._extent.end is None else min(self._extent.end, newest)
        await self._take_up(min(start, end))
        while self._tree.size < end:
            await self._step(min(self._tree.size + _BATCH, end))
            await asyncio.sleep(0)
        if self._extent.end is None:
            await self._beside(began_at)

    async def _newest(self) -> int:
        found = await self._source.fetch("SELECT max(size) AS size FROM evidence_checkpoint")
        return found[0]["size"] or 0

    async def _take_up(self, start: int) -> None:
        """Begin with the tree and the checkpoint below the first place."""
        if start <= 0:
            await self._check_checkpoints(_LEAST, 0)  # there is none over nothing
            return
        nodes = cover((0, start))
        kept = await read_nodes(self._source, nodes)
        if len(kept) != len(nodes):
            raise _NotHolding(Fault("a node below the first entry is missing", index=start))
        self._tree = Tree(start, [kept[node] for node in nodes])
        before = await self._source.fetch(
            "SELECT signed FROM evidence_checkpoint WHERE size <= $1 ORDER BY size DESC LIMIT 1",
            start,
        )
        self._previous = before[0]["signed"] if before else None

    # -- entries, nodes and checkpoints, in the order of their places --------------------------

    async def _step(self, until: int) -> None:
        """Check all entries up to a size, the nodes they complete and the checkpoints there."""
        start = self._tree.size
        found = await self._source.fetch(rows.ENTRIES, start, until)
        nodes = await self._nodes(start, until)
        waiting = await self._source.fetch(rows.CHECKPOINTS, start, until)
        waiting.reverse()
        for row in found:
            self._check_entry(row)
            self._grow(row, nodes)
            if waiting and waiting[-1]["size"] == self._tree.size:
                self._check_checkpoint(waiting.pop())
        if self._tree.size < until:
            raise _NotHolding(Fault("no entry has this place", index=self._tree.size))
        await self._check_parts(found)
        await self._check_beside_checkpoints(start, until)

    async def _nodes(self, start: int, until: int) -> dict[Node, bytes]:
        """Return the kept nodes whose last leaf is in a range."""
        levels = range(1, 63)
        found = await self._source.fetch(
            rows.NODES_BETWEEN,
            list(levels),
            [start >> n for n in levels],
            [until >> n for n in levels],
        )
        return {(row["level"], row["index"]): row["hash"] for row in found}

    def _grow(self, row: asyncpg.Record, nodes: dict[Node, bytes]) -> None:
        for node, found in self._tree.append(row["hash"]):
            kept = nodes.pop(node, None)
            if kept != found:
                reason = "is missing" if kept is None else "is not what its entries make"
                raise _NotHolding(_of_node(node, reason))
        self.entries += 1

    def _check_entry(self, row: asyncpg.Record) -> None:
        index = self._tree.size
        if row["index"] != index:
            raise _NotHolding(Fault("no entry has this place", index=index))
        if row["id"] is None:
            raise _NotHolding(Fault("the entry is missing", row["entry_id"], index))
        reason = rows.wrong(row, self._block)
        if not reason and row["hash"] != row["leaf"]:
            reason = "its place holds the hash of something else"
        if reason:
            raise _NotHolding(Fault(reason, row["entry_id"], index))

    async def _check_parts(self, found: Sequence[asyncpg.Record]) -> None:
        """Check the parts of those among entries that state some, or have some."""
        having = await self._source.fetch(rows.HAVING_PARTS, [row["id"] for row in found])
        with_some = {row["entry_id"] for row in having}
        for row in found:
            said = parts.stated(json.loads(row["facts"]))
            if said is None and row["id"] not in with_some:
                continue
            held = await self._source.fetch(rows.PARTS, row["id"])
            if reason := rows.wrong_parts(held, said, row["at"]):
                raise _NotHolding(Fault(reason, row["id"], row["index"]))

    async def _check_checkpoints(self, start: int, until: int) -> None:
        for row in await self._source.fetch(rows.CHECKPOINTS, start, until):
            self._check_checkpoint(row)

    def _check_checkpoint(self, row: asyncpg.Record) -> None:
        """Check a checkpoint at the size the tree has now."""
        size: int = row["size"]
        try:
            said = self._keys.verify(CHECKPOINT, row["signed"])
        except NotSigned as error:
            raise _NotHolding(Fault(f"the checkpoint: {error}", checkpoint=size)) from error
        expected = {
            "at": moment(row["at"]),
            "ledger": self._block,
            "previous": None if self._previous is None else digest_of(self._previous),
            "root": row["root"].hex(),
            "size": size,
        }
        reason = _differing(said, expected)
        if not reason and (size != self._tree.size or row["root"] != self._tree.root()):
            reason = "root is not that of the entries"
        if reason:
            raise _NotHolding(Fault(f"the checkpoint's {reason}", checkpoint=size))
        self._previous = row["signed"]
        self.checkpoints += 1

    # -- what stands beside checkpoints and entries ---------------------------------------------

    async def _check_beside_checkpoints(self, start: int, until: int) -> None:
        for row in await self._source.fetch(rows.COSIGNATURES, start, until):
            if reason := self._wrong_cosigned(row):
                raise _NotHolding(
                    Fault(f"{row['witness']}'s word {reason}", checkpoint=row["size"])
                )
        for row in await self._source.fetch(rows.TIMESTAMPS, start, until):
            about = None if row["of"] is None else hashlib.sha256(row["of"].encode()).digest()
            if about is None or about not in row["token"]:
                reason = "a time-stamp is of something else"
                raise _NotHolding(Fault(reason, checkpoint=row["size"]))

    def _wrong_cosigned(self, row: asyncpg.Record) -> str:
        if row["of"] is None:
            return "is of no checkpoint here"
        known = self._witnesses.get(row["witness"])
        try:
            signed: str = row["signed"]
            said = known.verify(COSIGNATURE, signed) if known else unproven(COSIGNATURE, signed)[1]
        except NotSigned as error:
            return f"does not hold: {error}"
        expected = {
            "at": said.get("at"),
            "checkpoint": digest_of(row["of"]),
            "ledger": self._block,
            "size": row["size"],
            "witness": row["witness"],
        }
        return _differing(said, expected)

    async def _beside(self, began_at: datetime) -> None:
        """Find what stands outside the walk: extra rows, and entries without a place."""
        for query, what in rows.EXTRA.items():
            for row in await self._source.fetch(query):
                raise _NotHolding(Fault(what, row["entry_id"], row["index"], row["checkpoint"]))
        await self._sweep(rows.EXTRA_DETAILS, "a detail of no entry")
        await self._sweep(rows.EXTRA_PARTS, "a part of no entry")
        loose = [one async for one in self._swept(rows.LOOSE, began_at - self._patience)]
        if loose and self._patience:
            await asyncio.sleep(min(self._patience.total_seconds(), 2.0))  # committed just now?
        for row in await self._source.fetch(rows.STILL_LOOSE, loose) if loose else ():
            reason = rows.wrong(row, self._block) or "it has no place"
            raise _NotHolding(Fault(reason, row["entry_id"]))

    async def _sweep(self, query: str, what: str) -> None:
        async for found in self._swept(query):
            raise _NotHolding(Fault(what, found))

    async def _swept(self, query: str, *more: object) -> AsyncGenerator[UUID]:
        """Return what a statement finds, that looks through a table by its ids in batches."""
        last: UUID | None = UUID(int=0)
        while last is not None:
            [row] = await self._source.fetch(query, last, _SWEEP, *more)
            for found in row["found"]:
                yield found
            last = row["last"]
            await asyncio.sleep(0)


def _of_node(node: Node, reason: str) -> Fault:
    level, index = node
    first, last = index << level, (index + 1 << level) - 1
    return Fault(f"the node over the entries {first} to {last} {reason}", index=first)


def _differing(said: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Say what of a statement is not as its row has it; empty when all is."""
    for name in sorted({*said, *expected}):
        if name not in said or name not in expected or said[name] != expected[name]:
            return f"{name} is not as stated"
    return ""
