"""A whole stack, started by the command a newcomer types, on ports and a home of its own."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

GOVBLOCKS = Path(sys.executable).with_name("govblocks")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Stack:
    """A running ``govblocks up`` and how to reach it."""

    home: Path
    arguments: tuple[str, ...] = ("--no-journey",)
    port: int = field(default_factory=free_port)
    mailbox_port: int = field(default_factory=free_port)
    smtp_port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None
    output: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        return {name: v for name, v in os.environ.items() if not name.startswith("COV_")} | {
            "GOVBLOCKS_HOME": str(self.home),
            "GOVBLOCKS_PORT": str(self.port),
            "GOVBLOCKS_SMTP_PORT": str(self.smtp_port),
            "GOVBLOCKS_MAILBOX_PORT": str(self.mailbox_port),
            "COLUMNS": "200",
        }

    @property
    def gateway(self) -> str:
        scheme = "https://localhost" if "--tls" in self.arguments else "http://127.0.0.1"
        return f"{scheme}:{self.port}"

    @property
    def trusted(self) -> ssl.SSLContext | bool:
        """Return what a client trusts: the stack's own authority once there is one."""
        authority = self.home / "tls" / "ca.pem"
        return ssl.create_default_context(cafile=str(authority)) if authority.exists() else True

    @property
    def mailbox(self) -> str:
        return f"http://127.0.0.1:{self.mailbox_port}"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [GOVBLOCKS, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self) -> float:
        """Start it; return the seconds until it was ready."""
        self.output = self.home.with_suffix(".log")
        started = time.monotonic()
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kit.recording", GOVBLOCKS, "up", *self.arguments],
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        while not self.is_ready():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() - started < 60, self.output.read_text()
            time.sleep(0.05)
        return time.monotonic() - started

    def owner_url(self, part: str) -> str:
        """Return the URL of one part's database, as its owner."""
        secrets = json.loads((self.home / "secrets.json").read_text())
        lines = (self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
        role, password = f"govblocks_{part}_owner", secrets["owner_passwords"][part]
        return f"postgresql://{role}:{password}@/govblocks_{part}?host={lines[4]}&port={lines[3]}"

    def is_ready(self) -> bool:
        try:
            url = f"{self.gateway}/health"
            return httpx.get(url, timeout=5, verify=self.trusted).is_success
        except httpx.HTTPError:
            return False

    def wait_for(self, said: str) -> None:
        deadline = time.monotonic() + 60
        while said not in self.output.read_text():
            assert time.monotonic() < deadline, self.output.read_text()
            assert self.process is not None
            assert self.process.poll() is None, self.output.read_text()
            time.sleep(0.05)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)  # as Ctrl-C at a terminal does
        return self.process.wait(40)


@contextmanager
def short_folder() -> Generator[Path]:
    """Make a folder that PostgreSQL's own user can enter, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="govblocks-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture
def other() -> Generator[Stack]:
    """Return a stack that is not started yet."""
    with short_folder() as folder:
        made = Stack(folder / "home")
        try:
            yield made
        finally:
            if made.process is not None:
                made.stop()


@pytest.fixture(scope="session")
def stack() -> Generator[Stack]:
    """Return a stack that has loaded the demo instance."""
    with short_folder() as folder:
        yield from told(Stack(folder / "home"))


def told(running: Stack) -> Generator[Stack]:
    """Start a stack, lend it once it has loaded the demo, and see that it stops cleanly."""
    running.start()
    try:
        running.wait_for("Ctrl-C stops all of it")
        yield running
    finally:
        code = running.stop()
    assert code == 0, running.output.read_text()
