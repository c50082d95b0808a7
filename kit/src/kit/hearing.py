"""What is said through PostgreSQL to every process at once (NOTIFY), heard as it is committed.

A process hears on a connection of its own and always knows whether it does. What was said while it
did not hear is lost to it: ``on_gap`` is called when hearing begins and when it ends, so that
nothing that rests on having heard everything outlives a gap.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable

import asyncpg

from kit.database import LOST, Session

_PAUSE = 0.5  # seconds between two attempts to connect
_PATIENCE = 5  # seconds that PostgreSQL has to answer
_log = logging.getLogger("kit.hearing")


async def announce(session: Session, channel: str, word: str) -> None:
    """Say a word (8,000 bytes at most) on a channel, heard when the transaction commits."""
    await session.fetch("SELECT pg_notify($1, $2)", channel, word)


class Hearing:
    """Hears one channel; ``beat`` is how often, in seconds, it makes sure that it still does."""

    def __init__(
        self,
        channel: str,
        on_word: Callable[[str], None],
        on_gap: Callable[[], None],
        beat: float = 5.0,
    ) -> None:
        self._channel = channel
        self._on_word = on_word
        self._on_gap = on_gap
        self._beat = beat
        self._hears = False
        self._sure_at = 0.0

    def hears(self, within: float = math.inf) -> bool:
        """Tell whether it hears, and was sure of it in the last so many seconds."""
        return self._hears and time.monotonic() - self._sure_at <= within

    @contextlib.asynccontextmanager
    async def opened(self, url: str) -> AsyncGenerator[None]:
        """Hear while this is open."""
        task = asyncio.create_task(self.hear(url))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def hear(self, url: str) -> None:
        """Hear until cancelled; connect again when the connection breaks."""
        told = False
        while True:
            had = False
            try:
                await self._hear_once(url)
            except (TimeoutError, asyncpg.PostgresError, *LOST):
                had = self._hears
            finally:
                self._end()
            if had or not told:  # a line for each loss, not for each attempt
                _log.warning("nothing is heard of %s: the connection is lost", self._channel)
            told = True
            await asyncio.sleep(_PAUSE)

    async def _hear_once(self, url: str) -> None:
        connection = await asyncpg.connect(url, timeout=_PATIENCE, command_timeout=_PATIENCE)
        broken = asyncio.Event()

        def lost(_connection: object) -> None:
            broken.set()

        def heard(_connection: object, _process: int, _channel: str, word: object) -> None:
            self._on_word(str(word))

        try:
            await connection.add_listener(self._channel, heard)
            connection.add_termination_listener(lost)
            self._begin()
            while not broken.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(broken.wait(), self._beat)
                asked_at = time.monotonic()
                await connection.fetchval("SELECT 1")
                self._sure_at = asked_at
        finally:
            connection.terminate()

    def _begin(self) -> None:
        self._hears, self._sure_at = True, time.monotonic()
        self._on_gap()

    def _end(self) -> None:
        if self._hears:
            self._hears = False
            self._on_gap()
