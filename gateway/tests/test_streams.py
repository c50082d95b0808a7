"""Streams: large bodies in little memory, providers that fail, clients that go."""

import asyncio
import contextlib
import hashlib
import io
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from gateway_house import INSIDE, KEYED_KEY, OUTSIDE, POPULATION, House, client_of, served

from gateway.main import create_app
from kit.identifiers import new_id

BOTH = pytest.mark.parametrize("service", [INSIDE, OUTSIDE])
SIZE = 100 * 1024 * 1024
CHUNK = b"0123456789abcdef" * 4096
KEY = {"apiKey": KEYED_KEY}
PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
async def gateway(house: House) -> AsyncGenerator[str]:
    async with served(house.app) as url:
        yield url


@pytest.fixture(scope="module")
async def http() -> AsyncGenerator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers=KEY) as session:
        yield session


async def _upload() -> AsyncGenerator[bytes]:
    for _ in range(SIZE // len(CHUNK)):
        yield CHUNK


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@BOTH
async def test_a_hundred_megabytes_pass_both_ways_in_flat_memory(
    house: House, gateway: str, http: aiohttp.ClientSession, service: str
) -> None:
    async with http.post(f"{gateway}/r1/{service}/things", data=CHUNK):
        pass  # whatever the first one allocates for good
    before, most, size = _memory(), 0, 0
    digest = hashlib.sha256()
    async with http.post(f"{gateway}/r1/{service}/things", data=_upload()) as answer:
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            digest.update(chunk)
            most = max(most, _memory())
    assert size == SIZE
    assert most - before < 25 * 1024 * 1024  # client, gateway and provider together
    _, last = await house.log(answer.headers["x-request-id"])
    assert last["facts"]["requestSize"] == last["facts"]["answerSize"] == SIZE
    assert last["facts"]["requestSha256"] == last["facts"]["answerSha256"] == digest.hexdigest()


async def test_the_body_limit_of_our_own_routes_stays(gateway: str) -> None:
    async with aiohttp.ClientSession() as http:
        big = io.BytesIO(b"x" * (11 * 1024 * 1024))
        with contextlib.suppress(aiohttp.ClientOSError):
            async with http.post(f"{gateway}/oauth2/token", data=big) as answer:
                assert answer.status == 413


@BOTH
async def test_an_answer_that_breaks_off_is_never_completed(
    house: House, gateway: str, http: aiohttp.ClientSession, service: str
) -> None:
    async with http.get(f"{gateway}/r1/{service}/break") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    _, last = await house.log(answer.headers["x-request-id"])
    assert last["facts"]["failure"] == "provider broke off"
    assert last["facts"]["answerIncomplete"]


@BOTH
async def test_a_provider_that_takes_too_long_is_unavailable(house: House, service: str) -> None:
    settings = house.settings.model_copy(update={"idle_timeout": 0.2})
    app = create_app(settings, {"echo": house.inside})
    async with app.router.lifespan_context(app), client_of(app, apiKey=KEYED_KEY) as http:
        answer = await http.get(f"/r1/{service}/slow")
    assert answer.status_code == 503
    _, last = await house.log(answer.headers["x-request-id"])
    assert last["facts"]["failure"] in ("provider too slow", "provider unavailable")


@BOTH
async def test_a_client_that_goes_stops_the_provider(
    house: House, gateway: str, http: aiohttp.ClientSession, service: str
) -> None:
    provider = house.inside if service == INSIDE else house.outside
    provider.cancelled.clear()
    before = len(provider.seen)
    headers = {"X-Request-Id": str(new_id())}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await http.get(f"{gateway}/r1/{service}/slow", headers=headers)
    if service == INSIDE:
        async with asyncio.timeout(2):
            await provider.cancelled.wait()
    assert len(provider.seen) == before + 1
    for _ in range(40):
        entries = await house.log(headers["X-Request-Id"])
        if len(entries) > 1:
            break
        await asyncio.sleep(0.05)
    assert entries[1]["facts"]["failure"] == "client disconnected"


async def test_a_provider_that_is_killed_is_unavailable(house: House) -> None:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(house.outside))
        member = {
            "class": "GOV",
            "code": "10002",
            "applications": [{"id": "population", "services": [{"id": "mortal"}]}],
        }
        service = member["applications"][0]["services"][0]
        service |= {
            "serviceUrl": url,
            "rights": [{"member": "Ministry of Health", "application": "keyed"}],
        }
        async with await house.administrator() as http:
            document = {"domain": "house.test", "instance": "DEV", "members": [member]}
            assert (await http.patch("/api/v1/config", json=document)).status_code == 201
        async with house.keyed() as http:
            assert (await http.get(f"/r1/{POPULATION}/mortal/things")).status_code == 200
            await stack.aclose()
            answer = await http.get(f"/r1/{POPULATION}/mortal/things")
            assert answer.status_code == 503
            put = await http.put(f"/r1/{POPULATION}/mortal/things", content=b"once")
            assert put.status_code == 503
