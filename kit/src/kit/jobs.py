"""Background work: enqueued in the request's own transaction, run by the jobs process.

PgQueuer keeps the queue in the block's database (docs/decisions/0007). A job stays there until its
handler has returned: a handler that raises, is stopped, or whose process is killed, runs again. So
a job may run twice, and its handler must bear that. ``RetryRequested`` puts a job back until later.
"""

import asyncio
import contextlib
import logging
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Job, Queries, QueueManager, RetryRequested

from kit.database import Lender, Session, Transaction

__all__ = [
    "Handler",
    "Job",
    "RetryRequested",
    "clearing",
    "enqueue",
    "enqueue_all",
    "repeating",
    "running",
]

Handler = Callable[[Job], Awaitable[None]]

_RECONNECT = 1.0  # seconds between two attempts to reach PostgreSQL
_GRACE = 10.0  # seconds that jobs under way get to finish
_LONGEST_PAUSE = timedelta(minutes=5)
_MOST_HELD = 10_000
_HOUR = 3600.0
_TOGETHER = 500  # rows that are deleted in one transaction
_log = logging.getLogger("kit.jobs")


async def enqueue(
    session: Session,
    name: str,
    payload: bytes,
    *,
    priority: int = 0,
    after: timedelta | None = None,
) -> None:
    """Put a job in the queue, in the caller's transaction; a higher priority runs first."""
    async with session.lend() as connection:
        queries = Queries(AsyncpgDriver(connection.driver))
        await queries.enqueue(name, payload, priority=priority, execute_after=after)


async def enqueue_all(
    session: Session, name: str, payloads: Sequence[bytes], *, priority: int = 0
) -> None:
    """Put many jobs in the queue with one statement, in the order given."""
    if not payloads:
        return
    async with session.lend() as connection:
        queries = Queries(AsyncpgDriver(connection.driver))
        count = len(payloads)
        await queries.enqueue([name] * count, list(payloads), [priority] * count)


@asynccontextmanager
async def running(
    url: str,
    handlers: Mapping[str, Handler],
    *,
    together: int = 4,
    poll: timedelta = timedelta(seconds=5),
    stale_after: timedelta = timedelta(seconds=20),
) -> AsyncGenerator[None]:
    """Run a block's jobs while the context is open; finish those under way when it closes.

    ``together`` jobs run at once, begun by priority and then by age. Jobs of a worker that was
    killed run again after ``stale_after`` and at most ``poll`` more. When PostgreSQL goes away the
    worker connects anew until it is back. Jobs that are not finished in ten seconds when the
    context closes are stopped and put back.
    """
    worker = _Worker(url, handlers, together, poll, stale_after)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop(task)


@asynccontextmanager
async def repeating(
    name: str, work: Callable[[], Awaitable[None]], every: float
) -> AsyncGenerator[None]:
    """Do something at once and every so many seconds while this is open, whatever it raises.

    Each process does it: where many may, the work itself sees to it that it is done once.
    """
    task = asyncio.create_task(_repeat(name, work, every))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _repeat(name: str, work: Callable[[], Awaitable[None]], every: float) -> None:
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  whatever it was, the next time may go well
            _log.warning("%s: %s, again in %g s", name, type(error).__name__, every)
        await asyncio.sleep(every)


Clear = Callable[[Session, datetime, int], Awaitable[int]]
"""Deletes what ended before a time, so many at most, and tells how many there were."""


def clearing(
    database: Lender, clear: Clear, days: int, every: float = _HOUR
) -> AbstractAsyncContextManager[None]:
    """Delete what ended so many days ago while this is open, a few hundred in a transaction."""

    async def work() -> None:
        before, cleared = datetime.now(UTC) - timedelta(days=days), _TOGETHER
        while cleared == _TOGETHER:
            async with Transaction(database) as session:
                cleared = await clear(session, before, _TOGETHER)

    return repeating("clearing", work, every)


@dataclass(frozen=True, eq=False)
class _Lost:
    """What asyncpg calls when the connection has ended."""

    manager: QueueManager

    def __call__(self, _connection: object) -> None:
        self.manager.shutdown.set()


@dataclass
class _Worker:
    url: str
    handlers: Mapping[str, Handler]
    together: int
    poll: timedelta
    stale_after: timedelta
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _manager: QueueManager | None = None
    _under_way: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    async def run(self) -> None:
        """Work until stopped, through every loss of the database."""
        while not self._stopping.is_set():
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001  whatever it was, the queue must go on
                _log.warning("the queue is out of reach: %s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _RECONNECT)

    async def stop(self, task: "asyncio.Task[None]") -> None:
        """Take no more jobs, let those under way finish, and put back those that do not."""
        self._stopping.set()
        if self._manager is not None:
            self._manager.shutdown.set()
        await asyncio.wait({task}, timeout=_GRACE)
        for job in tuple(self._under_way):
            job.cancel()
        await task

    async def _work(self) -> None:
        connection = await asyncpg.connect(self.url, timeout=5, command_timeout=10)
        try:
            queries = Queries(AsyncpgDriver(connection))
            held = await queries.list_failed_jobs(_MOST_HELD)
            await queries.requeue_jobs([job.id for job in held])
            self._manager = manager = self._manage(queries)
            connection.add_termination_listener(_Lost(manager))
            if self._stopping.is_set():
                return
            # PgQueuer wants room for two batches: one runs, the other waits its turn in _safe
            await manager.run(
                dequeue_timeout=self.poll,
                batch_size=self.together,
                max_concurrent_tasks=2 * self.together,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=self.stale_after,
            )
        finally:
            self._manager = None
            with contextlib.suppress(OSError, TimeoutError, asyncpg.InterfaceError):
                await connection.close(timeout=2)

    def _manage(self, queries: Queries) -> QueueManager:
        """Return PgQueuer's worker; it holds a job it cannot put back, in place of deleting it."""
        manager = QueueManager(queries)
        turns = asyncio.Semaphore(self.together)
        for name, handler in self.handlers.items():
            safe = self._safe(handler, turns)
            manager.entrypoint(name, accepts_context=False, on_failure="hold")(safe)
        return manager

    def _safe(self, handler: Handler, turns: asyncio.Semaphore) -> Handler:
        """Return a handler whose job is put back whatever happens to it.

        PgQueuer deletes a job that raises or is cancelled, and keeps the message of the error:
        neither a message to somebody nor their address may end that way.
        """

        async def run(job: Job) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            try:
                async with turns:
                    await handler(job)
            except asyncio.CancelledError:
                again = RetryRequested(reason="stopped")
            except RetryRequested as asked:
                again = RetryRequested(asked.delay, asked.reason)
            except Exception as error:  # noqa: BLE001  as above
                again = RetryRequested(_pause(job.attempts), type(error).__name__)
                place = traceback.extract_tb(error.__traceback__)[-1]
                _log.error(  # without the error's own text, which may hold personal data
                    "job %s raised %s at %s:%s, it runs again in %s",
                    job.entrypoint,
                    type(error).__name__,
                    place.filename,
                    place.lineno,
                    again.delay,
                )
            else:
                return
            raise again

        return run


def _pause(attempts: int) -> timedelta:
    """Return how long a job waits that failed unforeseen: 1 s, 2 s, 4 s … up to 5 min."""
    return min(timedelta(seconds=2 ** min(attempts, 16)), _LONGEST_PAUSE)
