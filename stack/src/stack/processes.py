"""Child processes of the supervisor: forked after everything is imported, so that they share it.

A child ignores the terminal's Ctrl-C (the supervisor passes the end on as SIGTERM) and ends by
itself when its supervisor is gone.
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

Work = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""What a child does until the event is set."""

_FORK = multiprocessing.get_context("fork")


@dataclass(slots=True)
class Child:
    """One child process and how often it was started."""

    name: str
    work: Work
    lifeline: tuple[int, int]
    process: BaseProcess | None = None
    started_at: float = 0.0
    restarts: int = 0

    def start(self) -> None:
        """Fork the child."""
        self.process = _FORK.Process(
            target=_run, args=(self.name, self.work, self.lifeline), name=self.name
        )
        self.process.start()
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return self.process is not None and self.process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """Return the code it ended with, None while it lives."""
        return self.process.exitcode if self.process else None

    def terminate(self) -> None:
        """Ask the child to end."""
        if self.process is not None and self.process.is_alive():
            self.process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for the child until ``deadline`` (monotonic seconds), then kill it."""
        if self.process is None:
            return
        self.process.join(max(0.0, deadline - time.monotonic()))
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def lifeline() -> tuple[int, int]:
    """Return a pipe (reading, writing) that closes when the supervisor is gone."""
    return os.pipe()


def _run(name: str, work: Work, line: tuple[int, int]) -> None:
    reading, writing = line
    os.close(writing)  # or the pipe would stay open when the supervisor is gone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.unfreeze()
    try:
        uvloop.run(_until_ended(work, reading))
    except Exception as error:  # noqa: BLE001  the supervisor reads the exit code and starts anew
        sys.stderr.write(f"govblocks: the {name} process ended: {type(error).__name__}: {error}\n")
        sys.exit(1)


async def _until_ended(work: Work, line: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_reader(line, ended.set)  # readable means closed: nobody ever writes
    await work(ended)


class Server(uvicorn.Server):
    """uvicorn without signal handlers: the child's event ends it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the child."""
        yield


async def serve(app: ASGIApp, listener: socket.socket, ended: asyncio.Event, grace: float) -> None:
    """Serve ``app`` on a bound socket until ``ended``; then let requests finish for ``grace`` s."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        loop="none",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=int(grace),
        forwarded_allow_ips="",
        proxy_headers=False,
        backlog=2048,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    await serving
