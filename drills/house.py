"""A whole stack of the drill's own: started by the command people type, seen from outside."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

GOVBLOCKS = Path(sys.executable).with_name("govblocks")
PARTS = ("gateway", "registry", "consent", "messaging", "catalogue")
_READY = "Ctrl-C stops all of it"
_READY_WITHIN = 90.0
_STOPPED_WITHIN = 60.0
_ERROR = re.compile(r"[\s|]*[\w.]+(Error|Exception|Unavailable|Exit)\b.*")
_LISTENS, _ESTABLISHED = "0A", "01"  # as /proc/net/tcp writes them


class StackError(Exception):
    """The stack did not start or stop as it should; the message holds what it said."""


def free_port() -> int:
    """Return a port that nobody uses now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class House:
    """A running ``govblocks up`` with two web workers, and how to reach it."""

    home: Path
    workers: int = 2
    port: int = field(default_factory=free_port)
    mailbox_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def gateway(self) -> str:
        """Return the gateway's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def mailbox(self) -> str:
        """Return the development mailbox's URL."""
        return f"http://127.0.0.1:{self.mailbox_port}"

    @property
    def output(self) -> Path:
        """Return the file that holds what the stack says."""
        return self.home.with_suffix(".log")

    def environment(self) -> dict[str, str]:
        """Return what a ``govblocks`` of this stack finds in its environment."""
        own = {
            "GOVBLOCKS_HOME": str(self.home),
            "GOVBLOCKS_PORT": str(self.port),
            "GOVBLOCKS_SMTP_PORT": str(self.smtp_port),
            "GOVBLOCKS_MAILBOX_PORT": str(self.mailbox_port),
            "COLUMNS": "200",
        }
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("GOVBLOCKS_")}  # noqa: TID251  handed on, not read
        return inherited | own

    def load(self, instance: Mapping[str, object]) -> None:
        """Load an instance file with this content; raise StackError when it is refused."""
        file = self.home.with_suffix(".yaml")
        file.write_text(json.dumps(instance))  # JSON is YAML
        told = subprocess.run(  # noqa: S603  our own command
            [GOVBLOCKS, "load", str(file)],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise StackError(told.stdout + told.stderr)

    def start(self) -> None:
        """Start it, and return once it serves and has loaded the demo; raise StackError."""
        with self.output.open("w") as out:
            self.process = subprocess.Popen(  # noqa: S603  our own command
                [GOVBLOCKS, "up", "--no-journey", "--workers", str(self.workers)],
                env=self.environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_WITHIN
        while not (_READY in self.output.read_text() and self.is_ready()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise StackError("the stack did not start:\n" + self.output.read_text())
            time.sleep(0.1)

    def is_ready(self) -> bool:
        """Tell whether the gateway says that everything is well."""
        try:
            with urllib.request.urlopen(f"{self.gateway}/health", timeout=5) as answer:  # noqa: S310  our own URL
                return bool(answer.status == 200)  # noqa: PLR2004  HTTP's word for well
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int | None:
        """Stop it as Ctrl-C at a terminal does; return its exit code, None when it hung."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return None

    def owner_url(self, part: str) -> str:
        """Return the URL of one part's database, as its owner."""
        secrets = json.loads((self.home / "secrets.json").read_text())
        lines = (self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
        role, password = f"govblocks_{part}_owner", secrets["owner_passwords"][part]
        return f"postgresql://{role}:{password}@/govblocks_{part}?host={lines[4]}&port={lines[3]}"

    def complaints(self) -> Counter[str]:
        """Count the errors that the stack wrote on its output, by their last line."""
        lines = self.output.read_text(errors="replace").splitlines()
        return Counter(found[0][:120] for line in lines if (found := _ERROR.match(line)))

    def processes(self) -> dict[int, str]:
        """Return the supervisor's children by id, each as postgres, mailbox, web, jobs or dead.

        Nothing names them but what they do: the mailbox listens on the SMTP port, a web worker
        holds connections on the gateway's port, the jobs process does neither.
        """
        if self.process is None:
            return {}
        listening = _sockets(self.smtp_port, _LISTENS)
        serving = _sockets(self.port, _ESTABLISHED)
        return {
            child: _kind(child, line, listening, serving)
            for child, line in _children(self.process.pid).items()
        }


def _kind(child: int, line: str, listening: set[str], serving: set[str]) -> str:
    state, command = line.split(maxsplit=1)
    if state.startswith("Z"):
        return "dead"
    if "postgres" in Path(command.split()[0]).name:
        return "postgres"
    held = _held(child)
    if held & listening:
        return "mailbox"
    return "web" if held & serving else "jobs"


def _children(parent: int) -> dict[int, str]:
    """Return the state and command line of each child, by id."""
    told = subprocess.run(  # noqa: S603  fixed words and a number
        ["/usr/bin/env", "ps", "-ww", "--ppid", str(parent), "-o", "pid=,stat=,args="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    lines = (line.split(maxsplit=1) for line in told.splitlines())
    return {int(number): rest for number, rest in lines}


def _sockets(port: int, state: str) -> set[str]:
    """Return the inodes of the TCP sockets in a state whose local port is this one."""
    found: set[str] = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        cells = line.split()
        if int(cells[1].rpartition(":")[2], 16) == port and cells[3] == state:
            found.add(cells[9])
    return found


def _held(process: int) -> set[str]:
    """Return the inodes of the sockets a process holds; none once it is gone."""
    try:
        links = [str(each.readlink()) for each in Path(f"/proc/{process}/fd").iterdir()]
    except OSError:
        return set()
    return {link[8:-1] for link in links if link.startswith("socket:[")}


@contextmanager
def started() -> Generator[House]:
    """Lend a stack in a folder that PostgreSQL's own user can enter; stop and remove it after."""
    folder = Path(tempfile.mkdtemp(prefix="govblocks-drill-"))
    folder.chmod(0o711)
    house = House(folder / "home")
    try:
        house.start()
        yield house
    finally:
        house.stop()
        shutil.rmtree(folder, ignore_errors=True)
