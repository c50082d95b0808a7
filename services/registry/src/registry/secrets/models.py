"""Secret fields: sealed for a database's key, which its owner holds and we do not (DRS-15, DRS-18).

Each database has a key pair (X25519, RFC 7748). Values are sealed for the public key, each with an
ephemeral key of its own (the ECIES of NIST SP 800-56A, with HKDF, RFC 5869, and AES-256-GCM), and
bound to their database, record and field, so that none can be moved. The private key is kept
wrapped by a key that the owner chooses and presents with each call that shall read; that is kept
nowhere.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kit.problems import Conflict, FieldError, Forbidden, Invalid
from registry.fields.models import Field, Schema
from registry.paths import replaced, value_at, values_in, with_value
from registry.places import pointer

NAME = "encryption"
"""The setting of a database that holds its public key, and its private key wrapped."""

BLINDED = "••••••"
_SEALED = "$sealed"
_KEY = 32
_PUBLIC = 32
_NONCE = 12
_VERSION = b"\x01"

Values = Mapping[str, Any]


class KeyInvalid(Invalid):
    """What is presented as a key is none."""

    title = "The database key is not valid"


class KeyWrong(Forbidden):
    """The key that is presented is not this database's."""

    title = "The database key is not the right one"


class KeyMissing(Conflict):
    """A secret field cannot be written before the database has a key."""

    title = "The database has no encryption key yet"


class KeyTaken(Conflict):
    """Another database has this key; no two share one."""

    title = "Another database has this key"


def read_key(text: str) -> bytes:
    """Return the key a header or body carries: 32 bytes in base64; raise KeyInvalid."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY:
        raise KeyInvalid("a database key is 32 random bytes in base64")
    return key


@dataclass(frozen=True, slots=True)
class Encryption:
    """A database's key pair: public, and private as wrapped by the owner's key."""

    public: bytes
    wrapped: bytes
    key_id: str
    """Names the owner's key and says nothing about it."""
    changed_at: datetime

    @property
    def document(self) -> dict[str, str]:
        """Return what the database's settings keep."""
        return {
            "public": base64.b64encode(self.public).decode(),
            "wrapped": base64.b64encode(self.wrapped).decode(),
            "keyId": self.key_id,
            "changedAt": self.changed_at.isoformat(),
        }

    def unwrap(self, database: int, key: bytes) -> X25519PrivateKey:
        """Return the private key, or raise KeyWrong."""
        nonce, sealed = self.wrapped[:_NONCE], self.wrapped[_NONCE:]
        try:
            raw = AESGCM(_wrapping(database, key)).decrypt(nonce, sealed, b"private key")
        except InvalidTag as error:
            raise KeyWrong("X-Database-Key is not the key of this database") from error
        return X25519PrivateKey.from_private_bytes(raw)


def encryption_of(settings: Values) -> Encryption | None:
    """Return a database's key pair, if it has one."""
    said = settings.get(NAME)
    if said is None:
        return None
    return Encryption(
        base64.b64decode(said["public"]),
        base64.b64decode(said["wrapped"]),
        said["keyId"],
        datetime.fromisoformat(said["changedAt"]),
    )


def first(database: int, key: bytes, key_id: str) -> Encryption:
    """Make a key pair for a database that had none, wrapped by its owner's key."""
    return _wrapped(database, X25519PrivateKey.generate(), key, key_id)


def rotated(
    before: Encryption, database: int, keys: tuple[bytes, bytes], key_id: str
) -> Encryption:
    """Wrap a database's private key by another key of its owner; what is sealed stays readable.

    ``keys`` are the key until now and the next one. Raise KeyWrong.
    """
    old, new = keys
    return _wrapped(database, before.unwrap(database, old), new, key_id)


def _wrapped(database: int, private: X25519PrivateKey, key: bytes, key_id: str) -> Encryption:
    nonce = os.urandom(_NONCE)
    raw = private.private_bytes_raw()
    sealed = AESGCM(_wrapping(database, key)).encrypt(nonce, raw, b"private key")
    public = private.public_key().public_bytes_raw()
    return Encryption(public, nonce + sealed, key_id, datetime.now(UTC))


def _wrapping(database: int, key: bytes) -> bytes:
    return hmac.digest(key, f"wraps the key of database {database}".encode(), hashlib.sha256)


def is_sealed(value: object) -> bool:
    """Tell whether a value is one that was sealed here."""
    return isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {_SEALED}


def refuse_sealed(
    fields: Sequence[Field], content: Values, before: Values, place: Sequence[object]
) -> None:
    """Raise KeyInvalid where content brings a sealed value that was not there: only we seal."""
    for each in fields:
        known = [value for _, value in values_in(before, each.path)]
        for where, value in values_in(content, each.path):
            if isinstance(value, dict) and value not in known:
                reason = "is given in the clear, and sealed here"
                error = FieldError(pointer(*place, *where), reason)
                raise KeyInvalid(f"{error.pointer}: {reason}", errors=[error])


def sealed(
    fields: Sequence[Field],
    content: dict[str, Any],
    place: tuple[int, int],
    given: Encryption | None,
) -> dict[str, Any]:
    """Return a record's content with its secrets sealed; ``place`` is its database and number.

    Raise KeyMissing when there is a secret and no key.
    """
    for each in fields:
        clear = [value for _, value in values_in(content, each.path) if not is_sealed(value)]
        if all(value is None for value in clear):
            continue
        if given is None:
            raise KeyMissing(
                f"{each.name} is secret: PUT /database/{place[0]}/encryption-key first"
            )
        content = replaced(content, each.path, _sealer(given.public, place, each))
    return content


@dataclass(frozen=True, slots=True)
class Clear:
    """A content with a field in the clear that is secret from now on, and where it stands."""

    place: tuple[UUID, int]
    number: int
    content: dict[str, Any]


def became_secret(before: Schema, after: Schema) -> list[str]:
    """Return the fields that are secret in one schema and were not in the one before it."""
    known = {each.name for each in before.secrets}
    return [each.name for each in after.secrets if each.name not in known]


def json_path(name: str) -> str:
    """Return where a field's values in the clear stand, as PostgreSQL's jsonpath."""
    parts = "".join(f".{json.dumps(part)}" for part in name.split("."))
    return f'${parts} ? (@.type() != "object" && @.type() != "null")'


def unchanged(
    fields: Sequence[Field], change: Values, before: Values, opened: Values
) -> dict[str, Any]:
    """Return a change whose secrets that say what is there already are what is there, sealed.

    ``opened`` is what was there, as who has the key reads it.
    """
    kept = dict(change)
    for each in fields:
        value = value_at(kept, each.path)
        if value is not None and not each.in_list and value == value_at(opened, each.path):
            kept = with_value(kept, each.path, value_at(before, each.path))
    return kept


def without_sealed(fields: Sequence[Field], content: Values) -> tuple[dict[str, Any], set[str]]:
    """Return content without its sealed values, and where these stood, as pointers."""
    kept, gone = dict(content), set[str]()
    for each in fields:
        found = [where for where, value in values_in(kept, each.path) if is_sealed(value)]
        if found:
            gone |= {pointer(*where) for where in found}
            kept = replaced(kept, each.path[:-1], _dropper(each.path[-1]))
    return kept, gone


def _dropper(name: str) -> Callable[[Any], Any]:
    def drop(holder: Any) -> Any:
        if isinstance(holder, list):
            return [drop(item) for item in cast("list[Any]", holder)]
        if not isinstance(holder, dict):
            return holder
        held = cast("dict[str, Any]", holder)
        return {k: v for k, v in held.items() if k != name or not is_sealed(v)}

    return drop


def shown(
    fields: Sequence[Field],
    content: dict[str, Any],
    place: tuple[int, int],
    private: X25519PrivateKey | None,
) -> dict[str, Any]:
    """Return content with its secrets open for who has the key, and blinded for others."""
    for each in fields:
        content = replaced(content, each.path, _opener(private, place, each))
    return content


def _sealer(public: bytes, place: tuple[int, int], field: Field) -> Callable[[Any], Any]:
    to = X25519PublicKey.from_public_bytes(public)

    def seal(value: Any) -> Any:
        if value is None or is_sealed(value):
            return value
        ephemeral = X25519PrivateKey.generate()
        own = ephemeral.public_key().public_bytes_raw()
        key = _derived(ephemeral.exchange(to), own + public)
        text = json.dumps(value, ensure_ascii=False).encode()
        # each key seals one value, so its nonce is no secret and need not differ
        sealed_text = AESGCM(key).encrypt(bytes(_NONCE), text, _bound(place, field))
        return {_SEALED: base64.b64encode(_VERSION + own + sealed_text).decode()}

    return seal


def _opener(
    private: X25519PrivateKey | None, place: tuple[int, int], field: Field
) -> Callable[[Any], Any]:
    def unseal(value: Any) -> Any:
        if value is None:
            return None
        if not is_sealed(value):
            return value
        if private is None:
            return BLINDED
        raw = base64.b64decode(value[_SEALED])[1:]
        own, text = raw[:_PUBLIC], raw[_PUBLIC:]
        secret = private.exchange(X25519PublicKey.from_public_bytes(own))
        key = _derived(secret, own + private.public_key().public_bytes_raw())
        try:
            return json.loads(AESGCM(key).decrypt(bytes(_NONCE), text, _bound(place, field)))
        except InvalidTag:
            return BLINDED

    return unseal


def _derived(secret: bytes, salt: bytes) -> bytes:
    info = b"govblocks registry secret field"
    return HKDF(algorithm=hashes.SHA256(), length=_KEY, salt=salt, info=info).derive(secret)


def _bound(place: tuple[int, int], field: Field) -> bytes:
    database, number = place
    return f"{database}/{number}/{field.name}".encode()
