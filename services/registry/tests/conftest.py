"""The registry under test, with a consent block it can ask."""

import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from httpx import AsyncClient

from kit.testing import Block, ClientFor, clients_of
from registry.main import BLOCK, create_app
from registry.settings import Settings

OWNER = "TEST/GOV/1001/registrar"
OTHER = "TEST/GOV/2002/clinic"
TENANT = "TEST/GOV/1001"
EVERYTHING = {
    "databases:read",
    "databases:write",
    "records:read",
    "records:exists",
    "records:write",
    "usage:read",
}


@dataclass
class Consents:
    """A gateway with a consent block behind it, as far as the registry can tell."""

    url: str = ""
    permitted: bool = True
    status: int = 200
    body: Any = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/oauth2/token")
        async def token() -> dict[str, Any]:
            return {"access_token": "t", "expires_in": 300}

        @app.post("/consent/service/verification/decision")
        async def decide(request: Request) -> Response:
            self.asked.append(await request.json())
            said = {
                "permitted": self.permitted,
                "reason": "permitted" if self.permitted else "opted-out",
                "consentRecordId": "c-1",
            }
            if self.body is not None:
                return Response(self.body, self.status, media_type="application/json")
            return JSONResponse(said, self.status)

        return app


@pytest.fixture(scope="session")
def gateway() -> Generator[Consents]:
    """Return a consent block that answers over HTTP on the loopback."""
    consents = Consents()
    config = uvicorn.Config(consents.app(), port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    consents.url = f"http://127.0.0.1:{port}"
    yield consents
    server.should_exit = True
    thread.join(5)


@pytest.fixture
def consents(gateway: Consents) -> Consents:
    """Return the consent block, permitting everything until told otherwise."""
    gateway.permitted, gateway.status, gateway.body = True, 200, None
    gateway.asked.clear()
    return gateway


@pytest.fixture(scope="session")
def block(gateway: Consents) -> Block:
    def settings(**more: Any) -> Settings:
        return Settings(gateway_url=gateway.url, client_id="TEST/GOV/9/registry", **more)

    return Block(BLOCK, create_app, settings, Path(__file__).parents[1] / "migrations")


@pytest.fixture
async def owner(client_for: ClientFor) -> AsyncGenerator[AsyncClient]:
    """Return an application of the member that owns the databases."""
    async with client_for(scopes=EVERYTHING, client=OWNER, reader="EE1", person_name=None) as made:
        yield made


@pytest.fixture
async def other(client_for: ClientFor) -> AsyncGenerator[AsyncClient]:
    """Return another member's application, with a right to the owner's data."""
    async with client_for(
        scopes=EVERYTHING,
        client=OTHER,
        tenant=TENANT,
        reader="EE-DOCTOR",
        client_name="Clinic",
        member_name="Health Ministry",
    ) as made:
        yield made


@pytest.fixture
async def open_registry(committed: FastAPI) -> AsyncGenerator[AsyncClient]:
    """Return the owner's client of a registry where what is written is committed."""
    made: Callable[..., AsyncClient] = clients_of(committed, BLOCK)
    async with made(scopes=EVERYTHING, client=OWNER) as client:
        yield client
