"""The other door of runs: what works on them, and what begins those whose time has come."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from uuid import UUID

from kit.database import Lender, Transaction
from kit.jobs import Handler, Job, RetryRequested, repeating
from registry.runs import service
from registry.runs.service import RUN, Context

_AGAIN = timedelta(seconds=0.5)
_LOOK = 2.0  # seconds between two looks for those whose time has come


def handlers(context: Context) -> Mapping[str, Handler]:
    """Return what runs for each job of automations."""

    async def run(job: Job) -> None:
        if await service.go_on(context, UUID(bytes=job.payload)):
            raise RetryRequested(_AGAIN, "not done")

    return {RUN: run}


def timing(database: Lender) -> AbstractAsyncContextManager[None]:
    """Begin runs when their time has come while this is open; any number of processes may."""

    async def begin() -> None:
        async with Transaction(database) as session:
            await service.begin_due(session)

    return repeating("automations", begin, _LOOK)
