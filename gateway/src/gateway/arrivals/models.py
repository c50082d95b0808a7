"""Where a request comes from, and the certificate that came with its connection."""

import base64
import binascii
import hashlib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from cryptography import x509

CERTIFICATE_HEADER = b"client-cert"
"""A client's certificate as a proxy passes it on (RFC 9440 section 2.2)."""
_FORWARDED_HEADER = b"x-forwarded-for"
Headers = Iterable[tuple[bytes, bytes]]
Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it arrives: its headers, the address it comes from, its certificate (DER).

    Whoever ended the TLS connection has verified the certificate's chain: our own listener, or a
    proxy in a listed network. Empty, it is one that cannot be read.
    """

    headers: Sequence[tuple[bytes, bytes]]
    host: str | None = None
    certificate: bytes | None = None


@dataclass(frozen=True, slots=True)
class Proxies:
    """The networks of proxies that speak for others, and whether they verify certificates.

    A certificate is no secret: a proxy that passes on what clients write themselves must not be
    believed about it.
    """

    networks: Networks = ()
    verify_certificates: bool = False


def arrived(scope: Mapping[str, Any], proxies: Proxies) -> Arrival:
    """Return where a request (an ASGI scope) comes from; only listed proxies speak for others."""
    client = scope.get("client")
    host: str | None = client[0] if client else None
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    if proxies.networks and is_in(proxies.networks, host):
        certificate = _passed_on(headers) if proxies.verify_certificates else None
        return Arrival(headers, _forwarded_for(headers, proxies.networks) or host, certificate)
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain")
    return Arrival(headers, host, ssl.PEM_cert_to_DER_cert(chain[0]) if chain else None)


def _forwarded_for(headers: Headers, proxies: Networks) -> str | None:
    """Return the last address that is no proxy of ours: what stands before it anybody can write."""
    said = b",".join(value for name, value in headers if name == _FORWARDED_HEADER)
    hosts = [part.strip() for part in said.decode("latin-1").split(",")]
    return next((host for host in reversed(hosts) if host and not is_in(proxies, host)), None)


def _passed_on(headers: Headers) -> bytes | None:
    """Return the certificate a proxy passes on, a byte sequence of RFC 8941; empty for nonsense."""
    given = [value.strip() for name, value in headers if name == CERTIFICATE_HEADER]
    said = [value for value in given if value not in (b"", b"::")]  # as some say: there is none
    if not said:
        return None
    if len(said) > 1 or not (said[0].startswith(b":") and said[0].endswith(b":")):
        return b""
    try:
        return base64.b64decode(said[0][1:-1], validate=True)
    except binascii.Error:
        return b""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A client's certificate: its SHA-256 in hex, its names (RFC 4514), and when it counts."""

    sha256: str
    subject: str
    issuer: str
    begins_at: datetime
    ends_at: datetime

    @property
    def thumbprint(self) -> str:
        """Return the digest as a token is bound to it (RFC 8705 section 3.1)."""
        digest = bytes.fromhex(self.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def counts_at(self, now: datetime) -> bool:
        """Tell whether the certificate has begun and not ended."""
        return self.begins_at <= now < self.ends_at


def read_certificate(der: bytes) -> Certificate:
    """Return what a certificate says, or raise ValueError."""
    found = x509.load_der_x509_certificate(der)
    return Certificate(
        hashlib.sha256(der).hexdigest(),
        found.subject.rfc4514_string(),
        found.issuer.rfc4514_string(),
        found.not_valid_before_utc,
        found.not_valid_after_utc,
    )


def is_in(networks: Networks, host: str | None) -> bool:
    """Tell whether a remote address is in one of these networks."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
