"""An entry with the proof that it is in a ledger of 100,000, under one of a hundred checkpoints."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from uuid import UUID

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.row import NUMBER, Pair, Row, Target
from benchmarks.stage import CLIENT, MEMBER, Stage
from kit.access import HEADER
from kit.evidence import Entry
from kit.evidence.merkle import Tree
from kit.evidence.models import Sealed, sealed
from kit.evidence.proofs import prove_inclusion
from kit.identifiers import new_id

ENTRIES = 100_000
_GROUP = 10_000
_UNDER = f"999{NUMBER}"
_SIZES = {int(f"999{number}") for number in range(100)}
"""Sizes that have a checkpoint, so that the number of a request names one."""

_INSERT = """
    WITH given AS (
      SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[])
      WITH ORDINALITY AS g (id, said, leaf, place)
    ), entries AS (
      INSERT INTO evidence_entry (id, at, kind, actor, object, tenant, facts, canonical, leaf)
      SELECT id, $4, 'thing.read', $5, '', $6, '{}', said, leaf FROM given
    )
    INSERT INTO evidence_leaf (index, entry_id, hash)
    SELECT $7::bigint + place - 1, id, leaf FROM given
"""
_NODES = """
    INSERT INTO evidence_node (level, index, hash)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
"""
_CHECKPOINTS = """
    INSERT INTO evidence_checkpoint (size, root, at, signed)
    SELECT size, root, now(), 'as long as a signed checkpoint is ' || repeat('.', 350)
    FROM unnest($1::bigint[], $2::bytea[]) AS c (size, root)
"""


def _filled(stage: Stage) -> UUID:
    """Fill the ledger; return the id of its first entry."""
    stage.block("registry")
    stage.clear()
    tree, roots, first = Tree(), dict[int, bytes](), None
    for start in range(0, ENTRIES, _GROUP):
        entries = list(_entries(_GROUP))
        first = first or entries[0].id
        ids, leaves = [entry.id for entry in entries], [entry.leaf for entry in entries]
        texts, at = [entry.canonical for entry in entries], datetime.now(UTC)
        stage.sql("registry", _INSERT, ids, texts, leaves, at, CLIENT, MEMBER, start)
        made = list(chain.from_iterable(_grown(tree, leaf, roots) for leaf in leaves))
        columns = [[n[0] for n, _ in made], [n[1] for n, _ in made], [found for _, found in made]]
        stage.sql("registry", _NODES, *columns)
    stage.sql("registry", _CHECKPOINTS, list(roots), list(roots.values()))
    stage.analyse("registry")
    assert first is not None  # noqa: S101  there are entries
    return first


def _grown(tree: Tree, leaf: bytes, roots: dict[int, bytes]) -> list[tuple[tuple[int, int], bytes]]:
    made = tree.append(leaf)
    if tree.size in _SIZES:
        roots[tree.size] = tree.root()
    return made


def _entries(count: int) -> Iterator[Sealed]:
    for _ in range(count):
        entry = Entry("thing.read", CLIENT, tenant=MEMBER)
        yield sealed("registry", entry, (new_id(), datetime.now(UTC)), (None, None))


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare handler that makes the same proof."""
    entry = stage.once("ledger", lambda: _filled(stage))

    async def prove(pool: asyncpg.Pool, request: Request) -> Response:
        found = await prove_inclusion(pool, entry, int(request.query_params["size"]))
        said = {
            "entry": found.canonical.decode(),
            "path": [step.hex() for step in found.path],
            "checkpoint": found.checkpoint.signed,
        }
        return Response(json.dumps(said), media_type="application/json")

    url = stage.block("registry")
    with stage.client("registry", url) as client:
        headers = {HEADER: client.headers[HEADER]}
    ours = Target(f"{url}/evidence/entries/{entry}?size={_UNDER}", headers=headers, choices=100)
    bare = Target(f"{stage.bare('registry', prove)}?size={_UNDER}", choices=100)
    yield Pair(ours, bare)


ROW = Row("Registry: entry with its proof", "Starlette + asyncpg, same statements", pair)
