"""The PostgreSQL all tests run on, started once by the first test process."""

import os
from pathlib import Path

import pytest

from kit.testing import SERVER
from stack.postgres import Server

_started: list[Server] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start the server, unless one is named or another test process already did."""
    if SERVER in os.environ or hasattr(config, "workerinput"):  # noqa: TID251
        return
    server = Server(Path(__file__).parent / "build" / "test-postgres", durable=False)
    server.start()
    _started.append(server)
    os.environ[SERVER] = server.admin_url  # noqa: TID251


def pytest_unconfigure() -> None:
    """Stop what was started."""
    while _started:
        _started.pop().stop()
