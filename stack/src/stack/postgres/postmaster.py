"""PostgreSQL's main process: the one that we start, and one left over from before."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from stack.postgres.errors import PostgresError
from stack.postgres.sockets import accepts, forget_socket_folder


def comes_up(process: subprocess.Popen[bytes], data: Path, deadline: float) -> bool:
    """Wait until the server accepts connections; False if it ends or takes too long."""
    while process.poll() is None and time.monotonic() < deadline:
        state = _read_state(data)
        if state[:1] == [str(process.pid)] and state[7:8] == ["ready"]:
            return True
        time.sleep(0.01)
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask for a fast shutdown, then insist."""
    steps = ((signal.SIGINT, 30), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))
    for number, seconds in steps:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def stop_leftover(data: Path) -> None:
    """Stop the server that a killed supervisor has left running on these data."""
    state = _read_state(data)
    if not state or not state[0].isdigit():
        return
    process = int(state[0])
    folder = Path(state[4]) if state[4:5] not in ([], [""]) else None
    if folder is not None and accepts(folder):
        _end_leftover(process, data)
    elif _lives(process):
        # The number now belongs to another process, and PostgreSQL would stay away.
        (data / "postmaster.pid").unlink(missing_ok=True)
    if folder is not None:
        forget_socket_folder(folder)


def _end_leftover(process: int, data: Path) -> None:
    for number, seconds in ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0)):
        with suppress(ProcessLookupError):
            os.kill(process, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _read_state(data) or not _lives(process):
                return
            time.sleep(0.01)
    raise PostgresError(f"An older PostgreSQL (process {process}) on {data} does not stop.")


def _read_state(data: Path) -> list[str]:
    """Read what a server says of itself: process, folder, start, port, socket, …, state."""
    try:
        text = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]


def _lives(process: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(process, os.WNOHANG)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
