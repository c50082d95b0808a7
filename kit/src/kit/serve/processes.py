"""The processes of a supervisor: forked after everything is imported, so that they share it.

One that dies is started again. Each ignores the terminal's Ctrl-C (the supervisor passes the end on
as SIGTERM) and ends by itself when its supervisor is gone (docs/decisions/0008).
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp

from kit.serve import protocol
from kit.serve.tls import Tls

Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""What a process does until the event is set."""

_FORK = multiprocessing.get_context("fork")
_CALM = 10.0  # seconds after which a process counts as well
_LONGEST_PAUSE = 5.0
_GARBAGE = 20_000
"""Objects made and not freed before the collector looks for cycles among them."""
_WARM = 60.0  # seconds after which what is kept in memory is there
_BACKLOG = 2048


@dataclass(slots=True)
class _Process:
    name: str
    work: Work
    lifeline: tuple[int, int]
    once: bool
    forked: BaseProcess | None = None
    started_at: float = 0.0
    restarts: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        self.forked = _FORK.Process(
            target=_run, args=(self.name, self.work, self.lifeline), name=self.name
        )
        self.forked.start()
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.forked is not None and self.forked.is_alive()

    def again(self) -> None:
        """Start what has died; the pause before the next time grows while it keeps dying."""
        code = self.forked.exitcode if self.forked is not None else None
        if code is not None and code < 0:  # the kernel, short of memory, says nothing itself
            killed = f"was killed ({signal.Signals(-code).name})"
            sys.stderr.write(f"govblocks: the {self.name} process {killed} and starts again\n")
        lived = time.monotonic() - self.started_at
        self.restarts = 0 if lived > _CALM else self.restarts + 1
        self.not_before = time.monotonic() + min(_LONGEST_PAUSE, 0.1 * 2**self.restarts)
        self.start()

    def terminate(self) -> None:
        if self.forked is not None and self.forked.is_alive():
            self.forked.terminate()

    def end(self, deadline: float) -> None:
        if self.forked is None:
            return
        self.forked.join(max(0.0, deadline - time.monotonic()))
        if self.forked.is_alive():
            self.forked.kill()
            self.forked.join()


class Processes:
    """The processes of one supervisor; it looks after them from its only thread."""

    def __init__(self) -> None:
        self._all: list[_Process] = []
        self._lifeline: tuple[int, int] | None = None

    def add(self, name: str, work: Work, *, once: bool = False) -> None:
        """Start a process; one that is to run ``once`` is not started again when it has ended."""
        if self._lifeline is None:
            self._lifeline = os.pipe()  # it closes when the supervisor is gone
        process = _Process(name, work, self._lifeline, once)
        process.start()
        self._all.append(process)

    def look(self) -> None:
        """Start again what has died."""
        for process in list(self._all):
            if process.is_running:
                continue
            if process.once:
                self._all.remove(process)
            elif time.monotonic() > process.not_before:
                process.again()

    def stop(self, grace: float) -> None:
        """Ask all to end, and kill those that have not within ``grace`` seconds."""
        for process in self._all:
            process.terminate()
        deadline = time.monotonic() + grace
        for process in self._all:
            process.end(deadline)


def _run(name: str, work: Work, line: tuple[int, int]) -> None:
    reading, writing = line
    os.close(writing)  # or the pipe would stay open when the supervisor is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        uvloop.run(_until_ended(work, reading))
    except Exception as error:  # noqa: BLE001  the supervisor sees that it ended and starts it anew
        sys.stderr.write(f"govblocks: the {name} process ended: {type(error).__name__}: {error}\n")
        sys.exit(1)


async def _until_ended(work: Work, line: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_reader(line, ended.set)  # readable means closed: nobody ever writes
    await work(ended)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket that forked processes share, or raise OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)  # noqa: FBT003  that is how a socket is told
    listener.set_inheritable(True)
    return listener


def settle() -> None:
    """Tell the garbage collector that what is there when serving begins will stay.

    It walked through all of it again and again: a quarter of an exchange's time
    (docs/decisions/0011). The oldest objects are looked through when a quarter of them is new:
    the last ``collect`` counts them afresh, or what was frozen would let garbage grow for long.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(_GARBAGE, 20, 10)


class Server(uvicorn.Server):
    """uvicorn without signal handlers: the process's event ends it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the process."""
        yield


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    ended: asyncio.Event,
    grace: float,
    tls: Tls | None = None,
) -> None:
    """Serve ``app`` on a bound socket until ``ended``; then let requests finish for ``grace`` s."""
    settle()
    asyncio.get_running_loop().call_later(_WARM, settle)  # what the first requests made stays too
    config = uvicorn.Config(
        app,
        lifespan="off",
        loop="none",
        http=protocol.Protocol,
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=int(grace),
        forwarded_allow_ips="",
        proxy_headers=False,
        backlog=_BACKLOG,
        ssl_context_factory=(lambda _config, _default: tls.context) if tls else None,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(ended.wait())
    renewing = asyncio.create_task(tls.keep()) if tls else None
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    if renewing:
        renewing.cancel()
    await serving
