"""The mailbox as two servers that start and stop together."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from aiosmtpd.smtp import Envelope
from starlette.applications import Starlette

from kit.serve.protocol import Protocol
from stack.mailbox.messages import Store
from stack.mailbox.reading import read_message
from stack.mailbox.smtp import Conversation
from stack.mailbox.web import create_app

_SHUTDOWN = 1  # seconds that an open web request gets
_FIRST_FAILURE, _LAST_FAILURE = 400, 599


class Mailbox:
    """The mailbox as servers: SMTP in, HTTP out."""

    def __init__(self) -> None:
        self.store = Store()
        self.smtp_port = 0
        self.web_port = 0
        self._failures: list[int] = []
        self._conversations: set[Conversation] = set()
        self._smtp: asyncio.Server | None = None
        self._web: _WebServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, smtp_port: int, web_port: int, host: str = "127.0.0.1") -> None:
        """Serve on both ports, 0 for a free one; raise OSError if one is in use."""
        smtp_socket = _bind(host, smtp_port)
        try:
            web_socket = _bind(host, web_port)
        except OSError:
            smtp_socket.close()
            raise
        self.smtp_port = smtp_socket.getsockname()[1]
        self.web_port = web_socket.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._smtp = await loop.create_server(
            lambda: Conversation(self._receive, self._conversations), sock=smtp_socket
        )
        self._web = _WebServer(_web_config(create_app(self.store)))
        self._serving = asyncio.create_task(self._web.serve(sockets=[web_socket]))
        while not self._web.started and not self._serving.done():  # noqa: ASYNC110 -- no event
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop serving and close every connection; the messages stay; harmless if stopped."""
        if self._smtp is not None:
            self._smtp.close()
            for conversation in tuple(self._conversations):
                conversation.close()
            await self._smtp.wait_closed()
            self._smtp = None
        if self._web is not None and self._serving is not None:
            self._web.should_exit = True
            await self._serving
            self._web = self._serving = None

    def fail_next(self, code: int, times: int = 1) -> None:
        """Refuse the next messages with an SMTP status: 4xx for later, 5xx for never."""
        if not _FIRST_FAILURE <= code <= _LAST_FAILURE:
            raise ValueError(f"An SMTP failure is 400 to 599, unlike {code}.")
        self._failures += [code] * times

    async def _receive(self, envelope: Envelope) -> str:
        if self._failures:
            return f"{self._failures.pop(0)} Refused as asked"
        content = envelope.original_content or b""
        self.store.add(read_message(content, envelope.mail_from or "", envelope.rcpt_tos))
        return "250 OK"


class _WebServer(uvicorn.Server):
    """A web server that leaves the signals to the process around it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def _web_config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN,
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = f"{error.strerror} (the development mailbox wants {host}:{port})"
        raise OSError(error.errno, reason) from error
