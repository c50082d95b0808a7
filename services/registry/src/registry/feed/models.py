"""What a feed of changes tells, and the mark a reader goes on from (DRS-26.a)."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from kit.problems import Invalid, Problem
from registry.records.models import Record

_MARK = re.compile(r"([0-9]{1,20})\.([0-9a-f]{32})")
_FIRST = UUID(int=0)
_LARGEST = (1 << 64) - 1


Kind = Literal["created", "changed", "archived", "deleted"]


class MarkInvalid(Invalid):
    """What ``since`` says is no mark of this feed."""

    title = "The mark cannot be used"


class MarkGone(Problem):
    """The mark is from before a backup was restored: the reader begins anew."""

    status = 410
    title = "The mark does not count any more"


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a reader stands: the transaction and the record that were told last."""

    transaction: int = 0
    record: UUID = _FIRST

    def __str__(self) -> str:
        """Return the mark as its reader keeps it."""
        text = f"{self.transaction}.{self.record.hex}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Mark":
        """Return the mark a text is, or raise MarkInvalid."""
        try:
            said = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, UnicodeError, ValueError):
            said = ""
        found = _MARK.fullmatch(said)
        if found is None or int(found[1]) > _LARGEST:
            raise MarkInvalid("since is what an answer of this feed gave as next")
        return cls(int(found[1]), UUID(found[2]))


@dataclass(frozen=True, slots=True)
class Change:
    """A record that changed, as it is now."""

    record: Record
    mark: Mark
    changed_at: datetime
    is_deleted: bool

    @property
    def kind(self) -> Kind:
        """Return what became of the record."""
        if self.is_deleted:
            return "deleted"
        if self.record.is_archived:
            return "archived"
        return "created" if self.record.revision == 1 else "changed"
