"""Asking an authority for time-stamps: one a minute at most, over the newest checkpoint.

The authority is no part of the ledger's work: while it is away, or refuses, entries are written and
proven as ever, and the next checkpoint that is stamped speaks for all before it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import httpx

from kit.evidence import timestamps
from kit.evidence.keeping import keeping

EVERY = 60.0
"""Seconds between two requests to the authority."""

_LOOK = 5.0
_WITHIN = 20.0
_MOST_BYTES = 64 * 1024
_UNSTAMPED = """
    SELECT c.size, c.signed FROM evidence_checkpoint c
    WHERE c.size > coalesce((SELECT max(size) FROM evidence_timestamp), 0)
    ORDER BY c.size DESC LIMIT 1
"""
_log = logging.getLogger("kit.evidence")


@asynccontextmanager
async def timestamping(
    block: str, url: str, authority: str, every: float = EVERY
) -> AsyncGenerator[None]:
    """Have an authority stamp a block's checkpoints while this is open.

    ``url`` is the database's, ``authority`` the address that answers RFC 3161 over HTTP; nothing
    is asked when it is empty. Any number of processes may try: one at a time asks.
    """

    async def work(connection: asyncpg.Connection) -> None:
        async with httpx.AsyncClient(timeout=_WITHIN) as client:
            while True:
                pause = await _try(block, connection, client, authority, every)
                await asyncio.sleep(pause)

    if not authority:
        yield
        return
    async with keeping(url, "evidence timestamps", work, every):
        yield


async def _try(
    block: str,
    connection: asyncpg.Connection,
    client: httpx.AsyncClient,
    authority: str,
    every: float,
) -> float:
    """Ask for a stamp if there is something to be stamped; return how long to wait then."""
    try:
        if await stamp(connection, client, authority) is None:
            return min(_LOOK, every)  # nobody was asked
    except timestamps.TokenRefused as error:
        _log.warning("no time-stamp for %s: %s", block, error)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        # its text would name the address, which may hold a password
        _log.warning("no time-stamp for %s: %s", block, type(error).__name__)
    return every


async def stamp(
    connection: asyncpg.Connection, client: httpx.AsyncClient, authority: str
) -> int | None:
    """Have the newest checkpoint stamped; return its size, None when it has a stamp already.

    Raises httpx.HTTPError when the authority does not answer, TokenRefused when its answer is no
    time-stamp of the checkpoint.
    """
    newest = await connection.fetchrow(_UNSTAMPED)
    if newest is None:
        return None
    asked = timestamps.request(newest["signed"].encode())
    token = timestamps.granted(asked, await _ask(client, authority, asked.as_bytes()))
    await connection.execute(
        "INSERT INTO evidence_timestamp (size, token) VALUES ($1, $2)", newest["size"], token
    )
    return int(newest["size"])


async def _ask(client: httpx.AsyncClient, authority: str, request: bytes) -> bytes:
    """Send a request as RFC 3161 section 3.4 says; return the answer's body."""
    headers = {"content-type": "application/timestamp-query"}
    call = client.stream("POST", authority, content=request, headers=headers)
    async with asyncio.timeout(_WITHIN), call as answer:
        answer.raise_for_status()
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > _MOST_BYTES:
                raise timestamps.TokenRefused("the answer is too large for a time-stamp")
    return body
