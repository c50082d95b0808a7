"""The socket of a server, the only way in, and its private folder."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

from stack.postgres.account import Account

PORT = 5432
_SHORT_FOLDER = Path("/tmp")  # noqa: S108 -- the one short path that every Unix has
_SHORT_PREFIX = "govblocks-"
_LONGEST_SOCKET_PATH = 103  # bytes; Linux takes 107, other systems 103


def make_socket_folder(place: Path, account: Account) -> Path:
    """Make the private folder of the socket, at a path that is short enough."""
    folder = place / "socket"
    path = os.fsencode(folder / f".s.PGSQL.{PORT}.lock")
    if len(path) > _LONGEST_SOCKET_PATH:
        folder = Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=_SHORT_FOLDER))
    elif not folder.exists():
        folder.mkdir(mode=0o700)
    else:
        return folder
    account.own(folder)
    return folder


def forget_socket_folder(folder: Path) -> None:
    """Remove a socket folder below `/tmp`, and no other."""
    if folder.parent == _SHORT_FOLDER and folder.name.startswith(_SHORT_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def accepts(folder: Path) -> bool:
    """Tell whether a server answers at the socket in the folder."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(folder / f".s.PGSQL.{PORT}"))
        except OSError:
            return False
    return True
