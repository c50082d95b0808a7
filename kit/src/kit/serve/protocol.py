"""HTTP as uvicorn reads it, with an end to what may stand before a body or after it.

Beside that the application sees the connection's TLS (uvicorn shows it none of it).
"""

import asyncio
import json
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from kit.problems import Problem
from kit.serve import tls
from kit.web.problems import MEDIA_TYPE, problem_body

HEAD_LIMIT = 32 * 1024
"""Bytes that address, headers and trailers of a request may have together."""

_LINGER = 2.0  # seconds of reading on after a refusal: closed at once, the client would not see it


class HeadTooLarge(Problem):
    """Address and headers are longer than is read."""

    status = 431  # RFC 6585 section 5
    title = "The headers are too large"


class Protocol(HttpToolsProtocol):
    """One connection; httptools itself takes headers of any size."""

    _head = 0
    """Bytes of this request's address, headers and trailers so far."""
    _unread = 0
    """Bytes that have come since the parser last made something of them."""
    _refused = False
    _tls: dict[str, Any] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; after its handshake when there is one."""
        super().connection_made(transport)
        self._tls = tls.described(transport)

    def data_received(self, data: bytes) -> None:
        """Read what came, unless the connection is refused."""
        if self._refused:
            return
        self._unread += len(data)
        super().data_received(data)
        if self._unread > HEAD_LIMIT and not self._refused:
            self._refuse()

    def on_message_begin(self) -> None:
        """Begin to count anew."""
        self._head = self._unread = 0
        super().on_message_begin()
        tls.show(cast("dict[str, Any]", self.scope), self._tls)

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header or trailer."""
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, whose size is not our concern."""
        self._unread = 0
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, and what we would not read."""
        if self._head > HEAD_LIMIT:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _count(self, size: int) -> None:
        self._unread = 0
        self._head += size
        if self._head > HEAD_LIMIT:
            raise HeadTooLarge  # the parser stops, and uvicorn sends a 400: ours, above

    def _refuse(self) -> None:
        """Answer 431 and read on for nothing; in the middle of an answer, just close."""
        self._refused = True
        if self.cycle and not self.cycle.response_complete:
            self.transport.close()
            return
        problem = HeadTooLarge(f"address and headers may have {HEAD_LIMIT} bytes together")
        body = json.dumps(problem_body(problem, problem.status, "")).encode()
        headers = (
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
        )
        self.transport.write(STATUS_LINE[problem.status] + headers.encode() + b"\r\n" + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER, self.transport.close)
