"""The parts of a bulk operation's entry: what each is bound to, and what proves it.

A bulk operation is one entry; each thing it did is a part, a leaf of a Merkle tree of its own
(RFC 9162 section 2.1) whose root and count the entry states among its facts. So a person's part is
proven by two paths: to the root in the entry, and from the entry to a checkpoint.
"""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from kit.evidence.merkle import inclusion, root_of
from kit.evidence.models import PARTS


def place_of(entry: UUID, number: int) -> bytes:
    """Return what a part's detail is bound to: its entry, and its place in it."""
    return entry.bytes + number.to_bytes(8)


def path_of(number: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the hashes that lead from a part's leaf to the root over all of them."""
    return [root_of(leaves[start:end]) for start, end in inclusion(number, len(leaves))]


def stated(facts: object) -> tuple[int, bytes] | None:
    """Return how many parts an entry states and the root over them; None when it states none."""
    said = cast("dict[str, Any]", facts).get(PARTS) if isinstance(facts, dict) else None
    if not isinstance(said, dict):
        return None
    count, root = said.get("count"), said.get("root")
    if type(count) is not int or not isinstance(root, str):
        return None
    try:
        return count, bytes.fromhex(root)
    except ValueError:
        return None
