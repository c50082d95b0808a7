"""A peer of the gateway over HTTP: nginx as a plain proxy, which asks nobody and logs nothing."""

import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.registers import PLAIN, RECORDS, read, register
from benchmarks.row import NotHere, Pair, Row, RowFailed
from benchmarks.stage import Stage

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log {place}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {place}/body;
  proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi;
  scgi_temp_path {place}/scgi;
  upstream block {{ server {block}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://block;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
_STARTS_WITHIN = 5.0


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare client, nginx, block with client, block; it is the same block process."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        raise NotHere("nginx: not installed")
    register(stage, PLAIN, records=RECORDS)
    block = stage.block("registry")
    direct = replace(read(block, PLAIN), assertions=stage.assertions("registry"))
    place = stage.place / "nginx"
    place.mkdir()
    with _nginx(program, place, block) as proxy:
        yield Pair(replace(direct, url=direct.url.replace(block, proxy, 1)), direct)


@contextmanager
def _nginx(program: str, place: Path, block: str) -> Generator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = place / "nginx.conf"
    where = urlsplit(block).netloc
    file.write_text(_CONFIGURATION.format(place=place, block=where, port=port), encoding="utf-8")
    running = subprocess.Popen(  # noqa: S603  our own arguments, no shell
        [program, "-p", str(place), "-c", str(file), "-e", str(place / "nginx.log")]
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RowFailed("nginx did not start")


ROW = Row("nginx, plain proxy: the read", "the block directly", pair)
