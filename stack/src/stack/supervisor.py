"""The supervisor: starts what the house needs, keeps it running, stops it in order.

It owns PostgreSQL (unless a server is named), the migrations, the web workers, the jobs process
and the development mailbox, and starts again whatever dies.
"""

import asyncio
import gc
import importlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import httpx

from kit.serve import processes
from kit.serve.tls import Tls, TlsError, chosen, is_loopback
from stack import postgres, tls
from stack.home import PARTS, HomeError, Secrets, open_home
from stack.plan import Plan, StartError
from stack.settings import Settings

_STORY = "story"
_LOOK_EVERY = 0.2
_READY_WITHIN = 30.0

Tell = Callable[[str], None]
"""Says what happens now, in a few words."""


@dataclass(frozen=True, slots=True)
class Door:
    """A bound socket, and the TLS that is spoken on it."""

    listener: socket.socket
    tls: Tls | None = None


Story = Callable[[Settings], Coroutine[Any, Any, None]]
"""What is told once the stack is ready; it gets the settings with the ports really taken."""


def _house() -> ModuleType:
    """Return the house; importing it takes a second or two, and commands that fail need none."""
    return importlib.import_module("stack.house")


class Supervisor:
    """One running stack."""

    def __init__(self, settings: Settings, tell: Tell, story: Story | None = None) -> None:
        self.settings = settings
        self._tell = tell
        self._story = story
        self._mail_ports = (0, 0)
        self._server: postgres.Server | None = None
        self._processes = processes.Processes()
        self._stopping = False
        self._importing = threading.Thread(target=_house, name="import the house")

    def run(self) -> None:
        """Start everything, keep it running until a signal ends it; raise StartError."""
        self._obey_signals()
        self._importing.start()  # it takes as long as PostgreSQL takes to start
        try:
            plan, doors = self._prepare()
            self._start(plan, doors)
            self._wait_until_ready(plan)
            if self._story is not None:
                self._processes.add(_STORY, self._telling(self._story), once=True)
            while not self._stopping:
                self._look()
                time.sleep(_LOOK_EVERY)
        except (postgres.PostgresError, HomeError) as error:
            raise StartError(str(error)) from error
        finally:
            self._stop()

    def _obey_signals(self) -> None:
        def end(_signal: int, _frame: FrameType | None) -> None:
            self._stopping = True

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)

    def _prepare(self) -> tuple[Plan, list[Door]]:
        settings = self.settings
        secrets = open_home(settings.home)
        chosen_tls = _tls(settings)
        listener = bind(settings.host, settings.port, "GOVBLOCKS_PORT")
        doors = [Door(listener, chosen_tls)]
        if (
            chosen_tls
        ):  # the blocks reach the gateway on this machine, whatever its certificate says
            doors.append(Door(bind("127.0.0.1", 0, "GOVBLOCKS_PORT")))
        smtp_port = _free(settings.smtp_port, "GOVBLOCKS_SMTP_PORT")
        mailbox_port = _free(settings.mailbox_port, "GOVBLOCKS_MAILBOX_PORT")
        self._mail_ports = (smtp_port, mailbox_port)
        port, own = (door.listener.getsockname()[1] for door in (doors[0], doors[-1]))
        url = f"http://127.0.0.1:{own}"
        taken = {"port": port, "mailbox_port": mailbox_port}
        self.settings = settings.model_copy(update=taken | ({"url": url} if chosen_tls else {}))
        admin_url = self._database()
        self._tell("Preparing the five databases")
        databases = asyncio.run(_databases(admin_url, secrets))
        chosen = settings.administrator_secret
        plan = Plan(
            url=url,
            name=self.settings.address,
            secrets=secrets,
            administrator=chosen.get_secret_value() if chosen else secrets.administrator,
            databases=databases,
            smtp_port=smtp_port,
            workers=settings.workers,
        )
        return plan, doors

    def _database(self) -> str:
        if self.settings.database_url is not None:
            self._tell("Asking the PostgreSQL you named")
            url = self.settings.database_url.get_secret_value()
            asyncio.run(postgres.check(url))
            return url
        self._tell("Starting PostgreSQL")
        server = postgres.Server(self.settings.home / "postgres")
        server.start()
        self._server = server
        return server.admin_url

    def _start(self, plan: Plan, doors: Sequence[Door]) -> None:
        self._tell("Starting the gateway, the four blocks, their jobs and the mailbox")
        self._importing.join()  # a process with threads is not forked
        gc.collect()
        gc.freeze()
        for number in range(plan.workers):
            self._processes.add(f"web-{number + 1}", self._web(plan, doors))
        self._processes.add("jobs", _jobs(plan))
        self._processes.add("mailbox", self._mailbox())

    def _web(self, plan: Plan, doors: Sequence[Door]) -> processes.Work:
        async def work(ended: asyncio.Event) -> None:
            _keep_events(self.settings.home / "security.log")
            async with _house().web(plan) as app:
                grace = self.settings.grace
                served = (processes.serve(app, d.listener, ended, grace, d.tls) for d in doors)
                await asyncio.gather(*served)

        return work

    def _mailbox(self) -> processes.Work:
        async def work(ended: asyncio.Event) -> None:
            mailbox = _house().Mailbox()
            await mailbox.start(*self._mail_ports)
            await ended.wait()
            await mailbox.stop()

        return work

    def _telling(self, story: Story) -> processes.Work:
        async def work(ended: asyncio.Event) -> None:
            telling = asyncio.create_task(story(self.settings))
            waiting = asyncio.create_task(ended.wait())
            await asyncio.wait({telling, waiting}, return_when=asyncio.FIRST_COMPLETED)
            telling.cancel()
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await telling

        return work

    def _wait_until_ready(self, plan: Plan) -> None:
        self._tell("Waiting until every block is ready")
        deadline = time.monotonic() + _READY_WITHIN
        with httpx.Client(timeout=5) as client:
            while not self._stopping:
                with suppress(httpx.HTTPError):
                    if client.get(f"{plan.url}/health").is_success:
                        return
                if time.monotonic() > deadline:
                    raise StartError(f"The blocks were not ready within {_READY_WITHIN:.0f} s.")
                self._look()
                time.sleep(0.05)

    def _look(self) -> None:
        """Start again what has died."""
        if self._stopping:
            return
        if self._server is not None and self._server.process_id is None:
            self._server.start()
        self._processes.look()

    def _stop(self) -> None:
        """Let requests finish, then stop the processes, then PostgreSQL."""
        self._stopping = True
        self._processes.stop(self.settings.grace)
        if self._server is not None:
            self._server.stop()


def _keep_events(file: Path) -> None:
    """Write the gateway's security events to a file: they would stand in the middle of the story.

    A line is written at once, so that workers share the file.
    """
    log = logging.getLogger("govblocks.security")
    log.addHandler(logging.FileHandler(file, encoding="utf-8"))
    log.propagate = False


def _tls(settings: Settings) -> Tls | None:
    """Return the TLS that the gateway's port speaks, None for none; raise StartError."""
    try:
        if settings.tls and settings.tls_cert is None:
            made = tls.development(settings.home)
            return Tls(made.certificate, made.key, settings.tls_client_ca or made.authority)
        found = chosen(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    except TlsError as error:
        raise StartError(str(error)) from error
    if found is None and not (settings.plain_http or is_loopback(settings.host)):
        raise StartError(
            f"The gateway does not speak plain HTTP on {settings.host}, where others could read "
            "along: give --tls-cert and --tls-key, or --tls for development, or say --plain."
        )
    return found


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Return a listening socket, or raise StartError naming the setting that chooses the port."""
    try:
        return processes.listen(host, port)
    except OSError as error:
        reason = error.strerror or "it cannot be used"
        raise StartError(
            f"Port {port} on {host} cannot be used ({reason}); choose another with {setting}."
        ) from error


def _free(port: int, setting: str) -> int:
    """Return a port nobody uses now: the one wanted, or any when it is 0."""
    with bind("127.0.0.1", port, setting) as probe:
        return int(probe.getsockname()[1])


async def _databases(admin_url: str, secrets: Secrets) -> dict[str, postgres.BlockDatabase]:
    return {part: await _house().prepare_database(admin_url, part, secrets) for part in PARTS}


def _jobs(plan: Plan) -> processes.Work:
    async def work(ended: asyncio.Event) -> None:
        async with _house().jobs(plan):
            await ended.wait()

    return work
