"""Serving an application from a forked process, with the server settings of the house."""

import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from multiprocessing.process import BaseProcess

import uvicorn
import uvloop
from starlette.types import ASGIApp

from kit.serve import processes

Application = Callable[[], AbstractAsyncContextManager[ASGIApp]]
"""Opens an application in the process that serves it."""

_FORK = multiprocessing.get_context("fork")
_BACKLOG = 2048


def listen() -> socket.socket:
    """Return a listening socket on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003  the socket's own signature
    return listener


def start(app: Application, listener: socket.socket) -> BaseProcess:
    """Fork a process that serves ``app``."""
    process = _FORK.Process(target=_run, args=(app, listener), daemon=True)
    process.start()
    return process


def stop(process: BaseProcess) -> None:
    """End a process, by force when it does not go."""
    process.terminate()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()


def _run(app: Application, listener: socket.socket) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # ours is for who leads the run
    logging.disable(logging.WARNING)  # the load leaves in the middle of its last requests
    try:
        uvloop.run(_serve(app, listener))
    except Exception as error:  # noqa: BLE001  the process ends here and says why
        sys.stderr.write(f"a server ended: {type(error).__name__}: {error}\n")
        sys.exit(1)


async def _serve(app: Application, listener: socket.socket) -> None:
    async with app() as made:
        processes.settle()
        config = uvicorn.Config(
            made,
            lifespan="off",
            loop="none",
            http="httptools",
            ws="none",
            access_log=False,
            log_level="error",
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=2,
        )
        await uvicorn.Server(config).serve(sockets=[listener])
