import asyncio
import hashlib
import json

import asyncpg
import pytest

from kit.database import DatabaseUnavailable, Statement, Transaction, together
from kit.evidence import Entry, Ledger, Search, leaf_hash
from kit.sealing import Keyring, SealBrokenError, new_sealing_key


@pytest.fixture
def ledger(app):
    return app.state.ledger


async def test_entries_are_canonical_and_hashed_as_leaves(ledger, database):
    await ledger.note(Entry("thing.read", "A/B/C/D", facts={"b": 1, "a": "é"}))
    async with database.connection() as connection:
        row = await connection.driver.fetchrow("SELECT * FROM evidence_entry")
    assert row["leaf"] == hashlib.sha256(b"\x00" + row["canonical"]).digest()
    assert row["leaf"] == leaf_hash(row["canonical"])
    assert b'"facts":{"a":"\xc3\xa9","b":1}' in row["canonical"]


async def test_a_detail_is_sealed_and_found_by_its_subject(ledger, database):
    detail = {"reader": "Dr. Kask"}
    await ledger.note(Entry("thing.read", "A/B/C/D", "x", subject="EE489", detail=detail))
    assert [e.detail for e in await ledger.search(Search(subject="EE489"))] == [detail]
    assert await ledger.search(Search(subject="EE490")) == []
    async with database.connection() as connection:
        raw = connection.driver
        dump = str(await raw.fetch("SELECT * FROM evidence_entry, evidence_detail, evidence_key"))
    assert "Kask" not in dump
    assert "EE489" not in dump


async def test_a_destroyed_key_erases_the_detail_and_keeps_the_entry(ledger, database):
    await ledger.note(Entry("thing.read", "A/B/C/D", "x", subject="EE489", detail={"r": "me"}))
    async with database.connection() as connection:
        await connection.driver.execute("DELETE FROM evidence_key")
    assert [(e.kind, e.detail) for e in await ledger.search(Search(subject="EE489"))] == [
        ("thing.read", None)
    ]


async def test_an_entry_in_a_larger_statement_holds_the_number_that_one_gives(ledger, database):
    entry = Entry("t", "app", subject="EE1", facts={"said": 'a "b"'}, detail={"name": "Usha"})
    left, statements = await ledger.prepare_numbered(entry, "made", "count")
    given = Statement("made", "SELECT 3 * $1::bigint AS number", (14,))
    sql, arguments = together([given, *statements], "SELECT number FROM made")
    async with database.connection() as connection:
        [row] = await connection.fetch(sql, *arguments)
        [kept] = await connection.fetch("SELECT facts::text, canonical, leaf FROM evidence_entry")
    promised = left.closed(row["number"])
    assert (kept["canonical"], kept["leaf"]) == (promised.canonical, promised.leaf)
    assert kept["leaf"] == leaf_hash(kept["canonical"])
    [found] = await ledger.search(Search(subject="EE1"))
    assert found.facts == {"said": 'a "b"', "count": 42} == json.loads(kept["facts"])
    assert json.loads(promised.facts) == found.facts
    assert found.detail == {"name": "Usha"}


async def test_an_entry_in_a_larger_statement_stands_when_that_has_a_row(ledger, database):
    for number, rows in enumerate(["SELECT 1", "SELECT 1 WHERE false"]):
        entry = Entry("t", "app", str(number), subject="EE1", detail={"name": "Usha"})
        sealed, statements = await ledger.prepare(entry, "made")
        sql, arguments = together([Statement("made", rows), *statements], "SELECT 1 FROM made")
        async with database.connection() as connection:
            await connection.fetch(sql, *arguments)
        if not number:
            promised = sealed
    [found] = await ledger.search(Search(subject="EE1"))
    assert (found.object, found.detail) == ("0", {"name": "Usha"})
    async with database.connection() as connection:
        [kept] = await connection.fetch("SELECT canonical, leaf FROM evidence_entry")
    assert (kept["canonical"], kept["leaf"]) == (promised.canonical, promised.leaf)
    assert kept["leaf"] == leaf_hash(kept["canonical"])


async def test_concurrent_notes_share_a_commit(committed):
    ledger: Ledger = committed.state.ledger
    notes = [
        ledger.note(Entry("thing.read", "A/B/C/D", str(n), subject=f"EE{n % 7}", detail={"n": n}))
        for n in range(500)
    ]
    ids = await asyncio.gather(*notes)
    assert len(set(ids)) == 500
    async with committed.state.database.connection() as connection:
        raw = connection.driver
        assert await raw.fetchval("SELECT count(*) FROM evidence_entry") == 500
        assert await raw.fetchval("SELECT count(DISTINCT xmin::text) FROM evidence_entry") < 50


async def test_a_recorded_entry_rolls_back_with_the_change(committed):
    ledger: Ledger = committed.state.ledger

    async def change_that_fails():
        async with Transaction(committed.state.database) as session:
            await ledger.record(session, Entry("k", "A", subject="EE1", detail={"x": 1}))
            raise LookupError

    with pytest.raises(LookupError):
        await change_that_fails()
    assert await ledger.search(Search()) == []
    await ledger.note(Entry("k", "A", subject="EE1", detail={"x": 2}))
    assert [e.detail for e in await ledger.search(Search())] == [{"x": 2}]


async def test_the_serving_role_cannot_rewrite_the_ledger(ledger, database):
    async with database.connection() as connection:
        raw = connection.driver
        for statement in ("UPDATE evidence_entry SET kind = 'x'", "DELETE FROM evidence_entry"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with raw.transaction():
                    await raw.execute(statement)


def test_a_seal_holds_only_in_its_place():
    keyring = Keyring(new_sealing_key())
    key = keyring.unwrap(keyring.new().wrapped)
    sealed = key.seal(b"x", b"here")
    assert key.open(sealed, b"here") == b"x"
    with pytest.raises(SealBrokenError):
        key.open(sealed, b"there")
    with pytest.raises(SealBrokenError):
        Keyring(new_sealing_key()).unwrap(key.wrapped)


async def test_who_waits_for_an_entry_hears_that_the_database_is_away(committed):
    state = committed.state
    ledger = Ledger("kit", state.keyring, state.database)
    await ledger.note(Entry("k", "A"))
    other = await asyncpg.connect(committed.state.urls.owner)
    writing = asyncio.create_task(other.execute("LOCK TABLE evidence_entry; SELECT pg_sleep(1)"))
    await asyncio.sleep(0.1)
    waiting = asyncio.gather(
        *(ledger.note(Entry("k", "A")) for _ in range(3)), return_exceptions=True
    )
    await asyncio.sleep(0.1)
    third = await asyncpg.connect(committed.state.urls.runtime)
    await third.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND query LIKE '%INTO evidence_entry%' AND datname = current_database()"
    )
    assert {type(error) for error in await waiting} == {DatabaseUnavailable}
    await writing
    await other.close()
    await third.close()
    assert await ledger.note(Entry("k", "A"))


async def test_a_key_destroyed_elsewhere_is_missed_for_a_minute_at_most(
    app, ledger, database, monkeypatch
):
    entry = Entry("thing.read", "A/B/C/D", "x", subject="EE489", detail={"r": "me"})
    await ledger.note(entry)
    other = Ledger("kit", app.state.keyring, database)
    assert await other.erase("EE489")
    assert not await other.erase("EE489")
    await ledger.note(entry)
    assert [e.detail for e in await ledger.search(Search(subject="EE489"))] == [None, None]
    monkeypatch.setattr("kit.evidence.ledger._KEYS_KEPT", 0)
    await ledger.note(entry)
    found = await ledger.search(Search(subject="EE489"))
    assert [e.detail for e in found] == [{"r": "me"}, None, None]
