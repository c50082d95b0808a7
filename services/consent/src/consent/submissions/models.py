"""What an individual asks to sign, and what comes back signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from consent.agreements.models import Agreement
from consent.consents.models import Choice, RevisionOutdated
from consent.individuals import models as individuals
from consent.revisions.models import Revision
from consent.signatures.models import Content, PayloadMismatch


@dataclass(frozen=True, slots=True)
class Wish:
    """What a draft is asked for."""

    agreement_id: str
    revision_id: str | None = None
    opt_in: bool = True
    expires_at: datetime | None = None
    attributes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What was signed: the record's fields beside the signature."""

    agreement_id: str
    agreement_revision_hash: str
    signature: Content
    opt_in: bool = True
    expires_at: datetime | None = None
    attributes: Sequence[str] | None = None
    individual_id: str | None = None

    def says(self, choice: Choice) -> bool:
        """Tell whether the record beside the signature is this choice."""
        said = self.agreement_id, self.agreement_revision_hash, self.opt_in
        return said == (choice.agreement_id, choice.agreement_revision_hash, choice.opt_in)

    def check_individual(self, individual_id: str) -> None:
        """Raise PayloadMismatch when it names another individual than the request."""
        if self.individual_id not in {None, individual_id}:
            raise PayloadMismatch("the payload is not this individual's record")

    def check_revision(self, revision: Revision) -> None:
        """Raise RevisionOutdated when it was signed under another revision (CON-9.2.e)."""
        if self.agreement_revision_hash != revision.hash:
            raise RevisionOutdated("dataAgreementRevisionHash is not the newest revision's")


@dataclass(frozen=True, slots=True)
class Found:
    """What a draft or a submission stands on: who is named, which agreement, its newest state.

    ``first`` when the individual has decided nothing under it, what was signed was never submitted,
    and no webhook is told of a consent.
    """

    individual: individuals.Kept | None
    agreement: tuple[Agreement, Revision] | None
    first: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """What an individual could sign; nobody keeps it."""

    choice: Choice
    agreement_revision: Revision
    signature: Content
