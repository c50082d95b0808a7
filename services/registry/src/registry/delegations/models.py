"""Who may speak for whom, where and until when (DRS-6.d)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.problems import Forbidden, Invalid, NotFound


class DelegationInvalid(Invalid):
    """Nobody could use such a delegation."""

    title = "The delegation is not valid"


class DelegationNotFound(NotFound):
    """No delegation the caller may see has this id."""

    title = "Delegation not found"


class NotYours(Forbidden):
    """A person delegates what is their own; the owner's applications may for anybody."""

    title = "This is about somebody else"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who shall speak for whom."""

    principal: str
    delegate: str
    databases: Sequence[str] = ()
    """Codes; none means all of the member's."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def check(self) -> None:
        """Raise DelegationInvalid for one to oneself, or that ends before it begins."""
        if self.principal == self.delegate:
            raise DelegationInvalid("#/delegate: nobody needs to speak for themselves")
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise DelegationInvalid("#/validUntil: is not after validFrom")


@dataclass(frozen=True, slots=True)
class Delegation:
    """A delegation as kept."""

    id: UUID
    principal: str
    delegate: str
    databases: Sequence[str]
    valid_from: datetime | None
    valid_until: datetime | None
    made_at: datetime
    made_by: str
    revoked_at: datetime | None = None

    def concerns(self, person: str | None) -> bool:
        """Tell whether a person is one of the two."""
        return person is not None and person in (self.principal, self.delegate)
