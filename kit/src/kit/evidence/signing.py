"""What the ledger signs: compact JWS (RFC 7515) with Ed25519 (RFC 8032, RFC 9864).

A block signs with a key of its own, which no other part of the house has. Its public keys, the
former ones too, are published, so that what was signed before a rotation stays verifiable.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.jwk import OKPKey

from kit.canonical import canonical

CHECKPOINT, PROMISE, COSIGNATURE = "checkpoint", "promise", "cosignature"
ALGORITHM = "Ed25519"
_PARTS = 3


class NotSigned(Exception):
    """A text is no signed statement of the kind, or of the keys, that are asked for."""


class Signer:
    """A block's signing keys: the first private one signs, all are published."""

    def __init__(self, jwks: str) -> None:
        """Read a JWK Set (RFC 7517) with at least one private Ed25519 key; raise ValueError."""
        given: list[dict[str, Any]] = json.loads(jwks)["keys"]
        keys = [OKPKey.import_key(key) for key in given]
        for key in keys:
            key.ensure_kid()
        private = [key for key in keys if key.is_private]
        if not private or any(key.curve_name != "Ed25519" for key in keys):
            message = "the ledger's keys are Ed25519 keys, one of them private"
            raise ValueError(message)
        self.kid = str(private[0].kid)
        self.public: list[dict[str, Any]] = [
            {**key.as_dict(private=False), "alg": ALGORITHM, "use": "sig"} for key in keys
        ]
        self._key = cast("Ed25519PrivateKey", private[0].private_key)
        self._heads = {kind: self._head(kind) for kind in (CHECKPOINT, PROMISE, COSIGNATURE)}

    def sign(self, kind: str, statement: Mapping[str, Any]) -> str:
        """Sign a statement of one kind, which nobody takes for one of another (RFC 8725, 3.11).

        A kind of its own is the ``typ`` of what a block states besides its ledger.
        """
        head = self._heads.get(kind) or self._head(kind)
        said = f"{head}.{base64url(canonical(dict(statement)))}"
        return f"{said}.{base64url(self._key.sign(said.encode()))}"

    def _head(self, kind: str) -> str:
        return base64url(canonical({"alg": ALGORITHM, "kid": self.kid, "typ": kind}))


class Keys:
    """Public keys to verify with."""

    def __init__(self, keys: Iterable[Mapping[str, Any]]) -> None:
        """Take Ed25519 keys from JWKs; others are left out."""
        self._keys = {
            str(key["kid"]): Ed25519PublicKey.from_public_bytes(from_base64url(str(key["x"])))
            for key in keys
            if key.get("crv") == "Ed25519" and "kid" in key
        }

    def verify(self, kind: str, signed: str) -> dict[str, Any]:
        """Return a statement of one kind, or raise NotSigned."""
        kid, said = unproven(kind, signed)
        key = self._keys.get(kid)
        if key is None:
            raise NotSigned("its key is not known")
        text, _, proof = signed.rpartition(".")
        try:
            key.verify(from_base64url(proof), text.encode())
        except InvalidSignature as error:
            raise NotSigned("it is not signed by the key that it names") from error
        return said


def unproven(kind: str, signed: str) -> tuple[str, dict[str, Any]]:
    """Return the name of the key that is said to have signed, and a statement not yet proven.

    Raises NotSigned when the text is no statement of the kind.
    """
    parts = signed.split(".")
    try:
        if len(parts) != _PARTS:
            raise NotSigned("it has not three parts")
        head, said = json.loads(from_base64url(parts[0])), from_base64url(parts[1])
        if (head.get("alg"), head.get("typ")) != (ALGORITHM, kind):
            raise NotSigned(f"it is no {kind}")
        from_base64url(parts[2])
        statement = json.loads(said)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NotSigned("it is not readable") from error
    if not isinstance(statement, dict):
        raise NotSigned("it states nothing")
    return str(head.get("kid")), cast("dict[str, Any]", statement)


def detached(signed: str) -> str:
    """Return a signed statement without the statement (RFC 7515 appendix F)."""
    head, _, proof = signed.split(".")
    return f"{head}..{proof}"


def attached(proof: str, statement: Mapping[str, Any]) -> str:
    """Return a statement signed with a detached proof, or raise NotSigned."""
    parts = proof.split("..")
    if len(parts) != _PARTS - 1:
        raise NotSigned("it is no JWS with detached payload")
    try:
        return f"{parts[0]}.{base64url(canonical(dict(statement)))}.{parts[1]}"
    except (ValueError, RecursionError) as error:
        raise NotSigned("what is signed has no canonical form") from error


def new_signing_keys() -> str:
    """Return a fresh JWK Set with one private key, as settings carry it."""
    key = OKPKey.generate_key("Ed25519")
    key.ensure_kid()
    return json.dumps({"keys": [key.as_dict(private=True)]})


def base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Return what base64url without padding encodes, in its one form only; raise ValueError."""
    found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64url(found) != text:  # two texts signed at once would be two checkpoints
        raise ValueError("it is not base64url in its one form")
    return found
