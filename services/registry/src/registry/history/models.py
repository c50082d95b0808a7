"""What a record was between two changes."""

from dataclasses import dataclass
from datetime import datetime

from registry.records.models import Record


@dataclass(frozen=True, slots=True)
class Past:
    """A record as it was from one moment until another, or is still."""

    record: Record
    valid_from: datetime
    valid_to: datetime | None
