"""Ids: UUID version 7 (RFC 9562 section 5.7), so that newer rows stand next to each other."""

import os
import re
import time
from datetime import datetime
from uuid import UUID

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def new_id() -> UUID:
    """Return a fresh UUIDv7: milliseconds since 1970 in front, 74 random bits behind."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | int.from_bytes(os.urandom(10))
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def first_id(moment: datetime) -> UUID:
    """Return what is less than every id that ``new_id`` gives from a moment on."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def is_uuid(text: str) -> bool:
    """Tell whether a text is a UUID (RFC 9562 section 4), in either case."""
    return _UUID.fullmatch(text) is not None
