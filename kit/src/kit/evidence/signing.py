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
        self._heads = {
            kind: _encoded(canonical({"alg": ALGORITHM, "kid": self.kid, "typ": kind}))
            for kind in (CHECKPOINT, PROMISE, COSIGNATURE)
        }

    def sign(self, kind: str, statement: Mapping[str, Any]) -> str:
        """Sign a statement of one kind."""
        said = self._heads[kind] + b"." + _encoded(canonical(dict(statement)))
        return (said + b"." + _encoded(self._key.sign(said))).decode()


class Keys:
    """Public keys to verify with."""

    def __init__(self, keys: Iterable[Mapping[str, Any]]) -> None:
        """Take Ed25519 keys from JWKs; others are left out."""
        self._keys = {
            str(key["kid"]): Ed25519PublicKey.from_public_bytes(_decoded(str(key["x"])))
            for key in keys
            if key.get("crv") == "Ed25519" and "kid" in key
        }

    def verify(self, kind: str, signed: str) -> dict[str, Any]:
        """Return a statement of one kind, or raise NotSigned."""
        parts = signed.encode().split(b".")
        try:
            if len(parts) != _PARTS:
                raise NotSigned("it has not three parts")
            head = json.loads(_decoded(parts[0]))
            if (head.get("alg"), head.get("typ")) != (ALGORITHM, kind):
                raise NotSigned(f"it is no {kind}")
            key = self._keys.get(str(head.get("kid")))
            if key is None:
                raise NotSigned("its key is not known")
            key.verify(_decoded(parts[2]), parts[0] + b"." + parts[1])
            return json.loads(_decoded(parts[1]))
        except InvalidSignature as error:
            raise NotSigned("it is not signed by the key that it names") from error
        except (ValueError, AttributeError) as error:
            raise NotSigned("it is not readable") from error


def new_signing_keys() -> str:
    """Return a fresh JWK Set with one private key, as settings carry it."""
    key = OKPKey.generate_key("Ed25519")
    key.ensure_kid()
    return json.dumps({"keys": [key.as_dict(private=True)]})


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: bytes | str) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    found = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    if _encoded(found) != raw:  # two texts signed at once would be two checkpoints
        raise ValueError("it is not base64url in its one form")
    return found
