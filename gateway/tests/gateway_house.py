"""A house for the gateway's tests: members, providers here and elsewhere, their credentials."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, BasicAuth
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from pydantic import SecretStr

from gateway.settings import Settings
from kit.access import IN_PROCESS, Caller, read_assertion
from kit.testing import Urls

KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "gateway-test"})
ISSUER_KEY = OKPKey.generate_key("Ed25519", parameters={"kid": "issuer-test"})
ISSUER = "https://issuer.test"
ADMINISTRATOR, ADMINISTRATOR_SECRET = "administrator", "an administrator's secret"
GATEWAY = "http://gateway.test"
TRUSTED = "10.9.0.0/16"
AT_HOME = ("10.9.0.1", 1)


def make_settings(**more: Any) -> Settings:
    given: dict[str, Any] = {
        "instance": "DEV",
        "signing_key": SecretStr(json.dumps(KEY.as_dict(private=True))),
        "gateway_url": GATEWAY,
        "trusted_networks": [TRUSTED],
        "oidc_issuer": ISSUER,
        "oidc_audience": "govblocks",
        "oidc_jwks": json.dumps({"keys": [ISSUER_KEY.as_dict(private=False)]}),
        "administrator_id": ADMINISTRATOR,
        "administrator_secret": SecretStr(ADMINISTRATOR_SECRET),
        "free_attempts": 0,
    }
    return Settings(**(given | more))


def client_of(
    app: FastAPI, *, host: tuple[str, int] = ("127.0.0.1", 1), **headers: str
) -> AsyncClient:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = ASGITransport(app, raise_app_exceptions=False, client=host)
    return AsyncClient(transport=transport, base_url="http://test", headers=named)


async def token_of(app: FastAPI, client: str, secret: str) -> str:
    async with client_of(app) as http:
        answer = await http.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=BasicAuth(client, secret),
        )
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def bearer(app: FastAPI, client: str, secret: str, **more: str) -> AsyncClient:
    return client_of(app, Authorization=f"Bearer {await token_of(app, client, secret)}", **more)


# -- a whole house: members, providers here and elsewhere, committed -------------------------

CLINIC = "DEV/GOV/10001/clinic"
CLINIC_SECRET = "the clinic's own secret"
KEYED, KEYED_KEY = "DEV/GOV/10001/keyed", "the-demo-api-key-0001"
HOME = "DEV/GOV/10001/home"
POPULATION = "DEV/GOV/10002/population"
INSIDE, OUTSIDE = f"{POPULATION}/inside", f"{POPULATION}/outside"
ROOM = "DEV/GOV/10002/life-events"
OPERATOR = "DEV/GOV/90001/govblocks"


def configuration(outside: str) -> dict[str, Any]:
    clinic = {"member": "Ministry of Health", "application": "clinic"}
    keyed = {"memberClass": "GOV", "memberCode": "10001", "applicationId": "keyed"}
    home = {"member": "Ministry of Health", "application": "home"}
    both = [clinic, keyed]
    return {
        "domain": "house.test",
        "instance": "DEV",
        "members": [
            {
                "name": "Ministry of Health",
                "class": "GOV",
                "code": "10001",
                "applications": [
                    {
                        "id": "clinic",
                        "name": "Clinic",
                        "connection": "oauth2",
                        "secret": CLINIC_SECRET,
                    },
                    {"id": "keyed", "connection": "apiKey"},
                    {"id": "home", "connection": "none"},
                ],
            },
            {
                "name": "Population Office",
                "class": "GOV",
                "code": 10002,
                "applications": [
                    {
                        "id": "population",
                        "connection": "oauth2",
                        "secret": "the population office's",
                        "services": [
                            {
                                "id": "inside",
                                "serviceUrl": "block:echo",
                                "rights": [*both, {"anonymous": True, "scopes": ["look"]}],
                            },
                            {"id": "outside", "serviceUrl": outside, "rights": both},
                            {
                                "id": "narrow",
                                "serviceUrl": "block:echo",
                                "scopes": ["a", "b"],
                                "rights": [{**clinic, "scopes": ["b", "c"]}],
                            },
                            {
                                "id": "gone",
                                "serviceUrl": "http://127.0.0.1:9",
                                "rights": both,
                            },
                            {"id": "nobody", "serviceUrl": "block:echo"},
                            {"id": "far", "serviceUrl": "block:far", "rights": both},
                        ],
                    },
                    {
                        "id": "life-events",
                        "services": [
                            {"id": "api", "rights": [{**clinic, "scopes": ["subscribe"]}, keyed]},
                            {"id": "pub", "rights": [keyed]},
                            {"id": "pull", "rights": [clinic]},
                        ],
                    },
                ],
            },
            {
                "name": "Operator",
                "class": "GOV",
                "code": "90001",
                "applications": [
                    {
                        "id": "govblocks",
                        "services": [
                            {
                                "id": "echo",
                                "serviceUrl": "block:echo",
                                "tenancy": "client",
                                "shortForm": "echo",
                                "rights": [*both, home, {"anonymous": True}],
                            }
                        ],
                    },
                ],
            },
        ],
    }


class Echo:
    """A provider that answers with what it was asked, chunk by chunk."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.more: list[tuple[bytes, bytes]] = []  # headers of its answers
        self.cancelled = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"].removeprefix("/base")
        if path == "/openapi.json":  # the gateway asks for it when it likes
            await _json(send, OPENAPI)
            return
        self.seen.append(scope)
        if path == "/health":
            await _json(send, {"status": "ok"})
        elif path == "/slow":
            await self._slow()
        elif path == "/break":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise RuntimeError("the provider broke")
        else:
            await _echo(scope, receive, send, self.more)

    async def _slow(self) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    @property
    def headers(self) -> dict[str, str]:
        return {n.decode(): v.decode() for n, v in self.seen[-1]["headers"]}


OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "Echo", "version": "2.0"},
    "paths": {
        "/things": {"post": {}},
        "/things/{thing}": {"get": {}, "put": {}},
        "/things/mine": {"get": {}},
    },
}


async def _json(send: Any, document: Any) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _echo(scope: Any, receive: Any, send: Any, more: list[tuple[bytes, bytes]]) -> None:
    status = int(dict(parse_qsl(scope["query_string"].decode())).get("status", "200"))
    given = dict(scope["headers"])
    headers = [
        (b"content-type", given.get(b"content-type", b"text/plain")),
        (b"x-method", scope["method"].encode()),
        (b"x-raw-path", scope["raw_path"]),
        (b"x-query", scope["query_string"]),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-govblocks-secret", b"must not leave"),
        (b"x-govblocks-evidence", b"the.providers.own"),
        (b"connection", b"x-private"),
        (b"x-private", b"for this connection only"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    follows = True
    while follows:
        message = await receive()
        follows = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message["body"], "more_body": follows})


@asynccontextmanager
async def served(app: Any) -> AsyncGenerator[str]:
    """Serve an ASGI application on loopback, in this process."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        await task


@dataclass
class House:
    """A gateway on a database of its own, with a provider in its process and one elsewhere."""

    app: FastAPI
    inside: Echo
    outside: Echo
    urls: Urls
    settings: Settings

    async def clinic(self, **more: str) -> AsyncClient:
        return await bearer(self.app, CLINIC, CLINIC_SECRET, **more)

    def keyed(self, **more: str) -> AsyncClient:
        return client_of(self.app, apiKey=KEYED_KEY, **more)

    async def administrator(self, **more: str) -> AsyncClient:
        return await bearer(self.app, ADMINISTRATOR, ADMINISTRATOR_SECRET, **more)

    async def log(self, request_id: str) -> list[dict[str, Any]]:
        async with await self.administrator() as http:
            answer = await http.get("/api/v1/messagelog", params={"queryId": request_id})
        return answer.json()["messages"][::-1]


def person(subject: str = "EE38001010000", key: OKPKey = ISSUER_KEY, **more: Any) -> str:
    """Return a token of the persons' issuer."""
    claims = {
        "iss": ISSUER,
        "aud": "govblocks",
        "sub": subject,
        "name": "Mari Maasikas",
        "exp": int(time.time()) + 60,
        **more,
    }
    header = {"alg": "Ed25519", "kid": key.kid}
    return jwt.encode(header, claims, key, algorithms=["Ed25519"])


def asserted(scope: dict[str, Any]) -> Caller:
    """Return the caller that the gateway handed to a block in its own process."""
    return scope[IN_PROCESS]


def signed_for(scope: dict[str, Any], block: str) -> Caller:
    """Return the caller that the gateway asserted to a block elsewhere."""
    headers = {n.decode(): v.decode() for n, v in scope["headers"]}
    keys = KeySet.import_key_set({"keys": [KEY.as_dict(private=False)]})
    return read_assertion(keys, block, headers["x-govblocks-assertion"])[0]
