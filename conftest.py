"""The PostgreSQL all tests run on, started once by the first test process."""

import os
from pathlib import Path

import pytest

import gateway  # noqa: F401  or pytest, naming gateway/tests, would put an empty one in its place
from stack.postgres import PostgresError, Server

pytest_plugins = ["kit.testing", "kit.recording"]  # here, not in addopts: coverage must have begun
SERVER = "GOVBLOCKS_TEST_SERVER"  # where kit.testing looks for the server

_started: list[Server] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start the server, unless one is named or another test process already did."""
    if SERVER in os.environ or hasattr(config, "workerinput"):  # noqa: TID251
        return
    server = _free_server(Path(__file__).parent / "build")
    _started.append(server)
    os.environ[SERVER] = server.admin_url  # noqa: TID251


def _free_server(folder: Path) -> Server:
    """Start a server in the first home that no other test run holds now."""
    for number in range(1, 20):
        server = Server(folder / f"test-postgres-{number}", durable=False)
        try:
            server.start()
        except PostgresError as error:
            if "in use" not in str(error):
                raise
        else:
            return server
    message = "all test homes below build/ are in use"
    raise RuntimeError(message)


def pytest_unconfigure() -> None:
    """Stop what was started."""
    while _started:
        _started.pop().stop()
