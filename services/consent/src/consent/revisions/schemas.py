"""Revisions on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from consent.revisions import models

Next = Annotated[
    str | None,
    Field(description="The next page, relative to this one; absent on the last. Also in `Link`"),
]


class Reference(BaseModel):
    """An object named by its id."""

    id: str = Field(
        description="The object's id", examples=["0190c6f2-5d3a-7c1e-9f00-1c2d3e4f5a6b"]
    )


class Revision(BaseModel):
    """One locked state of a policy, a data agreement or a consent record."""

    id: str = Field(description="The revision's id")
    schemaName: str = Field(
        description="What kind of object it is a state of", examples=["DataAgreement"]
    )
    objectId: str = Field(description="The id of that object")
    signedWithoutObjectId: bool = Field(
        description="Whether the snapshot was serialized and signed before the object had an id"
    )
    serializedSnapshot: str = Field(
        description="The state as canonical JSON (RFC 8785): what the hashes are made of"
    )
    serializedHash: str = Field(
        description="SHA-1 of the snapshot in hex, as GovStack publishes it"
    )
    serializedHashSha256: str = Field(description="SHA-256 of the snapshot in hex")
    hashAlgorithm: str = Field(
        default="SHA-1", description="What serializedHash and predecessorHash are made with"
    )
    timestamp: datetime = Field(description="When this state was written")
    authorizedByIndividual: Reference | None = Field(
        default=None, description="The individual who decided it"
    )
    authorizedByOther: str | None = Field(
        default=None, description="The application that changed it, where no individual did"
    )
    successor: "Revision | None" = Field(
        default=None, description="The state that came after this one"
    )
    predecessorHash: str | None = Field(
        default=None, description="serializedHash of the state before"
    )
    predecessorHashSha256: str | None = Field(
        default=None, description="serializedHashSha256 of the state before"
    )
    predecessorSignature: str | None = Field(
        default=None,
        description="SHA-256 in hex of the signed payload and signature of the state before, "
        "if it was signed",
    )

    @classmethod
    def of(cls, revision: models.Revision) -> "Revision":
        """Return a revision as the wire has it."""
        who = revision.authorized_by_individual
        return cls(
            id=revision.id,
            schemaName=revision.schema_name,
            objectId=revision.object_id,
            signedWithoutObjectId=revision.signed_without_object_id,
            serializedSnapshot=revision.snapshot,
            serializedHash=revision.hash,
            serializedHashSha256=revision.hash_sha256,
            timestamp=revision.at,
            authorizedByIndividual=Reference(id=who) if who else None,
            authorizedByOther=revision.authorized_by_other,
            successor=cls.of(revision.successor) if revision.successor else None,
            predecessorHash=revision.predecessor_hash,
            predecessorHashSha256=revision.predecessor_hash_sha256,
            predecessorSignature=revision.predecessor_signature,
        )


class RevisionOnly(BaseModel):
    """The revision a change made."""

    revision: Revision
