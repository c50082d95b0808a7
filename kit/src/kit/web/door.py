"""The outermost layer of a block: ids, sizes, text, and the last word on the unforeseen."""

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from fastapi import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.evidence import promises
from kit.identifiers import is_uuid, new_id
from kit.problems import Problem
from kit.web.problems import BodyTooLarge, PathUnreadable, problem_response

REQUEST_ID = "x-request-id"
_log = logging.getLogger("kit.web")

Larger = Callable[[Scope], int | None]
"""Returns the bytes a request's body may have where its route reads a stream, None elsewhere."""


class Door:
    """The outermost layer: ids, sizes, text, and the last word on what was not foreseen."""

    def __init__(
        self,
        app: ASGIApp,
        limit: int,
        status: Callable[[type[Problem]], int],
        larger: Larger | None = None,
    ) -> None:
        self._app = app
        self._limit = limit
        self._status = status
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Passage(scope, receive, send, (self._limit, self._larger))
        try:
            exchange.check()
            await self._app(scope, exchange.receive, exchange.send)
        except Problem as problem:
            status = self._status(type(problem))
            await exchange.answer(problem_response(problem, status, exchange.request_id))
        except Exception:  # noqa: BLE001  the last word
            _log.exception("unforeseen", extra={"request_id": exchange.request_id})
            await exchange.answer(problem_response(Problem(), 500, exchange.request_id))


class _Passage:
    """One request on its way through the door."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, limits: tuple[int, Larger | None]
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._limit, self._larger = limits
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._read = 0
        self._started = False
        self.request_id = request_id_of(self._headers)
        self._promised = promises.collect()
        scope.setdefault("state", {})["request_id"] = self.request_id

    def check(self) -> None:
        """Refuse what no route could read; raise PathUnreadable or BodyTooLarge."""
        raw_path: bytes = self._scope.get("raw_path") or b""
        for part in (raw_path, self._scope.get("query_string", b"")):
            if not is_text(part):
                raise PathUnreadable("a path or query is percent-encoded UTF-8 without NUL")
        length = self._headers.get(b"content-length", b"0")
        if length.isdigit() and self._exceeds(int(length)):
            raise BodyTooLarge(self._limit_said())

    async def receive(self) -> Message:
        """Pass the body in, up to the limit."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._exceeds(self._read):
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._limit_said())
        return message

    def _exceeds(self, size: int) -> bool:
        """Tell whether a body is too large; what its route takes is asked when it is needed."""
        if size > self._limit and self._larger is not None:
            self._limit, self._larger = self._larger(self._scope) or self._limit, None
        return size > self._limit

    async def send(self, message: Message) -> None:
        """Pass the answer out, with the request's id on it."""
        if message["type"] == "http.response.start":
            self._started = True
            message["headers"] = [
                *message["headers"],
                (REQUEST_ID.encode(), self.request_id.encode()),
                *self._promise(),
            ]
        await self._send(message)

    async def answer(self, response: Response) -> None:
        """Answer in the application's place, if it has not begun to."""
        if not self._started:
            await response(self._scope, self._receive, self.send)

    def _promise(self) -> list[tuple[bytes, bytes]]:
        """Return the header that promises what was written for this answer, if anything was."""
        entries = self._promised.stand()
        if not entries:
            return []
        state = self._scope["app"].state
        said = promises.promise(state.evidence_signer, state.block, entries)
        return [(promises.HEADER.encode(), said.encode())]

    def _limit_said(self) -> str:
        return f"a body may have {self._limit} bytes at most"


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """Return the id a request came with if it is a UUID, or a new one.

    It is written in logs and in evidence, where free text could name a person.
    """
    given = headers.get(REQUEST_ID.encode(), b"").decode("latin-1")
    return given if is_uuid(given) else str(new_id())


def is_text(percent_encoded: bytes) -> bool:
    """Tell whether a raw path or query decodes to UTF-8 without NUL."""
    decoded = unquote_to_bytes(percent_encoded)
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in decoded
