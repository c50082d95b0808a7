"""Packages: one entry with all that proves it, for somebody who has nothing but the file.

A package is JSON of exactly these members; hexadecimal is lower case, base64 is the standard's
(RFC 4648 section 4) with its padding, times are UTC (RFC 3339)::

    format        "govblocks-evidence-1"
    entry         the entry's canonical text (RFC 8785), a text inside the JSON
    detail        null, or {"sealed": base64, "key": base64}: the ciphertext and the key to it alone
    proof         {"index", "size", "path": [hex]}: the leaf's place and path (RFC 9162 2.1.3)
    checkpoint    what the ledger signed over its tree of that size: a compact JWS
    cosignatures  what witnesses signed over the checkpoint: compact JWS each
    timestamp     null, or base64 of an authority's token (RFC 3161) over the checkpoint's SHA-256
    keys          {"keys": [JWK]}: public keys of the ledger and of its witnesses

Nothing here reads a database or a network.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kit.evidence.signing import from_base64url

FORMAT = "govblocks-evidence-1"
MOST_BYTES = 16 * 1024 * 1024
"""The largest file that is read as a package."""

_LONGEST_PATH = 64
_MEMBERS = (
    "format",
    "entry",
    "detail",
    "proof",
    "checkpoint",
    "cosignatures",
    "timestamp",
    "keys",
)


class PackageUnreadable(Exception):
    """A file is no package; the message names what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Detail:
    """An entry's detail as it is sealed, and the key that opens it and no other."""

    sealed: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Proof:
    """A leaf's place in a tree of ``size`` leaves, and the hashes from it up to the root."""

    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """One entry with all that proves it."""

    entry: bytes
    proof: Proof
    checkpoint: str
    keys: tuple[Mapping[str, Any], ...]
    detail: Detail | None = None
    cosignatures: tuple[str, ...] = ()
    timestamp: bytes | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the package as JSON values, which ``read`` reads back."""
        detail = None
        if self.detail is not None:
            detail = {"sealed": _base64(self.detail.sealed), "key": _base64(self.detail.key)}
        proof = self.proof
        return {
            "format": FORMAT,
            "entry": self.entry.decode(),
            "detail": detail,
            "proof": {
                "index": proof.index,
                "size": proof.size,
                "path": [step.hex() for step in proof.path],
            },
            "checkpoint": self.checkpoint,
            "cosignatures": list(self.cosignatures),
            "timestamp": None if self.timestamp is None else _base64(self.timestamp),
            "keys": {"keys": [dict(key) for key in self.keys]},
        }


def read(raw: bytes) -> Package:
    """Read a package's file; raise PackageUnreadable, whatever the bytes are."""
    if len(raw) > MOST_BYTES:
        raise PackageUnreadable(f"it is larger than {MOST_BYTES // 1024 // 1024} MB")
    try:
        said = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PackageUnreadable("it is not JSON") from error
    return _Part("", said).package()


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise PackageUnreadable("a member stands in it twice")
    return found


def _no_constant(name: str) -> Any:
    raise PackageUnreadable(f"it holds {name}, which is no JSON")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True, slots=True)
class _Part:
    """A value of the file and where it stands, which is what errors name."""

    place: str
    value: Any

    def package(self) -> Package:
        self.is_object(_MEMBERS)
        if self["format"].value != FORMAT:
            raise PackageUnreadable(f"its format is not {FORMAT}")
        detail, stamp = self["detail"], self["timestamp"]
        return Package(
            entry=self["entry"].text().encode(),
            proof=self["proof"].proof(),
            checkpoint=self["checkpoint"].text(),
            keys=tuple(self["keys"].keys()),
            detail=None if detail.value is None else detail.detail(),
            cosignatures=tuple(one.text() for one in self["cosignatures"].items()),
            timestamp=None if stamp.value is None else stamp.base64(),
        )

    def detail(self) -> Detail:
        self.is_object(("sealed", "key"))
        return Detail(self["sealed"].base64(), self["key"].base64())

    def proof(self) -> Proof:
        self.is_object(("index", "size", "path"))
        path = self["path"].items()
        if len(path) > _LONGEST_PATH:
            raise self["path"].wrong(f"no path of at most {_LONGEST_PATH} hashes")
        steps = tuple(one.hash() for one in path)
        return Proof(self["index"].count(), self["size"].count(), steps)

    def keys(self) -> list[Mapping[str, Any]]:
        self.is_object(("keys",))
        found = [one.key() for one in self["keys"].items()]
        if len({key["kid"] for key in found}) != len(found):
            raise PackageUnreadable("two of its keys have one name (kid)")
        return found

    def key(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise self.wrong("no key (JWK)")
        if (self["kty"].text(), self["crv"].text()) != ("OKP", "Ed25519"):
            raise self.wrong("no Ed25519 key")
        if "d" in self.value:
            raise self.wrong("a private key, which must not leave its keeper")
        self["kid"].text()
        try:
            found = from_base64url(self["x"].text())
        except ValueError:
            found = b""
        if len(found) != 32:  # noqa: PLR2004  RFC 8032
            raise self.wrong("no Ed25519 key: its x is not 32 bytes in base64url")
        return cast("Mapping[str, Any]", self.value)

    def is_object(self, members: Sequence[str]) -> None:
        if not isinstance(self.value, dict):
            raise self.wrong("no JSON object")
        given = cast("dict[str, Any]", self.value)
        for name in given:
            if name not in members:
                raise PackageUnreadable(f"{self._of(name)} does not belong in a package")
        for name in members:
            if name not in given:
                raise PackageUnreadable(f"{self._of(name)} is missing")

    def __getitem__(self, name: str) -> "_Part":
        if name not in self.value:
            raise PackageUnreadable(f"{self._of(name)} is missing")
        return _Part(self._of(name), self.value[name])

    def items(self) -> list["_Part"]:
        if not isinstance(self.value, list):
            raise self.wrong("no list")
        values = cast("list[Any]", self.value)
        return [_Part(f"{self.place}[{at}]", value) for at, value in enumerate(values)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("no text")
        try:
            self.value.encode()
        except UnicodeEncodeError as error:
            raise self.wrong("half a character") from error
        return self.value

    def count(self) -> int:
        if type(self.value) is not int or not 0 <= self.value < 1 << 63:
            raise self.wrong("no count")
        return self.value

    def hash(self) -> bytes:
        return self._strictly("a SHA-256 in lower-case hexadecimal", bytes.fromhex, bytes.hex, 32)

    def base64(self) -> bytes:
        def decode(text: str) -> bytes:
            return base64.b64decode(text, validate=True)

        return self._strictly("base64", decode, _base64)

    def _strictly(
        self,
        what: str,
        decode: Callable[[str], bytes],
        encode: Callable[[bytes], str],
        length: int | None = None,
    ) -> bytes:
        """Return what a text encodes if it is the one text that does."""
        text = self.text()
        try:
            found = decode(text)
        except ValueError as error:
            raise self.wrong(f"not {what}") from error
        if encode(found) != text or length not in {None, len(found)}:
            raise self.wrong(f"not {what}")
        return found

    def _of(self, name: str) -> str:
        shown = name if name.isidentifier() and name.isascii() else "a member of another name"
        return f"{self.place}.{shown}" if self.place else shown

    def wrong(self, what: str) -> PackageUnreadable:
        return PackageUnreadable(f"{self.place or 'it'} is {what}")
