"""What the gateway's tests stand on."""

import json
import sys
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, BasicAuth
from joserfc.jwk import OKPKey
from pydantic import SecretStr

# pytest calls this file gateway.tests.conftest, with an empty "gateway" in the way of ours
if getattr(sys.modules.get("gateway"), "__file__", None) is None:
    sys.modules.pop("gateway", None)

from gateway.main import create_app
from gateway.settings import Settings
from kit.testing import Block

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
    }
    return Settings(**(given | more))


@pytest.fixture(scope="session")
def block() -> Block:
    return Block("gateway", create_app, make_settings, Path(__file__).parents[1] / "migrations")


@pytest.fixture(autouse=True)
def _forgetting(request: pytest.FixtureRequest) -> Generator[None]:
    """Forget what the test before configured: it was rolled back."""
    yield
    if "opened" in request.fixturenames:
        opened: FastAPI = request.getfixturevalue("opened")
        opened.state.book.forget()


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


@pytest.fixture
async def administrator(app: FastAPI) -> AsyncGenerator[AsyncClient]:
    """Return a client with all powers, on the test's own connection."""
    async with await bearer(app, ADMINISTRATOR, ADMINISTRATOR_SECRET) as http:
        yield http
