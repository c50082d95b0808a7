"""The command line: ``govblocks up | demo | load FILE | token | verify FILE | evidence``."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from pydantic import ValidationError

from stack import evidence, telling, verifying
from stack.actors import JourneyError
from stack.home import PARTS, HomeError, Secrets, read_home
from stack.instance import InstanceError, read
from stack.journey import Journey
from stack.loading import Loader, administrator
from stack.plan import ADMINISTRATOR, StartError
from stack.settings import Settings

DEMO = Path(__file__).with_name("demo") / "instance.yaml"

app = typer.Typer(
    help="GovBlocks on one machine.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.command()(verifying.verify)
app.add_typer(evidence.app, name="evidence")

Home = Annotated[Path | None, typer.Option(help="Where everything is kept [GOVBLOCKS_HOME]")]
Url = Annotated[str | None, typer.Option(help="A running stack's gateway [GOVBLOCKS_URL]")]


def _settings(**given: Any) -> Settings:
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**chosen)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"GOVBLOCKS_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise _fail(StartError(f"{name}: {first['msg']}.")) from error


def _fail(error: Exception) -> typer.Exit:
    telling.console.print(f"[bold red]govblocks:[/bold red] {error}", markup=True)
    return typer.Exit(1)


@app.command()
def up(  # noqa: PLR0913, PLR0917  the command's options
    home: Home = None,
    port: Annotated[int | None, typer.Option(help="The gateway's port [GOVBLOCKS_PORT]")] = None,
    workers: Annotated[int | None, typer.Option(help="Web workers [GOVBLOCKS_WORKERS]")] = None,
    host: Annotated[str | None, typer.Option(help="Its address [GOVBLOCKS_HOST]")] = None,
    tls: Annotated[bool | None, typer.Option("--tls", help="TLS for development")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="The certificate (PEM), for TLS")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM)")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="Whose certificates clients may come with (PEM)")
    ] = None,
    plain: Annotated[
        bool | None, typer.Option("--plain", help="Plain HTTP beyond this machine too")
    ] = None,
    journey: Annotated[bool, typer.Option(help="Tell the journey once it is up")] = True,  # noqa: FBT002  typer's flag
) -> None:
    """Start the whole stack with the demo instance, tell the journey, and keep serving."""
    started = time.monotonic()

    def tell(what: str) -> None:
        telling.console.print(f"[dim]{time.monotonic() - started:5.1f} s[/dim]  {what}")

    async def story(settings: Settings) -> None:
        tell("[bold]Ready[/bold]")
        await _story(settings, journey=journey)

    settings = _settings(
        home=home,
        port=port,
        workers=workers,
        host=host,
        tls=tls,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_client_ca=tls_client_ca,
        plain_http=plain,
    )
    from stack.supervisor import Supervisor  # noqa: PLC0415  the other commands serve nothing

    try:
        Supervisor(settings, tell, story).run()
    except StartError as error:
        raise _fail(error) from error
    telling.console.print("Stopped; the data stay in the home.")


async def _story(settings: Settings, *, journey: bool) -> None:
    try:
        secrets = read_home(settings.home)
        await _load(settings, DEMO, secrets)
        if journey:
            await _demo(settings)
    except (InstanceError, JourneyError, HomeError) as error:
        telling.console.print(f"[bold red]The story broke off:[/bold red] {error}")
    _say_where_to_look(settings)


def _say_where_to_look(settings: Settings) -> None:
    telling.console.print(
        f"""
[bold]Serving[/bold]
  Gateway and API pages   {settings.address}/
  Health                  {settings.address}/health
  Mailbox                 {settings.mailbox}/
  Who was refused         {settings.home / "security.log"}
  A token for a person    .venv/bin/govblocks token --person DEV48905120013
  The story again         make demo
  Ctrl-C stops all of it.
""",
        markup=True,
    )
    if settings.tls and settings.tls_cert is None:
        authority = settings.home / "tls" / "ca.pem"
        telling.console.print(
            f"""\
[bold]TLS[/bold] for development: trust its authority where you call from, and nowhere else
  curl --cacert {authority} {settings.address}/health
  SSL_CERT_FILE={authority} .venv/bin/govblocks demo --url {settings.address}
""",
            markup=True,
        )


@app.command()
def demo(url: Url = None) -> None:
    """Tell the journey on a running stack, with new people."""
    try:
        asyncio.run(_demo(_settings(url=url)))
    except JourneyError as error:
        raise _fail(error) from error


async def _demo(settings: Settings) -> None:
    started = time.monotonic()
    narrator = telling.Narrator()
    places = settings.gateway, settings.mailbox
    await Journey(*places, demo_secrets(), narrator, settings.issuer).run()
    took = time.monotonic() - started
    telling.console.print(f"\n{len(narrator.steps)} steps in {took:.1f} s, all as promised.")


def demo_secrets() -> dict[str, str]:
    """Return the secrets that the demo instance writes out, by application."""
    instance = read(DEMO).instance
    return {
        f"{instance.instance}/{member.memberClass}/{member.code}/{application.id}": (
            application.secret
        )
        for member in instance.members
        for application in member.applications
        if isinstance(application.secret, str)
    }


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="The instance file (docs/guides/instance-file.md)")],
    home: Home = None,
    url: Url = None,
) -> None:
    """Load an instance file into a running stack; loading twice changes nothing."""
    settings = _settings(home=home, url=url)
    try:
        secrets = None if settings.administrator_secret else read_home(settings.home)
        asyncio.run(_load(settings, file, secrets))
    except (InstanceError, HomeError) as error:
        raise _fail(error) from error


async def _load(settings: Settings, file: Path, secrets: Secrets | None) -> None:
    source = read(file)
    given = settings.administrator_secret
    password = given.get_secret_value() if given else (secrets.administrator if secrets else "")
    started = time.monotonic()
    async with administrator(settings.gateway, ADMINISTRATOR, password) as client:
        with telling.loading(source.instance) as progress:
            await Loader(client, source, _environment(secrets), progress).load()
    telling.console.print(f"Loaded {file.name} in {time.monotonic() - started:.1f} s.")


def _environment(secrets: Secrets | None) -> Mapping[str, str]:
    """Return where ``{env: NAME}`` looks: the environment, then the stack's own block secrets."""
    own = secrets.block_clients if secrets else {}
    return {f"GOVBLOCKS_{block.upper()}_SECRET": own.get(block, "") for block in PARTS} | dict(
        os.environ  # noqa: TID251  the file names the variables
    )


@app.command()
def token(
    person: Annotated[str, typer.Option(help="The person's code, such as DEV48905120013")],
    name: Annotated[str | None, typer.Option(help="The person's name")] = None,
    represents: Annotated[
        str | None, typer.Option(help="Whom they speak for: a child's code")
    ] = None,
    url: Url = None,
) -> None:
    """Print a token of the development issuer for a person."""
    settings = _settings(url=url)
    asked = {"person": person, "name": name, "represents": represents}
    try:
        answer = httpx.post(f"{settings.issuer}/token", json=asked, timeout=10)
    except httpx.HTTPError as error:
        raise _fail(StartError(f"No issuer answers at {settings.issuer}.")) from error
    if not answer.is_success:
        raise _fail(StartError(f"There is no development issuer at {settings.issuer}."))
    sys.stdout.write(answer.json()["access_token"] + "\n")
