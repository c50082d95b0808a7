"""The Merkle tree of RFC 9162 section 2.1: hashes, proofs, and what is kept to make them.

A node (``level``, ``index``) is the root over the leaves ``index << level`` up to
``(index + 1) << level``. Only such perfect nodes are kept; every other hash of the RFC is folded
from a few of them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

Node = tuple[int, int]
Range = tuple[int, int]
"""Leaves from the first up to, not with, the second."""

EMPTY = hashlib.sha256(b"").digest()


class ProofFailed(Exception):
    """A proof does not show what it was given for; the message says why."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry as a leaf (section 2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes as the one above them (section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaves' hashes."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


class Tree:
    """The right edge of a tree: enough to append leaves and to know the root."""

    def __init__(self, size: int = 0, edge: Sequence[bytes] = ()) -> None:
        """Take up a tree of ``size`` leaves; ``edge`` are the hashes of ``cover((0, size))``."""
        self.size = size
        self._edge = list(edge)
        if len(self._edge) != size.bit_count():
            message = f"a tree of {size} leaves has {size.bit_count()} nodes at its edge"
            raise ValueError(message)

    def append(self, leaf: bytes) -> list[tuple[Node, bytes]]:
        """Append a leaf's hash; return the perfect nodes above leaves that are complete now."""
        made, level, index, found = list[tuple[Node, bytes]](), 0, self.size, leaf
        while index & 1:
            found = node_hash(self._edge.pop(), found)
            level, index = level + 1, index >> 1
            made.append(((level, index), found))
        self._edge.append(found)
        self.size += 1
        return made

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return fold(self._edge) if self._edge else EMPTY


def cover(leaves: Range) -> list[Node]:
    """Return the perfect nodes that a subtree of the RFC is folded from, left to right."""
    start, end = leaves
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of a subtree from those of its ``cover``."""
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found


def inclusion(index: int, size: int) -> list[Range]:
    """Return the subtrees whose hashes prove a leaf, from the leaf up (section 2.1.3.1).

    Raises ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        message = f"a tree of {size} leaves has no leaf {index}"
        raise ValueError(message)
    start, end = 0, size
    found: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency(first: int, second: int) -> list[Range]:
    """Return the subtrees whose hashes prove that one tree extends another (section 2.1.4.1).

    Raises ValueError when the first tree is empty or larger than the second.
    """
    if not 0 < first <= second:
        message = f"a tree of {second} leaves does not extend one of {first}"
        raise ValueError(message)
    start, end, is_whole = 0, second, True
    found: list[Range] = []
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start, is_whole = middle, False
    return ([] if is_whole else [(start, end)]) + found[::-1]


def nodes_for(ranges: Iterable[Range]) -> list[Node]:
    """Return all perfect nodes that the hashes of subtrees are made from."""
    return [node for leaves in ranges for node in cover(leaves)]


def hashes_of(ranges: Iterable[Range], nodes: Mapping[Node, bytes]) -> list[bytes]:
    """Return the hashes of subtrees from the perfect nodes under them."""
    return [fold([nodes[node] for node in cover(leaves)]) for leaves in ranges]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf is in a tree (section 2.1.3.2); raise ProofFailed when it is not shown."""
    if not 0 <= index < size:
        raise ProofFailed(f"a tree of {size} leaves has no leaf {index}")
    found = leaf
    for step, is_left in _climb(index, size - 1, path):
        found = node_hash(step, found) if is_left else node_hash(found, step)
    if found != root:
        raise ProofFailed("the path leads to another root")


def verify_consistency(
    sizes: tuple[int, int], roots: tuple[bytes, bytes], path: Sequence[bytes]
) -> None:
    """Check that the second tree extends the first (section 2.1.4.2), or raise ProofFailed."""
    first, second = sizes
    if not 0 < first <= second:
        raise ProofFailed(f"a tree of {second} leaves does not extend one of {first}")
    if first == second:
        if path or roots[0] != roots[1]:
            raise ProofFailed("two trees of one size have two roots")
        return
    steps = [roots[0], *path] if first.bit_count() == 1 else list(path)
    if not steps:
        raise ProofFailed("the path is empty")
    own = (first & -first).bit_length() - 1  # the first tree's last node stands on this level
    old = new = steps[0]
    for step, is_left in _climb((first - 1) >> own, (second - 1) >> own, steps[1:]):
        new = node_hash(step, new) if is_left else node_hash(new, step)
        old = node_hash(step, old) if is_left else old
    if old != roots[0]:
        raise ProofFailed("the path leads to another first root")
    if new != roots[1]:
        raise ProofFailed("the path leads to another second root")


def _climb(place: int, last: int, path: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each step from a node up to the root, and whether it stands on the left."""
    for step in path:
        if last == 0:
            raise ProofFailed("the path is too long")
        is_left = bool(place & 1) or place == last
        yield step, is_left
        while is_left and place and not place & 1:
            place, last = place >> 1, last >> 1
        place, last = place >> 1, last >> 1
    if last:
        raise ProofFailed("the path is too short")


def _split(size: int) -> int:
    """Return the largest power of two below a size of two or more."""
    return 1 << ((size - 1).bit_length() - 1)
