"""What the pool promises when PostgreSQL goes away and comes back."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kit.database import Database, DatabaseUnavailable, Reading, Transaction, is_lost


@pytest.fixture
async def database(urls):
    database = Database(urls.runtime, pool_size=2)
    yield database
    await database.close()


async def cut(urls, database, pause):
    """End the backends of all pooled connections, as a restart of PostgreSQL does.

    Without a pause the loop has not read that they ended when the next statement is sent.
    """
    async with database.connection(), database.connection():
        pass
    other = await asyncpg.connect(urls.runtime)
    await other.fetch(
        "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
        "WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    if pause:
        await asyncio.sleep(pause)


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_reads_go_on_after_postgresql_closed_every_connection(urls, database, pause):
    await cut(urls, database, pause)
    for _ in range(3):
        found = await Reading(database).fetchrow("SELECT 1")
        assert found is not None
    await cut(urls, database, pause)
    for _ in range(3):
        assert await Reading(database).rows(text("SELECT 1"))


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_transactions_go_on_after_postgresql_closed_every_connection(urls, database, pause):
    await cut(urls, database, pause)
    for _ in range(3):
        async with Transaction(database) as session:
            found = await session.fetchrow("SELECT 1")
            assert found is not None


async def test_a_statement_that_fails_does_not_say_what_it_was_given(database):
    with pytest.raises(DBAPIError) as failed:
        async with database.connection() as connection:
            await connection.execute(text("SELECT 1 / 0 WHERE :code <> ''"), {"code": "DEV1"})
    assert "DEV1" not in str(failed.value)


async def test_a_transaction_that_was_cancelled_leaves_nothing_to_the_next(urls):
    """Else the next one's commit ends a savepoint only, and what was answered is lost later."""
    alone = Database(urls.runtime, pool_size=1)
    other = await asyncpg.connect(urls.runtime)

    async def write(name):
        async with Transaction(alone) as session:
            await session.fetch("INSERT INTO thing VALUES (gen_random_uuid(), $1)", name)

    for steps in range(40):
        cancelled = asyncio.create_task(write("cancelled"))
        for _ in range(steps):
            await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        await write(f"after {steps}")
        found = await other.fetchval("SELECT count(*) FROM thing WHERE name = $1", f"after {steps}")
        assert found == 1, f"cancelled after {steps} steps of the loop"
    await other.execute("DELETE FROM thing")
    await other.close()
    await alone.close()


async def test_a_server_that_refuses_a_connection_is_unavailable_to_reads_and_writes(urls):
    """As one that is starting up does; here a database that is not there."""
    away = Database(urls.runtime.replace("/kit_", "/away_"))
    with pytest.raises(DatabaseUnavailable):
        await Reading(away).fetchrow("SELECT 1")
    with pytest.raises(DatabaseUnavailable):
        async with Transaction(away) as session:
            await session.fetchrow("SELECT 1")
    await away.close()


async def test_a_connection_given_back_is_lent_again_and_a_spoiled_one_is_not(database):
    async with database.connection() as first:
        pass
    async with database.connection() as second:
        assert second is first
        second.spoil()
    async with database.connection() as third:
        assert third is not first
        assert await third.driver.fetchval("SELECT 1") == 1
    assert first.driver.is_closed()


async def test_who_finds_all_connections_lent_waits_for_one(database, monkeypatch):
    async with database.connection(), database.connection():
        waiting = asyncio.create_task(Reading(database).fetchrow("SELECT 1"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert await waiting is not None
    monkeypatch.setattr("kit.database._PATIENCE", 0.05)
    async with database.connection(), database.connection():
        with pytest.raises(DatabaseUnavailable):
            await Reading(database).fetchrow("SELECT 1")
        gone = asyncio.create_task(Reading(database).fetchrow("SELECT 1"))
        await asyncio.sleep(0)
        gone.cancel()
    for _ in range(3):  # who gave up waiting took no place with them
        async with database.connection(), database.connection():
            pass


async def test_what_is_lent_while_the_pool_closes_is_closed_when_it_comes_back(urls):
    database = Database(urls.runtime)
    async with database.connection() as lent:
        await database.close()
        assert await lent.driver.fetchval("SELECT 1") == 1
    assert lent.driver.is_closed()


async def test_a_composed_statement_that_is_cut_off_says_that_postgresql_is_away(urls, database):
    """SQLAlchemy does not take each of PostgreSQL's last words for a lost connection."""
    other = await asyncpg.connect(urls.runtime)
    async with database.connection() as connection:
        pid = await connection.driver.fetchval("SELECT pg_backend_pid()")
        asking = asyncio.create_task(connection.execute(text("SELECT pg_sleep(5)")))
        await asyncio.sleep(0.1)
        await other.fetchval("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises(DBAPIError) as cut_off:
            await asking
    assert is_lost(cut_off.value)
    await other.close()
