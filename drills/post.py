"""What arrives in the development mailbox, collected while it arrives: it keeps only the newest."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp

from drills.load import Load

_LOOK_EVERY = 0.5
_PAGE = 400


@dataclass
class Post:
    """Every message that arrived: its Message-ID and when it was first seen, by subject."""

    mailbox: str
    load: Load
    arrived: dict[str, list[tuple[str, float]]] = field(
        default_factory=lambda: defaultdict[str, list[tuple[str, float]]](list)
    )
    _seen: set[str] = field(default_factory=set[str])
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def collect(self) -> None:
        """Look again and again until cancelled."""
        async with aiohttp.ClientSession(self.mailbox) as session:
            while True:
                await self._look(session)
                await asyncio.sleep(_LOOK_EVERY)

    async def wait_for(self, wanted: set[str], seconds: float) -> float:
        """Wait until all subjects wanted have arrived, at most so long; return how long it took."""
        began = self.load.now
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: wanted <= self.arrived.keys())
        return self.load.now - began

    async def _look(self, session: aiohttp.ClientSession) -> None:
        """Take what is new."""
        params = {"limit": str(_PAGE)}
        async with session.get("/api/v1/messages", params=params) as answer:
            found = (await answer.json())["messages"]
        for message in found:
            if message["ID"] not in self._seen:
                self._seen.add(message["ID"])
                self.arrived[message["Subject"]].append((message["MessageID"], self.load.now))
        async with self._news:
            self._news.notify_all()
