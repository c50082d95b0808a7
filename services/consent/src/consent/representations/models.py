"""What a representation is, and which ones are possible."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kit.problems import Invalid, NotFound

Kind = Literal["guardian", "delegate"]
EndedBy = Literal["represented", "representative", "administration", "parent"]
"""Whose word ended it; ``parent``: what it was passed on from ended."""


class RepresentationNotFound(NotFound):
    """No representation that concerns the caller carries this id."""

    title = "Representation not found"


class RepresentationInvalid(Invalid):
    """Nobody can be represented in this way."""

    title = "The representation is not possible"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; ``agreements`` are what it covers, None for all."""

    representative_id: str
    kind: Kind = "delegate"
    agreements: tuple[str, ...] | None = None
    depth: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    parent_id: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Representation:
    """Who may act for whom; ``depth`` is how many further hands it may be passed to.

    ``evidence`` refers to what a guardian is one by; it is kept sealed.
    """

    id: str
    tenant: str
    individual_id: str
    representative_id: str
    kind: Kind
    agreements: tuple[str, ...] | None
    depth: int
    parent_id: str | None
    evidence: str | None
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None

    @property
    def thing(self) -> str:
        """Return the representation's reference in the ledger."""
        return f"{self.tenant}/representation/{self.id}"

    def is_over(self, now: datetime) -> bool:
        """Tell whether nobody acts under it any more."""
        return self.ended_at is not None or (self.ends_at is not None and self.ends_at <= now)

    def says(self, wish: Wish) -> bool:
        """Tell whether a wish asks for what it is already; a start that is not named is its own."""
        asked = wish.kind, wish.representative_id, wish.agreements, wish.depth, wish.parent_id
        said = self.kind, self.representative_id, self.agreements, self.depth, self.parent_id
        times = (wish.ends_at, wish.starts_at or self.starts_at, wish.evidence)
        return asked == said and times == (self.ends_at, self.starts_at, self.evidence)


def check(wish: Wish, individual_id: str, now: datetime) -> None:
    """Raise RepresentationInvalid for what no representation can be."""
    if wish.representative_id == individual_id:
        raise RepresentationInvalid("nobody represents themselves")
    if wish.kind == "guardian" and not wish.evidence:
        raise RepresentationInvalid("a guardian is one by evidence: refer to it")
    if wish.kind == "delegate" and wish.ends_at is None:
        raise RepresentationInvalid("a delegate is one until an end: send endsAt")
    if wish.ends_at is not None and wish.ends_at <= max(now, wish.starts_at or now):
        raise RepresentationInvalid("endsAt is in the future and after startsAt")


def check_passed_on(
    wish: Wish, parent: Representation, chain: Sequence[Representation], now: datetime
) -> None:
    """Raise RepresentationInvalid for what is more than there is to pass on.

    ``chain`` are the hands that ``parent`` came through, itself among them.
    """
    if parent.depth <= wish.depth:
        raise RepresentationInvalid("depth is less than that of what is passed on")
    if wish.representative_id in {each.representative_id for each in chain}:
        raise RepresentationInvalid("it would come back to somebody who holds it")
    if parent.agreements is not None and (
        wish.agreements is None or not set(wish.agreements) <= set(parent.agreements)
    ):
        raise RepresentationInvalid("dataAgreements are among those of what is passed on")
    if parent.ends_at is not None and (wish.ends_at is None or wish.ends_at > parent.ends_at):
        raise RepresentationInvalid("endsAt is not after that of what is passed on")
    if (wish.starts_at or now) < parent.starts_at:
        raise RepresentationInvalid("startsAt is not before that of what is passed on")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which representations to return: of one member, or those that concern individuals."""

    tenant: str | None = None
    individual_ids: list[str] | None = None
    offset: int = 0
    limit: int = 100
