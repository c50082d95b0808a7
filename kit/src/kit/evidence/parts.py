"""The parts of a bulk operation's entry: what each is bound to, and what proves it.

A bulk operation is one entry; each thing it did is a part, a leaf of a Merkle tree of its own
(RFC 9162 section 2.1) whose root and count the entry states among its facts. So a person's part is
proven by two paths: to the root in the entry, and from the entry to a checkpoint.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from kit.canonical import canonical
from kit.evidence.merkle import ProofFailed, inclusion, leaf_hash, root_of, verify_inclusion
from kit.evidence.models import PARTS
from kit.evidence.packages import ProvenPart


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


def check(part: ProvenPart, facts: object) -> dict[str, Any]:
    """Return what a part says, when it is one of the entry with these facts; else ProofFailed."""
    said = _read(part.text)
    told = stated(facts)
    if told is None:
        raise ProofFailed("the entry states no parts")
    count, root = told
    proof = part.proof
    if proof.size != count:
        raise ProofFailed("the part is of another number of parts than the entry states")
    verify_inclusion(leaf_hash(part.text), proof.index, count, proof.path, root)
    sealed = None if part.detail is None else part.detail.sealed
    if sealed is not None and hashlib.sha256(sealed).hexdigest() != said.get("detail"):
        raise ProofFailed("the part's sealed detail is not its own: its digest is another")
    return said


def _read(text: bytes) -> dict[str, Any]:
    try:
        said = json.loads(text)
        is_canonical = canonical(said) == text
    except ValueError as error:
        raise ProofFailed("the part is not JSON that has a canonical form") from error
    if not is_canonical or not isinstance(said, dict):
        raise ProofFailed("the part is not as it was written")
    part = cast("dict[str, Any]", said)
    if not isinstance(part.get("object"), str) or not isinstance(part.get("facts"), dict):
        raise ProofFailed("the part does not say what it is about")
    return part
