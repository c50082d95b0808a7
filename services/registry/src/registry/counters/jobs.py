"""The other door of counters: what was counted in this process is written every two seconds."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from kit.database import LOST, DatabaseUnavailable, Lender
from registry.counters import service

EVERY = 2.0
_log = logging.getLogger("registry.counters")


@asynccontextmanager
async def writing(database: Lender, every: float = EVERY) -> AsyncGenerator[None]:
    """Write what is counted while this is open, and once more when it ends."""
    task = asyncio.create_task(_write(database, every))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await _once(database)


async def _write(database: Lender, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        await _once(database)


async def _once(database: Lender) -> None:
    try:
        await service.write(database)
    except (DatabaseUnavailable, *LOST, TimeoutError) as error:
        _log.warning("counts wait: %s", type(error).__name__)
