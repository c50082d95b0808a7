"""The load: 32 connections from a process of its own, ``wrk`` where it is installed, else ours.

Ours is ``python -m benchmarks.load``: it reads a job as JSON from its input and writes what came
of it as JSON.
"""

import asyncio
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop

from benchmarks.row import Next, RowFailed, Target
from kit.access import HEADER

CONNECTIONS = 32
_GRACE = 30
_BAD = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one round of load found: requests a second, and how long they took."""

    rate: float
    median_ms: float
    slow_ms: float
    """What 99 of 100 requests stayed below."""
    refused: float = 0.0
    """What part of a faulty peer's requests was refused; the rate is of the others."""


def generator() -> str:
    """Name what makes the load on this machine."""
    return "wrk" if shutil.which("wrk") else "benchmarks.load (wrk is not installed)"


def drive(target: Target, seconds: int, first: int) -> Outcome:
    """Send requests for some seconds, numbered from ``first``; raise RowFailed on any refusal."""
    by_wrk = target.by_wrk and target.then is None and shutil.which("wrk")
    found = _by_wrk(target, seconds, first) if by_wrk else _ours(target, seconds, first)
    if found["errors"] and not target.faulty:
        raise RowFailed(f"{found['errors']} of {found['requests']} requests failed")
    done = found["requests"] - found["errors"]
    if done <= 0:
        raise RowFailed("no request was answered")
    took = found["median"] / 1e3, found["p99"] / 1e3
    return Outcome(done / found["seconds"], *took, found["errors"] / found["requests"])


def _run(command: list[str], given: str | None, seconds: int) -> str:
    try:
        done = subprocess.run(  # noqa: S603  our own arguments, no shell
            command,
            input=given,
            capture_output=True,
            text=True,
            timeout=seconds + _GRACE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RowFailed(f"{command[0]} did not end in time") from error
    if done.returncode:
        raise RowFailed(f"{command[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


# -- wrk -----------------------------------------------------------------------------------------

_SCRIPT = """
local n = FIRST - 1
local headers, tokens, choices = HEADERS, TOKENS, CHOICES
local method, path, body = METHOD, PATH, BODY
request = function()
  n = n + 1
  local shown = string.format("%d", choices and n % choices or n)
  if #tokens > 0 then headers["NAME"] = tokens[n % #tokens + 1] end
  local sent = body and (body:gsub("@n", shown))
  return wrk.format(method, (path:gsub("@n", shown)), headers, sent)
end
done = function(summary, latency)
  local e = summary.errors
  local said = '\\nRESULT {"requests":%d,"seconds":%f,"errors":%d,"median":%f,"p99":%f}\\n'
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format(said, summary.requests, summary.duration / 1e6, errors,
    latency:percentile(50), latency:percentile(99)))
end
"""


def _by_wrk(target: Target, seconds: int, first: int) -> dict[str, Any]:
    parts = urlsplit(target.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    pairs = ", ".join(f"[{_lua(name)}] = {_lua(value)}" for name, value in target.headers.items())
    values = {
        "FIRST": str(first),
        "HEADERS": "{" + pairs + "}",
        "TOKENS": "{" + ", ".join(map(_lua, target.assertions)) + "}",
        "CHOICES": str(target.choices or "nil"),
        "METHOD": _lua(target.method),
        "PATH": _lua(path),
        "BODY": "nil" if target.body is None else _lua(target.body),
        '"NAME"': _lua(HEADER),
    }
    script = _SCRIPT
    for name, value in values.items():
        script = script.replace(name, value, 1)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        load = ["-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", file.name]
        said = _run(["wrk", *load, f"{parts.scheme}://{parts.netloc}"], None, seconds)
    if "RESULT " not in said:
        raise RowFailed(f"wrk said no result: {said.strip()[-300:]}")
    return json.loads(said.rpartition("RESULT ")[2])


def _lua(text: str) -> str:
    """Write text as Lua does; JSON's escapes are Lua's while there is only ASCII."""
    if not text.isascii():
        raise RowFailed("a request must be ASCII")
    return json.dumps(text)


# -- ours ----------------------------------------------------------------------------------------


def _ours(target: Target, seconds: int, first: int) -> dict[str, Any]:
    job = json.dumps({"target": asdict(target), "seconds": seconds, "first": first})
    return json.loads(_run([sys.executable, "-m", "benchmarks.load"], job, seconds))


@dataclass(slots=True)
class _Job:
    """What all connections share: the next number, the end, and what was found."""

    target: Target
    until: float
    number: int
    errors: int = 0
    took: list[float] = field(default_factory=list[float])

    def next(self) -> int:
        """Return the number of the next request."""
        self.number += 1
        return self.number - 1

    def first(self, number: int) -> bytes:
        """Write a request."""
        return self._written(number, *self.target.numbered(number))

    def second(self, number: int, then: Next, answer: bytes) -> bytes:
        """Write the request that follows an answer."""
        module, _, function = then.body.partition(":")
        make: Callable[[bytes], str] = getattr(importlib.import_module(module), function)
        target = replace(self.target, url=then.url)
        return self._written(number, target.numbered(number)[0], make(answer))

    def _written(self, number: int, address: str, body: str | None) -> bytes:
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": parts.netloc, **self.target.headers}
        if self.target.assertions:
            headers[HEADER] = self.target.assertions[number % len(self.target.assertions)]
        if body is not None:
            headers["Content-Length"] = str(len(body.encode()))
        lines = [
            f"{self.target.method} {path} HTTP/1.1",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + (body or "")).encode()


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request, until the time is over."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._transport: Any = None
        self._parser = httptools.HttpResponseParser(self)
        self._sent = 0.0
        self._number = 0
        self._then: Next | None = None
        self._answer = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        if self._sent < self._job.until:
            self._number, self._then = self._job.next(), self._job.target.then
            self._transport.write(self._job.first(self._number))
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read a part of an answer."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Keep what a second request is made of (httptools calls this)."""
        if self._then is not None:
            self._answer += data

    def on_message_complete(self) -> None:
        """Go on after an answer (httptools calls this)."""
        answer, self._answer = self._answer, b""
        then, self._then = self._then, None
        is_refused = self._parser.get_status_code() >= _BAD
        self._parser = httptools.HttpResponseParser(self)
        if then is not None and not is_refused:
            self._transport.write(self._job.second(self._number, then, answer))
            return
        self._job.took.append(time.perf_counter() - self._sent)
        self._job.errors += is_refused
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; before its time that is an error."""
        self._job.errors += exc is not None or time.perf_counter() < self._job.until
        if not self.ended.done():
            self.ended.set_result(None)


async def _work(given: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    target = Target(**given["target"])
    if given["target"]["then"]:
        target = replace(target, then=Next(**given["target"]["then"]))
    job = _Job(target, began + given["seconds"], given["first"])
    where = urlsplit(job.target.url)
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: _Connection(job), where.hostname, where.port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.wait({c.ended for c in connections}, timeout=given["seconds"] + 10)
    took = sorted(job.took) or [0.0]
    return {
        "requests": len(job.took),
        "seconds": time.perf_counter() - began,
        "errors": job.errors,
        "median": took[len(took) // 2] * 1e6,
        "p99": took[int(len(took) * 0.99)] * 1e6,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(_work(json.load(sys.stdin)))))
