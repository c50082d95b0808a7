"""What a signature signs, and when it counts.

The published fields keep their spelling: they are what the payload is made of.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from consent.keys.models import Jws, Level, Trust
from consent.revisions.models import iso, sha256
from kit.canonical import canonical
from kit.problems import Conflict, Invalid

_PAYLOAD = (
    "verificationPayload",
    "verificationPayloadHash",
    "verificationMethod",
    "verificationArtifact",
    "verificationSignedBy",
    "verificationJwsHeader",
    "timestamp",
    "signedWithoutObjectReference",
    "objectType",
    "objectReference",
)
_SIGNER = (
    "verificationMethod",
    "verificationArtifact",
    "verificationSignedBy",
    "verificationSignedAs",
    "verificationJwsHeader",
    "verificationPublicKey",
    "timestamp",
)
_SURROGATE = re.compile("[\ud800-\udfff]")
MOST = 20
"""Signatures that one revision can carry."""


class PayloadMismatch(Invalid):
    """What was signed is not what this block would serialize."""

    title = "The payload does not match"


class SignatureIncomplete(Invalid):
    """The method of signing needs something that was not sent."""

    title = "The signature is incomplete"


class SignatureNotBegun(Conflict):
    """There is no signature of this record to complete."""

    title = "No signature was begun"


class SignaturesEnough(Conflict):
    """A revision carries only so many signatures."""

    title = "No more signatures"


Content = Mapping[str, Any]
"""A signature's published fields, without its id."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of one revision; ``complete`` when somebody signed.

    ``number`` is its place: the first signs the revision, each further one the one before it.
    """

    id: str
    record_id: str
    revision_id: str
    content: Content
    complete: bool
    number: int = 1

    @property
    def digest(self) -> str:
        """Return what the next revision keeps of it: SHA-256 over payload and signature."""
        return sha256(f"{self.content['payload']}\n{self.content['signature']}")

    @property
    def reference(self) -> str:
        """Return the id of what it signs."""
        return self.revision_id if self.number == 1 else str(self.content["objectReference"])

    @property
    def trust(self) -> Level:
        """Return by whom it is vouched for; what was kept before this was noted brought its key."""
        brought = "presented" if self.content["verificationMethod"] == "jws" else "none"
        return self.content.get("verificationTrust", brought)

    def says(self, sent: Content) -> bool:
        """Tell whether somebody signed exactly what is sent, so that it was sent before."""
        names = ("payload", "signature", *_SIGNER)
        same = (
            sent[name] == self.content[name]
            for name in names
            if sent.get(name) and name != "verificationPublicKey"
        )
        return self.complete and bool(sent.get("payload")) and all(same)


def prepare(serialized: str, at: datetime, revision_id: str | None) -> dict[str, Any]:
    """Return a signature ready for signing, of a draft where the revision has no id yet."""
    return _prepare(serialized, at, "revision", revision_id)


def prepare_further(last: Signature, at: datetime) -> dict[str, Any]:
    """Return a signature ready for signing that signs the one before it.

    It signs a digest: payloads within payloads would double in length with each.
    """
    return _prepare(_signable(last), at, "signature", last.id)


def _signable(last: Signature) -> str:
    return canonical({"signature": last.id, "sha256": last.digest}).decode()


def _prepare(serialized: str, at: datetime, kind: str, reference: str | None) -> dict[str, Any]:
    content: dict[str, Any] = dict.fromkeys((*_PAYLOAD, *_SIGNER, "signature"), "")
    content |= {
        "verificationPayload": serialized,
        "verificationPayloadHash": sha256(serialized),
        "verificationPublicKey": None,
        "timestamp": iso(at),
        "signedWithoutObjectReference": reference is None,
        "objectType": kind,
        "objectReference": reference or "",
    }
    return {**content, "payload": _payload(content)}


def complete(prepared: Content, sent: Content, trust: Trust) -> dict[str, Any]:
    """Return the content of a signature that counts, with the key it was verified with.

    The payload must be the prepared one, or the prepared one with the signer's own fields filled
    in, to the letter; raises PayloadMismatch, SignatureIncomplete or SignatureInvalid.
    """
    signer = {name: sent[name] for name in _SIGNER if sent.get(name)}
    content = {**prepared, **signer}
    if sent["payload"] != prepared["payload"] and sent["payload"] != _payload(content):
        raise PayloadMismatch("the payload is not this record's own serialization")
    for name in ("verificationPayload", "verificationPayloadHash"):
        if sent.get(name) and sent[name] != prepared[name]:
            raise PayloadMismatch(f"{name} is not this record's own")
    content |= {"payload": sent["payload"], "signature": sent.get("signature") or ""}
    level, key = _check_method(content, trust)
    return content | {"verificationTrust": level, "verificationPublicKey": key}


def parse(text: str) -> dict[str, Any]:
    """Read a JSON object in which no name stands twice, or raise PayloadMismatch."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise PayloadMismatch("the payload is not a JSON object") from error
    if not isinstance(found, dict):
        raise PayloadMismatch("the payload is not a JSON object")
    return cast("dict[str, Any]", found)


def snapshot_of(payload: str) -> str:
    """Return the serialization that a payload says was signed, or raise PayloadMismatch."""
    found = parse(payload).get("verificationPayload")
    if not isinstance(found, str) or _SURROGATE.search(found):
        raise PayloadMismatch("the payload holds no verificationPayload")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _payload(content: Content) -> str:
    return canonical({name: content[name] for name in _PAYLOAD}).decode()


def _check_method(content: Content, trust: Trust) -> tuple[Level, Content | None]:
    match content["verificationMethod"]:
        case "paper-scan" if not content["verificationArtifact"]:
            raise SignatureIncomplete("paper-scan needs the scan in verificationArtifact")
        case "declaration" if not content["verificationSignedBy"]:
            raise SignatureIncomplete("declaration needs verificationSignedBy")
        case "jws" if not content["verificationJwsHeader"] or not content["signature"]:
            raise SignatureIncomplete("jws needs verificationJwsHeader and signature")
        case "paper-scan" | "declaration":
            return "none", content["verificationPublicKey"]
        case "jws":
            return trust.check(
                Jws(
                    content["verificationJwsHeader"],
                    content["signature"],
                    content["payload"],
                    content["verificationPublicKey"],
                )
            )
        case _:
            raise SignatureIncomplete("verificationMethod is paper-scan, declaration or jws")


def differs(kept: Sequence[Signature], sent: Content) -> list[str]:
    """Say in what a presented signature is not the one that is kept: that of its id, or the first.

    What is left out is not compared.
    """
    signed = [each for each in kept if each.complete]
    if not signed:
        return ["no signature of this revision is kept"]
    found = next((each for each in signed if each.id == sent.get("id")), signed[0])
    content = {**found.content, "id": found.id}
    names = dict.fromkeys(("id", "payload", "signature", *_PAYLOAD, *_SIGNER))
    return [
        f"the signature's {name} is not what is kept"
        for name in names
        if sent.get(name) and sent[name] != content.get(name)
    ]


def chain_wrong(serialized: str, kept: Sequence[Signature]) -> list[str]:
    """Say what does not hold of a revision's signatures, each of which signs the one before it."""
    wrong, signable = list[str](), serialized
    for place, each in enumerate(kept, start=1):
        if each.complete:
            wrong += [f"signature {place}: {reason}" for reason in _wrong(each, signable)]
            signable = _signable(each)
    return wrong


def _wrong(kept: Signature, signable: str) -> list[str]:
    wrong = list[str]()
    if kept.content["verificationPayload"] != signable:
        wrong.append("it is of another serialization")
    try:
        said = parse(kept.content["payload"])
        if said.get("verificationPayload") != signable:
            wrong.append("its payload holds another serialization")
        complete({**kept.content, **said}, kept.content, Trust())
    except Invalid as problem:
        wrong.append(f"it does not stand: {problem.detail}")
    return wrong
