"""The configuration as this worker holds it: in memory, and never older than the last change."""

import asyncio
import time
from uuid import uuid4

from gateway.configuration import store
from gateway.configuration.models import Configuration
from kit.database import Lender, Reading, Session
from kit.hearing import Hearing

_AGE_UNHEARD = 2.0
_AGE_OF_CHANGE = 2.0


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
        self._hearing = Hearing(store.CHANNEL, self._on_change, self._on_gap)
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
        return self._hearing.hears()

    def forget(self) -> None:
        """Read again at the next question."""
        self._mark += 1
        self._changes.clear()

    async def listen(self, url: str) -> None:
        """Hear of changes until cancelled; connect again when the connection breaks."""
        await self._hearing.hear(url)

    def _on_gap(self) -> None:
        self._mark += 1  # whatever was said before we listened

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
        return self.is_listening or now - self._held_at < _AGE_UNHEARD
