"""The home folder: its lock, its password, its log and the place of its data."""

import fcntl
import hashlib
import os
import secrets
from pathlib import Path
from typing import TextIO

from stack.postgres.account import Account
from stack.postgres.errors import PostgresError

_PLACES_OF_ROOT = Path("/var/lib/govblocks")
_LARGEST_LOG = 10_000_000  # bytes; a longer log is set aside at the next start


def make_home(home: Path, account: Account) -> None:
    """Make the home where it is missing, private but for the way to the data."""
    if home.is_dir():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir()
    home.chmod(0o700 if account.uid is None else 0o711)


def lock_home(home: Path) -> TextIO:
    """Take the home for this process, until the file is closed or the process ends.

    A POSIX lock: processes forked later do not hold it, so it ends with us.
    """
    file = (home / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise PostgresError(f"The PostgreSQL home {home} is in use by process {holder}.") from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def choose_place(home: Path, account: Account) -> Path:
    """Find the folder of `data` and `socket`: where they are, or else where they can be."""
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    elsewhere = _PLACES_OF_ROOT / digest
    if account.uid is None:
        return home
    reached = account.reaches(home)
    if (home / "data").exists() and not reached:
        raise PostgresError(f"The user 'nobody' can no longer enter {home}, where the data are.")
    if reached and not (elsewhere / "data").exists():
        return home
    for folder in (_PLACES_OF_ROOT, elsewhere):
        if not folder.is_dir():
            folder.mkdir()
            folder.chmod(0o711)
    if not account.reaches(elsewhere):
        raise PostgresError(f"The user 'nobody', who runs PostgreSQL, cannot enter {elsewhere}.")
    return elsewhere


def keep_password(home: Path, data: Path) -> str:
    """Read the superuser's password, made up when there are no data yet."""
    file = home / "password"
    password = file.read_text(encoding="ascii").strip() if file.exists() else ""
    if password:
        return password
    if data.exists():
        raise PostgresError(
            f"The password {file} is missing but its data are in {data}: "
            "bring it back, or remove the data to begin anew."
        )
    password = secrets.token_urlsafe(32)
    write_private(file, password)
    return password


def write_private(file: Path, text: str) -> None:
    """Write a new file that nobody else may read."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(text + "\n")


def set_aside_long(log: Path) -> None:
    """Keep a log that has become too long under another name, in place of the one before."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_name("postgres.log.1"))
