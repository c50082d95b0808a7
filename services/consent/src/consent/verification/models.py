"""Whether data may be used now: the rules and their reasons."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from consent.agreements.models import Agreement, Terms
from consent.consents.models import Record

_SEGMENTS_OF_MEMBER = 3


class Reason(StrEnum):
    """Why a use of data is permitted or not."""

    PERMITTED = "permitted"
    NO_RECORD = "no-record"
    OPTED_OUT = "opted-out"
    NOT_SIGNED = "not-signed"
    AGREEMENT_INACTIVE = "agreement-inactive"
    AGREEMENT_UNKNOWN = "agreement-unknown"
    WRONG_RECIPIENT = "wrong-recipient"
    WRONG_SOURCE = "wrong-source"
    ATTRIBUTE_NOT_COVERED = "attribute-not-covered"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Question:
    """Whether ``client`` may have these attributes of a person, from this source."""

    agreement_id: str
    external_id: str
    external_id_type: str | None
    client: str
    data_source: str | None = None
    attributes: Sequence[str] = field(default=())

    @property
    def recipient(self) -> str:
        """Return the client's member, ``INSTANCE/CLASS/MEMBER``."""
        return "/".join(self.client.split("/")[:_SEGMENTS_OF_MEMBER])


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer; ``max_age`` is how long it may be reused, in seconds."""

    reason: Reason
    decided_at: datetime
    record: Record | None = None
    max_age: int = 0

    @property
    def permitted(self) -> bool:
        """Tell whether the data may be used."""
        return self.reason is Reason.PERMITTED


def decide(
    question: Question,
    agreement: Agreement,
    given: tuple[Record, Terms] | None,
    now: datetime,
) -> Decision:
    """Decide by what the agreement says now and by what the individual agreed to then.

    ``given`` is the individual's record under the newest revision they decided on, with that
    revision's terms. What was widened since is not consented to; what was narrowed is gone.
    """
    if not agreement.active:
        return Decision(Reason.AGREEMENT_INACTIVE, now)
    refused = _outside(question, agreement.terms)
    if refused is not None:
        return Decision(refused, now)
    if given is None:
        return Decision(Reason.NO_RECORD, now)
    record, terms = given
    chosen = record.choice.attributes
    reason = _state(record, now) or _outside(question, terms)
    if reason is None and chosen is not None and not set(chosen).issuperset(question.attributes):
        reason = Reason.ATTRIBUTE_NOT_COVERED
    reason = reason or Reason.PERMITTED
    if reason is not Reason.PERMITTED:
        return Decision(reason, now, record)
    return Decision(reason, now, record, _max_age(agreement.terms, record, now))


def _outside(question: Question, terms: Terms) -> Reason | None:
    if not terms.admits(question.recipient):
        return Reason.WRONG_RECIPIENT
    if not terms.comes_from(question.data_source):
        return Reason.WRONG_SOURCE
    if not terms.covers(question.attributes):
        return Reason.ATTRIBUTE_NOT_COVERED
    return None


def _state(record: Record, now: datetime) -> Reason | None:
    if not record.choice.opt_in:
        return Reason.OPTED_OUT
    if not record.signed:
        return Reason.NOT_SIGNED
    if record.expired(now):
        return Reason.EXPIRED
    return None


def _max_age(terms: Terms, record: Record, now: datetime) -> int:
    ends = record.choice.expires_at
    return terms.max_age if ends is None else min(terms.max_age, int((ends - now).total_seconds()))
