"""What a consent record is and what may happen to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from consent.agreements.models import Agreement, Terms
from consent.revisions.models import Revision, Snapshot, iso
from consent.signatures.models import Signature
from kit.paging import Stop
from kit.problems import Conflict, Invalid, NotFound

SCHEMA = "ConsentRecord"
State = Literal["unsigned", "signed"]
_CLOCKS = timedelta(seconds=60)  # what the clocks of two servers may differ by


class RecordNotFound(NotFound):
    """No consent record of this individual carries this id."""

    title = "Consent record not found"


class RevisionOutdated(Conflict):
    """The agreement has moved on from the revision that is named."""

    title = "The data agreement has a newer revision"


class RecordSuperseded(Conflict):
    """The individual has a record under a newer revision of the agreement."""

    title = "The consent record is superseded"


class DraftOutdated(Conflict):
    """The draft is too old, was used, or the record has changed since."""

    title = "The draft cannot be used any more"


class AttributesInvalid(Invalid):
    """A consent covers attributes that its agreement names."""

    title = "The attributes are not the agreement's"


class ExpiryInvalid(Invalid):
    """A consent ends in the future and not later than its agreement lets it."""

    title = "The expiry is not possible"


class ExtensionRefused(Conflict):
    """The individual cannot put the end off: the terms, or what has happened, do not let them."""

    title = "The consent cannot be extended"


@dataclass(frozen=True, slots=True)
class Choice:
    """What an individual decides under one revision of an agreement."""

    agreement_id: str
    agreement_revision_id: str
    agreement_revision_hash: str
    individual_id: str
    opt_in: bool
    expires_at: datetime | None = None
    attributes: tuple[str, ...] | None = None
    """What the individual chose of what the agreement covers; all of it when None."""

    def snapshot(self, at: datetime, record_id: str | None, representative: str | None) -> Snapshot:
        """Return the state to be kept; without ``record_id`` as a draft is signed.

        A ``representative`` is whom the individual let act, in the place of the individual.

        State and signature stay outside: they change without the individual's choice changing.
        """
        data: dict[str, Any] = {
            "dataAgreement": self.agreement_id,
            "dataAgreementRevision": self.agreement_revision_id,
            "dataAgreementRevisionHash": self.agreement_revision_hash,
            "individual": self.individual_id,
            "optIn": self.opt_in,
        }
        if self.expires_at is not None:
            data["expiresAt"] = iso(self.expires_at)
        if self.attributes is not None:
            data["attributes"] = list(self.attributes)
        return Snapshot(
            SCHEMA,
            data,
            at,
            object_id=record_id,
            authorized_by_individual=None if representative else self.individual_id,
            authorized_by_other=representative,
        )


def choose(  # noqa: PLR0913  what a choice is made of
    agreement: Agreement,
    revision: Revision,
    individual_id: str,
    *,
    opt_in: bool,
    at: datetime,
    expires_at: datetime | None = None,
    attributes: Sequence[str] | None = None,
) -> Choice:
    """Return a choice made at a time, or raise ExpiryInvalid or AttributesInvalid.

    It ends when it says, at the latest when the agreement's ``validityDays`` are over.
    """
    latest = agreement.terms.end_of(at)
    if expires_at is not None and (expires_at <= at or (latest and expires_at > latest)):
        raise ExpiryInvalid("expiresAt is in the future and within the agreement's validity")
    if attributes is not None and not agreement.terms.covers(attributes):
        raise AttributesInvalid("attributes are names of the agreement's dataAttributes")
    chosen = None if attributes is None else tuple(dict.fromkeys(attributes))
    ends = expires_at or latest
    return Choice(agreement.id, revision.id, revision.hash, individual_id, opt_in, ends, chosen)


class Row(Protocol):
    """A row of the table, whatever else it was found with: values by their columns' names."""

    def __getitem__(self, name: str, /) -> Any:
        """Return the value of a column."""


@dataclass(frozen=True, slots=True)
class Record:
    """An individual's choice as kept; ``revision_id`` names its newest state."""

    id: str
    tenant: str
    choice: Choice
    agreement_revision_number: int
    state: State
    revision_id: str
    ever_signed: bool
    created_at: datetime
    extensions: int = 0
    """How often the individual has put its end off."""
    fetches: int = 0
    """How often data was fetched since ``fetched_at``, where its terms count that."""
    fetched_at: datetime | None = None
    """The fetch that the time which the terms name is counted from."""

    @classmethod
    def of(cls, row: Row) -> "Record":
        """Return the record that a row holds."""
        choice = Choice(
            row["agreement_id"],
            row["agreement_revision_id"],
            row["agreement_revision_hash"],
            row["individual_id"],
            row["opt_in"],
            row["expires_at"],
            None if row["attributes"] is None else tuple(row["attributes"]),
        )
        return cls(
            row["id"],
            row["tenant"],
            choice,
            row["agreement_revision_number"],
            row["state"],
            row["revision_id"],
            row["ever_signed"],
            row["created_at"],
            row["extensions"],
            row["fetches"],
            row["fetched_at"],
        )

    @property
    def thing(self) -> str:
        """Return the record's reference in the ledger."""
        return f"{self.tenant}/consent-record/{self.id}"

    @property
    def signed(self) -> bool:
        """Tell whether its newest state is signed."""
        return self.state == "signed"

    @property
    def decided(self) -> bool:
        """Tell whether the individual ever decided: signed it, or refused."""
        return self.ever_signed or not self.choice.opt_in

    def expired(self, now: datetime) -> bool:
        """Tell whether its time is over; a refusal's never is."""
        ends = self.choice.expires_at
        return self.choice.opt_in and ends is not None and ends <= now

    def stands(self, choice: Choice, now: datetime) -> bool:
        """Tell whether the record says a choice already, signed and in force."""
        said = self.choice.opt_in, self.choice.attributes
        return self.signed and said == (choice.opt_in, choice.attributes) and not self.expired(now)

    def changed(self, choice: Choice, revision_id: str, *, signed: bool) -> "Record":
        """Return the record with a new choice; an earlier signature does not count for it."""
        return replace(
            self,
            choice=choice,
            revision_id=revision_id,
            state="signed" if signed else "unsigned",
            ever_signed=self.ever_signed or signed,
        )

    def ending(self, ends: datetime, terms: Sequence[Terms], now: datetime) -> "Record":
        """Return the record with another end, chosen by the individual.

        An earlier end is always possible and keeps the signature: less is agreed to than was
        signed. A later one has to be let by all of ``terms``, and by itself keeps the signature
        only where they say so. Raises ExpiryInvalid or ExtensionRefused.
        """
        if ends <= now:
            raise ExpiryInvalid("expiresAt is in the future")
        before = self.choice.expires_at
        choice = replace(self.choice, expires_at=ends)
        if before is None or ends < before:
            return replace(self, choice=choice)
        allowed = [said.extensible for said in terms]
        if not self.signed or before <= now or not allowed:
            raise ExtensionRefused("only a consent that stands is extended")
        stays = True
        for extensible in allowed:
            if extensible is None or self.extensions >= extensible.max_times:
                raise ExtensionRefused("the agreement lets the end be put off no more")
            if ends > before + timedelta(days=extensible.days):
                raise ExpiryInvalid(f"the end is put off by {extensible.days} days at most")
            stays = stays and extensible.signature_stays
        state: State = "signed" if stays else "unsigned"
        return replace(self, choice=choice, extensions=self.extensions + 1, state=state)

    def sign(self) -> "Record":
        """Return the record with its newest state signed."""
        return replace(self, state="signed", ever_signed=True)


def draft_time(document: Mapping[str, Any], now: datetime, lifetime: timedelta) -> datetime:
    """Return when a signed serialization was drafted, or raise DraftOutdated."""
    try:
        at = datetime.fromisoformat(str(document.get("timestamp")))
    except ValueError as error:
        raise DraftOutdated("the payload carries no time") from error
    if at.tzinfo is None or not now - lifetime <= at <= now + _CLOCKS:
        raise DraftOutdated("ask for a new draft")
    return at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records to return; unset does not limit.

    ``current`` keeps, of one individual and agreement, only the record under the newest revision.
    """

    tenant: str | None = None
    individual_ids: list[str] | None = None
    agreement_id: str | None = None
    agreement_ids: list[str] | None = None
    opt_in: bool | None = None
    state: State | None = None
    current: bool = True
    offset: int = 0
    limit: int = 100
    after: Stop | None = None
    """The record that the page before ended with."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record with its newest state, the agreement's state it was given under, its signatures."""

    record: Record
    revision: Revision
    agreement_revision: Revision
    signatures: Sequence[Signature] = ()

    @property
    def signature(self) -> Signature | None:
        """Return the first signature, which signs the newest state."""
        return self.signatures[0] if self.signatures else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of records, newest first, and where it ended if there are more."""

    kept: list[Kept]
    stop: Stop | None
