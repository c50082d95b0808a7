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
    part          only in the package of a part of a bulk operation: its canonical "text", its
                  "detail" as above, and its "proof" under the root that the entry states

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
_PART = "part"


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
class ProvenPart:
    """A part of a bulk operation's entry, and its path to the root that the entry states."""

    text: bytes
    proof: Proof
    detail: Detail | None = None


@dataclass(frozen=True, slots=True)
class Package:
    """One entry with all that proves it, or one of its parts."""

    entry: bytes
    proof: Proof
    checkpoint: str
    keys: tuple[Mapping[str, Any], ...]
    detail: Detail | None = None
    cosignatures: tuple[str, ...] = ()
    timestamp: bytes | None = None
    part: ProvenPart | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the package as JSON values, which ``read`` reads back."""
        said = {} if self.part is None else {"part": _part_as_json(self.part)}
        return {
            "format": FORMAT,
            "entry": self.entry.decode(),
            "detail": _detail_as_json(self.detail),
            "proof": _proof_as_json(self.proof),
            "checkpoint": self.checkpoint,
            "cosignatures": list(self.cosignatures),
            "timestamp": None if self.timestamp is None else _base64(self.timestamp),
            "keys": {"keys": [dict(key) for key in self.keys]},
            **said,
        }


def _part_as_json(part: ProvenPart) -> dict[str, Any]:
    return {
        "text": part.text.decode(),
        "detail": _detail_as_json(part.detail),
        "proof": _proof_as_json(part.proof),
    }


def _detail_as_json(detail: Detail | None) -> dict[str, str] | None:
    if detail is None:
        return None
    return {"sealed": _base64(detail.sealed), "key": _base64(detail.key)}


def _proof_as_json(proof: Proof) -> dict[str, Any]:
    path = [step.hex() for step in proof.path]
    return {"index": proof.index, "size": proof.size, "path": path}


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
        self.is_object(_MEMBERS, (_PART,))
        if self["format"].value != FORMAT:
            raise PackageUnreadable(f"its format is not {FORMAT}")
        stamp = self["timestamp"]
        return Package(
            entry=self["entry"].text().encode(),
            proof=self["proof"].proof(),
            checkpoint=self["checkpoint"].text(),
            keys=tuple(self["keys"].keys()),
            detail=self["detail"].detail(),
            cosignatures=tuple(one.text() for one in self["cosignatures"].items()),
            timestamp=None if stamp.value is None else stamp.base64(),
            part=self[_PART].part() if _PART in self.value else None,
        )

    def part(self) -> ProvenPart:
        self.is_object(("text", "detail", "proof"))
        text = self["text"].text().encode()
        return ProvenPart(text, self["proof"].proof(), self["detail"].detail())

    def detail(self) -> Detail | None:
        if self.value is None:
            return None
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

    def is_object(self, members: Sequence[str], more: Sequence[str] = ()) -> None:
        if not isinstance(self.value, dict):
            raise self.wrong("no JSON object")
        given = cast("dict[str, Any]", self.value)
        for name in given:
            if name not in (*members, *more):
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
