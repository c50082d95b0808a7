"""The tree is that of RFC 9162 section 2.1: by its definition, known roots, another's tree."""

import hashlib

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.evidence.merkle import (
    EMPTY,
    ProofFailed,
    Tree,
    consistency,
    cover,
    fold,
    hashes_of,
    inclusion,
    leaf_hash,
    node_hash,
    nodes_for,
    root_of,
    verify_consistency,
    verify_inclusion,
)

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The entries of Certificate Transparency's own tests."""

ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
SIZES = st.integers(1, 300)


def defined(leaves):
    """Return the root as section 2.1.1 defines it, word by word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = max(2**n for n in range(20) if 2**n < len(leaves))
    return node_hash(defined(leaves[:split]), defined(leaves[split:]))


def grown(size):
    """Return leaves, a tree over them, and all perfect nodes that are kept of it."""
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    tree, nodes = Tree(), {(0, index): leaf for index, leaf in enumerate(leaves)}
    for leaf in leaves:
        nodes.update(tree.append(leaf))
    return leaves, tree, nodes


def test_roots_are_those_of_certificate_transparency():
    for size, root in ROOTS.items():
        assert root_of(map(leaf_hash, ENTRIES[:size])).hex() == root
    assert EMPTY.hex() == ROOTS[0]


@given(SIZES)
def test_a_root_is_as_it_is_defined(size):
    leaves, tree, nodes = grown(size)
    assert tree.root() == defined(leaves) == fold([nodes[node] for node in cover((0, size))])


@given(SIZES, st.data())
def test_a_tree_is_taken_up_where_it_was_left(size, data):
    leaves, tree, nodes = grown(size)
    first = data.draw(st.integers(0, size))
    taken_up = Tree(first, [nodes[node] for node in cover((0, first))])
    for leaf in leaves[first:]:
        taken_up.append(leaf)
    assert taken_up.root() == tree.root()
    with pytest.raises(ValueError, match="nodes at its edge"):
        Tree(first + 1, [b""] * (1 + (first + 1).bit_count()))


@given(SIZES, st.data())
def test_another_implementation_gives_the_same_roots_and_paths(size, data):
    _, tree, nodes = grown(size)
    other = pymerkle.InmemoryTree(algorithm="sha256")
    for number in range(size):
        other.append_entry(str(number).encode())
    assert other.get_root() == tree.root()
    index = data.draw(st.integers(0, size - 1))
    theirs = other.prove_inclusion(index + 1, size).serialize()["path"]
    assert [h.hex() for h in hashes_of(inclusion(index, size), nodes)] == theirs[1:]


@given(SIZES, st.data())
def test_an_inclusion_proof_holds_for_its_leaf_alone(size, data):
    leaves, tree, nodes = grown(size)
    index = data.draw(st.integers(0, size - 1))
    ranges = inclusion(index, size)
    path = hashes_of(ranges, {node: nodes[node] for node in nodes_for(ranges)})
    assert len(path) <= size.bit_length()
    verify_inclusion(leaves[index], index, size, path, tree.root())
    other = data.draw(st.integers(0, size + 2).filter(lambda n: n != index))
    changed = [*path, leaves[0]], path[:-1], [leaf_hash(b""), *path[1:]]
    for leaf, place, steps in (
        (leaf_hash(b"another"), index, path),
        (leaves[index], other, path),
        *((leaves[index], index, steps) for steps in changed if steps != path),
    ):
        with pytest.raises(ProofFailed):
            verify_inclusion(leaf, place, size, steps, tree.root())


@given(SIZES, st.data())
def test_a_consistency_proof_holds_for_its_two_trees_alone(size, data):
    leaves, tree, nodes = grown(size)
    first = data.draw(st.integers(1, size))
    old = defined(leaves[:first])
    path = hashes_of(consistency(first, size), nodes)
    verify_consistency((first, size), (old, tree.root()), path)
    rewritten = defined([leaf_hash(b"rewritten"), *leaves[1:first]])
    with pytest.raises(ProofFailed):
        verify_consistency((first, size), (rewritten, tree.root()), path)
    with pytest.raises(ProofFailed):
        verify_consistency((first, size), (old, rewritten), path)
    with pytest.raises(ProofFailed):
        verify_consistency((first, size), (old, tree.root()), [*path, old])
    if path:
        with pytest.raises(ProofFailed):
            verify_consistency((first, size), (old, tree.root()), path[:-1])


def test_what_is_not_in_a_tree_is_not_asked_of_it():
    for ask in (lambda: inclusion(3, 3), lambda: consistency(0, 3), lambda: consistency(4, 3)):
        with pytest.raises(ValueError, match="tree of"):
            ask()
    for sizes in ((0, 1), (2, 1)):
        with pytest.raises(ProofFailed):
            verify_consistency(sizes, (EMPTY, EMPTY), [])
