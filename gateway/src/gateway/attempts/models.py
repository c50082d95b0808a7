"""What a failed attempt is called, and how long a source that guesses has to wait."""

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network, ip_address

from kit.problems import TooMany

WINDOW = timedelta(minutes=1)
"""The time in which failed guesses of one source are counted together."""
FIRST_HOLD = timedelta(seconds=15)
"""How long a source waits the first time; each time it waits twice as long as before."""
LONGEST_HOLD = timedelta(minutes=5)
FORGOTTEN_AFTER = timedelta(minutes=30)
"""The time without a hold after which a source begins anew."""
_NETWORK_OF_ONE = 64  # bits: whoever has an IPv6 address has the rest of its /64 too


class Event(StrEnum):
    """All security events there are."""

    CREDENTIALS_MISSING = "credentials.missing"
    CREDENTIALS_REFUSED = "credentials.refused"
    CLIENT_UNKNOWN = "client.unknown"
    CLIENT_MISMATCH = "client.mismatch"
    TOKEN_REFUSED = "token.refused"  # noqa: S105  a name
    RIGHT_MISSING = "right.missing"
    SOURCE_HELD = "source.held"
    SOURCE_REFUSED = "source.refused"


class SourceHeld(TooMany):
    """Credentials from where too many failed are not looked at for a while."""

    title = "Too many failed attempts"


def held(seconds: float) -> SourceHeld:
    """Return what a source is told that has so many seconds to wait (RFC 9110 section 10.2.3)."""
    wait = {"Retry-After": str(max(1, math.ceil(seconds)))}
    return SourceHeld("credentials from this address are not looked at for now", headers=wait)


@dataclass(frozen=True, slots=True)
class Count:
    """What is known of a source after one more failure: seconds it still waits, 0 for none."""

    remaining: float
    is_new: bool
    """Whether the wait began with this failure."""


def source_of(host: str | None) -> str:
    """Return whom failures from an address are counted for: IPv4 as it is, IPv6 by its /64."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(IPv6Network((int(address), _NETWORK_OF_ONE), strict=False))
        address = address.ipv4_mapped
    return str(address)
