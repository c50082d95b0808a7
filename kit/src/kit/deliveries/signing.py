"""How a receiver knows that a callback is ours: Standard Webhooks, the symmetric scheme ``v1``.

The headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``; what is signed with
HMAC-SHA256 is id, timestamp and body with full stops between them.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from kit.deliveries.models import Secret

_PREFIX = "whsec_"
_NEW = 32
_LEAST, _MOST = 24, 64


def new_secret() -> str:
    """Return a fresh secret, ``whsec_`` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(os.urandom(_NEW)).decode()


def is_secret(text: str) -> bool:
    """Tell whether a text is a secret: ``whsec_`` and 24 to 64 bytes in base64."""
    try:
        return text.startswith(_PREFIX) and _LEAST <= len(_bytes(text)) <= _MOST
    except (binascii.Error, ValueError):
        return False


def headers(
    event_id: UUID, now: datetime, body: bytes, secrets: Sequence[Secret]
) -> Mapping[str, str]:
    """Return the headers that sign a body at this time, by every secret that is in use."""
    said, at = str(event_id), str(int(now.timestamp()))
    signed = f"{said}.{at}.".encode() + body
    marks = [_mark(each.value, signed) for each in secrets if each.signs(now)]
    return {"webhook-id": said, "webhook-timestamp": at, "webhook-signature": " ".join(marks)}


def _mark(secret: str, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(_bytes(secret), signed, hashlib.sha256)).decode()


def _bytes(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
