"""``govblocks verify FILE``: what an outsider does with evidence.

It needs the file alone: no stack, no database, and no network but for a ``--key`` that is an
address.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import httpx
import typer
from cryptography.x509 import Certificate, load_pem_x509_certificates

from kit.evidence import packages, verdicts
from kit.evidence.verdicts import Result, Verdict

HEADER = "x-govblocks-evidence"
_FINGERPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_HERE = {"127.0.0.1", "::1", "localhost"}
_LARGEST = 1024 * 1024
_MARKS = {
    Result.HOLDS: ("holds", typer.colors.GREEN),
    Result.FAILS: ("FAILS", typer.colors.RED),
    Result.OPEN: ("open", typer.colors.YELLOW),
}
_SAID = {
    "record.read": "personal data were read",
    "record.checked": "personal data were checked against what somebody knew",
    "record.refused": "a look at personal data was refused",
    "record.created": "a record was made",
    "record.updated": "a record was changed",
    "record.deleted": "a record was deleted",
    "subject.exported": "somebody was given all that is held about a person",
    "usage.read": "somebody asked who had read a person's data",
    "consent.given": "consent was given",
    "consent.withdrawn": "consent was withdrawn",
    "transmission.reported": "the gateway told which data went to whom",
    "exchange.request": "a request was passed on",
    "exchange.answer": "an answer was passed on",
    "exchange.refused": "a request was refused",
    "message.sent": "a message was accepted for sending",
}


class EvidenceError(Exception):
    """Something that was named cannot be used; the message is one sentence for the terminal."""


def verify(
    file: Annotated[Path, typer.Argument(help="The package (docs/guides/evidence.md)")],
    key: Annotated[
        list[str] | None,
        typer.Option(help="The keeper's: a JWK Set's file or address, or a key's fingerprint"),
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="A witness' keys, named in the same ways")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="The time-stamping authority's certificate (PEM)")
    ] = None,
    promise: Annotated[
        Path | None, typer.Option(help="A file with an answer's X-GovBlocks-Evidence header")
    ] = None,
) -> None:
    """Check a package of evidence, with nothing but the file; exit with 1 when it fails."""
    try:
        package = packages.read(_read(file, packages.MOST_BYTES))
        verdict = verdicts.verify(
            package,
            None if key is None else {found for one in key for found in trusted(one)},
            witnesses={found for one in witness or () for found in trusted(one)},
            authorities=() if ca is None else certificates(ca),
            promised=() if promise is None else promises_in(_read(promise)),
        )
    except packages.PackageUnreadable as error:
        raise fail(f"{file} is no package of evidence: {error}.") from error
    except EvidenceError as error:
        raise fail(str(error)) from error
    for line in told(file.name, verdict):
        typer.echo(line)
    if not verdict.is_verified:
        raise typer.Exit(1)


def fail(said: str) -> typer.Exit:
    """Say in red what went wrong; return what ends the command."""
    typer.secho(f"govblocks: {shown(said)}", fg=typer.colors.RED)
    return typer.Exit(1)


def _read(file: Path, most: int = _LARGEST) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(most + 1)
    except OSError as error:
        raise EvidenceError(f"{file} cannot be read ({error.strerror}).") from error


def trusted(named: str) -> set[str]:
    """Return the fingerprints that one ``--key`` stands for; raise EvidenceError."""
    if _FINGERPRINT.fullmatch(named):
        return {named}
    is_address = named.startswith(("http://", "https://"))
    try:
        said: object = json.loads(_fetched(named) if is_address else _read(Path(named)))
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{named} is no JWK Set.") from error
    found = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    keys = found.get("keys", [found])
    good = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    prints = verdicts.thumbprints(cast("list[dict[str, Any]]", good))
    if not prints:
        raise EvidenceError(f"There is no Ed25519 key in {named}.")
    return prints


def _fetched(address: str) -> bytes:
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _HERE:
        raise EvidenceError("Keys to trust come over https, or from this machine.")
    try:
        answer = httpx.get(address, timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EvidenceError(f"{address} does not answer ({type(error).__name__}).") from error
    if not answer.is_success:
        raise EvidenceError(f"{address} answers {answer.status_code}.")
    return answer.content


def certificates(file: Path) -> list[Certificate]:
    """Return the certificates in a PEM file; raise EvidenceError."""
    try:
        return load_pem_x509_certificates(_read(file))
    except ValueError as error:
        raise EvidenceError(f"{file} holds no certificate in PEM.") from error


def promises_in(raw: bytes) -> list[str]:
    """Return the promises in an answer's headers as they were saved, or in a file of them alone.

    An answer has one of each ledger that it left an entry in: the gateway's and a block's.
    """
    lines = [line.strip() for line in raw.decode(errors="replace").splitlines()]
    pairs = [line.partition(":") for line in lines]
    found = [value for name, _, value in pairs if name.strip().lower() == HEADER]
    return [one.strip() for said in found or lines for one in said.split(",") if one.strip()]


# -- in plain words --------------------------------------------------------------------------------


def told(name: str, verdict: Verdict) -> Iterator[str]:
    """Tell a verdict to a reader who has never seen one, line by line."""
    yield _headline(shown(name), verdict)
    if verdict.is_verified and verdict.entry is not None:
        yield "\nWhat it says"
        yield from (f"  {word:<10} {shown(text)}" for word, text in _sentences(verdict))
    yield "\nHow that was found out"
    for step in verdict.steps:
        mark, colour = _MARKS[step.result]
        yield f"  {typer.style(f'{mark:<6}', fg=colour)} {step.name:<11} {shown(step.says)}."


def _headline(name: str, verdict: Verdict) -> str:
    if not verdict.is_verified:
        said = f"{name} is NOT VERIFIED: do not rely on it."
        return typer.style(said, fg=typer.colors.RED, bold=True)
    if not verdict.is_trusted:
        said = f"{name} holds together. It is as true as the key {verdict.key} is the right one."
        return typer.style(said, fg=typer.colors.YELLOW, bold=True)
    return typer.style(f"{name} is verified.", fg=typer.colors.GREEN, bold=True)


def _sentences(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Return who did what, when, on what and about whom, each with the word before it."""
    entry = verdict.entry or {}
    kind, owner = str(entry["kind"]), str(entry["tenant"])
    yield "what", f"{_SAID[kind]} ({kind})" if kind in _SAID else kind
    yield "who", f"the application {entry['actor']}"
    yield "when", str(entry["at"]).replace("T", " ").replace("Z", " UTC")
    yield "on what", " of ".join(part for part in (str(entry["object"]), owner) if part) or "-"
    if entry.get("subject"):
        yield "about", "a person, named here by a pseudonym that the ledger's keeper can tell"
    yield from _of_part(verdict.part or {})
    for title, said in (("in detail", verdict.detail), ("besides", entry.get("facts"))):
        if isinstance(said, Mapping):
            for name, value in cast("Mapping[str, Any]", said).items():
                yield title, f"{name}: {value if isinstance(value, str) else _json(value)}"


def _of_part(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what a part says of the one thing that it is about; nothing without a part."""
    if part:
        yield "of it", str(part["object"])
        if part.get("subject"):
            yield "about", "a person, named here by a pseudonym that the ledger's keeper can tell"
        for name, value in part["facts"].items():
            yield "of it", f"{name}: {value if isinstance(value, str) else _json(value)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def shown(text: str) -> str:
    """Return a text without characters that would steer a terminal or turn its direction."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
