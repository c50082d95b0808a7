"""What a receipt says: ISO/IEC TS 27560:2023 in the words of the W3C's DPV 2.

The shape follows the DPV community group's guide ``consent-27560`` (a receipt that holds a copy of
the record). What nobody told us (an address, the language of the notice) is left out, not made up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from consent.consents.models import Kept
from consent.revisions.models import Revision, iso

KIND = "consent-receipt"
"""The ``typ`` of a receipt's signature."""
CREDENTIAL = "vc+jwt"
"""The ``typ`` of a receipt as a credential (W3C, Securing Verifiable Credentials using JOSE)."""
SIGNATURE = "gb:signature"
"""The member of a receipt that its signature does not cover."""

_PROFILE = "https://w3id.org/dpv/schema/dpv-27560"
_PREFIXES = {
    "dct": "http://purl.org/dc/terms/",
    "dpv": "https://w3id.org/dpv#",
    "gb": "urn:govblocks:consent:",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
_BASES = {
    "consent": "dpv:ExpressedConsent",
    "contract": "dpv:Contract",
    "legal_obligation": "dpv:LegalObligation",
    "legitimate_interest": "dpv:LegitimateInterest",
    "public_task": "dpv:PublicInterest",
    "vital_interest": "dpv:VitalInterest",
}
_ORDINARY = {"", "none", "low", "normal", "public", "internal"}
"""Words for attributes that are no sensitive data; of others we would rather say too much."""


class Standing(StrEnum):
    """What has become of a record."""

    GIVEN = "given"
    UNSIGNED = "unsigned"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    FORGOTTEN = "forgotten"


_STATUS = {
    Standing.GIVEN: "dpv:ConsentGiven",
    Standing.UNSIGNED: "dpv:ConsentGiven",
    Standing.REFUSED: "dpv:ConsentRefused",
    Standing.WITHDRAWN: "dpv:ConsentWithdrawn",
    Standing.EXPIRED: "dpv:ConsentExpired",
}


@dataclass(frozen=True, slots=True)
class Issue:
    """What a receipt is made of.

    ``chain`` are the states of the record, the oldest first; ``entries`` the ledger's entries of
    them, by the state's id; ``at`` when it is issued, ``base`` where this block is reached.
    """

    id: str
    at: datetime
    base: str
    kept: Kept
    chain: Sequence[Revision]
    entries: Mapping[str, str]
    superseded: bool = False

    @property
    def standing(self) -> Standing:
        """Return what has become of the record."""
        return standing(self.kept, self.chain, self.at, superseded=self.superseded)

    @property
    def record_url(self) -> str:
        """Return where the record is changed: a withdrawal is a PUT to it."""
        record = self.kept.record.id
        return f"{self.base}/service/individual/record/consent-record/{record}/"


def standing(kept: Kept, chain: Sequence[Revision], now: datetime, *, superseded: bool) -> Standing:
    """Return what has become of a record at a time."""
    record = kept.record
    if superseded:
        return Standing.SUPERSEDED
    if not record.choice.opt_in:
        agreed = any(state.object_data.get("optIn") for state in chain)
        return Standing.WITHDRAWN if agreed else Standing.REFUSED
    if record.expired(now):
        return Standing.EXPIRED
    return Standing.GIVEN if record.signed else Standing.UNSIGNED


def receipt(issue: Issue) -> dict[str, Any]:
    """Return a receipt as JSON-LD, not yet signed."""
    return {
        "@context": _PREFIXES,
        "@id": f"urn:uuid:{issue.id}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": f"{_PROFILE}#receipt-record",
        "dpv:hasIdentifier": issue.id,
        "dct:created": iso(issue.at),
        "dct:publisher": {"dpv:hasIdentifier": issue.kept.record.tenant},
        "dpv:hasRecordOfActivity": _record(issue),
        "gb:evidence": _evidence(issue),
    }


def credential(issue: Issue) -> dict[str, Any]:
    """Return a receipt as a verifiable credential (W3C VC Data Model 2.0), not yet signed."""
    said = receipt(issue)
    own = {**_PREFIXES, "ConsentReceipt": "dpv:ConsentReceipt", "ConsentStanding": "gb:standing"}
    subject = {name: value for name, value in said.items() if name != "@context"}
    ends = issue.kept.record.choice.expires_at
    made = {
        "@context": ["https://www.w3.org/ns/credentials/v2", own],
        "id": said["@id"],
        "type": ["VerifiableCredential", "ConsentReceipt"],
        "issuer": issue.base,
        "validFrom": iso(issue.at),
        "credentialStatus": {
            "id": f"{issue.base}/service/receipt/verify/#{issue.id}",
            "type": "ConsentStanding",
        },
        "credentialSubject": subject,
    }
    return made if ends is None or ends <= issue.at else made | {"validUntil": iso(ends)}


def named(said: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return which record, state and digest a receipt or credential names; None if it does not."""
    subject = said.get("credentialSubject", said)
    evidence = subject.get("gb:evidence") if isinstance(subject, Mapping) else None
    if not isinstance(evidence, Mapping):
        return None
    found = tuple(evidence.get(name) for name in ("gb:record", "gb:revision", "gb:sha256"))
    record, revision, digest = (each if isinstance(each, str) else "" for each in found)
    return (record, revision, digest) if record and revision and digest else None


def _record(issue: Issue) -> dict[str, Any]:
    kept, content = issue.kept, issue.kept.agreement_revision.object_data
    policy: Mapping[str, Any] = content.get("policy", {})
    said = {
        "@id": issue.record_url,
        "@type": "dpv:ConsentRecord",
        "dct:identifier": kept.record.id,
        "dct:conformsTo": f"{_PROFILE}#record",
        "dct:created": iso(issue.chain[0].at),
        "dct:modified": iso(kept.revision.at),
        "dpv:hasDataSubject": {
            "@type": "dpv:DataSubject",
            "dpv:hasIdentifier": kept.record.choice.individual_id,
        },
        "dpv:hasDataController": _controller(kept, content),
        "dpv:hasNotice": _notices(kept, policy),
        "dpv:hasProcess": _process(kept, content, policy),
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dct:description": 'PUT {"consentRecord": {"optIn": false}}',
            "dpv:isExercisedAt": issue.record_url,
        },
        "dpv:hasRight": {
            "@type": "dpv:DataSubjectRight",
            "dct:title": "Right to withdraw consent",
            "dpv:isExercisedAt": issue.record_url,
        },
        "dpv:hasConsentStatus": events(issue),
    }
    if policy.get("jurisdiction"):
        said["dpv:hasJurisdiction"] = policy["jurisdiction"]
    return said


def _controller(kept: Kept, content: Mapping[str, Any]) -> dict[str, Any]:
    controller: Mapping[str, Any] = content.get("controller", {})
    said: dict[str, Any] = {
        "@type": ["dpv:Organisation", "dpv:DataController"],
        "dpv:hasIdentifier": kept.record.tenant,
    }
    if controller.get("name"):
        said["dpv:hasName"] = controller["name"]
    if controller.get("url"):
        said["schema:url"] = controller["url"]
    return said


def _notices(kept: Kept, policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    shown = kept.agreement_revision
    notices = [
        {
            "@type": "dpv:ConsentNotice",
            "dct:identifier": shown.object_id,
            "dct:date": iso(shown.at),
            "gb:revision": shown.id,
            "gb:sha256": shown.hash_sha256,
        }
    ]
    if policy:
        named = {"dct:title": f"{policy['name']} {policy['version']}", "schema:url": policy["url"]}
        notices.append({"@type": "dpv:PrivacyNotice", "dct:identifier": policy["id"], **named})
    return notices


def _process(kept: Kept, content: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
    basis = _BASES.get(content["lawfulBasis"], "dpv:LegalBasis")
    if basis == "dpv:ExpressedConsent" and kept.record.signed:
        basis = "dpv:ExplicitlyExpressedConsent"
    said: dict[str, Any] = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {"@type": "dpv:Purpose", "dct:description": content["purpose"]},
        "dpv:hasLegalBasis": basis,
        "dpv:hasPersonalData": [_attribute(each) for each in attributes(kept)],
        "dpv:hasRecipient": [
            {"@type": "dpv:Recipient", "dpv:hasIdentifier": member} for member in recipients(kept)
        ],
    }
    if content.get("dataSources"):
        said["dpv:hasDataSource"] = [
            {"@type": "dpv:DataSource", "dpv:hasIdentifier": each}
            for each in content["dataSources"]
        ]
    stored = _storage(policy)
    if stored:
        said["dpv:hasStorageCondition"] = stored
    if policy.get("geographicRestriction"):
        limit = {"@type": "dpv:Rule", "dct:description": policy["geographicRestriction"]}
        said["dpv:hasRule"] = limit
    return said


def attributes(kept: Kept) -> list[Mapping[str, Any]]:
    """Return the attributes that are covered: those chosen, or all that the agreement names."""
    named: Sequence[Mapping[str, Any]] = kept.agreement_revision.object_data["dataAttributes"]
    chosen = kept.record.choice.attributes
    return [each for each in named if chosen is None or each["name"] in chosen]


def recipients(kept: Kept) -> list[str]:
    """Return the members who may receive the data: the controller, and whom it names."""
    named: Sequence[str] = kept.agreement_revision.object_data.get("recipients", [])
    return list(dict.fromkeys([kept.record.tenant, *named]))


def _attribute(said: Mapping[str, Any]) -> dict[str, Any]:
    is_sensitive = said.get("sensitivity", "").strip().casefold() not in _ORDINARY
    made = {
        "@type": "dpv:SensitivePersonalData" if is_sensitive else "dpv:PersonalData",
        "dct:identifier": said["id"],
        "dct:title": said["name"],
    }
    return made | ({"skos:broader": said["category"]} if said.get("category") else {})


def _storage(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    if policy.get("storageLocation"):
        said.append({"@type": "dpv:StorageLocation", "dpv:hasLocation": policy["storageLocation"]})
    days = policy.get("dataRetentionPeriodDays")
    if days is not None:
        said.append({"@type": "dpv:StorageDuration", "dpv:hasDuration": f"P{days}D"})
    return said


def events(issue: Issue) -> list[dict[str, Any]]:
    """Return what happened to the consent, the oldest first, each with where it is proven."""
    said, agreed = list[dict[str, Any]](), False
    digests = [state.predecessor_signature for state in issue.chain[1:]]
    newest = issue.kept.signature
    last = newest.digest if newest is not None and newest.complete else None
    for state, digest in zip(issue.chain, [*digests, last], strict=True):
        opted = bool(state.object_data["optIn"])
        status = "dpv:ConsentWithdrawn" if agreed else "dpv:ConsentRefused"
        if opted:
            status = "dpv:RenewedConsentGiven" if agreed else "dpv:ConsentGiven"
        agreed = agreed or opted
        said.append(_event(state, status, digest, issue.entries.get(state.id)))
    ends = issue.kept.record.choice.expires_at
    if issue.kept.record.choice.opt_in and ends is not None and ends <= issue.at:
        said.append({"@type": "dpv:ConsentExpired", "dpv:isIndicatedAtTime": iso(ends)})
    return said


def _event(state: Revision, status: str, digest: str | None, entry: str | None) -> dict[str, Any]:
    ends = state.object_data.get("expiresAt")
    until = {"@type": "dpv:UntilTimeDuration", "rdf:value": ends}
    own = state.authorized_by_other is None
    said: dict[str, Any] = {
        "@type": status,
        "dpv:isIndicatedAtTime": iso(state.at),
        "dpv:hasDuration": until if ends else {"@type": "dpv:EndlessDuration"},
        "dpv:isIndicatedBy": "dpv:DataSubject" if own else _representative(state),
        "gb:revision": state.id,
        "gb:sha256": state.hash_sha256,
    }
    if digest:
        said["gb:signatureSha256"] = digest
    if entry:
        said["gb:entry"] = entry
    return said


def _representative(state: Revision) -> dict[str, Any]:
    return {"@type": "dpv:Representative", "dpv:hasIdentifier": state.authorized_by_other}


def _evidence(issue: Issue) -> dict[str, Any]:
    """Return where what is said can be checked: with the block's keys and its ledger."""
    kept = issue.kept
    said: dict[str, Any] = {
        "gb:record": kept.record.id,
        "gb:revision": kept.revision.id,
        "gb:sha256": kept.revision.hash_sha256,
        "gb:keys": f"{issue.base}/.well-known/jwks.json",
        "gb:verify": f"{issue.base}/service/receipt/verify/",
    }
    entry = issue.entries.get(kept.revision.id)
    if entry:
        said["gb:entry"] = entry
        said["gb:package"] = f"{issue.base}/evidence/packages/{entry}"
    return said


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is found out about a presented receipt.

    ``is_current`` when the record still says what the receipt does and stands as it did.
    """

    reasons: list[str]
    is_current: bool = False
    standing: Standing | None = None
