"""What a revision is: a locked serialization with its hashes, chained to the one before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from kit.canonical import canonical
from kit.identifiers import new_id
from kit.problems import Conflict, NotFound

_TICK = timedelta(microseconds=1)  # what times are kept in


class RevisionNotFound(NotFound):
    """No revision of this object carries this id."""

    title = "Revision not found"


class RevisionTaken(Conflict):
    """Somebody else wrote this object's next revision first, or this serialization was used."""

    title = "The revision exists already"


def iso(at: datetime) -> str:
    """Write a time as serializations carry it: UTC, microseconds, ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def sha1(text: str) -> str:
    """Return the SHA-1 in hex that GovStack publishes; identification, not protection."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def sha256(text: str) -> str:
    """Return the SHA-256 in hex that the chain's proof stands on."""
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one state of an object says, before it is kept.

    ``object_id`` is None where the state is signed before its object has an id.
    """

    schema_name: str
    object_data: Mapping[str, Any]
    at: datetime
    object_id: str | None = None
    authorized_by_individual: str | None = None
    authorized_by_other: str | None = None

    @property
    def text(self) -> str:
        """Return the serialization: RFC 8785 canonical JSON of the published members."""
        document = {
            "objectData": dict(self.object_data),
            "schemaName": self.schema_name,
            "objectId": self.object_id or "",
            "signedWithoutObjectId": self.object_id is None,
            "timestamp": iso(self.at),
            "authorizedByIndividual": self.authorized_by_individual,
            "authorizedByOther": self.authorized_by_other,
        }
        return canonical(document).decode()


@dataclass(frozen=True, slots=True)
class Revision:
    """One locked state of an object; ``number`` counts from 1 along the object's chain."""

    id: str
    tenant: str
    schema_name: str
    object_id: str
    number: int
    signed_without_object_id: bool
    snapshot: str
    hash: str
    hash_sha256: str
    at: datetime
    authorized_by_individual: str | None = None
    authorized_by_other: str | None = None
    predecessor_hash: str | None = None
    predecessor_hash_sha256: str | None = None
    predecessor_signature: str | None = None
    successor: "Revision | None" = None

    @property
    def told(self) -> dict[str, Any]:
        """Return the facts of the ledger's entry for it: who rewrites it has to rewrite both."""
        return {"revision": self.id, "digest": self.hash_sha256}

    @property
    def object_data(self) -> dict[str, Any]:
        """Return what the object said in this state."""
        return cast("dict[str, Any]", json.loads(self.snapshot)["objectData"])


def follow(
    snapshot: Snapshot,
    tenant: str,
    object_id: str,
    predecessor: Revision | None,
    predecessor_signature: str | None = None,
) -> Revision:
    """Return the revision that keeps ``snapshot`` behind ``predecessor``, and later than it.

    Where the clock of this server is behind that of the one which wrote the predecessor, the new
    state has the next microsecond. A state that was signed cannot be moved: it is refused before.
    """
    if predecessor is not None and snapshot.at <= predecessor.at:
        snapshot = replace(snapshot, at=predecessor.at + _TICK)
    text = snapshot.text
    return Revision(
        id=str(new_id()),
        tenant=tenant,
        schema_name=snapshot.schema_name,
        object_id=object_id,
        number=predecessor.number + 1 if predecessor else 1,
        signed_without_object_id=snapshot.object_id is None,
        snapshot=text,
        hash=sha1(text),
        hash_sha256=sha256(text),
        at=snapshot.at,
        authorized_by_individual=snapshot.authorized_by_individual,
        authorized_by_other=snapshot.authorized_by_other,
        predecessor_hash=predecessor.hash if predecessor else None,
        predecessor_hash_sha256=predecessor.hash_sha256 if predecessor else None,
        predecessor_signature=predecessor_signature,
    )


Sort = Literal["timestamp", "-timestamp", "objectId"]


@dataclass(frozen=True, slots=True)
class Search:
    """Which revisions to find, oldest first unless ``sort`` says otherwise; unset does not limit.

    ``authorized_by`` is an individual or an application; ``individual_id`` whose records they are
    of, or who decided them; ``agreement_id`` the agreement they are of, or of records under it.
    ``after`` is the ``place`` of the revision that the page before ended with.
    """

    tenant: str | None = None
    schema_name: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    sort: Sort = "timestamp"
    offset: int = 0
    limit: int = 100
    authorized_by: str | None = None
    individual_id: str | None = None
    agreement_id: str | None = None
    after: tuple[datetime, str] | tuple[str, int] | None = None

    def place(self, revision: Revision) -> tuple[datetime, str] | tuple[str, int]:
        """Return where a revision stands in the list."""
        if self.sort == "objectId":
            return revision.object_id, revision.number
        return revision.at, revision.id


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of revisions, and where it ended if there are more."""

    revisions: list[Revision]
    stop: tuple[datetime, str] | tuple[str, int] | None


def said_wrong(revision: Revision) -> list[str]:
    """Say what does not hold of a revision by itself: its text, its hashes, its columns."""
    text, wrong = revision.snapshot, list[str]()
    if revision.hash != sha1(text):
        wrong.append("serializedHash is not the SHA-1 of serializedSnapshot")
    if revision.hash_sha256 != sha256(text):
        wrong.append("serializedHashSha256 is not the SHA-256 of serializedSnapshot")
    try:
        said: Any = json.loads(text)
        if canonical(said).decode() != text:
            wrong.append("serializedSnapshot is not canonical JSON (RFC 8785)")
    except (ValueError, RecursionError):
        return [*wrong, "serializedSnapshot is not JSON"]
    if not isinstance(said, dict):
        return [*wrong, "serializedSnapshot is not a JSON object"]
    columns = {
        "schemaName": revision.schema_name,
        "signedWithoutObjectId": revision.signed_without_object_id,
        "objectId": "" if revision.signed_without_object_id else revision.object_id,
        "timestamp": iso(revision.at),
        "authorizedByIndividual": revision.authorized_by_individual,
        "authorizedByOther": revision.authorized_by_other,
    }
    document = cast("dict[str, Any]", said)
    differs = (name for name, value in columns.items() if document.get(name) != value)
    return wrong + [f"{name} is not what serializedSnapshot says" for name in differs]


def chained_wrong(revision: Revision, before: Revision | None) -> list[str]:
    """Say what does not hold between a revision and the one before it in its chain."""
    if revision.number == 1:
        named = revision.predecessor_hash or revision.predecessor_hash_sha256
        return ["the first of a chain names a predecessor"] if named else []
    if before is None:
        return ["the revision before it is missing"]
    pairs = {
        "predecessorHash": (revision.predecessor_hash, before.hash),
        "predecessorHashSha256": (revision.predecessor_hash_sha256, before.hash_sha256),
    }
    wrong = [f"{name} is not its predecessor's" for name, (own, its) in pairs.items() if own != its]
    return wrong if revision.at > before.at else [*wrong, "it is not later than its predecessor"]
