"""The block under test, and a real SMTP server that does as it is told."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import asyncpg
import pytest
from aiosmtpd.smtp import SMTP
from pydantic import SecretStr

from kit.testing import Block, clients_of, copy_of_template, settings_for
from messaging import main
from messaging.settings import Settings

SCOPES = {"messages:send", "messages:read"}
STATES = ["scheduled", "processing", "deferred", "bounced", "notSent", "delivered"]


@pytest.fixture(scope="session")
def block() -> Block:
    folder = Path(__file__).parents[1] / "migrations"
    return Block(main.BLOCK, main.create_app, Settings, folder)


class MailServer:
    """A real SMTP server; ``answers`` gives its answer to a RCPT, ``data`` those to DATA."""

    def __init__(self) -> None:
        self.received: list[tuple[list[str], EmailMessage, bytes]] = []
        self.answers: dict[str, str] = {}
        self.senders: dict[str, str] = {}
        self.data: list[str] = []
        self.sessions = 0
        self.utf8 = True
        self.port = 0
        self.pause = 0.0
        self.on_data: Callable[[], None] = lambda: None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.BaseTransport] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for transport in tuple(self._open):
                transport.close()
            await self._server.wait_closed()
            await asyncio.sleep(0.02)  # until the closed conversations have ended
            self._server = None

    def _protocol(self) -> SMTP:
        self.sessions += 1
        server = self

        class Conversation(SMTP):
            def connection_made(self, transport):
                server._open.add(transport)
                super().connection_made(transport)

            def connection_lost(self, error):
                server._open.discard(self.transport)
                super().connection_lost(error)

        return Conversation(
            self,
            enable_SMTPUTF8=self.utf8,
            hostname="localhost",
            loop=asyncio.get_running_loop(),
        )

    async def handle_MAIL(self, _server, _session, envelope, address, _options):  # noqa: N802  its name
        if address in self.senders:
            return self.senders[address]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802  its name
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802  its name
        await asyncio.sleep(self.pause)
        if self.data:
            return self.data.pop(0)
        content = envelope.original_content
        message = message_from_bytes(content.replace(b"\r\n", b"\n"), policy=policy.default)
        self.received.append((list(envelope.rcpt_tos), message, content))
        self.on_data()
        return "250 OK"

    @property
    def subjects(self) -> list[str]:
        return [str(message["subject"]) for _, message, _ in self.received]


@pytest.fixture
async def mail():
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


class House:
    """The block on a database of its own, with its jobs against the test's mail server."""

    def __init__(self, app, mail) -> None:
        self.app, self.mail = app, mail
        self.settings = app.state.settings.model_copy(
            update={
                "smtp_url": SecretStr(f"smtp://127.0.0.1:{mail.port}"),
                "first_delay": 0.2,
                "longest_delay": 0.4,
                "poll": 0.1,
            }
        )

    def client(self, **caller):
        return clients_of(self.app, main.BLOCK)(**{"scopes": SCOPES, **caller})

    async def send(self, body, path="/send/email/single"):
        async with self.client() as client:
            response = await client.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()["requestUid"]

    async def counts(self, uid):
        async with self.client() as client:
            response = await client.get(
                "/status/email", headers={"requestUid": uid}, params={"status": STATES}
            )
        assert response.status_code == 200, response.text
        return {state: count for state, count in response.json().items() if count}

    async def until(self, uid, wanted, seconds=10, every=0.02):
        async with asyncio.timeout(seconds):
            while (counts := await self.counts(uid)) != wanted:  # noqa: ASYNC110  as callers do
                await asyncio.sleep(every)
        return counts

    @asynccontextmanager
    async def jobs(self, **changed):
        async with main.create_jobs(self.settings.model_copy(update=changed)):
            yield

    async def fetch(self, sql, *arguments, owner=False):
        urls = self.app.state.urls
        connection = await asyncpg.connect(urls.owner if owner else urls.runtime)
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    async def dump(self):
        """Return every row of every table as text, what is in bytea decoded."""
        tables = await self.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'", owner=True
        )
        rows = [
            row
            for table in tables
            for row in await self.fetch(f'SELECT * FROM "{table["tablename"]}"', owner=True)  # noqa: S608
        ]
        return "\n".join(
            value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            for row in rows
            for value in row.values()
        )


@pytest.fixture(scope="session")
async def lasting(block):
    """Return the block on a database where work is committed, one for all tests: they empty it."""
    async with copy_of_template(block) as made:
        app = block.create_app(settings_for(block, made))
        async with app.router.lifespan_context(app):
            app.state.urls = made
            yield app


@pytest.fixture
async def house(lasting, mail):
    connection = await asyncpg.connect(lasting.state.urls.owner)
    tables = await connection.fetchval(
        "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
        "WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    await connection.execute(f"TRUNCATE {tables}")
    await connection.close()
    return House(lasting, mail)
