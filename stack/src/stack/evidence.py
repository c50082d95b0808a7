"""``govblocks evidence export``: a package of evidence is taken out of a running stack."""

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer
from pydantic import ValidationError

from kit.evidence import packages
from stack.home import HomeError, read_home
from stack.plan import ADMINISTRATOR
from stack.settings import Settings
from stack.verifying import EvidenceError, fail

NOT_PROVEN = "The entry is not proven yet"
"""What a block says of an entry that has no place under a checkpoint yet."""

_NOT_YET = {400, 405, 409}  # consent says 400, messaging 405: as their contracts have it

app = typer.Typer(help="Evidence of a running stack.", no_args_is_help=True)


@app.callback()
def _evidence() -> None:
    """Take evidence out of a running stack."""


@app.command()
def export(  # noqa: PLR0913, PLR0917  the command's options
    entry: Annotated[UUID | None, typer.Argument(help="The entry's id")] = None,
    newest: Annotated[str | None, typer.Option(help="Or the newest of a kind: record.read")] = None,
    part: Annotated[
        int | None, typer.Option(min=0, help="Of a bulk operation: the place of one of its parts")
    ] = None,
    block: Annotated[
        str, typer.Option(help="Whose ledger: a block, or a service (r1/DEV/GOV/10002/…)")
    ] = "registry",
    person: Annotated[str | None, typer.Option(help="Who signs in there: a person's code")] = None,
    client: Annotated[str | None, typer.Option(help="The application [GOVBLOCKS_CLIENT]")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to, - for the terminal")] = None,
    home: Annotated[Path | None, typer.Option(help="Of the stack [GOVBLOCKS_HOME]")] = None,
    url: Annotated[str | None, typer.Option(help="Its gateway [GOVBLOCKS_URL]")] = None,
) -> None:
    """Write a package that proves one entry, as far as whoever asks may see it.

    The application proves itself by GOVBLOCKS_CLIENT_SECRET or GOVBLOCKS_API_KEY. Without one the
    administrator asks. A person signs in with the development issuer.
    """
    try:
        settings = _settings(client=client, home=home, url=url)
        with httpx.Client(base_url=settings.gateway, timeout=30) as http:
            sign_in(http, settings, person)
            wanted = str(entry) if entry is not None else find_newest(http, block, newest)
            raw = fetch(http, block, wanted, part)
        to = out or Path(f"evidence-{wanted}{'' if part is None else f'-{part}'}.json")
        keep(raw, to)
    except (EvidenceError, HomeError) as error:
        raise fail(str(error)) from error
    except httpx.HTTPError as error:
        raise fail(f"No stack answers ({type(error).__name__}).") from error
    if str(to) != "-":
        typer.echo(f"Wrote {to}; to check it anywhere: govblocks verify {to}")


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        [first, *_] = error.errors()
        name = "_".join(str(part) for part in ("GOVBLOCKS", *first["loc"])).upper()
        raise EvidenceError(f"{name}: {first['msg']}.") from error


def sign_in(http: httpx.Client, settings: Settings, person: str | None) -> None:
    """Have a client speak for an application, and for a person; raise EvidenceError."""
    if settings.client:
        http.headers["X-GovStack-Client"] = settings.client
    if settings.api_key is not None:
        http.headers["apiKey"] = settings.api_key.get_secret_value()
    else:
        name, secret = _secret(settings)
        token = _answer(
            http.post(
                "/oauth2/token",
                data={"grant_type": "client_credentials"},
                auth=httpx.BasicAuth(name, secret),
            )
        )
        http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
    if person is not None:
        if settings.api_key is None:
            raise EvidenceError("A person signs in at an application with a GOVBLOCKS_API_KEY.")
        signed = _answer(http.post(f"{settings.issuer}/token", json={"person": person}))
        http.headers["Authorization"] = f"Bearer {signed.json()['access_token']}"


def _secret(settings: Settings) -> tuple[str, str]:
    """Return whose secret is sent, and the secret."""
    if settings.client:
        if settings.client_secret is None:
            raise EvidenceError("Name the application's GOVBLOCKS_CLIENT_SECRET.")
        return settings.client, settings.client_secret.get_secret_value()
    given = settings.administrator_secret
    secret = given.get_secret_value() if given else read_home(settings.home).administrator
    return ADMINISTRATOR, secret


def find_newest(http: httpx.Client, block: str, kind: str | None) -> str:
    """Return the id of the newest entry of a kind that is seen; raise EvidenceError."""
    if kind is None:
        raise EvidenceError("Name an entry, or a kind with --newest.")
    asked: dict[str, str | int] = {"kind": kind, "pageSize": 1}
    found = _answer(http.get(f"{_ledger(block)}/entries", params=asked))
    entries = found.json()["entries"]
    if not entries:
        raise EvidenceError(f"You see no entry of the kind {kind} there.")
    return str(entries[0]["id"])


def fetch(
    http: httpx.Client, block: str, entry: str, part: int | None = None, within: float = 10.0
) -> bytes:
    """Return an entry's package, or a part's, waiting while the entry gets its place.

    Raise EvidenceError.
    """
    deadline = time.monotonic() + within
    asked = {} if part is None else {"part": part}
    while True:
        answer = http.get(f"{_ledger(block)}/packages/{entry}", params=asked)
        is_early = answer.status_code in _NOT_YET and NOT_PROVEN in answer.text
        if not is_early or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    raw = _answer(answer).content
    try:
        packages.read(raw)
    except packages.PackageUnreadable as error:
        raise EvidenceError(f"What the stack sent is no package: {error}.") from error
    return raw


def _ledger(block: str) -> str:
    """Return where a ledger's routes are; the gateway has its own at the root."""
    return "/evidence" if block == "gateway" else f"/{block.strip('/')}/evidence"


def _answer(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    try:
        said = answer.json()
    except ValueError:
        said = {}
    title = said.get("detail") or said.get("title") or said.get("error") or "no reason"
    raise EvidenceError(f"{answer.request.url.path} is refused with {answer.status_code}: {title}.")


def keep(raw: bytes, out: Path) -> None:
    """Write a package for its owner alone, for it may hold what others must not read."""
    if str(out) == "-":
        sys.stdout.buffer.write(raw)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(raw)
    except OSError as error:
        raise EvidenceError(f"{out} cannot be written ({error.strerror}).") from error
