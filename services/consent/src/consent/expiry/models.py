"""What is known of a consent whose end has come."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A record whose end has come.

    ``stood`` where the individual had agreed and signed, and decided on no newer revision since.
    """

    record_id: str
    tenant: str
    individual_id: str
    agreement_id: str
    expires_at: datetime
    stood: bool
