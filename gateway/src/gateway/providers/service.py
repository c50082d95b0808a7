"""The providers behind the gateway: blocks in this process, blocks by URL, and anybody by URL.

Each is an ASGI application to the caller, so that an exchange streams the same way to all.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Self, cast

import aiohttp
import yaml
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from yarl import URL

from gateway.providers.models import EMPTY, Description, ProviderBrokeOff, ProviderUnavailable

_KEEP_ALIVE = 4.0  # less than the 5 s after which uvicorn closes an idle connection
_LINE = 64 * 1024
_DESCRIPTION_LIFE = 30.0
_DESCRIPTION_LIMIT = 16 * 1024 * 1024
_NO_AUTOMATIC_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_LOST = (aiohttp.ClientError, OSError, TimeoutError)


class Providers:
    """Finds what answers for a service; opened once per process."""

    def __init__(
        self,
        blocks: Mapping[str, ASGIApp],
        urls: Mapping[str, str],
        connect_timeout: float,
        idle_timeout: float,
    ) -> None:
        self._inside = dict(blocks)
        self._urls = {name: url for name, url in urls.items() if name not in blocks}
        self._connect, self._idle = connect_timeout, idle_timeout
        self._http: aiohttp.ClientSession | None = None
        self._known: dict[str, tuple[float, Description]] = {}
        self._learning: dict[str, asyncio.Task[Description]] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Self]:
        """Keep the connections open while the context is."""
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect, sock_read=self._idle
        )
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1000, keepalive_timeout=_KEEP_ALIVE),
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_AUTOMATIC_HEADERS,
            auto_decompress=False,
            max_line_size=_LINE,
            max_field_size=_LINE,
        ) as self._http:
            yield self
            for task in self._learning.values():
                task.cancel()

    @property
    def blocks(self) -> list[str]:
        """Return the names of our own blocks."""
        return sorted({*self._inside, *self._urls})

    def is_inside(self, block: str) -> bool:
        """Tell whether a block runs in this process."""
        return block in self._inside

    def find(self, service_url: str) -> ASGIApp:
        """Return what answers for ``block:NAME`` or a URL, or raise ProviderUnavailable."""
        scheme, _, name = service_url.partition(":")
        if scheme != "block":
            return Remote(self._session, service_url)
        if name in self._inside:
            return self._inside[name]
        if name in self._urls:
            return Remote(self._session, self._urls[name])
        raise ProviderUnavailable("no block of this name is configured")

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise ProviderUnavailable("the gateway is not open yet")
        return self._http

    # -- small calls of the gateway's own --------------------------------------------------

    async def fetch(self, url: str) -> tuple[int, bytes]:
        """Get a small document of a ``block:NAME/path`` or a URL; raise ProviderUnavailable."""
        scheme, _, rest = url.partition(":")
        base, path = (url, "")
        if scheme == "block":
            name, _, path = rest.partition("/")
            base, path = f"block:{name}", f"/{path}"
        answer = _Collected()
        try:
            async with asyncio.timeout(self._connect + 2):
                await self.find(base)(_get(path), answer.receive, answer.send)
        except (ProviderBrokeOff, *_LOST) as error:
            raise ProviderUnavailable("its document cannot be read") from error
        return answer.status, bytes(answer.body)

    async def is_ready(self, block: str) -> bool:
        """Tell whether a block says that it can serve."""
        try:
            status, _ = await self.fetch(f"block:{block}/health")
        except ProviderUnavailable:
            return False
        return status == HTTPStatus.OK

    async def describe(self, url: str) -> Description:
        """Return the OpenAPI document at a URL, kept for half a minute; empty when unreachable."""
        kept = self._known.get(url)
        if kept and time.monotonic() - kept[0] < _DESCRIPTION_LIFE:
            return kept[1]
        return await asyncio.shield(self._learning_of(url))

    async def operation(self, url: str, method: str, path: str) -> str | None:
        """Return the path template that a call belongs to, None while the document is unknown.

        The first call of a block in this process waits for its document, others never wait.
        """
        kept = self._known.get(url)
        if kept is None and self.is_inside(url.removeprefix("block:").partition("/")[0]):
            return (await self.describe(url)).operation(method, path)
        if kept is None or time.monotonic() - kept[0] > _DESCRIPTION_LIFE:
            self._learning_of(url)
        return kept[1].operation(method, path) if kept else None

    def _learning_of(self, url: str) -> asyncio.Task[Description]:
        task = self._learning.get(url)
        if task is None:
            task = self._learning[url] = asyncio.create_task(self._learn(url))
            task.add_done_callback(lambda _: self._learning.pop(url, None))
        return task

    async def _learn(self, url: str) -> Description:
        try:
            status, body = await self.fetch(url)
            found = _document(body) if status == HTTPStatus.OK else EMPTY
        except ProviderUnavailable:
            found = EMPTY
        before = self._known.get(url)
        if (found is EMPTY and before) or (before and before[1].document == found.document):
            found = before[1]
        self._known[url] = (time.monotonic(), found)
        return found


def _document(body: bytes) -> Description:
    """Return an OpenAPI document from JSON or YAML; empty when it is neither."""
    try:
        found: object = json.loads(body)
    except ValueError:
        try:
            found = yaml.load(body, yaml.CSafeLoader)
        except (yaml.YAMLError, UnicodeDecodeError):
            return EMPTY
    return Description(cast("dict[str, Any]", found)) if isinstance(found, dict) else EMPTY


def _get(path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "server": ("gateway", None),
        "client": None,
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"gateway"), (b"accept", b"application/json")],
    }


class _Collected:
    """A small answer, read as a whole."""

    def __init__(self) -> None:
        self.status = 0
        self.body = bytearray()
        self._asked = False
        self._never = asyncio.Event()

    async def receive(self) -> Message:
        if self._asked:
            await self._never.wait()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.body += message.get("body", b"")
            if len(self.body) > _DESCRIPTION_LIMIT:
                raise ProviderUnavailable("its document is too large")


class Remote:
    """A provider elsewhere, as an ASGI application: streamed both ways, nothing added.

    Raises ProviderUnavailable before the answer began, ProviderBrokeOff after.
    """

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._http = session
        self._base = base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request and its answer (ASGI)."""
        body = _Upload(receive) if has_body(scope["headers"]) else None
        headers = [(n, v) for n, v in scope["headers"] if n not in (b"host", b"transfer-encoding")]
        began = False
        try:
            async with self._http.request(
                scope["method"],
                _url(self._base, scope),
                headers=[(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers],
                data=body,
                allow_redirects=False,
            ) as answer:
                began = True
                await _pass(answer, send)
        except _LOST as error:
            if began:
                raise ProviderBrokeOff from error
            raise ProviderUnavailable("it cannot be reached, or broke off") from error


async def _pass(answer: aiohttp.ClientResponse, send: Send) -> None:
    """Send an answer on, chunk by chunk; its last chunk is known as such."""
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower(), value) for name, value in answer.raw_headers],
        }
    )
    more = True
    while more:
        chunk = await answer.content.readany()
        more = bool(chunk) and not answer.content.at_eof()
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


class _Upload:
    """A request's body as aiohttp takes it; it can be sent once only, never again half empty."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._begun = False

    async def _chunks(self) -> AsyncGenerator[bytes]:
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    def __aiter__(self) -> AsyncGenerator[bytes]:
        if self._begun:
            raise ConnectionResetError
        self._begun = True
        return self._chunks()


def has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether a request announces a body (RFC 9112 section 6)."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in headers
    )


def _url(base: str, scope: Scope) -> URL:
    """Return where a request goes, as it was written, without quoting it again."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    address = base.rstrip("/") + path.decode("latin-1") if path else base
    return URL(f"{address}?{query.decode('latin-1')}" if query else address, encoded=True)
