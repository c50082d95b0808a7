"""The walk finds whatever is changed in a ledger, and names it.

Each example changes one thing as the owner of the tables, on a ledger that holds, and rolls back.
"""

import hashlib
import itertools
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kit.canonical import canonical
from kit.evidence import Entry, Keys, Signer, leaf_hash, new_signing_keys
from kit.evidence.merkle import verify_consistency, verify_inclusion
from kit.evidence.models import moment
from kit.evidence.proofs import NotProvable, prove_consistency, prove_inclusion
from kit.evidence.sequencing import append, digest_of, read_head
from kit.evidence.signing import CHECKPOINT, COSIGNATURE
from kit.evidence.verification import Extent, verify
from kit.identifiers import new_id
from kit.testing import Block, copy_of_template, settings_for

GROUPS = (1, 2, 4, 5, 7, 8)
SIZES = [1, 3, 7, 12, 19, 27]
COUNT = sum(GROUPS)
NOW = timedelta(0)
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
WITNESS = Signer(new_signing_keys())


@dataclass
class Kept:
    """A ledger of 27 entries under six checkpoints, and what verifies it."""

    driver: asyncpg.Connection
    signer: Signer
    ids: list[UUID]

    async def verify(self, **more):
        given = {"patience": NOW, "witnesses": {"witness": Keys(WITNESS.public)}} | more
        return await verify(self.driver, "kit", Keys(self.signer.public), **given)

    async def finds(self, *changes: tuple[str, list[object]]):
        """Return the fault that a walk finds after changes, which are undone."""
        work = self.driver.transaction()
        await work.start()
        try:
            for statement, values in changes:
                done = await self.driver.execute(statement, *values)
                assert done.split()[-1] != "0", "nothing was changed"
            return (await self.verify()).fault
        finally:
            await work.rollback()


def entry_number(number: int) -> Entry:
    subject = f"EE{number % 5}" if number % 3 else None
    return Entry(
        ("thing.read", "thing.changed")[number % 2],
        "A/B/C/D",
        f"thing:{number}",
        subject=subject,
        facts={"number": number, "more": [1.5, None, True, 1e21], "text": "é"},
        detail={"reader": number} if subject and number % 2 else None,
        tenant="A/B/C" if number % 4 else "",
    )


@pytest.fixture(scope="session")
async def kept(block: Block) -> AsyncGenerator[Kept]:
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(copy_of_template(block))
        app = block.create_app(settings_for(block, made))
        await stack.enter_async_context(app.router.lifespan_context(app))
        driver = await asyncpg.connect(made.owner)
        stack.push_async_callback(driver.close)
        signer = app.state.evidence_signer
        head = await read_head(driver)
        numbers = iter(range(COUNT))
        for size in GROUPS:
            for _ in range(size):
                await app.state.ledger.note(entry_number(next(numbers)))
            await append(driver, "kit", signer, head)
        await cosign(driver, 12)
        signed = await driver.fetchval("SELECT signed FROM evidence_checkpoint WHERE size = 12")
        token = b"token of " + hashlib.sha256(signed.encode()).digest()
        await driver.execute("INSERT INTO evidence_timestamp VALUES (12, $1)", token)
        rows = await driver.fetch("SELECT entry_id FROM evidence_leaf ORDER BY index")
        yield Kept(driver, signer, [row["entry_id"] for row in rows])


async def cosign(driver: asyncpg.Connection, at: int, **other: object) -> None:
    signed = await driver.fetchval("SELECT signed FROM evidence_checkpoint WHERE size = $1", at)
    said = {
        "at": moment(datetime.now(UTC)),
        "checkpoint": digest_of(signed),
        "ledger": "kit",
        "size": at,
        "witness": "witness",
    }
    word = WITNESS.sign(COSIGNATURE, said | other)
    await driver.execute("INSERT INTO evidence_cosignature VALUES ($1, 'witness', $2)", at, word)


async def test_a_ledger_nobody_touched_holds(kept: Kept) -> None:
    found = await kept.verify()
    assert (found.holds, found.fault) == (True, None)
    assert (found.entries, found.checkpoints) == (COUNT, len(SIZES))
    for start in range(COUNT + 1):
        part = await kept.verify(extent=Extent(start, 20))
        assert part.holds
        assert part.entries == max(0, 20 - start)


PLACES = st.integers(0, COUNT - 1)
FLIPS = st.integers(0, 255), st.integers(1, 255)


def flipped(value: bytes, at: int, by: int) -> bytes:
    changed = bytearray(value)
    changed[at % len(changed)] ^= by
    return bytes(changed)


ENTRY_COLUMNS = {
    "at": "at + interval '1 microsecond'",
    "kind": "kind || 'x'",
    "actor": "left(actor, -1)",
    "object": "object || ' '",
    "subject": "CASE WHEN subject IS NULL THEN '\\x00'::bytea END",
    "tenant": "tenant || '/'",
    "facts": "jsonb_set(facts, '{more,2}', '1')",
    "canonical": "set_byte(canonical, 5, get_byte(canonical, 5) # 1)",
    "leaf": "set_byte(leaf, 31, get_byte(leaf, 31) # 1)",
}


@given(place=PLACES, column=st.sampled_from(sorted(ENTRY_COLUMNS)))
@EXAMPLES
async def test_a_changed_column_of_an_entry_is_found(kept: Kept, place: int, column: str) -> None:
    change = f"UPDATE evidence_entry SET {column} = {ENTRY_COLUMNS[column]} WHERE id = $1"  # noqa: S608
    fault = await kept.finds((change, [kept.ids[place]]))
    assert fault is not None
    assert (fault.entry, fault.index) == (kept.ids[place], place)
    if column not in ("canonical", "leaf"):
        assert fault.reason == f"its {column} is not what its text says"


@given(place=PLACES, at=st.integers(0, 1000), by=st.integers(1, 255))
@EXAMPLES
async def test_an_entry_rewritten_with_its_own_hash_is_found(
    kept: Kept, place: int, at: int, by: int
) -> None:
    """Whoever rewrites text, hash and place alike still meets the tree."""
    said = await kept.driver.fetchval(
        "SELECT canonical FROM evidence_entry WHERE id = $1", kept.ids[place]
    )
    text = flipped(said, at, by)
    fault = await kept.finds(
        (
            "UPDATE evidence_entry SET canonical = $2, leaf = $3 WHERE id = $1",
            [kept.ids[place], text, leaf_hash(text)],
        ),
        ("UPDATE evidence_leaf SET hash = $2 WHERE index = $1", [place, leaf_hash(text)]),
    )
    assert fault is not None
    assert fault.index == place


@given(place=PLACES)
@EXAMPLES
async def test_an_entry_rewritten_everywhere_but_in_the_tree_is_found(
    kept: Kept, place: int
) -> None:
    row = await kept.driver.fetchrow("SELECT * FROM evidence_entry WHERE id = $1", kept.ids[place])
    text = canonical(json.loads(row["canonical"]) | {"actor": "X/Y/Z/W"})
    fault = await kept.finds(
        (
            "UPDATE evidence_entry SET actor = 'X/Y/Z/W', canonical = $2, leaf = $3 WHERE id = $1",
            [kept.ids[place], text, leaf_hash(text)],
        ),
        ("UPDATE evidence_leaf SET hash = $2 WHERE index = $1", [place, leaf_hash(text)]),
    )
    assert fault is not None
    if place in (0, 2, 6, 18, 26):  # the last one under a checkpoint has no node before it
        assert fault.checkpoint == place + 1
    else:
        assert fault.index == place & ~1, "the node over it and its neighbour"


@given(place=PLACES)
@EXAMPLES
async def test_an_entry_rewritten_in_row_and_text_alike_is_found(kept: Kept, place: int) -> None:
    row = await kept.driver.fetchrow("SELECT * FROM evidence_entry WHERE id = $1", kept.ids[place])
    text = canonical(json.loads(row["canonical"]) | {"actor": "X/Y/Z/W"})
    change = "UPDATE evidence_entry SET actor = 'X/Y/Z/W', canonical = $2 WHERE id = $1"
    fault = await kept.finds((change, [kept.ids[place], text]))
    assert fault is not None
    assert (fault.entry, fault.index) == (kept.ids[place], place)
    assert fault.reason == "its text does not have its hash"


@given(place=PLACES)
@EXAMPLES
async def test_a_removed_entry_is_found(kept: Kept, place: int) -> None:
    fault = await kept.finds(("DELETE FROM evidence_entry WHERE id = $1", [kept.ids[place]]))
    assert fault is not None
    assert (fault.entry, fault.index) == (kept.ids[place], place)


@given(one=PLACES, other=PLACES)
@EXAMPLES
async def test_swapped_entries_are_found(kept: Kept, one: int, other: int) -> None:
    if one == other:
        return
    first, second = kept.ids[one], kept.ids[other]
    swap = "UPDATE evidence_leaf SET entry_id = $2 WHERE entry_id = $1"
    spare = new_id()
    fault = await kept.finds(
        (swap, [first, spare]), (swap, [second, first]), (swap, [spare, second])
    )
    assert fault is not None
    assert fault.index == min(one, other)
    move = "UPDATE evidence_leaf SET index = $2 WHERE index = $1"
    fault = await kept.finds((move, [one, 1000]), (move, [other, one]), (move, [1000, other]))
    assert fault is not None, "a place that moved with its hash"
    low = min(one, other)
    assert fault.index == low & ~1 or fault.checkpoint == low + 1


@given(days=st.integers(-10_000, 10_000), place=PLACES)
@example(days=10_000, place=0)
@EXAMPLES
async def test_an_inserted_entry_is_found(kept: Kept, days: int, place: int) -> None:
    made = new_id()
    insert = """
        INSERT INTO evidence_entry
          (id, at, kind, actor, object, subject, tenant, facts, canonical, leaf)
        SELECT $1, $2, kind, actor, object, subject, tenant, facts, canonical, leaf
        FROM evidence_entry WHERE id = $3
    """
    values = [made, datetime.now(UTC) + timedelta(days=days), kept.ids[place]]
    fault = await kept.finds((insert, values))
    assert fault is not None
    assert fault.entry == made
    fault = await kept.finds(
        (insert, values),
        (
            "INSERT INTO evidence_leaf SELECT $2, id, leaf FROM evidence_entry WHERE id = $1",
            [made, COUNT],
        ),
    )
    assert fault is not None
    assert (fault.entry, fault.index) == (made, COUNT)


@given(place=PLACES, bits=st.tuples(*FLIPS))
@EXAMPLES
async def test_a_changed_detail_is_found(kept: Kept, place: int, bits: tuple[int, int]) -> None:
    sealed = await kept.driver.fetchval(
        "SELECT sealed FROM evidence_detail WHERE entry_id = $1", kept.ids[place]
    )
    which = [kept.ids[place]]
    if sealed is None:
        changes = ["INSERT INTO evidence_detail VALUES ($1, 'made up')"]
    else:
        which.append(flipped(sealed, *bits))
        changes = ["UPDATE evidence_detail SET sealed = $2 WHERE entry_id = $1"]
    fault = await kept.finds(*((change, which) for change in changes))
    assert fault is not None
    assert (fault.entry, fault.index) == (kept.ids[place], place)
    if sealed is not None:
        for change in (
            "DELETE FROM evidence_detail WHERE entry_id = $1",
            "UPDATE evidence_detail SET entry_id = gen_random_uuid() WHERE entry_id = $1",
        ):
            fault = await kept.finds((change, which[:1]))
            assert fault is not None
            assert (fault.entry, fault.index) == (kept.ids[place], place)


async def test_a_detail_of_no_entry_is_found(kept: Kept) -> None:
    made = new_id()
    fault = await kept.finds(("INSERT INTO evidence_detail VALUES ($1, 'x')", [made]))
    assert fault is not None
    assert fault.entry == made


@given(
    place=PLACES,
    column=st.sampled_from(["hash", "index", "entry_id", "row"]),
    bits=st.tuples(*FLIPS),
)
@EXAMPLES
async def test_a_changed_place_is_found(
    kept: Kept, place: int, column: str, bits: tuple[int, int]
) -> None:
    hash_ = await kept.driver.fetchval("SELECT hash FROM evidence_leaf WHERE index = $1", place)
    change, more = {
        "hash": ("UPDATE evidence_leaf SET hash = $2 WHERE index = $1", [flipped(hash_, *bits)]),
        "index": ("UPDATE evidence_leaf SET index = $2 WHERE index = $1", [COUNT + bits[0]]),
        "entry_id": ("UPDATE evidence_leaf SET entry_id = $2 WHERE index = $1", [new_id()]),
        "row": ("DELETE FROM evidence_leaf WHERE index = $1", []),
    }[column]
    fault = await kept.finds((change, [place, *more]))
    assert fault is not None
    assert fault.index == place


NODES = [(level, index) for level in range(1, 5) for index in range(COUNT >> level)]


@given(
    node=st.sampled_from(NODES),
    column=st.sampled_from(["hash", "index", "level", "row"]),
    bits=st.tuples(*FLIPS),
)
@EXAMPLES
async def test_a_changed_node_is_found(
    kept: Kept, node: tuple[int, int], column: str, bits: tuple[int, int]
) -> None:
    where = " WHERE level = $1 AND index = $2"
    hash_ = await kept.driver.fetchval("SELECT hash FROM evidence_node" + where, *node)  # noqa: S608
    change, more = {
        "hash": ("UPDATE evidence_node SET hash = $3", [flipped(hash_, *bits)]),
        "index": ("UPDATE evidence_node SET index = $3", [1000]),
        "level": ("UPDATE evidence_node SET level = $3", [40 + bits[0]]),
        "row": ("DELETE FROM evidence_node", []),
    }[column]
    fault = await kept.finds((change + where, [*node, *more]))
    assert fault is not None
    assert fault.index == node[1] << node[0]


@pytest.mark.parametrize("node", [(1, 13), (0, 0), (-1, 2), (63, 0), (2, -1), (5, 0)])
async def test_a_node_over_nothing_is_found(kept: Kept, node: tuple[int, int]) -> None:
    fault = await kept.finds(("INSERT INTO evidence_node VALUES ($1, $2, '\\x00')", [*node]))
    assert fault is not None
    assert fault.reason == "a node stands over no entries"


@given(
    number=st.integers(0, len(SIZES) - 1),
    column=st.sampled_from(["size", "root", "at", "row", "added"]),
    bits=st.tuples(*FLIPS),
)
@EXAMPLES
async def test_a_changed_checkpoint_is_found(
    kept: Kept, number: int, column: str, bits: tuple[int, int]
) -> None:
    size = SIZES[number]
    root = await kept.driver.fetchval("SELECT root FROM evidence_checkpoint WHERE size = $1", size)
    free = size - 1 if size > 3 else size + 1
    change, more = {
        "size": ("UPDATE evidence_checkpoint SET size = $2 WHERE size = $1", [free]),
        "root": (
            "UPDATE evidence_checkpoint SET root = $2 WHERE size = $1",
            [flipped(root, *bits)],
        ),
        "at": ("UPDATE evidence_checkpoint SET at = at - interval '1 ms' WHERE size = $1", []),
        "row": ("DELETE FROM evidence_checkpoint WHERE size = $1", []),
        "added": (
            """
            INSERT INTO evidence_checkpoint
            SELECT $2, root, at, signed FROM evidence_checkpoint WHERE size = $1
            """,
            [free],
        ),
    }[column]
    fault = await kept.finds((change, [size, *more]))
    assert fault is not None
    if column in ("size", "added"):
        assert fault.checkpoint == free
    elif column != "row":
        assert fault.checkpoint == size
    elif number == len(SIZES) - 1:
        assert fault.index == SIZES[-2], "the first entry under no checkpoint"
    else:
        assert fault.checkpoint == SIZES[number + 1]


@given(number=st.integers(0, len(SIZES) - 1), at=st.integers(0, 10_000), by=st.integers(1, 63))
@example(number=len(SIZES) - 1, at=-1, by=1)
@EXAMPLES
async def test_a_changed_character_of_a_signed_checkpoint_is_found(
    kept: Kept, number: int, at: int, by: int
) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    size = SIZES[number]
    signed = await kept.driver.fetchval(
        "SELECT signed FROM evidence_checkpoint WHERE size = $1", size
    )
    at %= len(signed)
    before = letters.find(signed[at])
    other = letters[before ^ by] if before >= 0 else "A"
    change = "UPDATE evidence_checkpoint SET signed = $2 WHERE size = $1"
    fault = await kept.finds((change, [size, signed[:at] + other + signed[at + 1 :]]))
    assert fault is not None
    assert fault.checkpoint == size


async def test_a_checkpoint_of_another_key_is_found(kept: Kept) -> None:
    other = Signer(new_signing_keys())
    found = await verify(kept.driver, "kit", Keys(other.public), patience=NOW)
    assert found.fault is not None
    assert found.fault.checkpoint == 1
    assert found.fault.reason == "the checkpoint: its key is not known"
    both = Keys([*other.public, *kept.signer.public])
    assert (await verify(kept.driver, "kit", both, patience=NOW)).holds, "after a rotation"


async def test_a_ledger_under_another_name_is_found(kept: Kept) -> None:
    found = await verify(kept.driver, "other", Keys(kept.signer.public), patience=NOW)
    assert found.fault is not None
    assert (found.fault.entry, found.fault.index) == (kept.ids[0], 0)


@pytest.mark.parametrize(
    "other", [{"checkpoint": "00"}, {"size": 13}, {"ledger": "x"}, {"witness": "y"}, {"more": 1}]
)
async def test_a_cosignature_of_something_else_is_found(
    kept: Kept, other: dict[str, object]
) -> None:
    work = kept.driver.transaction()
    await work.start()
    try:
        await cosign(kept.driver, 19, **other)
        fault = (await kept.verify()).fault
        unknown = (await kept.verify(witnesses={})).fault
    finally:
        await work.rollback()
    assert fault == unknown
    assert fault is not None
    assert fault.checkpoint == 19


async def test_a_changed_cosignature_or_time_stamp_is_found(kept: Kept) -> None:
    for change in (
        "UPDATE evidence_cosignature SET signed = signed || 'A' WHERE size = $1",
        "UPDATE evidence_cosignature SET witness = 'nobody' WHERE size = $1",
        "UPDATE evidence_cosignature SET size = size + 1 WHERE size = $1",
        "UPDATE evidence_cosignature SET size = 500 WHERE size = $1",
        "UPDATE evidence_timestamp SET token = substring(token from 20) WHERE size = $1",
        "UPDATE evidence_timestamp SET size = size + 1 WHERE size = $1",
    ):
        fault = await kept.finds((change, [12]))
        assert fault is not None, change
        assert fault.checkpoint in (12, 13, 500)


async def test_an_entry_waits_for_its_place_only_so_long(kept: Kept) -> None:
    work = kept.driver.transaction()
    await work.start()
    try:
        made = new_id()
        await kept.driver.execute(
            """
            INSERT INTO evidence_entry (id, at, kind, actor, object, facts, canonical, leaf)
            VALUES ($1, now(), 'k', 'a', '', '{}', '{}', '\\x00')
            """,
            made,
        )
        assert (await kept.verify(patience=timedelta(seconds=10))).holds
        fault = (await kept.verify()).fault
    finally:
        await work.rollback()
    assert fault is not None
    assert fault.entry == made


async def test_entries_from_before_they_had_tenants_hold(kept: Kept) -> None:
    work = kept.driver.transaction()
    await work.start()
    try:
        row = await kept.driver.fetchrow("SELECT * FROM evidence_entry WHERE id = $1", kept.ids[-1])
        said = json.loads(row["canonical"])
        entry_id = new_id()
        del said["tenant"]
        text = canonical(said | {"id": str(entry_id), "detail": None})
        await kept.driver.execute(
            "INSERT INTO evidence_entry VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            entry_id,
            *(row[name] for name in ("at", "kind", "actor", "object", "subject", "facts")),
            text,
            leaf_hash(text),
        )
        await append(kept.driver, "kit", kept.signer, await read_head(kept.driver))
        assert (await kept.verify()).entries == COUNT + 1
        assert (await kept.verify()).holds
        await kept.driver.execute(
            "UPDATE evidence_entry SET tenant = 'A/B/C' WHERE id = $1", entry_id
        )
        fault = (await kept.verify()).fault
    finally:
        await work.rollback()
    assert fault is not None
    assert (fault.entry, fault.index) == (entry_id, COUNT)


@pytest.mark.parametrize("text", [b"[]", b'{"actor":NaN}', b"\xff", b"1" * 5000, b"[" * 100_000])
async def test_a_text_that_is_no_entry_is_found(kept: Kept, text: bytes) -> None:
    fault = await kept.finds(
        (
            "UPDATE evidence_entry SET canonical = $2, leaf = $3 WHERE id = $1",
            [kept.ids[9], text, leaf_hash(text)],
        )
    )
    assert fault is not None
    assert (fault.entry, fault.index) == (kept.ids[9], 9)


async def test_every_entry_is_proven_under_every_checkpoint_over_it(kept: Kept) -> None:
    keys = Keys(kept.signer.public)
    for size in SIZES:
        for place, entry in enumerate(kept.ids):
            if place >= size:
                with pytest.raises(NotProvable):
                    await prove_inclusion(kept.driver, entry, size)
                continue
            found = await prove_inclusion(kept.driver, entry, size)
            said = keys.verify(CHECKPOINT, found.checkpoint.signed)
            leaf, root = leaf_hash(found.canonical), bytes.fromhex(said["root"])
            verify_inclusion(leaf, place, said["size"], found.path, root)
    newest = await prove_inclusion(kept.driver, kept.ids[0])
    assert newest.checkpoint.size == COUNT
    for size in (0, 2, 26, 28):
        with pytest.raises(NotProvable):
            await prove_inclusion(kept.driver, kept.ids[0], size)
    with pytest.raises(NotProvable):
        await prove_inclusion(kept.driver, new_id())


async def test_every_checkpoint_is_proven_to_extend_those_before(kept: Kept) -> None:
    keys = Keys(kept.signer.public)
    for first, second in itertools.product([*SIZES, 2], SIZES):
        if first > second or first == 2:
            with pytest.raises(NotProvable):
                await prove_consistency(kept.driver, first, second)
            continue
        found = await prove_consistency(kept.driver, first, second)
        said = [keys.verify(CHECKPOINT, one.signed) for one in (found.first, found.second)]
        roots = bytes.fromhex(said[0]["root"]), bytes.fromhex(said[1]["root"])
        verify_consistency((said[0]["size"], said[1]["size"]), roots, found.path)


async def test_a_proof_says_so_when_the_tree_has_a_hole(kept: Kept) -> None:
    work = kept.driver.transaction()
    await work.start()
    try:
        await kept.driver.execute("DELETE FROM evidence_node WHERE level = 2")
        with pytest.raises(NotProvable, match="does not verify"):
            await prove_inclusion(kept.driver, kept.ids[0])
    finally:
        await work.rollback()
