"""The other door of runs: what works on them, and what begins those whose time has come."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from kit.database import LOST, DatabaseUnavailable, Lender, Transaction
from kit.jobs import Handler, Job, RetryRequested
from registry.runs import service
from registry.runs.service import RUN, Context

_AGAIN = timedelta(seconds=0.5)
_log = logging.getLogger("registry.automations")


def handlers(context: Context) -> Mapping[str, Handler]:
    """Return what runs for each job of automations."""

    async def run(job: Job) -> None:
        if await service.go_on(context, UUID(bytes=job.payload)):
            raise RetryRequested(_AGAIN, "not done")

    return {RUN: run}


@asynccontextmanager
async def timing(database: Lender, every: float = 2.0) -> AsyncGenerator[None]:
    """Begin runs when their time has come while this is open; any number of processes may."""
    task = asyncio.create_task(_time(database, every))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _time(database: Lender, every: float) -> None:
    while True:
        try:
            async with Transaction(database) as session:
                await service.begin_due(session)
        except (DatabaseUnavailable, *LOST) as error:
            _log.warning("automations wait: %s", type(error).__name__)
        await asyncio.sleep(every)
