"""The server: started, its settings, stopped."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO
from urllib.parse import urlencode

from stack.postgres.account import Account
from stack.postgres.data import check_version, initialise
from stack.postgres.errors import PostgresError
from stack.postgres.home import (
    choose_place,
    keep_password,
    lock_home,
    make_home,
    set_aside_long,
)
from stack.postgres.postmaster import comes_up, end, stop_leftover
from stack.postgres.programs import find_programs
from stack.postgres.sockets import PORT, forget_socket_folder, make_socket_folder

_SECONDS_TO_START = 20.0
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
        self._account = Account(None, None)
        self._place = self._home
        self._password = ""
        self._socket_folder: Path | None = None

    @property
    def admin_url(self) -> str:
        """The superuser's URL of the running server."""
        if self._process is None or self._socket_folder is None:
            raise PostgresError(f"The PostgreSQL of {self._home} is not running.")
        query = urlencode({"host": str(self._socket_folder), "port": PORT}, safe="/")
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
            end(process)
        folder, self._socket_folder = self._socket_folder, None
        if folder is not None:
            forget_socket_folder(folder)
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
        self._account = Account.choose()
        make_home(self._home, self._account)
        self._home = self._home.resolve()
        self._lock = self._lock or lock_home(self._home)
        self._place = choose_place(self._home, self._account)
        self._password = keep_password(self._home, self._data)
        stop_leftover(self._data)
        programs = find_programs(self._place, self._account)
        if self._data.exists():
            check_version(self._data)
        else:
            initialise(self._data, programs, self._account, self._password, durable=self._durable)
        # a server that died is started again where those who use it look for it
        if self._socket_folder is None:
            self._socket_folder = make_socket_folder(self._place, self._account)
        elif not self._socket_folder.exists():  # clearing up after the dead server removed it
            self._socket_folder.mkdir(mode=0o700)
            self._account.own(self._socket_folder)
        self._launch(programs, self._socket_folder)

    def _launch(self, programs: Path, folder: Path) -> None:
        deadline = time.monotonic() + _SECONDS_TO_START
        set_aside_long(self._log)
        while True:
            begin = self._log.stat().st_size if self._log.exists() else 0
            self._process = process = self._spawn(programs / "postgres", folder)
            if comes_up(process, self._data, deadline):
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
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
        }
