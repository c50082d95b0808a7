"""Background work: enqueued in the request's own transaction, run by the jobs process.

PgQueuer keeps the queue in the block's database (docs/decisions/0007); a job may run twice, so its
handler must bear that. A handler that raises ``RetryRequested`` puts its job back.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries, RetryRequested

from kit.database import Session, driver

__all__ = ["Handler", "Job", "RetryRequested", "enqueue", "running"]

Handler = Callable[[Job], Awaitable[None]]


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
        queries = Queries(AsyncpgDriver(await driver(connection)))
        await queries.enqueue(name, payload, priority=priority, execute_after=after)


@asynccontextmanager
async def running(
    url: str, handlers: Mapping[str, Handler], *, poll: timedelta = timedelta(seconds=5)
) -> AsyncGenerator[None]:
    """Run a block's jobs while the context is open; finish those under way when it closes."""
    connection = await asyncpg.connect(url)
    queue = PgQueuer.from_asyncpg_connection(connection)
    for name, handler in handlers.items():
        queue.entrypoint(name, accepts_context=False)(handler)
    task = asyncio.create_task(queue.run(dequeue_timeout=poll))
    try:
        yield
    finally:
        queue.shutdown.set()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(task, 10)
        await connection.close()
