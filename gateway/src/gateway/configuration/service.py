"""The configuration as this worker holds it: in memory, and never older than the last change."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from uuid import uuid4

from gateway.configuration import store
from gateway.configuration.models import Configuration
from kit.database import LOST, Lender, Reading, Session

_AGE_UNHEARD = 2.0
_AGE_OF_CHANGE = 2.0
_BEAT = 5.0
_PAUSE = 0.5
_log = logging.getLogger("gateway.configuration")


class Book:
    """The configuration in memory; PostgreSQL's NOTIFY says when to read it again.

    While nobody listens (at the start, or when the connection broke) it is read again when older
    than two seconds. A worker that changes it reads it at every request until its own change was
    announced, so that what was withdrawn is gone with the answer.
    """

    def __init__(self) -> None:
        self._held: Configuration | None = None
        self._held_at = 0.0
        self._held_mark = -1
        self._mark = 0
        self._changes: dict[str, float] = {}
        self._heard = False
        self._lock = asyncio.Lock()

    async def current(self, lender: Lender) -> Configuration:
        """Return the configuration as of the last change anybody committed."""
        held = self._held
        if held is not None and self._is_fresh():
            return held
        async with self._lock:
            if self._held is None or not self._is_fresh():
                mark, at = self._mark, time.monotonic()
                self._held = await store.load(Reading(lender))
                self._held_mark, self._held_at = mark, at
            return self._held

    async def for_change(self, session: Session) -> Configuration:
        """Return the configuration inside a transaction that is alone in changing it."""
        await store.lock(session)
        return await store.load(session)

    async def changed(self, session: Session) -> None:
        """Say that this transaction changes the configuration."""
        token = uuid4().hex
        self._changes[token] = time.monotonic()
        await store.announce(session, token)

    @property
    def is_listening(self) -> bool:
        """Tell whether changes are heard of as they happen."""
        return self._heard

    def forget(self) -> None:
        """Read again at the next question."""
        self._mark += 1
        self._changes.clear()

    async def listen(self, url: str) -> None:
        """Hear of changes until cancelled; connect again when the connection breaks."""
        told = False
        while True:
            try:
                await self._listen_once(url)
            except (TimeoutError, *LOST):
                if self._heard or not told:  # a line for each loss, not for each attempt
                    _log.warning("the listener lost its connection; reading more often meanwhile")
                told = True
            finally:
                self._heard = False
            await asyncio.sleep(_PAUSE)

    async def _listen_once(self, url: str) -> None:
        async with store.listening(url, self._on_change) as connection:
            self._mark += 1  # whatever was said before we listened
            self._heard = True
            broken = asyncio.Event()
            connection.add_termination_listener(_setter(broken))
            while not broken.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(broken.wait(), _BEAT)
                await connection.fetchval("SELECT 1")

    def _on_change(self, token: str) -> None:
        self._mark += 1
        self._changes.pop(token, None)

    def _is_fresh(self) -> bool:
        now = time.monotonic()
        if self._changes:
            limit = now - _AGE_OF_CHANGE
            self._changes = {token: at for token, at in self._changes.items() if at > limit}
        if self._changes or self._held_mark != self._mark:
            return False
        return self._heard or now - self._held_at < _AGE_UNHEARD


def _setter(event: asyncio.Event) -> Callable[[object], None]:
    def broken(_connection: object) -> None:
        event.set()

    return broken
