"""TLS 1.3 as a block ends it itself, with a certificate of the client's if it offers one.

What the client offers must come from an authority of the operator's; which application it stands
for is the application's business, not ours (docs/decisions/0012).
"""

import asyncio
import logging
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from starlette.types import Scope

_LOOK_EVERY = 30.0  # seconds: certificates are renewed in place
_VERSION = 0x0304  # TLS 1.3 (RFC 8446 section 4.2.1)
_log = logging.getLogger("kit.serve")


class TlsError(Exception):
    """TLS cannot be spoken as asked for; the message is one sentence for the log."""


class Tls:
    """A certificate with its key, and whose certificates clients may come with."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        self._files = certificate, key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.set_alpn_protocols(["http/1.1"])
        try:
            self._stamp = self._changed_at()
            self._load()
            if client_ca is not None:
                self.context.load_verify_locations(client_ca)
                self.context.verify_mode = ssl.CERT_OPTIONAL
        except OSError as error:  # ssl.SSLError is one
            said = f"{error.strerror}: {error.filename}" if error.filename else _reason(error)
            raise TlsError(f"The certificate cannot be used ({said}).") from error

    async def keep(self) -> None:
        """Take a renewed certificate when its files change, for new connections, until cancelled.

        One that cannot be used changes nothing.
        """
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                stamp = self._changed_at()
                if stamp != self._stamp:
                    self._load()
                    self._stamp = stamp
            except OSError as error:
                _log.warning("the new certificate cannot be used: %s", _reason(error))

    def _load(self) -> None:
        # a key with a password would ask for it on the terminal: an empty one fails instead
        self.context.load_cert_chain(*self._files, password="")

    def _changed_at(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns for file in self._files)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").lower().replace("_", " ")
    return error.strerror or type(error).__name__


def chosen(certificate: Path | None, key: Path | None, client_ca: Path | None) -> Tls | None:
    """Return the TLS that settings describe, None for none; raise TlsError for half of it."""
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise TlsError("TLS needs both a certificate and its key.")
    return Tls(certificate, key, client_ca)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address; a name but ``localhost`` may be any."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def described(transport: asyncio.BaseTransport) -> dict[str, Any] | None:
    """Return a connection's TLS as ASGI has it (TLS extension 0.2), None when it is plain.

    The chain is the client's own certificate only: Python 3.11 tells no more.
    """
    connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if connection is None:
        return None
    der = connection.getpeercert(binary_form=True)
    return {
        "server_cert": None,
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(der)] if der else [],
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": _VERSION,
        "cipher_suite": None,
    }


def show(scope: Scope, tls: dict[str, Any] | None) -> None:
    """Put a connection's TLS into a request's scope."""
    if tls is not None:
        scope.setdefault("extensions", {})["tls"] = tls
