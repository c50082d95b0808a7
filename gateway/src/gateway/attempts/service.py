"""Tell who watches of failed attempts, and slow a source that guesses.

A good request costs nothing here: sources are counted when they fail, in a table that all workers
share, and each worker remembers those that have to wait (docs/decisions/0012).
"""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from gateway.attempts import store
from gateway.attempts.models import Event, held, source_of
from kit.access import keep
from kit.database import Lender, Transaction
from kit.sealing import Keyring

_TIDY_EVERY = 600.0
_log = logging.getLogger("govblocks.security")


class Attempts:
    """Failed attempts as one worker sees them; ``free`` of a source in a minute, 0 for any.

    Wrong secrets are counted for each client that is named (``about``), so that one application
    with an old secret does not shut out its neighbours at the same address.
    """

    def __init__(self, lender: Callable[[], Lender], keyring: Keyring, free: int) -> None:
        self._lender = lender
        self._keyring = keyring
        self._free = free
        self._held: dict[bytes, float] = {}
        self._tidied_at = time.monotonic()

    def check(self, host: str | None, about: str = "") -> None:
        """Refuse to look at a secret from a source that has to wait; raise SourceHeld."""
        if not self._held:
            return
        source = self._reference(host, about)
        until = self._held.get(source)
        if until is None:
            return
        remaining = until - time.monotonic()
        if remaining > 0:
            raise held(remaining)
        del self._held[source]

    async def failed(self, host: str | None, about: str = "") -> None:
        """Count a guess that was wrong; raise SourceHeld when its source has to wait already."""
        if not self._free:
            return
        self.check(host, about)
        source = self._reference(host, about)
        async with Transaction(self._lender()) as session:
            found = await store.count(session, source, self._free)
        if found.remaining:
            keep(self._held, source, time.monotonic() + found.remaining)
        if found.is_new:
            self.tell(Event.SOURCE_HELD, host, seconds=round(found.remaining))
        elif found.remaining:
            raise held(found.remaining)
        await self._tidy()

    def tell(self, event: Event, host: str | None, **facts: object) -> None:
        """Write one line of JSON for whoever watches; an address only as its pseudonym.

        ``facts`` are names that are registered, proven or ours: nothing a stranger wrote.
        """
        said = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event": event.value,
            "source": self._reference(host).hex()[:16],
            **{name: fact for name, fact in facts.items() if fact not in (None, "")},
        }
        _log.warning("%s", json.dumps(said))

    def _reference(self, host: str | None, about: str = "") -> bytes:
        return self._keyring.reference(f"source\n{source_of(host)}\n{about}")

    async def _tidy(self) -> None:
        now = time.monotonic()
        if now - self._tidied_at > _TIDY_EVERY:
            self._tidied_at = now
            self._held = {source: until for source, until in self._held.items() if until > now}
            async with Transaction(self._lender()) as session:
                await store.forget(session)
