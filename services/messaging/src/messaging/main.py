"""The messaging block, put together: what serves requests, and what sends in the background."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI

from kit import audit, jobs, web
from kit.database import Database
from kit.evidence import Ledger
from kit.problems import Conflict, Invalid, NotFound, Problem
from kit.sealing import Keyring
from messaging.emails import api
from messaging.messages.jobs import Context, handlers
from messaging.messages.models import RetryPolicy
from messaging.settings import Settings
from messaging.smtp import Post

BLOCK = "messaging"
_DESCRIPTION = (
    "Sends e-mails, single or in batches, and counts what became of them. A request is accepted at "
    "once and sent in the background; addresses and text are kept sealed and only until then."
)
_STATUSES: dict[type[Problem], int] = {
    Invalid: 405,
    NotFound: 405,
    Conflict: 405,
}  # the contract's one error
_SPARE = 5.0  # seconds between the end of an attempt and the end of its lease
_LEAST, _MOST = 2, 4  # connections of the jobs, besides the one that listens


def create_app(settings: Settings) -> FastAPI:
    """Make the application that serves requests."""
    return web.create_app(
        BLOCK, "Messaging", _DESCRIPTION, settings, [api.router, audit.router], statuses=_STATUSES
    )


@asynccontextmanager
async def create_jobs(settings: Settings) -> AsyncGenerator[None]:
    """Send what waits while this is open; any number of processes may have it open."""
    url = settings.database_url.get_secret_value()
    database = Database(url, min(max(settings.pool_size, _LEAST), _MOST))
    keyring = Keyring(settings.sealing_key.get_secret_value())
    ledger = Ledger(BLOCK, keyring, database)
    post = Post(settings.smtp_url.get_secret_value(), settings.sender, settings.smtp_timeout)
    context = Context(
        database=database,
        ledger=ledger,
        keyring=keyring,
        courier=post,
        policy=_policy(settings),
        lease=timedelta(seconds=settings.smtp_timeout + _SPARE),
        actor=settings.client_id or BLOCK,
    )
    try:
        together, poll = settings.smtp_connections, timedelta(seconds=settings.poll)
        async with jobs.running(url, handlers(context), together=together, poll=poll):
            yield
    finally:
        await post.close()
        await ledger.close()
        await database.close()


def _policy(settings: Settings) -> RetryPolicy:
    return RetryPolicy(
        first=timedelta(seconds=settings.first_delay),
        factor=settings.delay_factor,
        ceiling=timedelta(seconds=settings.longest_delay),
        give_up_after=timedelta(seconds=settings.give_up_after),
    )
