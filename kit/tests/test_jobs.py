"""What the queue promises when handlers, workers and PostgreSQL fail."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import asyncpg
import pytest

from kit.database import Database, Transaction
from kit.jobs import Job, RetryRequested, clearing, enqueue, enqueue_all, repeating, running
from kit.testing import SERVER, copy_of_template

SOON = timedelta(milliseconds=100)
QUICK = {"poll": SOON, "stale_after": timedelta(seconds=1)}


@pytest.fixture
async def queue(block):
    async with copy_of_template(block) as urls:
        yield urls


async def put(urls, *payloads, priority=0):
    database = Database(urls.runtime, 1)
    async with Transaction(database) as session:
        await enqueue_all(session, "work", payloads, priority=priority)
    await database.close()


async def left(urls):
    connection = await asyncpg.connect(urls.runtime)
    try:
        return await connection.fetch("SELECT payload, status::text FROM pgqueuer ORDER BY id")
    finally:
        await connection.close()


class Done:
    """A handler that remembers, and fails as told."""

    def __init__(self, *failures):
        self.seen = []
        self.failures = list(failures)
        self.changed = asyncio.Event()

    async def __call__(self, job: Job) -> None:
        self.seen.append(job.payload)
        self.changed.set()
        if self.failures:
            raise self.failures.pop(0)

    async def until(self, count):
        async with asyncio.timeout(5):
            while len(self.seen) < count:
                self.changed.clear()
                await self.changed.wait()


async def test_jobs_run_by_priority_and_then_in_order(queue):
    await put(queue, b"1", b"2", b"3")
    await put(queue, b"urgent", priority=9)
    work = Done()
    async with running(queue.runtime, {"work": work}, together=1, **QUICK):
        await work.until(4)
    assert work.seen == [b"urgent", b"1", b"2", b"3"]
    assert await left(queue) == []


async def test_a_job_that_is_rolled_back_never_was(queue):
    database = Database(queue.runtime, 1)
    with suppress(ZeroDivisionError):
        async with Transaction(database) as session:
            await enqueue(session, "work", b"1")
            raise ZeroDivisionError
    await database.close()
    assert await left(queue) == []


async def test_a_job_that_fails_runs_again_and_its_error_is_told_to_nobody(queue, caplog):
    await put(queue, b"1")
    work = Done(ValueError("anna@example.org"), RetryRequested(timedelta(0), "not yet"))
    with caplog.at_level(logging.DEBUG):
        async with running(queue.runtime, {"work": work}, **QUICK):
            await work.until(3)
    assert await left(queue) == []
    assert "ValueError" in caplog.text
    assert "anna" not in caplog.text
    connection = await asyncpg.connect(queue.runtime)
    told = await connection.fetch("SELECT traceback::text FROM pgqueuer_log")
    await connection.close()
    assert "anna" not in str(told)


async def test_a_job_stopped_on_the_way_is_put_back(queue, monkeypatch):
    monkeypatch.setattr("kit.jobs._GRACE", 0.05)
    await put(queue, b"1")
    begun = asyncio.Event()

    async def slow(_job: Job) -> None:
        begun.set()
        await asyncio.sleep(60)

    async with running(queue.runtime, {"work": slow}, **QUICK):
        await asyncio.wait_for(begun.wait(), 5)
    assert [tuple(row) for row in await left(queue)] == [(b"1", "queued")]


async def test_work_goes_on_after_postgresql_closed_the_connection(queue):
    work = Done()
    async with running(queue.runtime, {"work": work}, **QUICK):
        await put(queue, b"1")
        await work.until(1)
        other = await asyncpg.connect(queue.runtime)
        await other.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user "
            "AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        await other.close()
        await put(queue, b"2")
        await work.until(2)
    assert b"2" in work.seen
    assert await left(queue) == []


async def test_work_begins_when_postgresql_comes_after_the_worker(queue, caplog):
    await put(queue, b"1")
    work = Done()
    await open_database(queue, allowed=False)
    async with running(queue.runtime, {"work": work}, **QUICK):
        async with asyncio.timeout(5):
            while "out of reach" not in caplog.text:  # noqa: ASYNC110  a log sets no event
                await asyncio.sleep(0.02)
        await open_database(queue, allowed=True)
        await work.until(1)


async def open_database(urls, *, allowed):
    name = urlsplit(urls.runtime).path.removeprefix("/")
    connection = await asyncpg.connect(os.environ[SERVER])
    await connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {allowed}")
    await connection.close()


_KILLED = """
import asyncio, sys
from kit.jobs import running

async def hang(job):
    print("begun", flush=True)
    await asyncio.sleep(60)

async def main():
    async with running(sys.argv[1], {"work": hang}):
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_the_job_of_a_killed_worker_runs_again(queue):
    await put(queue, b"1")
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _KILLED, queue.runtime, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"begun\n"
    os.kill(worker.pid, signal.SIGKILL)
    await worker.wait()
    assert [row["status"] for row in await left(queue)] == ["picked"]
    work = Done()
    async with running(queue.runtime, {"work": work}, **QUICK):
        await work.until(1)
    assert await left(queue) == []


async def test_a_held_job_runs_when_a_worker_starts(queue):
    await put(queue, b"1")
    connection = await asyncpg.connect(queue.runtime)
    await connection.execute("UPDATE pgqueuer SET status = 'failed'")
    await connection.close()
    work = Done()
    async with running(queue.runtime, {"work": work}, **QUICK):
        await work.until(1)
    assert await left(queue) == []


async def test_what_is_repeated_goes_on_after_an_error(caplog):
    seen = asyncio.Event()
    calls = []

    async def work():
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("EE4711")
        seen.set()

    async with repeating("sweeping", work, 0.01), asyncio.timeout(5):
        await seen.wait()
    assert "sweeping: ZeroDivisionError" in caplog.text
    assert "EE4711" not in caplog.text


async def test_clearing_goes_on_until_nothing_old_is_left(queue):
    asked = []
    left = [500, 500, 3]
    done = asyncio.Event()

    async def clear(session, before, most):
        asked.append((before, most))
        await session.fetchrow("SELECT 1")
        if len(left) == 1:
            done.set()
        return left.pop(0)

    database = Database(queue.runtime, 1)
    async with clearing(database, clear, 30), asyncio.timeout(5):
        await done.wait()
    await database.close()
    assert len(asked) == 3
    [(before, most)] = set(asked)
    assert most == 500
    age = datetime.now(UTC) - before
    assert timedelta(days=30) <= age < timedelta(days=30, minutes=1)
