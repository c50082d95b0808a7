"""Time-stamps of an authority (RFC 3161): what is asked, and what its token shows.

An authority that the house does not run says that a checkpoint was there at a time. What is kept
is the token alone (a CMS SignedData in DER), as ``openssl ts -verify -token_in`` takes it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.x509 import Certificate, ObjectIdentifier
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

_SHA256 = ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_GRANTED = bytes.fromhex("3003020100")  # PKIStatusInfo: granted
_SHORT = 0x80


class TokenRefused(Exception):
    """A token does not show what it was given for; the message says why."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A token as it was read; nothing in it is shown yet."""

    response: TimeStampResponse

    @property
    def at(self) -> datetime:
        """Return the time that the authority says (UTC)."""
        return self.response.tst_info.gen_time

    def check_imprint(self, text: bytes) -> None:
        """See that the token is over the SHA-256 of a text, or raise TokenRefused."""
        imprint = self.response.tst_info.message_imprint
        if imprint.hash_algorithm != _SHA256 or imprint.message != hashlib.sha256(text).digest():
            raise TokenRefused("the time-stamp is over something else")

    def check(self, authorities: Iterable[Certificate]) -> None:
        """See that one of the authorities signed the token, or raise TokenRefused.

        ``authorities`` are the certificates that the signer's own may lead up to; the signer's
        must be one for time-stamps (RFC 3161 section 2.3) and stand in the token.
        """
        imprint = self.response.tst_info.message_imprint.message
        try:
            verifier = VerifierBuilder(roots=list(authorities)).build()
            verifier.verify(self.response, imprint)
        except (VerificationError, ValueError) as error:
            raise TokenRefused("the time-stamp is not from the authority that you name") from error


def read(token: bytes) -> Stamp:
    """Read a token, or raise TokenRefused."""
    content = _GRANTED + token
    try:
        response = decode_timestamp_response(b"\x30" + _length(len(content)) + content)
        if response.time_stamp_token() != token:
            raise TokenRefused("the time-stamp is not readable")
        _ = response.tst_info.message_imprint.message, response.tst_info.gen_time
    except ValueError as error:
        raise TokenRefused("the time-stamp is not readable") from error
    return Stamp(response)


def request(text: bytes) -> TimeStampRequest:
    """Return what asks an authority for a time-stamp over a text's SHA-256, with a nonce."""
    return TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()


def granted(asked: TimeStampRequest, answer: bytes) -> bytes:
    """Return the token in an authority's answer, or raise TokenRefused.

    The answer is taken when it is over what was asked, with the nonce that was asked with; whether
    the authority is one to believe is for those who verify.
    """
    try:
        response = decode_timestamp_response(answer)
        if response.status not in {0, 1}:
            raise TokenRefused("the authority refused")
        info = response.tst_info
        if info.nonce != asked.nonce:
            raise TokenRefused("the answer is to another request")
        if info.message_imprint.message != asked.message_imprint.message:
            raise TokenRefused("the time-stamp is over something else")
        return response.time_stamp_token()
    except ValueError as error:
        raise TokenRefused("the answer is not readable") from error


def _length(length: int) -> bytes:
    """Return a length as DER writes it (X.690 section 8.1.3)."""
    if length < _SHORT:
        return bytes([length])
    coded = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_SHORT | len(coded)]) + coded
