"""Every block on a database of its own, in process, with something in it that a request can name.

What fills it is ``good_input.yaml``: a good request of every operation.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import yaml
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from joserfc.jwk import OKPKey
from pydantic import SecretStr
from starlette.types import ASGIApp

from kit.access import IN_PROCESS, Caller
from kit.evidence import Ledger, Signer, leaf_hash, new_signing_keys
from kit.evidence.sequencing import append, read_head
from kit.evidence.signing import CHECKPOINT
from kit.settings import BlockSettings
from kit.testing import Block, PinnedDatabase, Urls, copy_of_template, settings_for
from kit.web import operations

ROOT = Path(__file__).parents[2]
BLOCKS = ("registry", "consent", "messaging", "catalogue", "gateway")
CONTRACTS = (*BLOCKS, "registry-1.0")
"""Those of the blocks, and of older releases of theirs."""
TENANT = "TEST/GOV/1001"
EVERYTHING = Caller(f"{TENANT}/clinic", TENANT, scopes=frozenset({"*", "evidence:erase"}))
CLINIC, CLINIC_SECRET = "DEV/GOV/10001/clinic", "the clinic's own secret"
ROOM = "DEV/GOV/10002/life-events"
ADMINISTRATOR, SECRET = "administrator", "an administrator's secret"
TABLES = (
    "SELECT tablename FROM pg_tables "
    "WHERE schemaname = 'public' AND tablename NOT LIKE 'evidence%' "
    "AND tablename NOT LIKE '%\\_use' ORDER BY 1"  # calls are counted by the clock, not by request
)
NOWHERE = "postgresql://nobody:nothing@127.0.0.1:9/nothing"
"""A database that does not answer."""


class Other:
    """Another block, whose ledger is to be witnessed: what it publishes and what it signs."""

    def __init__(self) -> None:
        self.signer = Signer(new_signing_keys())

    async def of(self, ledger: str, *, anew: bool = False) -> list[dict[str, Any]]:
        del anew
        return self.signer.public if ledger == "other" else []

    async def known(self, ledger: str) -> list[dict[str, Any]]:
        return await self.of(ledger)

    def checkpoint(self, size: int, seed: bytes) -> str:
        """Sign a checkpoint over some tree of a size."""
        said = {"ledger": "other", "size": size, "root": leaf_hash(seed).hex(), "previous": None}
        return self.signer.sign(CHECKPOINT, said | {"at": "2026-11-22T10:00:00.000000Z"})


OTHER = Other()


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as its contract declares it."""

    name: str
    method: str
    path: str
    said: Mapping[str, Any]

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.said["responses"]}

    @property
    def is_open(self) -> bool:
        """Tell whether anyone may ask."""
        return not self.said["security"]

    def url(self, values: Mapping[str, Any]) -> str:
        path = self.path
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        return path


@dataclass(frozen=True, slots=True)
class Request:
    """A request of one operation."""

    operation: Operation
    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    form: dict[str, str] | None = None
    content: str | None = None
    answers: int = 200

    @property
    def target(self) -> str:
        """Return its path and query as they travel."""
        query = urlencode(self.query, doseq=True)
        return self.operation.url(self.path) + (f"?{query}" if query else "")

    async def send(self, client: AsyncClient, **more: Any) -> Response:
        """Send it, with what is given in place of its own (``content=``, ``headers=`` …)."""
        sent: dict[str, Any] = {
            "url": self.operation.url(self.path),
            "params": self.query or None,
            "headers": self.headers,
        }
        if self.body is not None:
            sent["json"] = self.body
        if self.form is not None:
            sent["data"] = self.form
        if self.content is not None:
            sent["content"] = self.content
        if "content" in more:
            sent.pop("json", None), sent.pop("data", None)
        return await client.request(self.operation.method, **{**sent, **more})


async def ask(
    app: ASGIApp, method: str, target: str, headers: Mapping[str, str | bytes], body: bytes
) -> Response:
    """Ask an ASGI application as a server would, with nothing that was sent made tidy on the way.

    An HTTP client would also spend twice the time that the application needs.
    """
    path, _, query = target.partition("?")
    given = {"host": "test", "content-length": str(len(body)), **headers}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (n.lower().encode(), v if isinstance(v, bytes) else v.encode())
            for n, v in given.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    waiting, said, content = [body], dict[str, Any](), bytearray()

    async def receive() -> dict[str, Any]:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        said.update(message)
        content.extend(message.get("body", b""))

    await app(scope, receive, send)
    return Response(said["status"], headers=said["headers"], content=bytes(content))


@cache
def contract(block: str) -> dict[str, Any]:
    text = (ROOT / "contracts" / f"{block}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader)


@cache
def operations_of(block: str) -> dict[str, Operation]:
    """Return a block's operations by their names."""
    return {
        said["operationId"]: Operation(said["operationId"], method.upper(), path, said)
        for method, path, said in operations(contract(block)["paths"])
    }


@cache
def steps(block: str) -> dict[str, list[dict[str, Any]]]:
    text = (ROOT / "tests/contracts/good_input.yaml").read_text(encoding="utf-8")
    return yaml.load(text, yaml.CSafeLoader)[block]


def pointed(document: Any, pointer: str) -> Any:
    """Return the part of a document that a JSON Pointer names."""
    for part in pointer.split("/")[1:]:
        document = document[int(part) if isinstance(document, list) else part]
    return document


def filled(value: Any, kept: Mapping[str, Any]) -> Any:
    """Return a value with what was kept in the place of each ``$name``."""
    if isinstance(value, dict):
        return {key: filled(each, kept) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, kept) for each in value]
    if isinstance(value, str) and value.startswith("$"):
        return kept[value[1:]]
    return value


@dataclass(slots=True)
class Stage:
    """A block that serves in this process, and clients of it."""

    block: str
    app: FastAPI
    kept: dict[str, Any] = field(default_factory=dict)

    def asked_by(self, caller: Caller | None = EVERYTHING) -> ASGIApp:
        """Return the application as a caller reaches it through the gateway in one process."""

        release = self.block.partition("-")[2]
        under = f"/{release}" if release else ""

        async def asking(scope: Any, receive: Any, send: Any) -> None:
            handed = {} if self.block == "gateway" or caller is None else {IN_PROCESS: caller}
            path, raw = under + scope["path"], under.encode() + scope["raw_path"]
            await self.app({**scope, **handed, "path": path, "raw_path": raw}, receive, send)

        return asking

    def client(self, caller: Caller | None = EVERYTHING, **headers: str) -> AsyncClient:
        """Return a client for a caller; the gateway knows callers by their credentials alone."""
        transport = ASGITransport(self.asked_by(caller), raise_app_exceptions=False)
        return AsyncClient(transport=transport, base_url="http://test", headers=headers)

    async def full_client(self) -> AsyncClient:
        """Return a client that may do everything."""
        return self.client(**await self.credentials())

    async def credentials(self) -> dict[str, str]:
        """Return the headers of somebody who may do everything; a block needs none."""
        if self.block != "gateway":
            return {}
        token = await self.token(ADMINISTRATOR, SECRET)
        acting = {"X-GovStack-Client": ROOM} if self.kept else {}
        return {"Authorization": f"Bearer {token}", **acting}

    async def poor_client(self) -> AsyncClient:
        """Return a client that is known and may do nothing."""
        if self.block != "gateway":
            return self.client(Caller(f"{TENANT}/clinic", TENANT))
        token = await self.token("DEV/GOV/10002/population", "the population office's")
        return self.client(Authorization=f"Bearer {token}")

    async def token(self, client: str, secret: str) -> str:
        async with self.client() as http:
            form = {
                "grant_type": "client_credentials",
                "client_id": client,
                "client_secret": secret,
            }
            answer = await http.post("/oauth2/token", data=form)
            assert answer.status_code == 200, answer.text
            return answer.json()["access_token"]

    def request(self, step: Mapping[str, Any]) -> Request:
        """Return the request of a step, with what was kept."""
        given = {
            name: filled(v, self.kept)
            for name, v in step.items()
            if name not in {"do", "keep", "places"}
        }
        return Request(self.operation(step["do"]), **given)

    def operation(self, name: str) -> Operation:
        """Return an operation of the contract, or one of today's, which older releases have too."""
        today = operations_of(self.block.partition("-")[0])
        return operations_of(self.block).get(name) or today[name]

    def good(self, name: str) -> Request:
        """Return a good request of an operation."""
        found = [s for part in steps(self.block).values() for s in part if s["do"] == name]
        return self.request(found[0])

    async def walk(self, part: str, client: AsyncClient) -> str:
        """Send the requests of ``first`` or ``last``; return what went wrong, empty if nothing."""
        for step in steps(self.block).get(part, []):
            if step.get("places"):
                await self.place()
            request = self.request(step)
            answer = await request.send(client)
            if answer.status_code != request.answers:
                return f"{step['do']}: {answer.status_code} {answer.text[:300]}"
            if step["do"] == "createIMconf":
                client.headers["X-GovStack-Client"] = ROOM  # the administrator acts for it
            for name, pointer in step.get("keep", {}).items():
                self.kept[name] = pointed(answer.json(), pointer)
        return ""

    async def place(self) -> None:
        """Give what is in the ledger its places, as the jobs process would."""
        state = self.app.state
        async with state.database.connection() as connection:
            head = await read_head(connection.driver)
            await append(connection.driver, self.block, state.evidence_signer, head)

    @asynccontextmanager
    async def rolled_back(self) -> AsyncGenerator[Callable[[], Awaitable[dict[str, str]]]]:
        """Do what follows in a transaction that is rolled back; lend what digests all rows in it.

        Every table has its digest but those of the ledger, which notes refusals too.
        """
        state = self.app.state
        before = state.database, state.ledger
        async with state.database.connection() as connection:
            names = [row["tablename"] for row in await connection.driver.fetch(TABLES)]
            digest = "SELECT '{0}', md5(string_agg(t::text, '' ORDER BY t::text)) FROM \"{0}\" t"
            every = " UNION ALL ".join(digest.format(name) for name in names)

            async def rows() -> dict[str, str]:
                return dict(await connection.driver.fetch(every))

            work = connection.driver.transaction()
            await work.start()
            state.database = PinnedDatabase(connection)
            state.ledger = Ledger(state.block, state.keyring, state.database)
            try:
                yield rows
            finally:
                await work.rollback()
                state.database, state.ledger = before
                if self.block == "gateway":
                    state.book.forget()


def block_of(name: str) -> Block:
    """Return a block with settings that need nothing beside a database."""
    main, kind = import_module(f"{name}.main"), import_module(f"{name}.settings").Settings

    def settings(**more: Any) -> BlockSettings:
        if name == "gateway":
            key = OKPKey.generate_key("Ed25519", parameters={"kid": "contract-test"})
            more |= {
                "instance": "DEV",
                "signing_key": SecretStr(json.dumps(key.as_dict(private=True))),
                "administrator_id": ADMINISTRATOR,
                "administrator_secret": SecretStr(SECRET),
                "free_attempts": 0,  # what is tried here is wrong all the time
            }
        return kind(**more)

    folder = ROOT / ("gateway" if name == "gateway" else f"services/{name}") / "migrations"
    return Block(name, main.create_app, settings, folder)


@asynccontextmanager
async def staged(name: str, *, filled_in: bool = True, **changed: Any) -> AsyncGenerator[Stage]:
    """Lend a block with everything of ``good_input.yaml`` in it; ``changed`` are settings."""
    block = block_of(name.partition("-")[0])
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(copy_of_template(block))
        app = block.create_app(settings_for(block, urls, **changed))
        await stack.enter_async_context(app.router.lifespan_context(app))
        app.state.published_keys, app.state.verifying = OTHER, asyncio.Lock()
        stage = Stage(name, app)
        if not filled_in:
            yield stage
            return
        async with await stage.full_client() as client:
            wrong = await stage.walk("first", client)
            stage.kept["foreign"] = OTHER.checkpoint(1, b"one")
            wrong = wrong or await stage.walk("ledger", client)
        assert not wrong, wrong
        yield stage


@asynccontextmanager
async def stranded(name: str, kept: Mapping[str, Any]) -> AsyncGenerator[Stage]:
    """Lend a block whose database does not answer."""
    block = block_of(name.partition("-")[0])
    app = block.create_app(settings_for(block, Urls(NOWHERE, NOWHERE)))
    async with app.router.lifespan_context(app):
        app.state.published_keys, app.state.verifying = OTHER, asyncio.Lock()
        yield Stage(name, app, kept=dict(kept))
