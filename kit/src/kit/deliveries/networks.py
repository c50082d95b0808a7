"""Which addresses a call to outside may reach: public ones, and those the operator lists."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from kit.problems import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LONGEST = 2048
_PORTS = {"http": 80, "https": 443}


class AddressRefused(Invalid):
    """Nothing is ever sent to this address."""

    title = "The address cannot be called"


class UnreachableError(Exception):
    """A call got no answer; ``reason`` says why in one word and names nobody."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: what it says, and the address that was checked and is connected to."""

    parts: SplitResult
    address: str

    @property
    def host(self) -> str:
        """Return the name that the receiver goes by."""
        return self.parts.hostname or ""

    @property
    def pinned(self) -> str:
        """Return the URL with the checked address in place of the name."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        port = f":{self.parts.port}" if self.parts.port else ""
        return self.parts._replace(netloc=host + port).geturl()


class Networks:
    """Decides where calls may go; ``listed`` networks need neither be public nor speak TLS."""

    def __init__(self, listed: Sequence[str]) -> None:
        self._listed = [ipaddress.ip_network(each) for each in listed]

    def check(self, url: str) -> SplitResult:
        """Return a URL's parts, or raise AddressRefused for what no call may ever go to.

        A name is looked up when something is sent (``find``), each time anew.
        """
        parts = _split(url)
        try:
            address = ipaddress.ip_address(parts.hostname or "")
        except ValueError:
            if parts.scheme == "http" and not self._listed:
                raise AddressRefused("https is needed") from None
            return parts
        self._check_address(parts.scheme, address)
        return parts

    async def find(self, url: str) -> Place:
        """Look a URL's host up and return one address that may be called.

        Raise AddressRefused when any of its addresses may not: a name that leads to both cannot
        be trusted with either. Raise UnreachableError when the name is not known.
        """
        parts = self.check(url)
        port = parts.port or _PORTS[parts.scheme]
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise UnreachableError("unknown-host") from error
        addresses = [str(each[4][0]) for each in found]
        for address in addresses:
            self._check_address(parts.scheme, ipaddress.ip_address(address.partition("%")[0]))
        return Place(parts, addresses[0])

    def _check_address(self, scheme: str, address: Address) -> None:
        meant = _meant(address)
        if any(meant.version == each.version and meant in each for each in self._listed):
            return
        if not meant.is_global or meant.is_multicast or meant.is_reserved:
            raise AddressRefused("it leads into a network that is not public")
        if scheme == "http":
            raise AddressRefused("https is needed")


def _split(url: str) -> SplitResult:
    """Return the parts of an absolute http or https URL without credentials or fragment."""
    if len(url) > _LONGEST or not all("!" <= character <= "~" for character in url):
        raise AddressRefused("it is no URL, or not written in ASCII (RFC 3986)")
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole, parts = False, SplitResult("", "", "", "", "")
    if not is_whole:
        raise AddressRefused("it is no http or https URL")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused("it holds credentials or a fragment")
    return parts


def _meant(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one that only carries it, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
