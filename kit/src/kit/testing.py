"""Fixtures every block shares, as a pytest plugin.

One template database per block, kept between runs until its migrations change; one copy per test
process; one connection per test, rolled back when the test ends. Tests that must commit ask for
``committed`` and take a copy of their own. The server is named by ``GOVBLOCKS_TEST_SERVER``, which
the root ``conftest.py`` sets.
"""

import hashlib
import json
import os
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from kit import access, migrations
from kit.database import Connection, Database
from kit.evidence import Ledger, new_signing_keys
from kit.sealing import new_sealing_key
from kit.settings import BlockSettings

SERVER = "GOVBLOCKS_TEST_SERVER"
GATEWAY_KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "test"})
GATEWAY_JWKS = json.dumps({"keys": [GATEWAY_KEY.as_dict(private=False)]})
EVIDENCE_KEYS = new_signing_keys()
CLIENT = "TEST/GOV/1001/clinic"
_PASSWORD = "test"  # noqa: S105  a server that only tests reach


@dataclass(frozen=True, slots=True)
class Block:
    """The block under test: how to make it and where its migrations are."""

    name: str
    create_app: Callable[[Any], FastAPI]
    settings: Callable[..., BlockSettings]
    migrations: Path


@dataclass(frozen=True, slots=True)
class Urls:
    """A test database, as its two roles see it."""

    owner: str
    runtime: str


ClientFor = Callable[..., AsyncClient]


class PinnedDatabase(Database):
    """One connection for everything a test does, so that all of it can be rolled back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Lend the test's connection."""
        yield self._connection

    async def close(self) -> None:
        """Leave the connection to the test."""


def _url(server: str, database: str, user: str) -> str:
    parts = urlsplit(server)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{_PASSWORD}@{host}", path=f"/{database}"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _on_server(server: str, *statements: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _stamp(folder: Path) -> str:
    """Return a digest of what a template is made from: the migrations and what they call."""
    kit = Path(__file__).parent
    called = (*kit.glob("evidence/*.py"), *kit.glob("migrations/*.py"), *folder.rglob("*.py"))
    files = [Path(__file__), *sorted(called)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


async def _template(server: str, block: Block) -> str:
    """Return the block's template database, making it when its migrations changed."""
    name = f"{block.name}_template_{_stamp(block.migrations)}"
    guard = await asyncpg.connect(server)
    try:
        await guard.execute("SELECT pg_advisory_lock(hashtext('templates'))")
        if not await guard.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await _make(guard, server, block, name)
    finally:
        await guard.close()
    return name


async def _make(guard: asyncpg.Connection, server: str, block: Block, name: str) -> None:
    for role in ("test_owner", "test_runtime"):
        if not await guard.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await guard.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{_PASSWORD}'")
    making = f"{name}_making"
    await guard.execute(f"DROP DATABASE IF EXISTS {_quoted(making)}")
    await guard.execute(f"CREATE DATABASE {_quoted(making)} OWNER test_owner")
    parts = urlsplit(server)
    await _on_server(
        urlunsplit(parts._replace(path=f"/{making}")),
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT ALL ON SCHEMA public TO test_owner",
        "GRANT USAGE ON SCHEMA public TO test_runtime",
        "ALTER DEFAULT PRIVILEGES FOR ROLE test_owner GRANT SELECT, INSERT, UPDATE, DELETE "
        "ON TABLES TO test_runtime",
        "ALTER DEFAULT PRIVILEGES FOR ROLE test_owner GRANT USAGE ON SEQUENCES TO test_runtime",
        "CREATE SCHEMA numbers AUTHORIZATION test_owner",
        "GRANT USAGE, CREATE ON SCHEMA numbers TO test_runtime",
    )
    await migrations.upgrade(block.migrations, _url(server, making, "test_owner"), "test_runtime")
    await guard.execute(f"ALTER DATABASE {_quoted(making)} RENAME TO {_quoted(name)}")


@asynccontextmanager
async def copy_of_template(block: Block) -> AsyncGenerator[Urls]:
    """Make a database of the block's own shape, and drop it afterwards."""
    server = os.environ[SERVER]  # noqa: TID251  the one setting of the test run
    template = await _template(server, block)
    name = f"{block.name}_{uuid4().hex[:12]}"
    await _on_server(server, f"CREATE DATABASE {_quoted(name)} TEMPLATE {_quoted(template)}")
    try:
        yield Urls(_url(server, name, "test_owner"), _url(server, name, "test_runtime"))
    finally:
        await _on_server(server, f"DROP DATABASE {_quoted(name)} WITH (FORCE)")


def settings_for(block: Block, urls: Urls, **more: object) -> BlockSettings:
    """Return settings for a block under test."""
    return block.settings(
        database_url=SecretStr(urls.runtime),
        owner_url=SecretStr(urls.owner),
        gateway_jwks=GATEWAY_JWKS,
        sealing_key=SecretStr(new_sealing_key()),
        evidence_keys=SecretStr(EVIDENCE_KEYS),
        **more,
    )


def signed(block: str, **caller: Any) -> dict[str, str]:
    """Return the headers the gateway would send for a caller (``scopes=``, ``person=`` …)."""
    who = replace(access.Caller(CLIENT, "TEST/GOV/1001"), **caller)
    if "client" in caller and "tenant" not in caller:
        who = replace(who, tenant=who.member)
    who = replace(who, scopes=frozenset(who.scopes), roles=frozenset(who.roles))
    return {access.HEADER: access.assertion(GATEWAY_KEY, block, who)}


def clients_of(app: FastAPI, block: str) -> ClientFor:
    """Return what makes an HTTP client of ``app`` for a caller of the gateway's."""

    def client_for(**caller: Any) -> AsyncClient:
        return AsyncClient(
            transport=ASGITransport(app, raise_app_exceptions=False),
            base_url="http://test",
            headers=signed(block, **caller) if caller else {},
        )

    return client_for


@dataclass(slots=True)
class Opened:
    """The applications that this test process has running, each on its own database."""

    stack: AsyncExitStack
    apps: dict[str, FastAPI] = field(default_factory=dict[str, FastAPI])

    async def open(self, block: Block) -> FastAPI:
        """Return the block's application, starting it when this is the first test of it."""
        if block.name not in self.apps:
            made = await self.stack.enter_async_context(copy_of_template(block))
            app = block.create_app(settings_for(block, made))
            await self.stack.enter_async_context(app.router.lifespan_context(app))
            app.state.urls, app.state.pool = made, app.state.database
            self.apps[block.name] = app
        return self.apps[block.name]


@pytest.fixture(scope="session")
async def opened_blocks() -> AsyncGenerator[Opened]:
    """Keep what is running until the test process ends."""
    async with AsyncExitStack() as stack:
        yield Opened(stack)


@pytest.fixture
async def opened(block: Block, opened_blocks: Opened) -> FastAPI:
    """Return the application with its lifespan running, on the process's own database.

    Not of session scope itself: pytest would keep the first block's for all others.
    """
    return await opened_blocks.open(block)


@pytest.fixture
def urls(opened: FastAPI) -> Urls:
    """Return where the block's database in this test process is."""
    return opened.state.urls


@pytest.fixture
async def database(opened: FastAPI) -> AsyncGenerator[Database]:
    """Return a database on which nothing a test does will stay."""
    pool: Database = opened.state.pool
    async with pool.connection() as connection:
        work = connection.driver.transaction()
        await work.start()
        try:
            yield PinnedDatabase(connection)
        finally:
            await work.rollback()


@pytest.fixture
def app(opened: FastAPI, database: Database) -> Generator[FastAPI]:
    """Return the application, working on the test's own connection."""
    state = opened.state
    before = state.database, state.ledger
    state.database = database
    state.ledger = Ledger(state.block, state.keyring, database)
    yield opened
    state.database, state.ledger = before


@pytest.fixture
def client_for(app: FastAPI, block: Block) -> ClientFor:
    """Return what makes an HTTP client for a caller: ``client_for(scopes={"records:read"})``."""
    return clients_of(app, block.name)


@pytest.fixture
async def committed(block: Block) -> AsyncGenerator[FastAPI]:
    """Return an application on a database of its own, where what is written is committed."""
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(copy_of_template(block))
        app = block.create_app(settings_for(block, made))
        await stack.enter_async_context(app.router.lifespan_context(app))
        app.state.urls = made
        yield app
