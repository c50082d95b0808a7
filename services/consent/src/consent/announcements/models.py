"""What happens here that others are told of, and in which words (CON-7.events)."""

from collections.abc import Mapping
from typing import Any

from kit.deliveries import Event
from kit.evidence import Entry

TYPE = "global.govstack.consent."
"""What the types of events begin with; the kind follows."""

EVENTS: Mapping[str, str] = {
    "policy.created": "A policy was made",
    "policy.updated": "A policy was replaced by a new revision",
    "policy.deleted": "A policy was deleted",
    "agreement.created": "A data agreement was made",
    "agreement.updated": "A data agreement was replaced by a new revision",
    "agreement.deleted": "A data agreement was ended",
    "consent.given": "An individual agreed",
    "consent.refused": "An individual refused",
    "consent.signed": "A consent that was given before was signed",
    "consent.withdrawn": "An individual withdrew a consent",
    "consent.expiry-changed": "An individual changed when a consent ends",
    "consent.expired": "The time of a consent is over",
    "consent.forgotten": "A consent record was deleted for good, as the individual asked",
    "representation.created": "Somebody may act for an individual",
    "representation.ended": "Somebody may not act for an individual any more",
    "consent.viewed": "An application, and not the person, looked at an individual's consent",
}
"""The kinds of events, each named as its entry in the ledger is, with what it means."""

CLOSING = frozenset(
    {
        "agreement.updated",
        "agreement.deleted",
        "consent.refused",
        "consent.withdrawn",
        "consent.expiry-changed",
        "consent.expired",
        "consent.forgotten",
    }
)
"""After these a decision that somebody keeps may be wrong: it is called back."""

OBJECTS: Mapping[str, str] = {
    "policy": "policyId",
    "data-agreement": "dataAgreementId",
    "consent-record": "consentRecordId",
    "individual": "individualId",
    "representation": "representationId",
}
"""What the object of an entry is called where it is told."""

_FACTS = {
    "agreement": "dataAgreementId",
    "revision": "revisionId",
    "state": "state",
    "records": "consentRecordIds",
    "individual": "individualId",
    "representative": "representativeId",
    "role": "kind",
    "endedBy": "endedBy",
}


def event(entry: Entry, data: Mapping[str, Any]) -> Event:
    """Return the event that tells what an entry says: by ids made here, nobody's name.

    Of the entry's facts only those are told that name a thing or a state; ``data`` goes with them.
    """
    tenant, name, object_id = entry.object.rsplit("/", 2)
    facts = {_FACTS[key]: value for key, value in entry.facts.items() if key in _FACTS}
    said = {OBJECTS[name]: object_id, **facts, "application": entry.actor, **data}
    return Event(TYPE + entry.kind, f"/{tenant}/consent", said, subject=f"{name}/{object_id}")
