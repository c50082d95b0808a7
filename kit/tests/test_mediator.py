"""The way to other blocks, against a real HTTP server in the gateway's place."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import uvicorn
from joserfc.jwk import OKPKey
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kit.access import (
    LIFETIME,
    AssertionRefused,
    Caller,
    Signer,
    Verifier,
    assertion,
    read_assertion,
)
from kit.evidence import new_signing_keys
from kit.mediator import KeySource, Mediator, NeighbourUnavailable
from kit.sealing import new_sealing_key
from kit.settings import BlockSettings
from kit.testing import GATEWAY_JWKS, GATEWAY_KEY


class Gateway:
    """Gives tokens, echoes calls, and answers as it is told."""

    def __init__(self):
        self.tokens = 0
        self.good_tokens = set()
        self.answer = 200
        self.keys_read = 0

    async def token(self, request: Request) -> Response:
        if request.headers.get("authorization") is None:
            return JSONResponse({"error": "invalid_client"}, 401)
        self.tokens += 1
        token = f"token-{self.tokens}"
        self.good_tokens = {token}
        return JSONResponse({"access_token": token, "expires_in": 600})

    async def echo(self, request: Request) -> Response:
        if request.headers["authorization"].removeprefix("Bearer ") not in self.good_tokens:
            return Response(status_code=401)
        said = {"id": request.headers.get("x-request-id"), "body": await request.json()}
        return JSONResponse(said, self.answer)

    async def keys(self, _request: Request) -> Response:
        self.keys_read += 1
        return Response(GATEWAY_JWKS, media_type="application/json")

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/oauth2/token", self.token, methods=["POST"]),
                Route("/.well-known/jwks.json", self.keys),
                Route("/echo", self.echo, methods=["POST"]),
            ]
        )


@asynccontextmanager
async def served(gateway):
    config = uvicorn.Config(gateway.app(), port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn tells by a flag
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def gateway():
    made = Gateway()
    async with served(made) as made.url:
        yield made


def mediator_of(url, **more):
    return Mediator(
        BlockSettings(
            database_url=SecretStr("postgresql://nowhere"),
            sealing_key=SecretStr(new_sealing_key()),
            evidence_keys=SecretStr(new_signing_keys()),
            gateway_url=url,
            client_id="TEST/GOV/1/block",
            client_secret=SecretStr("secret"),
            **more,
        )
    )


@pytest.fixture
async def mediator(gateway):
    made = mediator_of(gateway.url)
    yield made
    await made.close()


async def test_a_call_carries_a_token_that_is_kept(gateway, mediator):
    for number in range(3):
        answer = await mediator.call("POST", "/echo", body={"n": number}, request_id="r-1")
        assert answer.json() == {"id": "r-1", "body": {"n": number}}
    assert gateway.tokens == 1


async def test_calls_go_another_way_than_the_gateways_name_when_one_is_given(gateway):
    mediator = mediator_of("https://gateway.invalid", mediator_url=gateway.url)
    assert (await mediator.call("POST", "/echo", body={})).status_code == 200
    await mediator.close()


async def test_a_token_that_no_longer_counts_is_replaced_once(gateway, mediator):
    await mediator.call("POST", "/echo", body={})
    gateway.good_tokens = set()
    assert (await mediator.call("POST", "/echo", body={})).status_code == 200
    assert gateway.tokens == 2


async def test_a_refusal_is_returned_and_a_failure_is_no_answer(gateway, mediator):
    gateway.answer = 403
    assert (await mediator.call("POST", "/echo", body={})).status_code == 403
    gateway.answer = 500
    with pytest.raises(NeighbourUnavailable):
        await mediator.call("POST", "/echo", body={})


async def test_a_gateway_that_is_away_is_no_answer():
    mediator = mediator_of("http://127.0.0.1:1")
    with pytest.raises(NeighbourUnavailable):
        await mediator.call("POST", "/echo", body={})
    with pytest.raises(NeighbourUnavailable):
        await KeySource("", "http://127.0.0.1:1").find()
    await mediator.close()


async def test_the_gateways_keys_are_read_once_and_open_its_assertions(gateway):
    keys = KeySource("", gateway.url)
    caller = Caller("TEST/GOV/1/app", "TEST/GOV/1", frozenset({"a", "b"}), person="EE1")
    token = assertion(GATEWAY_KEY, "block", caller)
    assert read_assertion(await keys.find(), "block", token)[0] == caller
    await keys.find()
    assert gateway.keys_read == 1


async def test_a_ledgers_key_beside_the_gateways_opens_no_assertion():
    ledgers = OKPKey.generate_key("Ed25519", parameters={"kid": "ledger"})
    published = [
        *json.loads(GATEWAY_JWKS)["keys"],
        {**ledgers.as_dict(private=False), "ledger": "gateway"},
    ]
    keys = await KeySource(json.dumps({"keys": published}), "").find()
    caller = Caller("TEST/GOV/1/app", "TEST/GOV/1")
    assert read_assertion(keys, "block", assertion(GATEWAY_KEY, "block", caller))[0] == caller
    with pytest.raises(AssertionRefused):
        read_assertion(keys, "block", assertion(ledgers, "block", caller))


async def test_a_word_is_verified_once_and_carries_no_requests_id(monkeypatch):
    caller = Caller("TEST/GOV/1/app", "TEST/GOV/1", frozenset({"a"}), request_id="r-1")
    signer = Signer(GATEWAY_KEY)
    word = signer.sign("block", caller)
    assert signer.sign("block", replace(caller, request_id="r-2")) == word
    assert signer.sign("other", caller) != word != signer.sign("block", replace(caller, person="E"))
    verifier = Verifier(KeySource(GATEWAY_JWKS, ""), "block")
    for request_id in ("r-2", "r-3"):
        assert await verifier.verify(word, request_id) == replace(caller, request_id=request_id)
    for forged in (word[:-40] + "AAAAAAAA" + word[-32:], signer.sign("other", caller)):
        with pytest.raises(AssertionRefused):
            await verifier.verify(forged, "r-4")
    now = time.time()
    monkeypatch.setattr("kit.access.time.time", lambda: now + LIFETIME / 2 + 1)
    assert signer.sign("block", caller) != word
    assert await verifier.verify(word, "r-5")
    monkeypatch.setattr("kit.access.time.time", lambda: now + LIFETIME + 1)
    with pytest.raises(AssertionRefused):
        await verifier.verify(word, "r-6")


async def test_an_assertion_for_another_block_or_changed_is_refused():
    keys = await KeySource(GATEWAY_JWKS, "").find()
    token = assertion(GATEWAY_KEY, "block", Caller("TEST/GOV/1/app", "TEST/GOV/1"))
    for audience, presented in (
        ("other", token),
        ("block", token[:-40] + "AAAAAAAA" + token[-32:]),
        ("block", "x"),
    ):
        with pytest.raises(AssertionRefused):
            read_assertion(keys, audience, presented)
    assert json.loads(GATEWAY_JWKS)["keys"][0].get("d") is None
