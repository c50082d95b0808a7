"""What one request works with, wherever it goes in this block."""

from dataclasses import dataclass
from datetime import timedelta

from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from kit.sealing import Keyring


@dataclass(frozen=True, slots=True)
class Desk:
    """The rows, what opens what is sealed in them, where it is logged, and who asks.

    ``draft_lifetime`` is how long a draft can be submitted.
    """

    session: Session
    keyring: Keyring
    ledger: Ledger
    caller: Caller
    draft_lifetime: timedelta

    @property
    def person(self) -> str | None:
        """Return the signed-in person who acts for themselves; administrators do not."""
        return None if self.caller.is_administrator else self.caller.person
