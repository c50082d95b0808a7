"""The other door of announcements: decisions that others keep are called back."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from consent.announcements import service
from consent.announcements.service import CALL_BACK
from kit import jobs
from kit.database import Database, Transaction
from kit.decisions import LONGEST
from kit.jobs import Handler, Job, RetryRequested
from kit.mediator import Mediator, NeighbourUnavailable

_LONGEST_PAUSE = timedelta(minutes=5)
_POLL = timedelta(seconds=1)  # between two looks for what is due to be tried again
_log = logging.getLogger("consent.announcements")


@dataclass(frozen=True, slots=True)
class Keeper:
    """One who keeps decisions, at a path behind the gateway."""

    path: str
    mediator: Mediator

    @property
    def job(self) -> str:
        """Return what the job is called that tells this keeper."""
        return f"{CALL_BACK} at {self.path}"

    async def tell(self, job: Job) -> None:
        """Tell the keeper what to forget; again later, until no decision is as old as this."""
        try:
            answer = await self.mediator.call(
                "POST", self.path, body=json.loads(job.payload or b"")
            )
        except NeighbourUnavailable:
            told = False
        else:
            told = answer.is_success
        if told:
            return
        pause = min(timedelta(seconds=2 ** min(job.attempts, 16)), _LONGEST_PAUSE)
        if datetime.now(UTC) - job.created + pause < timedelta(seconds=LONGEST):
            raise RetryRequested(pause, "the keeper did not take it")
        _log.error("a keeper of decisions took no call-back in %s s: %s", LONGEST, self.path)


@asynccontextmanager
async def calling_back(
    url: str, database: Database, mediator: Mediator, keepers: Sequence[str]
) -> AsyncGenerator[None]:
    """Call decisions back while this is open, from each keeper by workers of its own.

    One that hangs or is away holds up nobody else.
    """
    told = [Keeper(path, mediator) for path in keepers]
    async with AsyncExitStack() as stack:
        for handlers in ({CALL_BACK: _sharing(database, told)}, *({k.job: k.tell} for k in told)):
            await stack.enter_async_context(jobs.running(url, handlers, poll=_POLL))
        yield


def _sharing(database: Database, keepers: Sequence[Keeper]) -> Handler:
    async def share(job: Job) -> None:
        named: Mapping[str, str] = json.loads(job.payload or b"{}")
        async with Transaction(database) as session:
            calls = [
                json.dumps(each).encode() for each in await service.called_back(session, named)
            ]
            for keeper in keepers:
                await jobs.enqueue_all(session, keeper.job, calls, priority=1)

    return share
