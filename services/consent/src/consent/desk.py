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

    ``person_id_type`` is the type of the ids that persons sign in with, ``draft_lifetime`` how long
    a draft can be submitted.
    """

    session: Session
    keyring: Keyring
    ledger: Ledger
    caller: Caller
    person_id_type: str
    draft_lifetime: timedelta

    @property
    def person(self) -> str | None:
        """Return the signed-in person who acts for themselves; administrators do not."""
        return None if self.caller.is_administrator else self.caller.person
