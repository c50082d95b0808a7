"""What one request works with, wherever it goes in this block."""

from dataclasses import dataclass, field
from datetime import timedelta

from consent.keys.models import Trust
from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from kit.sealing import Keyring

ALONE = "FOR NO KEY UPDATE"
"""How a transaction holds an individual or a record to change it alone. Rows that name what is held
may be added meanwhile: a report of what was sent never waits for a change, nor a change for it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The rows, what opens what is sealed in them, where it is logged, and who asks.

    ``person_id_type`` is the type of the ids that persons sign in with, ``draft_lifetime`` how long
    a draft can be submitted, ``trust`` whose keys sign.
    """

    session: Session
    keyring: Keyring
    ledger: Ledger
    caller: Caller
    person_id_type: str
    draft_lifetime: timedelta
    trust: Trust = field(default_factory=Trust)

    @property
    def person(self) -> str | None:
        """Return the person a signed-in person acts for: themselves, or whom they represent.

        Administrators act for nobody.
        """
        return None if self.caller.is_administrator else self.caller.speaks_for

    @property
    def representative(self) -> str | None:
        """Return a representative who acts for another, as a pseudonym that revisions can keep."""
        caller = self.caller
        if self.person is None or caller.person is None or caller.represents is None:
            return None
        return f"representative:{self.keyring.reference(caller.person).hex()[:32]}"
