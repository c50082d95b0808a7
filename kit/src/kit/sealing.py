"""Envelope encryption: a data key for each subject, wrapped by the block's own key.

AES-256-GCM (NIST SP 800-38D) with a fresh 96-bit nonce in front of each ciphertext. Destroying a
wrapped key makes everything sealed with it unreadable for good and changes nothing else.
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12
_KEY = 32


class SealBrokenError(Exception):
    """The ciphertext was changed, or belongs to another key or place."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key for one subject: in the clear for use, wrapped for keeping."""

    wrapped: bytes
    secret: bytes

    def derived(self, place: bytes) -> "DataKey":
        """Return the key for one place alone: who is given it can open nothing else."""
        return DataKey(b"", hmac.digest(self.secret, b"one place\n" + place, hashlib.sha256))

    def seal(self, plaintext: bytes, place: bytes) -> bytes:
        """Encrypt ``plaintext`` and bind it to ``place`` (what it belongs to)."""
        return _seal(self.secret, plaintext, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Decrypt what ``seal`` gave for the same place, or raise SealBrokenError."""
        return _open(self.secret, sealed, place)


class Keyring:
    """The block's sealing key and what is made with it."""

    def __init__(self, key: str) -> None:
        self._key = base64.b64decode(key, validate=True)
        if len(self._key) != _KEY:
            message = "a sealing key is 32 bytes in base64"
            raise ValueError(message)
        self._references = hmac.digest(self._key, b"subject references", hashlib.sha256)

    def new(self) -> DataKey:
        """Make a data key for a new subject."""
        secret = os.urandom(_KEY)
        return DataKey(_seal(self._key, secret, b"data key"), secret)

    def unwrap(self, wrapped: bytes) -> DataKey:
        """Return the data key that was kept wrapped, or raise SealBrokenError."""
        return DataKey(wrapped, _open(self._key, wrapped, b"data key"))

    def reference(self, subject: str) -> bytes:
        """Return the pseudonym of a subject: the same for the same person, readable by nobody."""
        return hmac.digest(self._references, subject.encode(), hashlib.sha256)


def new_sealing_key() -> str:
    """Return a fresh sealing key as settings carry it."""
    return base64.b64encode(os.urandom(_KEY)).decode()


def _seal(key: bytes, plaintext: bytes, place: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, place)


def _open(key: bytes, sealed: bytes, place: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
    except (InvalidTag, ValueError) as error:
        raise SealBrokenError from error
