"""Proofs of the ledger: this entry is in it, and this checkpoint extends that one.

Each is made from what the sequencer keeps, with one statement that finds what is asked for and one
that reads all hashes the proof is folded from: at most two for each level of the tree.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from kit.evidence.merkle import Range, consistency, hashes_of, inclusion, nodes_for
from kit.evidence.nodes import Source, read_nodes

_ANY = (1 << 63) - 1


class NotProvable(Exception):
    """There is no such entry or checkpoint, or the entry has no place under it yet."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed checkpoint: how many entries it is over, and its JWS."""

    size: int
    signed: str


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What proves that an entry is in the ledger (RFC 9162 section 2.1.3)."""

    canonical: bytes
    index: int
    path: list[bytes]
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Consistency:
    """What proves that one checkpoint extends another (RFC 9162 section 2.1.4)."""

    first: Checkpoint
    second: Checkpoint
    path: list[bytes]


async def prove_inclusion(source: Source, entry: UUID, size: int | None = None) -> Inclusion:
    """Prove an entry under the newest checkpoint, or the one over ``size`` entries.

    Raises NotProvable.
    """
    rows = await source.fetch(_INCLUSION, entry, _ANY if size is None else size)
    if not rows:
        raise NotProvable("no entry has this id")
    [row] = rows
    index, of = row["index"], row["size"]
    if index is None or of is None or index >= of or size not in {None, of}:
        raise NotProvable("the entry has no place under this checkpoint")
    path = await _hashes(source, inclusion(index, of))
    return Inclusion(row["canonical"], index, path, Checkpoint(of, row["signed"]))


async def prove_consistency(source: Source, first: int, second: int) -> Consistency:
    """Prove that the checkpoint over ``second`` entries extends that over ``first``.

    Raises NotProvable when there is no such checkpoint, or the second is the smaller one.
    """
    rows = await source.fetch(_CHECKPOINTS, [first, second])
    found = {row["size"]: Checkpoint(row["size"], row["signed"]) for row in rows}
    if first not in found or second not in found:
        raise NotProvable("no checkpoint has this size")
    if first > second:
        raise NotProvable("the second checkpoint is before the first")
    path = await _hashes(source, consistency(first, second))
    return Consistency(found[first], found[second], path)


async def newest(source: Source) -> Checkpoint | None:
    """Return the newest checkpoint; None in a ledger without entries."""
    rows = await source.fetch(_NEWEST)
    return Checkpoint(rows[0]["size"], rows[0]["signed"]) if rows else None


async def _hashes(source: Source, ranges: Iterable[Range]) -> list[bytes]:
    """Return the hashes of subtrees, all from one query."""
    wanted = list(ranges)
    nodes = nodes_for(wanted)
    found = await read_nodes(source, nodes)
    if any(node not in found for node in nodes):
        raise NotProvable("a node of the tree is missing: the ledger does not verify")
    return hashes_of(wanted, found)


_INCLUSION = """
    SELECT e.canonical, l.index, c.size, c.signed
    FROM evidence_entry e
    LEFT JOIN evidence_leaf l ON l.entry_id = e.id
    LEFT JOIN LATERAL (
      SELECT size, signed FROM evidence_checkpoint
      WHERE size <= $2 ORDER BY size DESC LIMIT 1
    ) c ON true
    WHERE e.id = $1
"""
_CHECKPOINTS = "SELECT size, signed FROM evidence_checkpoint WHERE size = ANY($1::bigint[])"
_NEWEST = "SELECT size, signed FROM evidence_checkpoint ORDER BY size DESC LIMIT 1"
