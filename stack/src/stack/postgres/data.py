"""The data folder: made once, and left alone if another version made it."""

import errno
import os
import shutil
from pathlib import Path

from stack.postgres.account import Account
from stack.postgres.errors import PostgresError
from stack.postgres.home import write_private
from stack.postgres.programs import MAJOR


def initialise(
    data: Path, programs: Path, account: Account, password: str, *, durable: bool
) -> None:
    """Make the data folder, under another name until it is complete."""
    unfinished = data.with_name("data.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    account.own(unfinished)
    password_file = data.with_name("password.new")
    write_private(password_file, password)
    account.own(password_file)
    try:
        result = account.run(
            programs / "initdb",
            *("--pgdata", unfinished, "--username", "postgres"),
            *("--pwfile", password_file, "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("--data-checksums", "--no-instructions"),
            *(() if durable else ("--no-sync",)),
        )
    finally:
        password_file.unlink()
    if result.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise PostgresError(_why_not_made(data, result.stderr))
    unfinished.rename(data)
    if durable:
        _sync_folder(data.parent)


def check_version(data: Path) -> None:
    """Raise a PostgresError if another version of PostgreSQL made the data."""
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made_by != str(MAJOR):
        raise PostgresError(
            f"The data in {data} are of PostgreSQL {made_by} and this is PostgreSQL "
            f"{MAJOR}: dump them with the old version or use another home."
        )


def _why_not_made(data: Path, complaint: str) -> str:
    if os.strerror(errno.ENOSPC) in complaint:
        return f"The disk is full: the database folder {data} could not be made."
    lines = [line for line in complaint.splitlines() if "error:" in line]
    reason = lines[0].partition("error:")[2].strip() if lines else complaint.strip()
    return f"The database folder {data} could not be made: {reason}."


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
