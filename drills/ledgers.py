"""What the ledgers of a stack hold: everything that answers promised, in a tree that verifies."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager

import asyncpg

from drills.house import PARTS, House
from drills.load import Attempt
from kit.evidence import Keys, NotSigned, Signer
from kit.evidence.signing import PROMISE
from kit.evidence.verification import verify

_PATIENCE, _PAUSE = 30.0, 0.1  # seconds
_ALL_PLACED = """
    SELECT NOT EXISTS (
      SELECT FROM evidence_entry e
      WHERE NOT EXISTS (SELECT FROM evidence_leaf l WHERE l.entry_id = e.id)
    )
"""
_WITNESSED = "SELECT EXISTS (SELECT FROM evidence_cosignature)"
Promised = Mapping[str, Mapping[str, str]]
"""For each ledger the entries that were promised: id and leaf hash in hexadecimal."""


class LateError(Exception):
    """A ledger is not as it should be for longer than it may."""


def promised(house: House, attempts: Iterable[Attempt]) -> tuple[Promised, list[str]]:
    """Return what answers promised, and what is wrong with their promises."""
    keys = {part: _keys(house, part) for part in PARTS}
    found: dict[str, dict[str, str]] = defaultdict(dict)
    broken: list[str] = []
    for each in attempts:
        ledgers = set[str]()
        for word in each.promises:
            said = _read(keys, word)
            if said is None:
                broken.append(f"a promise for {each.request_id} is not signed by the house")
                continue
            ledgers.add(said[0])
            found[said[0]] |= said[1]
        if each.succeeded and "gateway" not in ledgers:
            broken.append(f"{each.kind} {each.key} ({each.request_id}) was promised nothing")
    return found, broken


def _read(keys: Mapping[str, Keys], word: str) -> tuple[str, dict[str, str]] | None:
    """Return a promise's ledger with its entries; None when that ledger did not sign it."""
    for part, known in keys.items():
        try:
            said = known.verify(PROMISE, word)
        except NotSigned:
            continue
        if said["ledger"] == part:
            return part, {entry["id"]: entry["leaf"] for entry in said["entries"]}
    return None


def _keys(house: House, part: str) -> Keys:
    secrets = json.loads((house.home / "secrets.json").read_text())
    return Keys(Signer(secrets["evidence_keys"][part]).public)


async def missing(house: House, wanted: Promised) -> list[str]:
    """Return the promised entries that are not in their ledger's tree with their leaf hash."""
    broken: list[str] = []
    for part, entries in wanted.items():
        async with _placed(house, part) as connection:
            rows = await connection.fetch(
                """
                SELECT w.id, w.leaf FROM unnest($1::text[], $2::text[]) AS w (id, leaf)
                LEFT JOIN evidence_leaf l ON l.entry_id = w.id::uuid
                LEFT JOIN evidence_entry e ON e.id = w.id::uuid
                WHERE e.id IS NULL OR l.hash IS DISTINCT FROM decode(w.leaf, 'hex')
                """,
                list(entries),
                list(entries.values()),
            )
        broken += [f"{part} has not {row['id']}" for row in rows]
    return broken


async def faults(house: House) -> tuple[list[str], str]:
    """Walk through every ledger; return what does not hold, and what was counted.

    The gateway signs each block's checkpoints, each block the gateway's.
    """
    keys = {part: _keys(house, part) for part in PARTS}
    broken: list[str] = []
    counted: list[str] = []
    for part in PARTS:
        async with _placed(house, part) as connection:
            await _until(connection, _WITNESSED, f"no witness of {part}")
            found = await verify(connection, part, keys[part], witnesses=keys)
            words = await connection.fetchval("SELECT count(*) FROM evidence_cosignature")
        told = f"{found.entries} under {found.checkpoints} checkpoints, witnessed {words} times"
        counted.append(f"{part} {told}")
        if found.fault is not None:
            broken.append(f"{part}: {found.fault}")
    return broken, ", ".join(counted)


@asynccontextmanager
async def _placed(house: House, part: str) -> AsyncGenerator[asyncpg.Connection]:
    """Lend a connection to a part's database once every entry has its place, as its owner."""
    connection = await asyncpg.connect(house.owner_url(part))
    try:
        await _until(connection, _ALL_PLACED, f"entries of {part} have no place")
        yield connection
    finally:
        await connection.close()


async def _until(connection: asyncpg.Connection, question: str, otherwise: str) -> None:
    """Wait until a question is answered with true; raise LateError."""
    for _ in range(int(_PATIENCE / _PAUSE)):
        if await connection.fetchval(question):
            return
        await asyncio.sleep(_PAUSE)
    raise LateError(f"{otherwise} after {_PATIENCE:g} s")
