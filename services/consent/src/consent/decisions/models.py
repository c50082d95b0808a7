"""Whether data may be used: the rules, their reasons, and what is told of each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from consent.agreements.models import Agreement, Fetching, Period, Terms, after
from consent.consents.models import Record
from kit.canonical import canonical
from kit.identifiers import new_id
from kit.problems import Conflict, Forbidden, Invalid

_SEGMENTS_OF_MEMBER = 3

Given = tuple[Record, Terms]
"""An individual's current record, with the terms of the revision it was given under."""


class MomentInvalid(Invalid):
    """A decision is about now or an earlier moment."""

    title = "The moment is not possible"


class OnlyEarlier(Forbidden):
    """An auditor asks about earlier moments: nothing is fetched under such a decision."""

    title = "An auditor names a moment"


class KeyReused(Conflict):
    """The client sent this Idempotency-Key with another question, less than a day ago."""

    title = "The Idempotency-Key is another question's"


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
    ALREADY_FETCHED = "already-fetched"
    TOO_SOON = "too-soon"


class Check(StrEnum):
    """What a decision looks at, in this order; the first that is not passed decides."""

    AGREEMENT_KNOWN = "agreement-known"
    AGREEMENT_ACTIVE = "agreement-active"
    RECIPIENT = "recipient"
    SOURCE = "source"
    ATTRIBUTES = "attributes"
    RECORD = "record"
    OPTED_IN = "opted-in"
    SIGNED = "signed"
    NOT_EXPIRED = "not-expired"
    RECIPIENT_AGREED_TO = "recipient-agreed-to"
    SOURCE_AGREED_TO = "source-agreed-to"
    ATTRIBUTES_AGREED_TO = "attributes-agreed-to"
    FETCHED_ONCE = "fetched-once"
    FREQUENCY = "frequency"


@dataclass(frozen=True, slots=True)
class Saying:
    """What a check says: in words when it is passed, in words and as a reason when it is not."""

    passed: str
    failed: str
    reason: Reason


SAYINGS: Mapping[Check, Saying] = {
    Check.AGREEMENT_KNOWN: Saying(
        "the asker may know the agreement",
        "there is no such agreement, or the asker has no part in it",
        Reason.AGREEMENT_UNKNOWN,
    ),
    Check.AGREEMENT_ACTIVE: Saying(
        "the agreement is active", "the agreement is not active", Reason.AGREEMENT_INACTIVE
    ),
    Check.RECIPIENT: Saying(
        "the agreement names the client's member",
        "the agreement does not name the client's member",
        Reason.WRONG_RECIPIENT,
    ),
    Check.SOURCE: Saying(
        "the data may come from this source",
        "the agreement names its sources, and this is none of them, or none was asked about",
        Reason.WRONG_SOURCE,
    ),
    Check.ATTRIBUTES: Saying(
        "the agreement covers the attributes",
        "the agreement does not cover the attributes",
        Reason.ATTRIBUTE_NOT_COVERED,
    ),
    Check.RECORD: Saying(
        "the individual has decided", "the individual has decided nothing", Reason.NO_RECORD
    ),
    Check.OPTED_IN: Saying(
        "the individual agreed", "the individual refused or withdrew", Reason.OPTED_OUT
    ),
    Check.SIGNED: Saying("the consent is signed", "the consent is not signed", Reason.NOT_SIGNED),
    Check.NOT_EXPIRED: Saying("the consent has not ended", "the consent has ended", Reason.EXPIRED),
    Check.RECIPIENT_AGREED_TO: Saying(
        "the client's member was named when the individual agreed",
        "the client's member was not named when the individual agreed",
        Reason.WRONG_RECIPIENT,
    ),
    Check.SOURCE_AGREED_TO: Saying(
        "the source was covered when the individual agreed",
        "sources were named when the individual agreed, and this is none of them",
        Reason.WRONG_SOURCE,
    ),
    Check.ATTRIBUTES_AGREED_TO: Saying(
        "the individual agreed to the attributes",
        "the individual did not agree to the attributes",
        Reason.ATTRIBUTE_NOT_COVERED,
    ),
    Check.FETCHED_ONCE: Saying(
        "the data was not fetched before",
        "the data was fetched already, and the terms let it be once",
        Reason.ALREADY_FETCHED,
    ),
    Check.FREQUENCY: Saying(
        "the terms have a fetch left",
        "the data was fetched as often as the terms let it be in this time",
        Reason.TOO_SOON,
    ),
}
"""Every check's words: nothing of a person's or a client's own is in them."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether ``client`` may have these attributes of a person, from this source.

    Under an agreement, or (``purpose``) under any that has this purpose. ``at`` asks about an
    earlier moment; ``partial`` lets a permit cover fewer attributes than are asked for.
    """

    agreement_id: str | None
    external_id: str
    external_id_type: str | None
    client: str
    data_source: str | None = None
    attributes: Sequence[str] = field(default=())
    purpose: str | None = None
    at: datetime | None = None
    partial: bool = False

    @property
    def recipient(self) -> str:
        """Return the client's member, ``INSTANCE/CLASS/MEMBER``."""
        return "/".join(self.client.split("/")[:_SEGMENTS_OF_MEMBER])

    @property
    def text(self) -> str:
        """Return all that is asked, as one text: equal for equal questions."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        at = None if self.at is None else self.at.isoformat()
        return canonical(said | {"attributes": list(self.attributes), "at": at}).decode()

    def content_with(self, covered: Sequence[str]) -> bool:
        """Tell whether what is covered of the attributes is enough."""
        if self.partial:
            return bool(covered) or not self.attributes
        return set(covered).issuperset(self.attributes)


@dataclass(frozen=True, slots=True)
class Fetch:
    """A fetch that a permit counts: the record as it was, and its count with this one."""

    record: Record
    fetches: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer; ``max_age`` is how long it may be reused, in seconds.

    ``attributes`` are those that may be had, ``checks`` what was looked at, each passed or not,
    and ``fetch`` is to be counted before the answer leaves.
    """

    reason: Reason
    decided_at: datetime
    checks: tuple[tuple[Check, bool], ...]
    agreement_id: str | None = None
    record_id: str | None = None
    agreement_revision_hash: str | None = None
    max_age: int = 0
    attributes: tuple[str, ...] = ()
    expires_at: datetime | None = None
    data_life: Period | None = None
    consent_mode: str | None = None
    fetches_left: int | None = None
    next_fetch_at: datetime | None = None
    as_of: datetime | None = None
    fetch: Fetch | None = None
    id: str = field(default_factory=lambda: str(new_id()))

    @property
    def permitted(self) -> bool:
        """Tell whether the data may be used."""
        return self.reason is Reason.PERMITTED

    def same_as(self, other: "Decision") -> bool:
        """Tell whether another decision lets just the same be used."""
        mine = self.reason, self.attributes, self.record_id, self.agreement_revision_hash
        return mine == (
            other.reason,
            other.attributes,
            other.record_id,
            other.agreement_revision_hash,
        )

    def later(self, now: datetime) -> "Decision":
        """Return this answer as it is repeated: reusable for what is left of its time."""
        passed = int((now - self.decided_at).total_seconds()) + 1
        return replace(self, max_age=max(0, self.max_age - passed))

    @property
    def text(self) -> str:
        """Return the decision as it is kept for who asks again: ids, times and published names."""
        said = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "fetch"}
        for name in _TIMES:
            said[name] = said[name] and said[name].isoformat()
        if self.data_life is not None:
            said["data_life"] = [self.data_life.unit, self.data_life.value]
        return json.dumps(said)

    @classmethod
    def read(cls, text: str) -> "Decision":
        """Return a decision that was kept as ``text``."""
        said: dict[str, Any] = json.loads(text)
        for name in _TIMES:
            said[name] = said[name] and datetime.fromisoformat(said[name])
        life = said.pop("data_life")
        return cls(
            Reason(said.pop("reason")),
            checks=tuple((Check(name), passed) for name, passed in said.pop("checks")),
            attributes=tuple(said.pop("attributes")),
            data_life=None if life is None else Period(*life),
            **said,
        )


_TIMES = ("decided_at", "expires_at", "next_fetch_at", "as_of")


@dataclass(frozen=True, slots=True)
class _Allowance:
    """Whether the terms have a fetch left, how many after it, and when the next one is let."""

    check: Check
    fetch: Fetch | None
    left: int
    next_at: datetime | None = None


def nothing_found(question: Question, now: datetime) -> Decision:
    """Return the answer where there is no agreement that anything may be said of.

    For a purpose these are agreements under which the individual has decided.
    """
    check = Check.AGREEMENT_KNOWN if question.purpose is None else Check.RECORD
    return Decision(SAYINGS[check].reason, now, ((check, False),), as_of=question.at)


def decide(
    question: Question, agreement: Agreement, given: Given | None, now: datetime
) -> Decision:
    """Decide by what the agreement says now and by what the individual agreed to then.

    ``given`` is the individual's record under the newest revision they decided on, with that
    revision's terms. What was widened since is not consented to; what was narrowed is gone. About
    an earlier moment, which is ``now`` then, nothing is fetched and nothing counted.
    """
    allowed, allowance = _allowed(question, agreement, given), None
    if given is not None and question.at is None:
        allowance = _allowance(agreement.terms, *given, now)
    checks = [(Check.AGREEMENT_KNOWN, True)]
    for check, passed in _checks(question, agreement, given, allowed, allowance, now):
        checks.append((check, passed))
        if not passed:
            break
    last, passed = checks[-1]
    decided = Decision(
        Reason.PERMITTED if passed else SAYINGS[last].reason,
        now,
        tuple(checks),
        agreement.id,
        as_of=question.at,
    )
    if given is None:
        return decided
    record, terms = given
    decided = replace(
        decided,
        record_id=record.id,
        agreement_revision_hash=record.choice.agreement_revision_hash,
    )
    if allowance is not None and last is allowance.check:
        decided = replace(decided, fetches_left=allowance.left, next_fetch_at=allowance.next_at)
    if not passed:
        return decided
    return replace(
        decided,
        max_age=0 if allowance or question.at else _max_age(agreement.terms, terms, record, now),
        attributes=allowed,
        expires_at=record.choice.expires_at,
        data_life=_shorter(agreement.terms.data_life, terms.data_life),
        consent_mode=terms.consent_mode,
        fetch=allowance.fetch if allowance else None,
    )


def narrowest(found: Sequence[tuple[Agreement, Decision]]) -> tuple[Agreement, Decision]:
    """Return the permit that covers the most of what was asked, under the agreement that covers
    the least besides; without a permit the refusal that came farthest.
    """  # noqa: D205  one sentence

    def order(one: tuple[Agreement, Decision]) -> tuple[object, ...]:
        agreement, decided = one
        far = len(decided.attributes) if decided.permitted else len(decided.checks)
        wide = len(agreement.terms.attributes)
        return not decided.permitted, -far, wide, agreement.created_at, agreement.id

    return min(found, key=order)


def _allowed(question: Question, agreement: Agreement, given: Given | None) -> tuple[str, ...]:
    """Return what of the attributes asked for was agreed to, is so still, and was chosen."""
    if given is None:
        return ()
    record, terms = given
    named = agreement.terms.attributes & terms.attributes
    if record.choice.attributes is not None:
        named &= set(record.choice.attributes)
    return tuple(name for name in dict.fromkeys(question.attributes) if name in named)


def _checks(  # noqa: PLR0913, PLR0917  what a decision stands on
    question: Question,
    agreement: Agreement,
    given: Given | None,
    allowed: Sequence[str],
    allowance: _Allowance | None,
    now: datetime,
) -> Iterator[tuple[Check, bool]]:
    said = agreement.terms
    covered = [name for name in question.attributes if name in said.attributes]
    yield Check.AGREEMENT_ACTIVE, agreement.active
    yield Check.RECIPIENT, said.admits(question.recipient)
    yield Check.SOURCE, said.comes_from(question.data_source)
    yield Check.ATTRIBUTES, question.content_with(covered)
    yield Check.RECORD, given is not None
    if given is None:
        return
    record, terms = given
    yield Check.OPTED_IN, record.choice.opt_in
    yield Check.SIGNED, record.signed
    yield Check.NOT_EXPIRED, not record.expired(now)
    yield Check.RECIPIENT_AGREED_TO, terms.admits(question.recipient)
    yield Check.SOURCE_AGREED_TO, terms.comes_from(question.data_source)
    yield Check.ATTRIBUTES_AGREED_TO, question.content_with(allowed)
    if allowance is not None:
        yield allowance.check, allowance.fetch is not None


def _allowance(said: Terms, record: Record, agreed: Terms, now: datetime) -> _Allowance | None:
    """Return what the terms let be fetched: those of now and those agreed to, both."""
    first = said.fetching or agreed.fetching
    if first is None:
        return None
    fetching: Fetching = first.within(agreed.fetching)
    if fetching.unit is None:
        fetch = Fetch(record, 1, now) if record.fetched_at is None else None
        return _Allowance(Check.FETCHED_ONCE, fetch, 0)
    begun = record.fetched_at
    ends = None if begun is None else after(begun, fetching.unit)
    if begun is None or ends is None or ends <= now:
        begun, ends, count = now, after(now, fetching.unit), 0
    else:
        count = record.fetches
    left = fetching.most - count - 1
    if left < 0:
        return _Allowance(Check.FREQUENCY, None, 0, ends)
    fetch = Fetch(record, count + 1, begun)
    return _Allowance(Check.FREQUENCY, fetch, left, None if left else ends)


def _shorter(one: Period | None, other: Period | None) -> Period | None:
    known = [period for period in (one, other) if period is not None]
    return min(known, key=lambda period: period.length, default=None)


def _max_age(said: Terms, agreed: Terms, record: Record, now: datetime) -> int:
    longest, ends = min(said.max_age, agreed.max_age), record.choice.expires_at
    return longest if ends is None else min(longest, int((ends - now).total_seconds()))
