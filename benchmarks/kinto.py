"""Kinto as a peer: served on a database of the same PostgreSQL, with the same records.

`make peers` installs it in ``build/peers``; a command ``kinto`` on the path is taken too.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.registers import RECORDS, content
from benchmarks.row import NotHere, RowFailed
from benchmarks.stage import POOL, Stage

PEERS = Path(__file__).parents[1] / "build" / "peers" / "bin"
NAME = "Kinto"
FILLED, EMPTY = "parcels", "permits"
_SETTINGS = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
threads = {pool}

[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.postgresql
kinto.storage_url = {url}
kinto.storage_pool_size = {pool}
kinto.permission_backend = kinto.core.permission.postgresql
kinto.permission_url = {url}
kinto.cache_backend = kinto.core.cache.memory
kinto.userid_hmac_secret = benchmark
kinto.bucket_create_principals = system.Everyone
kinto.bucket_write_principals = system.Everyone
kinto.bucket_read_principals = system.Everyone

[loggers]
keys = root
[handlers]
keys = none
[formatters]
keys =
[logger_root]
level = CRITICAL
handlers = none
[handler_none]
class = NullHandler
args = ()
"""
_STARTS_WITHIN = 20.0
_BATCH = 25


@contextmanager
def served(stage: Stage) -> Generator[str]:
    """Serve Kinto; lend the address of its collections, of which ``FILLED`` has the records."""
    found = shutil.which("kinto", path=str(PEERS)) or shutil.which("kinto")
    if found is None:
        raise NotHere("Kinto is not installed: `make peers` installs it")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = stage.once("kinto", lambda: _prepared(found, stage))
    _write(file, port, stage)
    running = subprocess.Popen(  # noqa: S603  our own arguments, no shell
        [found, "start", "--ini", str(file), "-q"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait_for(url)
        stage.once("kinto's records", lambda: _fill(url))
        yield f"{url}/buckets/house/collections"
    finally:
        running.terminate()
        running.wait()


def _prepared(program: str, stage: Stage) -> Path:
    """Make Kinto's tables; return its settings file."""
    file = stage.place / "kinto.ini"
    stage.once("kinto's database", lambda: stage.empty_database("kinto"))
    _write(file, 0, stage)
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        [program, "migrate", "--ini", str(file)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RowFailed(f"Kinto's migration: {done.stderr.strip()[-200:]}")
    return file


def _write(file: Path, port: int, stage: Stage) -> None:
    url = stage.once("kinto's database", lambda: stage.empty_database("kinto"))
    file.write_text(_SETTINGS.format(port=port, url=url, pool=POOL), encoding="utf-8")


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/__heartbeat__", timeout=1).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise RowFailed("Kinto did not start")


def _fill(url: str) -> None:
    """Make two collections, and put the records that ours has into one."""
    with httpx.Client(base_url=url, timeout=30) as client:
        client.put("/buckets/house", json={}).raise_for_status()
        for name in (FILLED, EMPTY):
            client.put(f"/buckets/house/collections/{name}", json={}).raise_for_status()
        path = f"/v1/buckets/house/collections/{FILLED}/records/P"
        for first in range(0, RECORDS, _BATCH):
            requests = [
                {"method": "PUT", "path": f"{path}{number}", "body": {"data": content(number)}}
                for number in range(first, first + _BATCH)
            ]
            client.post("/batch", json={"requests": requests}).raise_for_status()
