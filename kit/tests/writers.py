"""A worker process of the sequencing test: it writes entries, or gives them their places.

``writers.py write URL KEY NAME`` prints the ids it committed and those it rolled back, as JSON.
``writers.py sequence URL KEYS`` sequences until it is killed.
"""

import asyncio
import json
import random
import sys
from uuid import UUID

from kit.database import Database, Transaction
from kit.evidence import Entry, Ledger, Signer
from kit.evidence.sequencing import sequencing
from kit.sealing import Keyring

WRITERS, ROUNDS = 32, 12
_LATE = 0.4  # seconds that a late transaction stays open after its entry is written
_LATEST = 3.0


class RolledBack(Exception):
    """The change that an entry was written with does not stand."""


class Writers:
    """Many writers of one process, each in a loop of its own."""

    def __init__(self, database: Database, ledger: Ledger, name: str) -> None:
        self._database, self._ledger, self._name = database, ledger, name
        self._random = random.Random(name)  # noqa: S311  no secret
        self.committed: list[UUID] = []
        self.rolled_back: list[UUID] = []

    async def run(self) -> None:
        """Write all there is to write."""
        latest = self._record(-1, _LATEST)
        await asyncio.gather(latest, *(self._write(number) for number in range(WRITERS)))

    async def _write(self, writer: int) -> None:
        for number in range(ROUNDS):
            await asyncio.sleep(self._random.random() / 10)
            match number % 4:
                case 0 | 1:
                    self.committed.append(await self._ledger.note(self._entry(writer)))
                case 2:
                    await self._record(writer, self._random.choice((0.0, _LATE)))
                case _:
                    await self._record(writer, self._random.choice((0.0, _LATE)), stands=False)

    async def _record(self, writer: int, late: float, *, stands: bool = True) -> None:
        try:
            async with Transaction(self._database) as session:
                written = await self._ledger.record(session, self._entry(writer))
                await asyncio.sleep(late)
                _end(stands=stands)
        except RolledBack:
            self.rolled_back.append(written)
        else:
            self.committed.append(written)

    def _entry(self, writer: int) -> Entry:
        detail = {"writer": writer}
        return Entry("thing.read", "A/B/C/D", self._name, subject=f"P{writer}", detail=detail)


def _end(*, stands: bool) -> None:
    if not stands:
        raise RolledBack


async def write(url: str, key: str, name: str) -> None:
    """Write, and tell what stands."""
    database = Database(url, 16)
    ledger = Ledger("kit", Keyring(key), database)
    writers = Writers(database, ledger, name)
    await writers.run()
    await ledger.close()
    await database.close()
    told = {"committed": writers.committed, "rolled_back": writers.rolled_back}
    sys.stdout.write(json.dumps(told, default=str))


async def sequence(url: str, keys: str) -> None:
    """Give entries their places until killed."""
    async with sequencing("kit", url, Signer(keys)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    chosen = {"write": write, "sequence": sequence}[sys.argv[1]]
    asyncio.run(chosen(*sys.argv[2:]))
