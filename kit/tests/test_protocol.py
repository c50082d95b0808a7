"""What may stand before a body has an end, whoever sends it and however slowly."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest
import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kit.serve import processes
from kit.serve.protocol import HEAD_LIMIT

LINE = b"GET /x HTTP/1.1\r\nHost: here\r\n"
LONG = b"X-Long: " + b"x" * 1_000_000 + b"\r\n"
PIECE = b"x" * 64 * 1024
FEW = b"xxxx"
CHUNKED = b"POST /x HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer how many headers and how much of a body came."""
    request = Request(scope, receive)
    said = {"headers": len(request.headers), "body": len(await request.body())}
    await Response(json.dumps(said))(scope, receive, send)


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    listener = processes.listen("127.0.0.1", 0)
    ended = asyncio.Event()
    serving = asyncio.create_task(processes.serve(counting, listener, ended, 1))
    yield listener.getsockname()[1]
    ended.set()
    await serving


async def said(port: int, *parts: bytes) -> bytes:
    """Send the parts one by one, as far as they are taken; return all that is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.read())
    for part in parts:
        writer.write(part)
        with suppress(ConnectionError):
            await writer.drain()
        await asyncio.sleep(0)
        if answer.done():
            break
    try:
        return await asyncio.wait_for(answer, 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def assert_refused(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"), answer[:200]
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head
    problem = json.loads(body)
    assert problem["status"] == 431
    assert problem["type"] == "/problems/head-too-large"


@pytest.mark.parametrize(
    "parts",
    [
        [LINE + LONG + b"\r\n"],
        [LINE, LONG, b"\r\n"],
        [LINE, *[b"X-Number: one\r\n"] * 100_000],
        [LINE + b"X-Number: one\r\n" * 100_000 + b"\r\n"],
        [b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n"],
        [LINE + b"X-Long: ", *[PIECE] * 160],
        [b"GET /", *[FEW] * HEAD_LIMIT],
        [LINE + b"X-Slow: ", *[FEW] * HEAD_LIMIT],
        [LINE, *[FEW] * HEAD_LIMIT],
        [LINE + b"\r\n" + LINE + LONG],
    ],
    ids=[
        *("at once", "in lines", "many lines", "many at once", "address", "10 MB"),
        *("dribbled address", "dribbled value", "dribbled name", "second request"),
    ],
)
async def test_a_head_that_is_too_large_is_refused(port: int, parts: list[bytes]) -> None:
    tracemalloc.start()
    try:
        answer = await said(port, *parts)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if parts[0].startswith(LINE + b"\r\n"):
        first, _, answer = answer.partition(b"}")
        assert first.startswith(b"HTTP/1.1 200"), first
    assert_refused(answer)
    assert peak < 3_000_000  # the client's own copy of what it sends with it


@pytest.mark.parametrize("trailer", [b"X-Number: one\r\n" * 100_000, b"x" * 1_000_000])
async def test_what_stands_after_a_body_has_an_end_too(port: int, trailer: bytes) -> None:
    assert await said(port, CHUNKED + b"0\r\n" + trailer, b"\r\n") == b""


async def test_a_head_below_the_limit_and_any_body_pass(port: int) -> None:
    close = b"Connection: close\r\n"
    room = HEAD_LIMIT - len(LINE) - len(close) - 100
    fits = LINE + close + b"X-Long: " + b"x" * room + b"\r\n\r\n"
    assert (await said(port, fits)).endswith(b'{"headers": 3, "body": 0}')
    size = 300_000
    post = LINE.replace(b"GET", b"POST") + close + b"Content-Length: %d\r\n\r\n" % size
    assert (await said(port, post + b"x" * size)).endswith(b'"body": %d}' % size)
    assert (await said(port, post, *[b"x" * 10] * (size // 10))).endswith(b'"body": %d}' % size)
    chunks = [b"1\r\nx\r\n"] * (HEAD_LIMIT // 2)
    request = CHUNKED.replace(b"Host", close + b"Host")
    answer = await said(port, request, *chunks, b"0\r\nX-Trailer: one\r\n\r\n")
    assert answer.endswith(b'"body": %d}' % (len(chunks) + 1))


async def test_requests_on_one_connection_are_counted_one_by_one(port: int) -> None:
    some = LINE + b"X-Long: " + b"x" * (HEAD_LIMIT // 2) + b"\r\n"
    answer = await said(port, *[some + b"\r\n"] * 4, some + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 5


def test_it_is_so_on_the_loop_that_serves() -> None:
    """Tests run on asyncio's own loop, blocks on uvloop."""

    async def ask() -> bytes:
        listener = processes.listen("127.0.0.1", 0)
        ended = asyncio.Event()
        serving = asyncio.create_task(processes.serve(counting, listener, ended, 1))
        answer = await said(listener.getsockname()[1], LINE, LONG, b"\r\n")
        ended.set()
        await serving
        return answer

    assert_refused(uvloop.run(ask()))
