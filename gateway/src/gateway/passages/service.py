"""One request on its way to a provider and back: streamed, measured, its end held back.

Nothing is kept but the chunk in hand, so memory is flat whatever the size; a slow reader slows the
writer. The answer's head waits for its first chunk, and its last chunk for the log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.passages.models import Measured
from gateway.providers.models import ProviderUnavailable

GONE = "client disconnected"
SLOW = "provider too slow"
UNAVAILABLE = "provider unavailable"
BROKEN = "provider broke off"
UNLOGGED = "log unavailable"
_SOON, _SELDOM = 0.05, 1.0
_EMPTY: Message = {"type": "http.request", "body": b"", "more_body": False}


@dataclass(slots=True)
class Turns:
    """What the exchange does at the turns of a passage."""

    before_first: Callable[[], Awaitable[None]]
    """Called before anything of the answer leaves."""
    before_last: Callable[[], Awaitable[None]]
    """Called before the last of the answer leaves."""
    head: Callable[[Message], Message]
    """Returns the answer's head as the client gets it; called when it leaves, not before."""


class Passage:
    """Both streams of one exchange, as the provider's ASGI ``receive`` and ``send``.

    Nothing is set up for what most exchanges never need: only one that takes its time gets somebody
    to notice that the client has gone, and the clock is looked at, not set anew for each chunk.
    """

    def __init__(self, receive: Receive, send: Send, idle: float, turns: Turns) -> None:
        self._receive, self._send, self._limit, self._turns = receive, send, idle, turns
        self.request, self.answer = Measured(), Measured()
        self.status = 0
        self.headers: Iterable[tuple[bytes, bytes]] = ()
        self.left = self.done = self.gone = False
        self._with_body = self._said_empty = self._is_late = self._is_stopped = False
        self._head: Message | None = None
        self._error: Exception | None = None
        self._raised: Exception | None = None
        self._disconnected = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._waiting_since: float | None = self._loop.time()
        self._look_again: asyncio.TimerHandle | None = None

    async def run(self, provider: ASGIApp, scope: Scope, *, with_body: bool) -> str | None:
        """Let the request pass; return why the answer is not complete, None when it is."""
        self._with_body = with_body
        if not with_body:
            self.request.add(b"", last=True)
        self._look_again = self._loop.call_later(min(_SOON, self._limit), self._look)
        try:
            await provider(scope, self.receive, self.send)
        except asyncio.CancelledError:
            if not self._is_stopped or self._task is None or self._task.uncancel():
                raise
        except Exception as error:  # noqa: BLE001  the exchange says what it makes of it
            self._raised = error
        finally:
            await self._end()
        return None if self.done else self._failure()

    async def _end(self) -> None:
        self._is_stopped = True
        if self._look_again is not None:
            self._look_again.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    def _stop(self) -> None:
        """Stop the provider, which this task is waiting for."""
        if not self._is_stopped and self._task is not None:
            self._is_stopped = True
            self._task.cancel()

    def _failure(self) -> str:
        if self._error is not None:
            return UNLOGGED
        if self.gone:
            return GONE
        if self._is_late:
            return SLOW
        return UNAVAILABLE if isinstance(self._raised, ProviderUnavailable) else BROKEN

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
        return message

    async def _after_request(self) -> Message:
        """Say once that an empty body is empty; after that, only that the client has gone."""
        if not self._with_body and not self._said_empty:
            self._said_empty = True
            return dict(_EMPTY)
        self._watch()
        await self._disconnected.wait()
        return {"type": "http.disconnect"}

    def _watch(self) -> None:
        """Notice when the client goes, and stop the provider then."""
        if self._watcher is None and self.request.complete:
            self._watcher = asyncio.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = not self.done
        self._disconnected.set()
        if self.gone:
            self._stop()

    # -- the answer ------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Take the next part of the answer from the provider (ASGI)."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = message.get("headers", ())
            self._head = message
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
            await self._send(self._turns.head(head))
        self.done = last
        await self._send(message)

    # -- the clock: it runs only while the provider is the one waited for --------------------

    def _wind(self) -> None:
        self._waiting_since = self._loop.time()

    def _pause(self) -> None:
        self._waiting_since = None

    def _look(self) -> None:
        """Look whether the provider is too slow, and have the client watched from now on."""
        self._watch()
        now = self._loop.time()
        since = now if self._waiting_since is None else self._waiting_since
        if now - since >= self._limit:
            self._is_late = True
            self._stop()
        else:
            again = min(max(_SOON, since + self._limit - now), _SELDOM)
            self._look_again = self._loop.call_later(again, self._look)
