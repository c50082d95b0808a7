"""Which entries of the message log are asked for, and who may see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kit.problems import Forbidden


class LogNotForYou(Forbidden):
    """Only applications and those with the scope ``read:log`` see entries."""

    title = "The log is not for everybody"


@dataclass(frozen=True, slots=True)
class Search:
    """Entries asked for; an unset field does not limit. ``seen_by`` limits to one application's."""

    request_id: str | None = None
    client: str | None = None
    service: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    seen_by: str | None = None
    offset: int = 0
    limit: int = 100

    @property
    def provider(self) -> str | None:
        """Return the prefix of what the member of ``seen_by`` provides."""
        return None if self.seen_by is None else self.seen_by.rpartition("/")[0] + "/"


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the log."""

    id: UUID
    at: datetime
    kind: str
    client: str
    service: str
    facts: Mapping[str, Any]
