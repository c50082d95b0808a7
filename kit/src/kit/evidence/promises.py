"""Promises: an answer says, signed, which entries were written for it.

A log that is rewritten later convicts its keeper: whoever has the answer has the promise.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from kit.evidence.merkle import root_of
from kit.evidence.models import Sealed, moment
from kit.evidence.signing import PROMISE, Signer

HEADER = "x-govblocks-evidence"
MOST_NAMED = 8
"""Entries that a promise names one by one; of more it names the first, the count and the root."""


class Ending(Protocol):
    """What an entry was written in: it stands or it does not."""

    is_committed: bool


@dataclass(slots=True)
class Given:
    """What was written while one request is answered."""

    entries: list[tuple[Sealed, Ending | None]] = field(
        default_factory=list[tuple[Sealed, Ending | None]]
    )

    def stand(self) -> list[Sealed]:
        """Return the entries that stand: written on their own, or in what was committed.

        They are forgotten here: a timer that a request began can hold what is its own for long.
        """
        given, self.entries = self.entries, []
        return [entry for entry, ending in given if ending is None or ending.is_committed]


_given: ContextVar[Given | None] = ContextVar("promises", default=None)


def collect() -> Given:
    """Begin to collect what is written for the request that this task answers."""
    given = Given()
    _given.set(given)
    return given


def add(entries: list[Sealed], ending: Ending | None = None) -> None:
    """Note what was written, for the request that this task answers if it answers one."""
    given = _given.get()
    if given is not None:
        given.entries += [(entry, ending) for entry in entries]


def promise(signer: Signer, block: str, entries: list[Sealed]) -> str:
    """Sign that a ledger holds these entries."""
    said: dict[str, Any] = {"ledger": block}
    named = entries if len(entries) <= MOST_NAMED else entries[:1]
    said["entries"] = [_named(entry.id, entry.at, entry.leaf) for entry in named]
    if len(named) < len(entries):
        said["count"] = len(entries)
        said["root"] = root_of(entry.leaf for entry in entries).hex()
    return signer.sign(PROMISE, said)


def _named(entry_id: UUID, at: datetime, leaf: bytes) -> dict[str, str]:
    return {"at": moment(at), "id": str(entry_id), "leaf": leaf.hex()}
