"""What an individual is, and who may act for one."""

from dataclasses import dataclass
from datetime import datetime

from kit.problems import Conflict, Forbidden, Invalid, NotFound

KINDS = ("guardian", "delegate")
"""How somebody comes to act for another: by law, or because they were asked to."""
_PARTS = 3  # of a hand as text


class IndividualNotFound(NotFound):
    """No individual of this member carries this id."""

    title = "Individual not found"


class IndividualTaken(Conflict):
    """The member knows an individual with this external id, or the id is another's."""

    title = "The individual exists already"


class IndividualMissing(Invalid):
    """The request does not say, or not clearly, for which individual it is."""

    title = "The individual is not named"


class IndividualNotYours(Forbidden):
    """A signed-in person acts for nobody but themselves and whom they represent."""

    title = "Not your own consent"


class FilterUnusable(Invalid):
    """A type alone finds nobody: types are sealed together with the ids."""

    title = "externalIdType needs an externalId"


@dataclass(frozen=True, slots=True)
class Identity:
    """What identifies an individual outside this block; kept sealed."""

    external_id: str
    external_id_type: str = ""
    identity_provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Hand:
    """A representation that stands now, and under which a signed-in person acts for another.

    ``agreements`` are those it covers, None for all; ``representative_id`` is the individual that
    the person is to the same member.
    """

    representation_id: str
    kind: str
    representative_id: str
    agreements: tuple[str, ...] | None = None

    def covers(self, agreement_id: str | None) -> bool:
        """Tell whether it reaches to an agreement, or (None) to all of them."""
        return self.agreements is None or agreement_id in self.agreements

    @property
    def text(self) -> str:
        """Return who acted as revisions keep it: ids made here, nobody's name."""
        return f"{self.kind}/{self.representation_id}/{self.representative_id}"

    @classmethod
    def read(cls, text: str | None) -> "Hand | None":
        """Return the hand that a revision names, None when it names none."""
        parts = (text or "").split("/")
        if len(parts) != _PARTS or parts[0] not in KINDS:
            return None
        return cls(parts[1], parts[0], parts[2])


@dataclass(frozen=True, slots=True)
class Individual:
    """An individual as one member knows them; ``wrapped`` is the key that seals what is theirs.

    ``hands`` are not empty where the caller acts for them as their representative.
    """

    id: str
    tenant: str
    identity: Identity
    wrapped: bytes
    created_at: datetime
    hands: tuple[Hand, ...] = ()

    @property
    def thing(self) -> str:
        """Return the individual's reference in the ledger."""
        return f"{self.tenant}/individual/{self.id}"

    def hand(self, agreement_id: str | None) -> Hand | None:
        """Return under what the caller acts on an agreement (None: on all of them).

        None when it is not as a representative. Raises IndividualNotYours when they are one, and
        not for this agreement.
        """
        if not self.hands:
            return None
        found = next((each for each in self.hands if each.covers(agreement_id)), None)
        if found is None:
            raise IndividualNotYours("your representation does not cover this")
        return found

    @property
    def reach(self) -> list[str] | None:
        """Return the agreements that the caller may act on, None for all."""
        reached: list[str] = []
        for each in self.hands:
            if each.agreements is None:
                return None
            reached += each.agreements
        return reached if self.hands else None


@dataclass(frozen=True, slots=True)
class Kept:
    """An individual as their row has them: sealed with their own key, which is ``wrapped``."""

    id: str
    tenant: str
    wrapped: bytes
    sealed: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Filter:
    """Which individuals to return; an unset field does not limit."""

    tenant: str | None = None
    external_id: str | None = None
    external_id_type: str | None = None
    offset: int = 0
    limit: int | None = None
