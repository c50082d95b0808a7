"""A certificate authority for development: it vouches for this machine and for whoever it names.

``govblocks up --tls`` keeps it in the home (``tls/``), its keys readable by their owner only.
"""

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stack.home import HomeError

_YEAR = timedelta(days=365)
_TO_GO = timedelta(days=30)
"""A certificate with less than this before its end is made anew."""
_EARLIER = timedelta(hours=1)  # clocks differ


@dataclass(frozen=True, slots=True)
class Files:
    """Where the certificate, its key and the authority that vouches for it are (PEM)."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority: its certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str) -> Self:
        """Make an authority that counts for ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = named(name)
        made = (
            _begun(subject, subject, key.public_key(), 10 * _YEAR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(made, key)

    @classmethod
    def read(cls, certificate: Path, key: Path) -> Self:
        """Return one that was kept, or raise OSError or ValueError."""
        read = serialization.load_pem_private_key(key.read_bytes(), None)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        return cls(found, cast("ec.EllipticCurvePrivateKey", read))

    def issue(
        self, subject: x509.Name, hosts: Sequence[str] = (), life: timedelta = _YEAR
    ) -> tuple[bytes, bytes]:
        """Return a new certificate and its key (PEM): a server's with hosts, else a client's."""
        key = ec.generate_private_key(ec.SECP256R1())
        of, client = ExtendedKeyUsageOID, not hosts
        made = (
            _begun(subject, self.certificate.subject, key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([of.CLIENT_AUTH if client else of.SERVER_AUTH]),
                critical=False,
            )
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            made = made.add_extension(names, critical=False)
        signed = made.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM), _pem(key)


def named(name: str) -> x509.Name:
    """Return a name that is a common name only."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def development(home: Path) -> Files:
    """Return this machine's certificate for development, making what is missing or nearly over.

    Raises HomeError.
    """
    folder = home / "tls"
    files = Files(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not files.authority.exists():
            made = Authority.new(f"GovBlocks development on {socket.gethostname()}")
            _write(folder / "ca-key.pem", _pem(made.key))
            _write(files.authority, made.certificate.public_bytes(serialization.Encoding.PEM))
        if not _lasts(files.certificate):
            hosts = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
            authority = Authority.read(files.authority, folder / "ca-key.pem")
            certificate, key = authority.issue(named("localhost"), hosts)
            _write(files.key, key)
            _write(files.certificate, certificate)
    except OSError as error:
        raise HomeError(f"{folder} cannot be used: {error.strerror}.") from error
    except ValueError as error:
        raise HomeError(f"What is in {folder} is damaged; delete it for a new one.") from error
    return files


def _lasts(certificate: Path) -> bool:
    if not certificate.exists():
        return False
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    return found.not_valid_after_utc > datetime.now(UTC) + _TO_GO


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + life) - _EARLIER)
        .not_valid_after(now + life)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(file: Path, content: bytes) -> None:
    """Write a file that only its owner reads; it is whole or not there."""
    fresh = file.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
    fresh.replace(file)
