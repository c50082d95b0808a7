"""For tests: receivers of callbacks on this machine; they answer as told, some not at all."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(slots=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """Return the body as JSON."""
        return json.loads(self.body)

    def signed_by(self, secret: str) -> str:
        """Return how it is signed when by this secret (Standard Webhooks, ``v1``)."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        said = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode()
        mark = hmac.digest(key, said + self.body, hashlib.sha256)
        return f"v1,{base64.b64encode(mark).decode()}"


@dataclass(slots=True)
class Receiver:
    """An HTTP server; ``answers`` are given one after the other, then 204 for ever."""

    port: int = 0
    answers: list[bytes] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    hangs: bool = False
    streams: bool = False
    sent: int = 0
    most_at_once: int = 0
    at_once: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, count: int, within: float = 8) -> None:
        """Wait until so many requests have come, for some seconds at most."""
        async with asyncio.timeout(within):
            while len(self.received) < count:
                self.changed.clear()
                await self.changed.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request of a connection and answer it."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            self.at_once -= 1
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.received.append(Received(head[0].split(" ")[1], headers, body))
        self.changed.set()
        if self.hangs:
            await reader.read()  # until the other side has had enough
        elif self.streams:
            await self._stream(writer)
        else:
            writer.write(self.answers.pop(0) if self.answers else OK)
            await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n")
        part = b"x" * 65536
        while self.sent < 1 << 30:
            writer.write(part)
            await writer.drain()
            self.sent += len(part)


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Serve a receiver while this is open."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    """Return an answer with a status and headers."""
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body
