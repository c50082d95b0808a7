"""A peer of the registry: Kinto, a record read by id, where the command ``kinto`` is installed."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from benchmarks.registers import PLAIN, RECORDS, content, read, register
from benchmarks.row import NotHere, Pair, Row, RowFailed, Target
from benchmarks.stage import Stage

_SETTINGS = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
threads = 16

[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.postgresql
kinto.storage_url = {url}
kinto.storage_pool_size = 16
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
def pair(stage: Stage) -> Generator[Pair]:
    """Compare Kinto with the registry: each on its own database of the same server."""
    program = shutil.which("kinto")
    if program is None:
        raise NotHere("Kinto: not installed")
    register(stage, PLAIN, records=RECORDS)
    direct = replace(read(stage.block("registry"), PLAIN), assertions=stage.assertions("registry"))
    with _kinto(program, stage) as url:
        kinto = f"{url}/buckets/house/collections/parcels/records/P@n"
        yield Pair(Target(kinto, choices=RECORDS), direct)


@contextmanager
def _kinto(program: str, stage: Stage) -> Generator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = stage.place / "kinto.ini"
    settings = _SETTINGS.format(port=port, url=stage.empty_database("kinto"))
    file.write_text(settings, encoding="utf-8")
    _migrate(program, file)
    running = subprocess.Popen(  # noqa: S603  our own arguments, no shell
        [program, "start", "--ini", str(file), "-q"], stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        _wait_for(url)
        _fill(url)
        yield url
    finally:
        running.terminate()
        running.wait()


def _migrate(program: str, file: Path) -> None:
    done = subprocess.run(  # noqa: S603  our own arguments, no shell
        [program, "migrate", "--ini", str(file)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RowFailed(f"Kinto's migration: {done.stderr.strip()[-200:]}")


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
    """Put the same records into Kinto."""
    with httpx.Client(base_url=url, timeout=30) as client:
        client.put("/buckets/house", json={}).raise_for_status()
        client.put("/buckets/house/collections/parcels", json={}).raise_for_status()
        path = "/v1/buckets/house/collections/parcels/records/P"
        for first in range(0, RECORDS, _BATCH):
            requests = [
                {"method": "PUT", "path": f"{path}{number}", "body": {"data": content(number)}}
                for number in range(first, first + _BATCH)
            ]
            client.post("/batch", json={"requests": requests}).raise_for_status()


ROW = Row("Kinto: read by id", "our registry, read by key", pair)
