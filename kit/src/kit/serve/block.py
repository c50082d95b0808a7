"""The supervisor of one block: migrates its database, then runs its web workers and its jobs.

A block is found by its import name: ``BLOCK.main`` with ``create_app`` (and ``create_jobs`` when it
works in the background), ``BLOCK.settings`` with ``Settings``, and its ``migrations`` folder beside
the source folder. So an image holds the kit and one block, and this module knows none of them.
"""

import asyncio
import gc
import importlib
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_settings import SettingsError

from kit import migrations
from kit.database import LOST
from kit.serve import processes
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
        host, port = settings.listen_host, settings.listen_port
        try:
            listener = processes.listen(host, port)
        except OSError as error:
            raise StartError(f"It cannot listen on {host}:{port}: {error.strerror}.") from error
        gc.collect()
        gc.freeze()
        try:
            self._start(listener)
            while not self._stopping:
                self._processes.look()
                time.sleep(_LOOK_EVERY)
        finally:
            listener.close()  # or new connections would wait here for nobody
            self._processes.stop(settings.grace + _CLOSING)

    def _start(self, listener: socket.socket) -> None:
        block, workers = self.block, self.block.settings.workers
        for number in range(workers):
            self._processes.add(f"web-{number + 1}", _web(block, listener))
        with_jobs = hasattr(block.main, "create_jobs")
        if with_jobs:
            self._processes.add("jobs", _jobs(block))
        address = ":".join(str(part) for part in listener.getsockname()[:2])
        also = " and its jobs" if with_jobs else ""
        sys.stderr.write(f"{block.name}: {workers} web worker(s) on {address}{also}\n")


def _web(block: Block, listener: socket.socket) -> processes.Work:
    async def work(ended: asyncio.Event) -> None:
        app = block.main.create_app(block.settings)
        async with app.router.lifespan_context(app):
            await processes.serve(app, listener, ended, block.settings.grace)

    return work


def _jobs(block: Block) -> processes.Work:
    async def work(ended: asyncio.Event) -> None:
        async with block.main.create_jobs(block.settings):
            await ended.wait()

    return work
