"""One sequence for all that is written, whoever writes it and however late it commits."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from kit.evidence import Entry, Keys, Ledger, Signer
from kit.evidence.merkle import Tree
from kit.evidence.sequencing import digest_of, sequencing
from kit.evidence.signing import CHECKPOINT
from kit.sealing import new_sealing_key
from kit.testing import EVIDENCE_KEYS

PROGRAM = Path(__file__).with_name("writers.py")
WRITTEN = 2 * (1 + 32 * 12)  # by two processes of 32 writers, and one latest transaction in each
TREE = "SELECT index, entry_id::text AS id, hash FROM evidence_leaf ORDER BY index"


async def process(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, PROGRAM, *arguments, stdout=PIPE)


@asynccontextmanager
async def asking(url: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(connection: asyncpg.Connection, question: str) -> None:
    """Wait until a question is answered with true, 15 s at most."""
    for _ in range(300):
        if await connection.fetchval(question):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(question)


async def written_under_two_sequencers(url: str) -> list[dict[str, Any]]:
    """Let two processes write while two sequence, of which the one at work is killed."""
    first = await process("sequence", url, EVIDENCE_KEYS)
    key = new_sealing_key()
    writers = [await process("write", url, key, name) for name in ("one", "other")]
    async with asking(url) as connection:
        await until(connection, "SELECT count(*) > 0 FROM evidence_checkpoint")
        second = await process("sequence", url, EVIDENCE_KEYS)
        try:
            await until(connection, "SELECT count(*) > 100 FROM evidence_leaf")
            first.kill()
            told = [json.loads((await each.communicate())[0]) for each in writers]
            await until(
                connection,
                "SELECT count(*) = (SELECT count(*) FROM evidence_entry) FROM evidence_leaf",
            )
        finally:
            second.kill()
            await asyncio.gather(first.communicate(), second.communicate())
    return told


async def test_64_writers_in_two_processes_make_one_sequence_without_loss(committed):
    url = committed.state.urls.runtime
    told = await written_under_two_sequencers(url)
    stands = [one for each in told for one in each["committed"]]
    gone = {one for each in told for one in each["rolled_back"]}
    assert len(stands) + len(gone) == WRITTEN
    assert len(gone) == WRITTEN // 8 * 2
    async with asking(url) as connection:
        leaves = await connection.fetch(TREE)
        checkpoints = await connection.fetch("SELECT * FROM evidence_checkpoint ORDER BY size")
        hashes = {
            r["id"]: r["leaf"]
            for r in await connection.fetch("SELECT id::text, leaf FROM evidence_entry")
        }
    assert [leaf["index"] for leaf in leaves] == list(range(len(stands)))
    assert sorted(leaf["id"] for leaf in leaves) == sorted(stands)
    assert not gone & hashes.keys()
    assert all(hashes[leaf["id"]] == leaf["hash"] for leaf in leaves)
    assert_chained(checkpoints, [leaf["hash"] for leaf in leaves])


def assert_chained(checkpoints: list[asyncpg.Record], leaves: list[bytes]) -> None:
    """See that each checkpoint names the one before and the root over the leaves so far."""
    keys, tree, previous = Keys(Signer(EVIDENCE_KEYS).public), Tree(), None
    for checkpoint in checkpoints:
        for leaf in leaves[tree.size : checkpoint["size"]]:
            tree.append(leaf)
        said = keys.verify(CHECKPOINT, checkpoint["signed"])
        assert said["previous"] == previous
        assert (said["size"], said["root"]) == (tree.size, tree.root().hex())
        assert checkpoint["root"] == tree.root()
        previous = digest_of(checkpoint["signed"])
    assert tree.size == len(leaves)


@pytest.mark.parametrize("idle", [0.0, 3.0])
async def test_an_entry_has_its_place_within_a_second(committed, idle):
    url = committed.state.urls.runtime
    ledger: Ledger = committed.state.ledger
    async with sequencing("kit", url, Signer(EVIDENCE_KEYS)), asking(url) as connection:
        await ledger.note(Entry("thing.read", "A/B/C/D"))
        await until(connection, "SELECT count(*) = 1 FROM evidence_leaf")
        await asyncio.sleep(idle)
        noted = await ledger.note(Entry("thing.read", "A/B/C/D"))
        async with asyncio.timeout(1.0):
            await until(
                connection,
                f"SELECT EXISTS (SELECT FROM evidence_leaf WHERE entry_id = '{noted}')",  # noqa: S608  a UUID of ours
            )
