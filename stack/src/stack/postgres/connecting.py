"""Connections to any PostgreSQL; what goes wrong is one sentence without secrets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from stack.postgres.errors import PostgresError

_OLDEST = 15
_SECONDS_TO_ANSWER = 5.0


async def check(admin_url: str) -> None:
    """Raise a PostgresError unless a new enough PostgreSQL answers within 5 seconds."""
    async with connected(admin_url):
        pass


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[asyncpg.Connection]:
    """Lend one connection; every failure to make it is a PostgresError."""
    connection = await _connect(url)
    try:
        version = connection.get_server_version().major
        if version < _OLDEST:
            raise PostgresError(
                f"PostgreSQL at {without_secrets(url)} is version {version}; "
                f"{_OLDEST} is the oldest that works."
            )
        yield connection
    finally:
        await connection.close(timeout=_SECONDS_TO_ANSWER)


async def _connect(url: str) -> asyncpg.Connection:
    shown = without_secrets(url)
    try:
        async with asyncio.timeout(_SECONDS_TO_ANSWER):
            return await asyncpg.connect(url)
    except TimeoutError as error:
        seconds = f"{_SECONDS_TO_ANSWER:.0f}"
        raise PostgresError(
            f"PostgreSQL at {shown} did not answer in {seconds} seconds."
        ) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise PostgresError(
            f"PostgreSQL at {shown} refused the name or password: {_line(error)}."
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise PostgresError(f"PostgreSQL at {shown} cannot be reached: {_line(error)}.") from error


@asynccontextmanager
async def refusals_explained(url: str) -> AsyncGenerator[None]:
    """Make whatever PostgreSQL refuses inside a PostgresError."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise PostgresError(
            f"The role at {without_secrets(url)} lacks a right: {_line(error)}."
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise PostgresError(
            f"PostgreSQL at {without_secrets(url)} refused: {_line(error)}."
        ) from error


def without_secrets(url: str) -> str:
    """Show where a URL leads without what it knows: no password, no query."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise PostgresError("The address of PostgreSQL must begin with postgresql://.")
    user, _, hosts = parts.netloc.rpartition("@")
    host = hosts or dict(parse_qsl(parts.query)).get("host", "localhost")
    return f"{user.partition(':')[0]}@{host}" if user else host


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
