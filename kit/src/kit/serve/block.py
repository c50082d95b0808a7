"""The supervisor of one block: migrates its database, then runs its web workers and its jobs.

A block is found by its import name: ``BLOCK.main`` with ``create_app`` (and ``create_jobs`` when it
has background work besides its ledger's), ``BLOCK.settings`` with ``Settings``, and its
``migrations`` folder beside the source folder. So an image holds the kit and one block, and this
module knows none of them.
"""

import asyncio
import gc
import importlib
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import SettingsError

from kit import migrations
from kit.database import LOST
from kit.serve import background, processes, tls
from kit.serve.tls import Tls
from kit.settings import BlockSettings

_LOOK_EVERY = 0.2
_DATABASE_WITHIN = 60.0
_CLOSING = 3.0  # seconds for connections to be given back after the last request


class StartError(Exception):
    """The block cannot start; the message is one sentence for the log."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block that is installed here, and its settings."""

    name: str
    main: ModuleType
    settings: BlockSettings
    migrations: Path


def find(name: str) -> Block:
    """Return the block of this import name, or raise StartError."""
    try:
        main = importlib.import_module(f"{name}.main")
        kind: type[BlockSettings] = importlib.import_module(f"{name}.settings").Settings
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != name:
            raise
        raise StartError("There is no block of this name here.") from error
    folder = Path(main.__file__ or "").parents[2] / "migrations"
    if not folder.is_dir():
        raise StartError(f"Its migrations are not in {folder}.")
    return Block(name, main, _read(kind), folder)


def _read(kind: type[BlockSettings]) -> BlockSettings:
    """Read the settings from the environment; a complaint names variables, never their values."""
    prefix = kind.model_config.get("env_prefix", "")
    try:
        return kind()  # pyright: ignore[reportCallIssue]  the environment gives what is required
    except ValidationError as error:
        found = [
            f"{prefix}{'_'.join(str(part) for part in one['loc'])}".upper() + f": {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise StartError("; ".join(found)) from error
    except SettingsError as error:
        raise StartError(f"A variable {prefix}… cannot be read: {error}.") from error


class Supervisor:
    """One running block."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self._processes = processes.Processes()
        self._stopping = False

    def run(self, *, serving: bool = True) -> None:
        """Migrate, and when ``serving`` run the block until a signal ends it; raise StartError."""
        self._obey_signals()
        asyncio.run(self._migrate())
        if serving and not self._stopping:
            self._serve()

    def _obey_signals(self) -> None:
        def end(_signal: int, _frame: FrameType | None) -> None:
            self._stopping = True

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)

    async def _migrate(self) -> None:
        """Bring the database to the newest version, waiting for it; replicas take turns."""
        settings = self.block.settings
        owner, serving = settings.migration_url, settings.database_url.get_secret_value()
        role = urlsplit(serving).username
        runtime_role = role if role != urlsplit(owner).username else None
        deadline = time.monotonic() + _DATABASE_WITHIN
        said = ""
        while not self._stopping:
            try:
                await migrations.upgrade(self.block.migrations, owner, runtime_role)
            except LOST as error:
                reason = f"the database does not answer ({type(error).__name__})"
                if time.monotonic() > deadline:
                    raise StartError(reason) from error
                if reason != said:
                    sys.stderr.write(f"{self.block.name}: waiting, {reason}\n")
                said = reason
                await asyncio.sleep(0.5)
            else:
                return

    def _serve(self) -> None:
        settings = self.block.settings
        doors = self._doors()
        gc.collect()
        gc.freeze()
        try:
            self._start(doors)
            while not self._stopping:
                self._processes.look()
                time.sleep(_LOOK_EVERY)
        finally:
            for door in doors:
                door.listener.close()  # or new connections would wait here for nobody
            self._processes.stop(settings.grace + _CLOSING)

    def _doors(self) -> list["_Door"]:
        """Listen where the settings say; raise StartError."""
        settings = self.block.settings
        host, plain_port = settings.listen_host, settings.plain_port
        try:
            found = tls.chosen(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
        except tls.TlsError as error:
            raise StartError(str(error)) from error
        if found is None and not (settings.plain_http or tls.is_loopback(host)):
            prefix = type(settings).model_config.get("env_prefix", "")
            raise StartError(
                f"It does not speak plain HTTP on {host}, where others could read along: set "
                f"{prefix}TLS_CERT and {prefix}TLS_KEY, or {prefix}PLAIN_HTTP=true when the "
                "network is closed."
            )
        doors = [_Door(_listen(host, settings.listen_port), found)]
        return [*doors, _Door(_listen(host, plain_port))] if plain_port else doors

    def _start(self, doors: Sequence["_Door"]) -> None:
        block, workers = self.block, self.block.settings.workers
        for number in range(workers):
            self._processes.add(f"web-{number + 1}", _web(block, doors))
        self._processes.add("jobs", _jobs(block))
        address = " and ".join(str(door) for door in doors)
        sys.stderr.write(f"{block.name}: {workers} web worker(s) on {address} and its jobs\n")


@dataclass(frozen=True, slots=True)
class _Door:
    """A bound socket, and the TLS that is spoken on it."""

    listener: socket.socket
    tls: Tls | None = None

    def __str__(self) -> str:
        """Return it as the log shows it."""
        host, port = self.listener.getsockname()[:2]
        return f"{'https' if self.tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    try:
        return processes.listen(host, port)
    except OSError as error:
        raise StartError(f"It cannot listen on {host}:{port}: {error.strerror}.") from error


def _web(block: Block, doors: Sequence[_Door]) -> processes.Work:
    async def work(ended: asyncio.Event) -> None:
        app = block.main.create_app(block.settings)
        async with app.router.lifespan_context(app):
            grace = block.settings.grace
            served = (processes.serve(app, d.listener, ended, grace, d.tls) for d in doors)
            await asyncio.gather(*served)

    return work


def _jobs(block: Block) -> processes.Work:
    async def work(ended: asyncio.Event) -> None:
        async with background.working(block.name, block.main, block.settings):
            await ended.wait()

    return work
