"""What a signature signs, and when it counts.

The published fields keep their spelling: they are what the payload is made of.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from consent.revisions.models import iso, sha256
from kit.canonical import canonical
from kit.problems import Conflict, Invalid

_PAYLOAD = (
    "verificationPayload",
    "verificationPayloadHash",
    "verificationMethod",
    "verificationArtifact",
    "verificationSignedBy",
    "verificationJwsHeader",
    "timestamp",
    "signedWithoutObjectReference",
    "objectType",
    "objectReference",
)
_SIGNER = (
    "verificationMethod",
    "verificationArtifact",
    "verificationSignedBy",
    "verificationSignedAs",
    "verificationJwsHeader",
    "verificationPublicKey",
    "timestamp",
)
_ALGORITHMS = ["Ed25519", "ES256"]
_KEYS = (("OKP", "Ed25519"), ("EC", "P-256"))


class PayloadMismatch(Invalid):
    """What was signed is not what this block would serialize."""

    title = "The payload does not match"


class SignatureIncomplete(Invalid):
    """The method of signing needs something that was not sent."""

    title = "The signature is incomplete"


class SignatureInvalid(Invalid):
    """The cryptographic signature does not verify."""

    title = "The signature does not verify"


class SignatureNotBegun(Conflict):
    """There is no signature of this record to complete."""

    title = "No signature was begun"


Content = Mapping[str, Any]
"""A signature's published fields, without its id."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of one revision; ``complete`` when somebody signed."""

    id: str
    record_id: str
    revision_id: str
    content: Content
    complete: bool

    @property
    def digest(self) -> str:
        """Return what the next revision keeps of it: SHA-256 over payload and signature."""
        return sha256(f"{self.content['payload']}\n{self.content['signature']}")


def prepare(serialized: str, at: datetime, revision_id: str | None) -> dict[str, Any]:
    """Return a signature ready for signing, of a draft where the revision has no id yet."""
    content: dict[str, Any] = dict.fromkeys((*_PAYLOAD, *_SIGNER, "signature"), "")
    content |= {
        "verificationPayload": serialized,
        "verificationPayloadHash": sha256(serialized),
        "verificationPublicKey": None,
        "timestamp": iso(at),
        "signedWithoutObjectReference": revision_id is None,
        "objectType": "revision",
        "objectReference": revision_id or "",
    }
    return {**content, "payload": canonical(_fields(content)).decode()}


def complete(prepared: Content, sent: Content) -> dict[str, Any]:
    """Return the content of a signature that counts.

    The payload must be the prepared one, or the prepared one with the signer's own fields filled
    in; raises PayloadMismatch, SignatureIncomplete or SignatureInvalid.
    """
    signer = {name: sent[name] for name in _SIGNER if sent.get(name)}
    content = {**prepared, **signer}
    said = parse(sent["payload"])
    if said not in (_fields(prepared), _fields(content)):
        raise PayloadMismatch("the payload is not this record's own serialization")
    for name in ("verificationPayload", "verificationPayloadHash"):
        if sent.get(name) and sent[name] != prepared[name]:
            raise PayloadMismatch(f"{name} is not this record's own")
    content |= {"payload": sent["payload"], "signature": sent.get("signature") or ""}
    _check_method(content)
    return content


def parse(text: str) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice, or raise PayloadMismatch."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise PayloadMismatch("the payload is not a JSON object") from error
    if not isinstance(found, dict):
        raise PayloadMismatch("the payload is not a JSON object")
    return cast("dict[str, Any]", found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _fields(content: Content) -> dict[str, Any]:
    return {name: content[name] for name in _PAYLOAD}


def _check_method(content: Content) -> None:
    method = content["verificationMethod"]
    if method == "paper-scan" and not content["verificationArtifact"]:
        raise SignatureIncomplete("paper-scan needs the scan in verificationArtifact")
    if method == "declaration" and not content["verificationSignedBy"]:
        raise SignatureIncomplete("declaration needs verificationSignedBy")
    if method == "jws":
        _verify(content)
    elif method not in {"paper-scan", "declaration"}:
        raise SignatureIncomplete("verificationMethod is paper-scan, declaration or jws")


def _verify(content: Content) -> None:
    """Check a JWS with detached payload (RFC 7515 appendix F), signed with Ed25519 or ES256."""
    header, signature = content["verificationJwsHeader"], content["signature"]
    if not header or not signature or not content["verificationPublicKey"]:
        raise SignatureIncomplete(
            "jws needs verificationJwsHeader, signature and verificationPublicKey"
        )
    if header.startswith("{"):
        header = urlsafe_b64encode(header.encode()).decode().rstrip("=")
    given: Mapping[str, Any] = content["verificationPublicKey"]
    if (given.get("kty"), given.get("crv")) not in _KEYS or "d" in given:
        raise SignatureInvalid("send the public half of an Ed25519 or P-256 key")
    try:
        key = import_key(dict(given))
        compact = f"{header}..{signature}"
        jws.deserialize_compact(compact, key, _ALGORITHMS, payload=content["payload"])
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise SignatureInvalid("the payload was not signed with this key") from error
