"""What one process at a time does for a ledger, beside serving: sequence, stamp, have witnessed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from kit.database import LOST

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended($1, 0))"
_log = logging.getLogger("kit.evidence")

Work = Callable[[asyncpg.Connection], Awaitable[object]]
"""Works on a connection of its own, for as long as it may."""


@asynccontextmanager
async def keeping(url: str, role: str, work: Work, standby: float) -> AsyncGenerator[None]:
    """Do ``work`` while this is open, in one of all the processes that have it open.

    Who holds the ``role``, an advisory lock of the database at ``url``, works; the others ask for
    it every ``standby`` seconds. A lost database is connected to anew.
    """
    task = asyncio.create_task(_keep(url, role, work, standby))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _keep(url: str, role: str, work: Work, standby: float) -> None:
    while True:
        try:
            await _hold(url, role, work)
        except (*LOST, TimeoutError, asyncpg.PostgresError) as error:
            _log.warning("%s begins anew: %s", role, type(error).__name__)
        await asyncio.sleep(standby)


async def _hold(url: str, role: str, work: Work) -> None:
    connection = await asyncpg.connect(url, timeout=5, command_timeout=60)
    try:
        if await connection.fetchval(_LOCK, role):
            await work(connection)
    finally:
        with contextlib.suppress(*LOST, TimeoutError):
            await connection.close(timeout=2)
