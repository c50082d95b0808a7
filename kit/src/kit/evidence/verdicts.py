"""What a package proves, found out by nobody's help: step by step, with each step's result.

A step *holds*, *fails*, or is *open*: nothing was given to check it by, or there is nothing to
check. A package is verified when its entry, its place and the checkpoint hold and no step fails.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

from cryptography.x509 import Certificate

from kit.canonical import canonical
from kit.evidence import parts, timestamps
from kit.evidence.merkle import ProofFailed, leaf_hash, verify_inclusion
from kit.evidence.packages import Detail, Package
from kit.evidence.signing import (
    CHECKPOINT,
    COSIGNATURE,
    PROMISE,
    Keys,
    NotSigned,
    base64url,
    from_base64url,
    unproven,
)
from kit.sealing import DataKey, SealBrokenError

_TEXTS = ("actor", "at", "block", "id", "kind", "object", "tenant")


class Result(StrEnum):
    """What became of a step."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked, and what came of it in a sentence."""

    name: str
    result: Result
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out about a package, and what it says where that holds.

    ``key`` is the thumbprint (RFC 7638) of the key that everything rests on, None when there is
    none; ``is_trusted`` whether the caller named that key. ``entry`` and ``detail`` are what the
    package says, None when they do not hold; ``part`` what it says of the one thing it is about,
    its detail among it, where it is about a part of a bulk operation.
    """

    steps: tuple[Step, ...]
    key: str | None
    is_trusted: bool
    entry: Mapping[str, Any] | None
    detail: Mapping[str, Any] | None
    part: Mapping[str, Any] | None = None

    @property
    def is_verified(self) -> bool:
        """Tell whether the entry is proven and nothing failed."""
        proven = self.entry is not None
        return proven and all(step.result is not Result.FAILS for step in self.steps)


class _Fails(Exception):
    """A step fails; the message says why."""


@dataclass(slots=True)
class _Case:
    """A package under examination."""

    package: Package
    trusted: Collection[str] | None
    authorities: Collection[Certificate]
    promised: Collection[str]
    witnesses: Collection[str]
    entry: dict[str, Any] = field(default_factory=dict[str, Any])
    head: dict[str, Any] = field(default_factory=dict[str, Any])
    detail: dict[str, Any] | None = None
    part: dict[str, Any] | None = None
    key: str | None = None


_Found = tuple[Result, str]


def verify(
    package: Package,
    trusted: Collection[str] | None = None,
    *,
    authorities: Collection[Certificate] = (),
    promised: Collection[str] = (),
    witnesses: Collection[str] = (),
) -> Verdict:
    """Check a package; whatever it holds, this returns.

    ``trusted`` are thumbprints of the keys that the caller believes (``thumbprints``); without
    them all rests on the key that the package itself names. ``authorities`` are certificates of
    who vouches for time-stamps. ``promised`` are the promises in an answer's
    evidence headers; those of the package's ledger are checked against it. ``witnesses`` are
    thumbprints of keys whose word counts as another's than the ledger's keeper.
    """
    case = _Case(package, trusted, authorities, promised, witnesses)
    checks = _CHECKS if package.part is None else _CHECKS | {"part": _part}
    steps = [_step(name, check, case) for name, check in checks.items()]
    holds = all(step.result is Result.HOLDS for step in steps if step.name in _NEEDED)
    is_trusted = case.key is not None and trusted is not None and case.key in trusted
    return Verdict(
        tuple(steps),
        case.key,
        is_trusted,
        case.entry if holds else None,
        case.detail if holds else None,
        case.part if holds else None,
    )


def thumbprint(key: Mapping[str, Any]) -> str:
    """Return an Ed25519 key's thumbprint (RFC 7638, RFC 8037 section 2), base64url."""
    named = canonical({"crv": "Ed25519", "kty": "OKP", "x": str(key.get("x"))})
    return base64url(hashlib.sha256(named).digest())


def thumbprints(keys: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the thumbprints of the Ed25519 keys in a JWK Set's ``keys``."""
    return {thumbprint(key) for key in keys if key.get("crv") == "Ed25519"}


def _step(name: str, check: "_Check", case: _Case) -> Step:
    try:
        result, says = check(case)
    except (_Fails, NotSigned, ProofFailed, timestamps.TokenRefused) as error:
        says = str(error)
        return Step(name, Result.FAILS, says[:1].upper() + says[1:])
    except RecursionError:  # JSON that is nothing but brackets
        return Step(name, Result.FAILS, "It is too deep to be read")
    return Step(name, result, says)


def _entry(case: _Case) -> _Found:
    text = case.package.entry
    try:
        said = json.loads(text)
        is_canonical = canonical(said) == text
    except ValueError as error:
        raise _Fails("the entry is not JSON that has a canonical form") from error
    if not is_canonical:
        raise _Fails("the entry is not in canonical form: it is not as it was written")
    if not isinstance(said, dict):
        raise _Fails("the entry is no JSON object")
    entry = cast("dict[str, Any]", said)
    for name in _TEXTS:
        if not isinstance(entry.get(name), str):
            raise _Fails(f"the entry does not say its {name}")
    try:
        UUID(entry["id"])
    except ValueError as error:
        raise _Fails("the entry's id is no UUID") from error
    case.entry = entry
    return Result.HOLDS, "It is canonical JSON (RFC 8785), as it was written"


def _checkpoint(case: _Case) -> _Found:
    head, key = _signed(case, CHECKPOINT, case.package.checkpoint)
    case.head, case.key = head, key
    return Result.HOLDS, f"The checkpoint is signed by the key {key}"


def _signed(case: _Case, kind: str, jws: str) -> tuple[dict[str, Any], str]:
    """Return a signed statement and the thumbprint of the package's key that signed it."""
    said = Keys(case.package.keys).verify(kind, jws)
    if not said:
        raise _Fails(f"the {kind} says nothing")
    kid, _ = unproven(kind, jws)
    [key] = [key for key in case.package.keys if key["kid"] == kid]
    return said, thumbprint(key)


def _place(case: _Case) -> _Found:
    proof, head = case.package.proof, case.head
    if not case.entry or not head:
        return Result.OPEN, "It cannot be checked, for what it is about does not hold"
    if (head.get("size"), head.get("ledger")) != (proof.size, case.entry["block"]):
        raise _Fails("the checkpoint is of another ledger or of another size")
    leaf = leaf_hash(case.package.entry)
    root = str(head.get("root"))
    try:
        wanted = bytes.fromhex(root)
    except ValueError as error:
        raise _Fails("the checkpoint names no root") from error
    verify_inclusion(leaf, proof.index, proof.size, proof.path, wanted)
    says = (
        f"Entry {proof.index + 1} of {proof.size} in the ledger of {head['ledger']}: "
        f"from its leaf hash {leaf.hex()} the path leads to the signed root {root}"
    )
    return Result.HOLDS, says


def _trust(case: _Case) -> _Found:
    if case.key is None:
        return Result.OPEN, "There is no checkpoint to rest on"
    if case.trusted is None:
        says = (
            f"Everything rests on the key {case.key}, which only the package itself names: "
            "compare it with the one that the ledger's keeper publishes"
        )
        return Result.OPEN, says
    if case.key not in case.trusted:
        raise _Fails(f"the checkpoint is signed by the key {case.key}, which you do not trust")
    return Result.HOLDS, f"The key {case.key} is one that you trust"


def _witnesses(case: _Case) -> _Found:
    if not case.package.cosignatures:
        return Result.OPEN, "No witness has signed this checkpoint"
    found = [_witness(case, signed) for signed in case.package.cosignatures]
    if len({witness for witness, _ in found}) != len(found):
        raise _Fails("a witness stands in it twice")
    known = set(case.witnesses) - set(case.trusted or ())  # not another key of the ledger's own
    strange = [key for _, key in found if key not in known]
    listed = ", ".join(f"{witness} by the key {key}" for witness, key in found)
    if strange:
        return Result.OPEN, f"Witnesses whose keys you have not named have signed: {listed}"
    return Result.HOLDS, f"Witnesses have signed that they saw this checkpoint: {listed}"


def _witness(case: _Case, signed: str) -> tuple[str, str]:
    said, key = _signed(case, COSIGNATURE, signed)
    digest = hashlib.sha256(case.package.checkpoint.encode()).hexdigest()
    if said.get("checkpoint") != digest:
        raise _Fails("a witness has signed another checkpoint")
    if (said.get("ledger"), said.get("size")) != (case.head.get("ledger"), case.head.get("size")):
        raise _Fails("a witness has signed another ledger or another size")
    witness = said.get("witness")
    if not isinstance(witness, str) or witness == case.head.get("ledger") or key == case.key:
        raise _Fails("a ledger cannot be its own witness")
    return witness, key


def _time(case: _Case) -> _Found:
    token = case.package.timestamp
    if token is None:
        return Result.OPEN, "No authority has stamped the time on this checkpoint"
    stamp = timestamps.read(token)
    stamp.check_imprint(case.package.checkpoint.encode())
    if not case.authorities:
        says = (
            "An authority's time-stamp over this checkpoint is there, but not checked: "
            "name the authority's certificate"
        )
        return Result.OPEN, says
    stamp.check(case.authorities)
    return Result.HOLDS, f"The authority says that this checkpoint was there at {stamp.at}"


def _detail(case: _Case) -> _Found:
    if not case.entry:
        return Result.OPEN, "It cannot be checked, for the entry does not hold"
    given, digest = case.package.detail, case.entry.get("detail")
    if given is None:
        says = "The entry has no detail" if digest is None else "The entry's detail is not in it"
        return Result.OPEN, says
    if hashlib.sha256(given.sealed).hexdigest() != digest:
        raise _Fails("the sealed detail is not the entry's: its digest is another")
    case.detail = _opened(given, UUID(case.entry["id"]).bytes)
    return Result.HOLDS, "The detail is the entry's: its digest fits, and the key opens it"


def _part(case: _Case) -> _Found:
    given = case.package.part
    if given is None or not case.entry:
        return Result.OPEN, "It cannot be checked, for the entry does not hold"
    said = parts.check(given, case.entry.get("facts"))
    if given.detail is not None:
        place = parts.place_of(UUID(case.entry["id"]), given.proof.index)
        said = {**said, "facts": {**said["facts"], **_opened(given.detail, place)}}
    case.part = said
    proof = given.proof
    says = f"Part {proof.index + 1} of {proof.size}: its path leads to the root the entry states"
    return Result.HOLDS, says


def _opened(given: Detail, place: bytes) -> dict[str, Any]:
    try:
        said = json.loads(DataKey(b"", given.key).open(given.sealed, place))
    except SealBrokenError as error:
        raise _Fails("the key does not open the detail") from error
    except ValueError as error:
        raise _Fails("the detail is not JSON") from error
    if not isinstance(said, dict):
        raise _Fails("the detail is no JSON object")
    return cast("dict[str, Any]", said)


def _promise(case: _Case) -> _Found:
    if not case.promised:
        return Result.OPEN, "No answer's promise was given"
    ledger, entry = case.entry.get("block"), case.entry.get("id")
    given = [one.strip() for one in case.promised]
    mine = [_promised(case, one) for one in given if _unchecked(one).get("ledger") == ledger]
    if not case.entry or not mine:
        raise _Fails("the promise is not one of this ledger")
    named = [one for entries, _ in mine for one in entries if one.get("id") == entry]
    if not named:
        raise _Fails("the promise does not name this entry: it is about others")
    if any(one.get("leaf") != leaf_hash(case.package.entry).hex() for one in named):
        raise _Fails("the promise is BROKEN: the ledger holds something else under this id")
    keys = ", ".join(key for _, key in mine)
    return Result.HOLDS, f"The promise is kept: the key {keys} promised exactly this entry"


def _promised(case: _Case, signed: str) -> tuple[list[dict[str, Any]], str]:
    """Return the entries that a promise names, and the key that signed it."""
    said, key = _signed(case, PROMISE, signed)
    if case.trusted is not None and key not in case.trusted:
        raise _Fails(f"the promise is signed by the key {key}, which you do not trust")
    entries = said.get("entries")
    if not isinstance(entries, list):
        raise _Fails("the promise names no entries")
    return [one for one in cast("list[Any]", entries) if isinstance(one, dict)], key


def _unchecked(jws: str) -> dict[str, Any]:
    """Return what a JWS says before that is checked, nothing when it is not readable."""
    try:
        said = json.loads(from_base64url(jws.split(".")[1]))
    except (ValueError, IndexError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


_Check = Callable[[_Case], _Found]
_CHECKS: dict[str, _Check] = {
    "entry": _entry,
    "checkpoint": _checkpoint,
    "place": _place,
    "key": _trust,
    "witnesses": _witnesses,
    "time-stamp": _time,
    "detail": _detail,
    "promise": _promise,
}
_NEEDED = {"entry", "checkpoint", "place"}
