"""What a reader is told when a person has not agreed."""

from kit.problems import Forbidden

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
    "already-fetched": "the data has been fetched as often as the person agreed to",
    "too-soon": "the data was fetched last so recently that it may not be fetched again yet",
}


class ConsentRequired(Forbidden):
    """The person has not agreed to this read, or does not any more."""

    title = "Consent is required"

    @classmethod
    def because(cls, reason: str) -> "ConsentRequired":
        """Return the refusal for a decision's reason, in words and with the reason itself."""
        return cls(f"{_SENTENCES.get(reason, 'the consent block refused')} ({reason})")
