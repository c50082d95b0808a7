"""What happened to a record, for all that follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.records.models import Record

CREATED = "record.created"
UPDATED = "record.updated"
DELETED = "record.deleted"
ARCHIVED = "record.archived"
RESTORED = "record.restored"
DESTROYED = "record.destroyed"
_WRITTEN = {CREATED, UPDATED}


@dataclass(frozen=True, slots=True)
class Effect:
    """A record after something happened to it, with its content before and after.

    ``fields`` names the fields that changed.
    """

    kind: str
    record: Record
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    fields: Sequence[str] = ()

    @property
    def is_written(self) -> bool:
        """Tell whether the record has new content, which others may look for."""
        return self.kind in _WRITTEN
