"""Signatures on the wire."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from consent.keys.models import Level
from consent.policies.schemas import Line
from consent.signatures import models
from kit.web import JsonObject, Text


class SignerFields(BaseModel):
    """What whoever signs fills in."""

    model_config = ConfigDict(extra="ignore")

    verificationMethod: Line = Field(
        default="",
        description="How it was signed: paper-scan, declaration or jws",
        examples=["paper-scan"],
    )
    verificationArtifact: Text = Field(default="", description="The scan, in base64")
    verificationSignedBy: Line = Field(
        default="", description="Who signed, as known then; kept sealed", examples=["Mari Maasikas"]
    )
    verificationSignedAs: Line = Field(
        default="",
        description="The individual or a delegate",
        examples=["individual"],
    )
    verificationJwsHeader: Line = Field(
        default="",
        description="The protected header of a JWS with detached payload (RFC 7515), as JSON or "
        "in base64url; alg is Ed25519 or ES256",
    )
    verificationPublicKey: JsonObject | None = Field(
        default=None,
        description="The public key of a JWS, as JWK (RFC 7517); not needed where the header's kid "
        "is trusted",
    )
    timestamp: Line = Field(default="", description="When it was signed")


class SentSignature(SignerFields):
    """A signature as it is sent: the draft's, with the signer's fields filled in."""

    payload: Text = Field(
        default="",
        description="What was signed: the prepared payload, or it with the signer's fields in it",
    )
    signature: Text = Field(default="", description="The signature itself; base64url of a JWS")
    verificationPayload: Text = Field(default="", description="The serialized record")
    verificationPayloadHash: Line = Field(default="", description="SHA-256 of it in hex")

    def content(self) -> dict[str, Any]:
        """Return what was sent."""
        return self.model_dump()


class SignatureBody(BaseModel):
    """A request with a signature."""

    signature: SentSignature


class Signature(SignerFields):
    """A signature; one that nobody keeps yet (a draft) has no id."""

    id: str | None = Field(default=None, description="Its id; absent in a draft")
    payload: str = Field(description="What is signed: canonical JSON (RFC 8785) of its fields")
    signature: str = Field(description="The signature itself, empty until somebody signed")
    verificationPayload: str = Field(description="The record's serialization")
    verificationPayloadHash: str = Field(description="SHA-256 of it in hex")
    signedWithoutObjectReference: bool = Field(
        description="Whether it was signed before its revision had an id"
    )
    objectType: str = Field(
        description="What it signs: a revision, or the signature before it", examples=["revision"]
    )
    objectReference: str = Field(description="The id of what it signs; empty in a draft")
    verificationTrust: Level = Field(
        default="none",
        description="By whom a JWS is vouched for: a key that the operator trusts, or only the key "
        "it came with; none of other methods",
    )

    @classmethod
    def of(cls, signature: models.Signature) -> "Signature":
        """Return a kept signature as the wire has it."""
        ours = {"objectReference": signature.reference, "verificationTrust": signature.trust}
        return cls.model_validate({**signature.content, **ours, "id": signature.id})

    @classmethod
    def draft(cls, content: Mapping[str, Any]) -> "Signature":
        """Return a signature that nobody keeps yet."""
        return cls.model_validate(content)


class SignatureAnswer(BaseModel):
    """A signature."""

    signature: Signature
