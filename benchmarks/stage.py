"""Where rows are measured: a durable PostgreSQL, and the processes a row asks for.

Every server is a process of its own, with the settings the house serves with. A row's servers are
stopped when it ends, so that none disturbs the next row.
"""

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
import httpx
from joserfc import jwt
from joserfc.jwk import OKPKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

import catalogue.main
import consent.main
import gateway.main
import messaging.main
import registry.main
from benchmarks import serving
from gateway.settings import Settings as GatewaySettings
from kit.access import HEADER
from kit.settings import BlockSettings
from stack import house
from stack.home import PARTS, Secrets, open_home
from stack.plan import ADMINISTRATOR, Plan
from stack.postgres import BlockDatabase, Server, provision

POOL = 16
"""Connections of every server measured, ours and bare: what one web worker of the house has."""

MEMBER = "DEV/GOV/10001"
CLIENT = f"{MEMBER}/health-centre"
_CLIENT_SECRET = "benchmark-client-secret"  # noqa: S105  of a database that lives for minutes
_ASSERTIONS = 1000
_LONG = 3600
_PATIENCE = 30.0
_MAINS = {
    "registry": registry.main,
    "consent": consent.main,
    "messaging": messaging.main,
    "catalogue": catalogue.main,
}
Kept = TypeVar("Kept")
Bare = Callable[[asyncpg.Pool, Request], Coroutine[Any, Any, Response]]
"""A bare handler: what does the same work with nothing around it."""


class Stage:
    """One PostgreSQL, the databases in it, and the servers of the row that runs."""

    def __init__(self, place: Path) -> None:
        self.secrets: Secrets = open_home(place / "home")
        self.place = place
        self._server = Server(place / "postgres", durable=True)
        self._databases: dict[str, BlockDatabase] = {}
        self._children: list[BaseProcess] = []
        self._listeners: list[socket.socket] = []
        self._kept: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Start PostgreSQL."""
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop everything."""
        self.clear()
        self._server.stop()

    def clear(self) -> None:
        """Stop the servers of a row."""
        for child in self._children:
            serving.stop(child)
        for listener in self._listeners:
            listener.close()
        self._children, self._listeners = [], []

    def once(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return what ``make`` gave the first time: data that several rows use."""
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    # -- databases -----------------------------------------------------------------------------

    def database(self, part: str) -> BlockDatabase:
        """Return a part's database, provisioned and migrated when first asked for."""
        if part not in self._databases:
            made = house.prepare_database(self._server.admin_url, part, self.secrets)
            self._databases[part] = asyncio.run(made)
        return self._databases[part]

    def empty_database(self, name: str) -> str:
        """Return the owner's URL of a new database, for a peer."""
        passwords = ("benchmark-owner", "benchmark-runtime")
        made = provision(self._server.admin_url, name, passwords)
        return asyncio.run(made).owner_url

    def sql(self, part: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement as the part's runtime role."""

        async def ask() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.database(part).runtime_url)
            try:
                return await connection.fetch(statement, *arguments)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def analyse(self, part: str) -> None:
        """Let the planner know what is in the tables, as it does in a database that has lived."""

        async def ask() -> None:
            connection = await asyncpg.connect(self.database(part).owner_url)
            try:
                await connection.execute("VACUUM ANALYZE")
            finally:
                await connection.close()

        asyncio.run(ask())

    def _plan(self, url: str, *parts: str, workers: int = 1) -> Plan:
        databases = {part: self.database(part) for part in parts}
        administrator = self.secrets.administrator
        return Plan(url, self.secrets, administrator, databases, smtp_port=9, workers=workers)

    def settings(self, part: str, url: str = "http://127.0.0.1:9") -> BlockSettings:
        """Return a part's settings, with the pool that everything here has."""
        return house.settings_of(part, self._plan(url, part), POOL)

    # -- servers -------------------------------------------------------------------------------

    def block(self, part: str) -> str:
        """Serve one block alone; return its address."""
        settings = self.settings(part)

        @asynccontextmanager
        async def app() -> AsyncGenerator[ASGIApp]:
            made = _MAINS[part].create_app(settings)
            async with made.router.lifespan_context(made):
                yield made

        return self.serve(app)

    def serve(self, app: serving.Application) -> str:
        """Serve an application; return its address."""
        listener, url = self._listen()
        self._children.append(serving.start(app, listener))
        return url

    def bare(self, part: str, handler: Bare) -> str:
        """Serve a bare handler on a part's database; return its address."""
        listener, url = self._listen()
        database = self.database(part).runtime_url

        @asynccontextmanager
        async def app() -> AsyncGenerator[ASGIApp]:
            jit = {"jit": "off"}
            async with asyncpg.create_pool(
                database, min_size=POOL, max_size=POOL, server_settings=jit
            ) as pool:

                async def endpoint(request: Request) -> Response:
                    return await handler(pool, request)

                yield Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])])

        self._children.append(serving.start(app, listener))
        return url + "/"

    def gateway(self, **blocks: str) -> str:
        """Serve the gateway alone in front of blocks by address; return its address."""
        listener, url = self._listen()
        kept = self.settings("gateway", url)
        settings = GatewaySettings.model_validate(kept.model_dump() | {"blocks": blocks})

        @asynccontextmanager
        async def app() -> AsyncGenerator[ASGIApp]:
            made = gateway.main.create_app(settings)
            async with made.router.lifespan_context(made):
                yield made

        self._children.append(serving.start(app, listener))
        self._configure(url)
        return url

    def house(self, workers: int = 1) -> str:
        """Serve the whole house as ``govblocks up`` does: gateway and blocks in each worker."""
        listener, url = self._listen()
        plan = self._plan(url, *PARTS, workers=workers)
        for _ in range(workers):
            self._children.append(serving.start(lambda: house.web(plan), listener))
        self._configure(url)
        return url

    def _listen(self) -> tuple[socket.socket, str]:
        listener = serving.listen()
        self._listeners.append(listener)
        return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"

    # -- who asks ------------------------------------------------------------------------------

    def assertions(self, block: str) -> list[str]:
        """Sign the gateway's word for the client, many times over, each for another person.

        They live for an hour and not for seconds, and come again after the last; otherwise they
        are what ``kit.access.assertion`` signs.
        """
        people = (f"benchmark-{number}" for number in range(_ASSERTIONS))
        return [self._assertion(block, person=person) for person in people]

    def client(self, block: str, url: str) -> httpx.Client:
        """Return a client of one block that carries such an assertion, with nobody signed in."""
        headers = {HEADER: self._assertion(block)}
        return httpx.Client(base_url=url, headers=headers, timeout=_PATIENCE)

    def _assertion(self, block: str, **more: str) -> str:
        key = OKPKey.import_key(self.secrets.gateway_key)
        claims: dict[str, Any] = {
            "aud": block,
            "exp": int(time.time()) + _LONG,
            "client": CLIENT,
            "tenant": MEMBER,
            "scope": "*",
            "roles": [],
            "service": f"{MEMBER}/health-centre/{block}",
            "client_name": "health-centre",
            "member_name": "Ministry of Health",
            **more,
        }
        header = {"alg": "Ed25519", "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=["Ed25519"])

    def _configure(self, url: str) -> None:
        """Register the member, its application and its right at a gateway."""
        rights = [{"memberClass": "GOV", "memberCode": "10001", "applicationId": "health-centre"}]
        service = {
            "id": "registry",
            "serviceUrl": "block:registry",
            "tenancy": "client",
            "shortForm": "registry",
            "rights": rights,
        }
        application = {
            "id": "health-centre",
            "connection": "oauth2",
            "secret": _CLIENT_SECRET,
            "scopes": [],
            "services": [service],
        }
        member = {
            "name": "Ministry of Health",
            "class": "GOV",
            "code": "10001",
            "applications": [application],
        }
        body = {"domain": "dev.govblocks.example", "instance": "DEV", "members": [member]}
        token = self._token(url, ADMINISTRATOR, self.secrets.administrator)
        answer = httpx.patch(
            f"{url}/api/v1/config",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_PATIENCE,
        )
        answer.raise_for_status()

    def token(self, url: str) -> str:
        """Return a token of the client at a gateway."""
        return self._token(url, CLIENT, _CLIENT_SECRET)

    @staticmethod
    def _token(url: str, client: str, secret: str) -> str:
        answer = httpx.post(
            f"{url}/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=httpx.BasicAuth(client, secret),
            timeout=_PATIENCE,
        )
        answer.raise_for_status()
        return str(json.loads(answer.text)["access_token"])
