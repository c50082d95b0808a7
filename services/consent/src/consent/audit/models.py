"""What an audit finds: revisions, rows and entries that do not say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consent.agreements.models import SCHEMA as AGREEMENT
from consent.agreements.models import Agreement
from consent.announcements.models import EVENTS
from consent.consents.models import SCHEMA as RECORD
from consent.consents.models import Record
from consent.policies.models import SCHEMA as POLICY
from consent.policies.models import Policy
from consent.revisions.models import Revision
from kit.evidence import Written
from kit.paging import Stop

CHANGES = tuple(kind for kind in EVENTS if kind not in {"consent.viewed", "consent.forgotten"})
"""The kinds of entries that may tell of a revision."""

THINGS = {POLICY: "policy", AGREEMENT: "data-agreement", RECORD: "consent-record"}
"""What the ledger calls the objects of each schema."""

Row = Policy | Agreement | Record


@dataclass(frozen=True, slots=True)
class Extent:
    """What to walk through: the revisions of one object, or those written within a time.

    ``after`` is where the walk before stopped: at a revision, or (a text) at an entry.
    """

    tenant: str | None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    after: Stop | str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not hold of one revision, or of the object it is a state of."""

    schema_name: str
    object_id: str
    revision_id: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a walk came: ``stop`` is where to go on, None at the end."""

    checked: int
    findings: list[Finding] = field(default_factory=list[Finding])
    through: datetime | None = None
    stop: Stop | str | None = None


def thing_of(revision: Revision) -> str:
    """Return what the ledger calls the object of a revision."""
    name = THINGS.get(revision.schema_name, revision.schema_name)
    return f"{revision.tenant}/{name}/{revision.object_id}"


def differs(revision: Revision, said: Mapping[str, Any]) -> list[str]:
    """Say in which fields a presented revision is not the one that is kept."""
    names = {"hash": "serializedHash", "hash_sha256": "serializedHashSha256"}
    names |= {"snapshot": "serializedSnapshot", "at": "timestamp"}
    return [
        f"{names.get(name, name)} is not what is kept"
        for name, value in said.items()
        if getattr(revision, name) != value
    ]


def told_wrong(revision: Revision, entries: Sequence[Written]) -> list[str]:
    """Say what the ledger's entries of a revision's object have against it."""
    own = [entry.facts for entry in entries if entry.facts.get("revision") == revision.id]
    if not own:
        return ["the ledger has no entry of it"]
    digests = {facts["digest"] for facts in own if "digest" in facts}
    if digests - {revision.hash_sha256}:
        return ["the ledger has another digest of it"]
    return []


def kept_wrong(last: Revision, row: Row | None, entries: Sequence[Written]) -> list[str]:
    """Say in what an object's row is not what its last revision and its entries say."""
    if row is None:
        gone = any(entry.kind == "consent.forgotten" for entry in entries)
        return [] if gone else ["the object it is a state of is gone"]
    if row.revision_id != last.id:
        return ["its object names another revision as its last"]
    told = {entry.facts["revision"] for entry in entries if "revision" in entry.facts}
    wrong = [] if len(told) <= last.number else ["the ledger tells of revisions that are gone"]
    if isinstance(row, Record):
        return wrong + _record_wrong(last, row, entries)
    return wrong + _content_wrong(last, row)


def _content_wrong(last: Revision, row: Policy | Agreement) -> list[str]:
    said = dict(last.object_data)
    deleted = bool(said.pop("deleted", False))
    wrong: list[str] = []
    if dict(row.content) != said:
        wrong.append("the object's content is not what its last revision says")
    if (row.deleted_at is not None) != deleted:
        wrong.append("the object is deleted, or not, and its last revision says otherwise")
    if isinstance(row, Agreement) and row.policy_id != said.get("policy", {}).get("id"):
        wrong.append("the agreement stands under another policy than its last revision says")
    return wrong + _owner_wrong(last, row)


def _record_wrong(last: Revision, row: Record, entries: Sequence[Written]) -> list[str]:
    wrong = _owner_wrong(last, row)
    if row.choice.snapshot(last.at, None, None).object_data != last.object_data:
        wrong.append("the record is not what its last revision says")
    own = [entry for entry in entries if entry.facts.get("revision") == last.id]
    signed = any(e.kind == "consent.signed" or e.facts.get("state") == "signed" for e in own)
    if own and row.signed != signed:
        wrong.append("the record's state is not what the ledger says")
    return wrong


def _owner_wrong(last: Revision, row: Row) -> list[str]:
    return [] if row.tenant == last.tenant else ["the object belongs to another member"]
