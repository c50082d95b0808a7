"""Whether a JWS was made with a key that counts (RFC 7515, RFC 7517)."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, import_key

from kit.problems import Invalid

Level = Literal["trusted", "presented", "none"]
"""By whom a signature is vouched for: the operator's keys, the key it came with, nobody's."""

_ALGORITHMS = ["Ed25519", "ES256"]
_KINDS = (("OKP", "Ed25519"), ("EC", "P-256"))
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_WRONG = (JoseError, ValueError, KeyError, TypeError, RecursionError)
_Key = OKPKey | ECKey


class SignatureInvalid(Invalid):
    """The cryptographic signature does not verify."""

    title = "The signature does not verify"


@dataclass(frozen=True, slots=True)
class Jws:
    """A JWS with detached payload (RFC 7515 appendix F), and the public key it came with.

    ``header`` is the protected header as JSON or in base64url, ``signature`` base64url.
    """

    header: str
    signature: str
    payload: str
    key: Mapping[str, Any] | None

    @property
    def encoded_header(self) -> str:
        """Return the header as it was signed."""
        if not self.header.startswith("{"):
            return self.header
        return urlsafe_b64encode(self.header.encode()).decode().rstrip("=")

    def said(self) -> dict[str, Any]:
        """Return what the header says, or raise SignatureInvalid.

        ``crit`` and ``b64`` (RFC 7797) ask for what is not done here; keys that the header itself
        names or brings are not looked at.
        """
        encoded = self.encoded_header
        if not all(map(_BASE64URL.fullmatch, (encoded, self.signature))):
            raise SignatureInvalid("header and signature are base64url")
        try:
            text = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            header = json.loads(text.decode(), object_pairs_hook=_once)
        except _WRONG as error:
            raise SignatureInvalid("the protected header is not a JSON object") from error
        if not isinstance(header, dict):
            raise SignatureInvalid("the protected header is not a JSON object")
        found = cast("dict[str, Any]", header)
        if found.get("alg") not in _ALGORITHMS or {"crit", "b64"} & found.keys():
            raise SignatureInvalid("alg is Ed25519 or ES256; crit and b64 are not taken")
        return found


@dataclass(frozen=True, slots=True)
class Trust:
    """The public keys that the operator trusts, by ``kid``.

    Without any, a JWS counts with the key it came with: it proves that the payload was signed with
    that key, not whose it is.
    """

    keys: Mapping[str, _Key] = field(default_factory=dict[str, _Key])

    @classmethod
    def read(cls, text: str) -> "Trust":
        """Return the keys of a JWK Set; no text is no keys.

        Raises ValueError for anything but public Ed25519 and P-256 keys, each with its own ``kid``.
        """
        if not text:
            return cls()
        try:
            given = json.loads(text)["keys"]
            found = {each["kid"]: _public(each) for each in given}
        except _WRONG as error:
            raise ValueError("not a JWK Set of public keys, each with a kid") from error
        if not found or len(found) != len(given) or not all(isinstance(kid, str) for kid in found):
            raise ValueError("a JWK Set of keys that count has some, each with a kid of its own")
        return cls(found)

    def check(self, sent: Jws) -> tuple[Level, dict[str, Any]]:
        """Return by whom a JWS is vouched for, with the public key; or raise SignatureInvalid."""
        key = self._find(sent, sent.said().get("kid"))
        try:
            compact = f"{sent.encoded_header}..{sent.signature}"
            jws.deserialize_compact(compact, key, _ALGORITHMS, payload=sent.payload)
        except _WRONG as error:
            raise SignatureInvalid("the payload was not signed with this key") from error
        return "trusted" if self.keys else "presented", key.as_dict(private=False)

    def _find(self, sent: Jws, kid: object) -> _Key:
        presented = None
        if sent.key:
            try:
                presented = _public(sent.key)
            except _WRONG as error:
                raise SignatureInvalid("a key is public, Ed25519 or P-256") from error
        if not self.keys:
            if presented is None:
                raise SignatureInvalid("send the public key it was signed with")
            return presented
        key = self.keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise SignatureInvalid("the protected header names no kid that is trusted here")
        if presented is not None and presented.thumbprint() != key.thumbprint():
            raise SignatureInvalid("verificationPublicKey is not the key of this kid")
        return key


def _public(given: Mapping[str, Any]) -> _Key:
    if (given.get("kty"), given.get("crv")) not in _KINDS or "d" in given:
        raise ValueError("not the public half of an Ed25519 or P-256 key")
    return cast("_Key", import_key(dict(given)))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
