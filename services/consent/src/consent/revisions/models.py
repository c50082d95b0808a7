"""What a revision is: a locked serialization with its hashes, chained to the one before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from kit.canonical import canonical
from kit.identifiers import new_id
from kit.problems import Conflict, NotFound


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
    """Return the revision that keeps ``snapshot`` behind ``predecessor``."""
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


@dataclass(frozen=True, slots=True)
class Search:
    """Which revisions to find, oldest first unless ``newest_first``; unset does not limit."""

    tenant: str | None = None
    schema_name: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    newest_first: bool = False
    offset: int = 0
    limit: int = 100
