"""What the registry asks before another member reads a person's data, and what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from kit.problems import Forbidden
from kit.problems import Unavailable as _Unavailable

_SENTENCES = {
    "no-record": "the person has not been asked, or has not answered",
    "opted-out": "the person has said no, or withdrew their consent",
    "not-signed": "the consent is not signed",
    "expired": "the consent has expired",
    "agreement-inactive": "the data agreement is no longer in force",
    "agreement-unknown": "the data agreement is not known",
    "wrong-recipient": "the consent is for another recipient",
    "wrong-source": "the consent is not about data of this register",
    "attribute-not-covered": "the consent does not cover every field that would be shown",
}


class ConsentRequired(Forbidden):
    """The person has not agreed to this read, or does not any more."""

    title = "Consent is required"

    @classmethod
    def because(cls, reason: str) -> "ConsentRequired":
        """Return the refusal for a decision's reason, in words and with the reason itself."""
        return cls(f"{_SENTENCES.get(reason, 'the consent block refused')} ({reason})")


class DecisionMissing(_Unavailable):
    """The consent block did not answer with a decision, so nothing is shown."""

    title = "The consent block gives no decision"


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a client may be shown some fields of a person's record now."""

    data_agreement_id: str
    external_id: str
    external_id_type: str
    client: str
    data_source: str
    attributes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer; it holds for this one read and is never kept."""

    permitted: bool
    reason: str
    consent_record_id: str | None = None
