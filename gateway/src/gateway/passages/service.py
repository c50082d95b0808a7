"""One request on its way to a provider and back: streamed, measured, its end held back.

Nothing is kept but the chunk in hand, so memory is flat whatever the size; a slow reader slows the
writer. The answer's head waits for its first chunk, and its last chunk for the log.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.passages.models import Measured
from gateway.providers.models import ProviderUnavailable

GONE = "client disconnected"
SLOW = "provider too slow"
UNAVAILABLE = "provider unavailable"
BROKEN = "provider broke off"
UNLOGGED = "log unavailable"
_EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}


@dataclass(slots=True)
class Turns:
    """What the exchange does at the turns of a passage."""

    before_first: Callable[[], Awaitable[None]]
    """Called before anything of the answer leaves."""
    before_last: Callable[[], Awaitable[None]]
    """Called before the last of the answer leaves."""
    head: Callable[[Message], Message]
    """Returns the answer's head as the client gets it."""


class Passage:
    """Both streams of one exchange, as the provider's ASGI ``receive`` and ``send``."""

    def __init__(self, receive: Receive, send: Send, idle: float, turns: Turns) -> None:
        self._receive, self._send, self._limit, self._turns = receive, send, idle, turns
        self.request, self.answer = Measured(), Measured()
        self.status = 0
        self.left = self.done = self.gone = False
        self._with_body = self._said_empty = self._counting = False
        self._head: Message | None = None
        self._error: Exception | None = None
        self._disconnected = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._clock = asyncio.timeout(None)

    async def run(self, provider: ASGIApp, scope: Scope, *, with_body: bool) -> str | None:
        """Let the request pass; return why the answer is not complete, None when it is."""
        self._with_body = with_body
        if not with_body:
            self.request.add(b"", last=True)
            self._watch()
        timed_out = False
        self._task = asyncio.ensure_future(provider(scope, self.receive, self.send))
        try:
            async with self._clock:
                self._counting = True
                self._wind()
                await asyncio.wait({self._task})
                self._counting = False
        except TimeoutError:
            timed_out = True
        finally:
            self._counting = False
            await self._end()
        return None if self.done else self._failure(timed_out=timed_out)

    async def _end(self) -> None:
        pending = [task for task in (self._task, self._watcher) if task is not None]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    def _failure(self, *, timed_out: bool) -> str:
        if self._error is not None:
            return UNLOGGED
        if self.gone:
            return GONE
        if timed_out:
            return SLOW
        task = self._task
        if (
            task is None
            or task.cancelled()
            or not isinstance(task.exception(), ProviderUnavailable)
        ):
            return BROKEN
        return UNAVAILABLE

    # -- the request -----------------------------------------------------------------------

    async def receive(self) -> Message:
        """Hand the provider the next part of the request (ASGI)."""
        if self.request.complete:
            return await self._after_request()
        self._pause()
        message = await self._receive()
        self._wind()
        if message["type"] == "http.disconnect":
            self.gone = True
            self._disconnected.set()
            return message
        last = not message.get("more_body", False)
        self.request.add(message.get("body", b""), last=last)
        if last:
            self._watch()
        return message

    async def _after_request(self) -> Message:
        """Say once that an empty body is empty; after that, only that the client has gone."""
        if not self._with_body and not self._said_empty:
            self._said_empty = True
            return dict(_EMPTY)
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    def _watch(self) -> None:
        """Notice when the client goes, and stop the provider then."""
        self._watcher = asyncio.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = not self.done
        self._disconnected.set()
        if self._task is not None and self.gone:
            self._task.cancel()

    # -- the answer ------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Take the next part of the answer from the provider (ASGI)."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._head = self._turns.head(message)
            self._wind()
        elif message["type"] == "http.response.body" and not self.done:
            self._pause()
            await self._take(message)
            self._wind()

    async def _take(self, message: Message) -> None:
        last = not message.get("more_body", False)
        self.answer.add(message.get("body", b""), last=last)
        try:
            await self._turns.before_first()
            if last:
                await self._turns.before_last()
        except Exception as error:
            self._error = error
            raise
        if self._head is not None:
            head, self._head, self.left = self._head, None, True
            await self._send(head)
        self.done = last
        await self._send(message)

    # -- the clock: it runs only while the provider is the one waited for --------------------

    def _wind(self) -> None:
        if self._counting:
            self._clock.reschedule(asyncio.get_running_loop().time() + self._limit)

    def _pause(self) -> None:
        if self._counting:
            self._clock.reschedule(None)
