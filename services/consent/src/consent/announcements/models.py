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
    "consent.viewed": "Somebody looked at consent records for an individual",
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


def event(entry: Entry, data: Mapping[str, Any]) -> Event:
    """Return the event that tells what an entry says: ids only, nothing sealed, nobody's name."""
    tenant, name, object_id = entry.object.rsplit("/", 2)
    facts = {key: value for key, value in entry.facts.items() if key != "requestId"}
    return Event(
        TYPE + entry.kind, f"/{tenant}/consent", {**facts, **data}, subject=f"{name}/{object_id}"
    )
