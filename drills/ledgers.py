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

_PLACED_WITHIN = 15.0
Promised = Mapping[str, Mapping[str, str]]
"""For each ledger the entries that were promised: id and leaf hash in hexadecimal."""


class NotPlacedError(Exception):
    """Entries wait for their places longer than they should."""


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
    """Walk through every ledger; return what does not hold, and what was counted."""
    broken: list[str] = []
    counted: list[str] = []
    for part in PARTS:
        async with _placed(house, part) as connection:
            found = await verify(connection, part, _keys(house, part))
        counted.append(f"{part} {found.entries} under {found.checkpoints} checkpoints")
        if found.fault is not None:
            broken.append(f"{part}: {found.fault}")
    return broken, ", ".join(counted)


@asynccontextmanager
async def _placed(house: House, part: str) -> AsyncGenerator[asyncpg.Connection]:
    """Lend a connection to a part's database once every entry has its place, as its owner."""
    connection = await asyncpg.connect(house.owner_url(part))
    try:
        async with asyncio.timeout(_PLACED_WITHIN):
            await _wait(connection)
        yield connection
    except TimeoutError as error:
        raise NotPlacedError(f"entries of {part} wait for {_PLACED_WITHIN:g} s") from error
    finally:
        await connection.close()


async def _wait(connection: asyncpg.Connection) -> None:
    waiting = """
        SELECT count(*) FROM evidence_entry e
        WHERE NOT EXISTS (SELECT FROM evidence_leaf l WHERE l.entry_id = e.id)
    """
    while await connection.fetchval(waiting):  # noqa: ASYNC110  PostgreSQL has no event for us
        await asyncio.sleep(0.1)
