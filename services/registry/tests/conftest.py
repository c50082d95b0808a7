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

from kit.evidence import Search
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
    "rights:write",
}


@dataclass
class Consents:
    """A gateway with a consent block behind it, as far as the registry can tell."""

    url: str = ""
    permitted: bool = True
    status: int = 200
    body: Any = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    mail_status: int = 200

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/oauth2/token")
        async def token() -> dict[str, Any]:
            return {"access_token": "t", "expires_in": 300}

        @app.post("/messaging/send/email/single")
        async def send(request: Request) -> Response:
            self.mails.append(await request.json())
            return JSONResponse({"requestUid": "m-1"}, self.mail_status)

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
    gateway.mail_status = 200
    gateway.mails.clear()
    return gateway


@pytest.fixture(scope="session")
def block(gateway: Consents) -> Block:
    def settings(**more: Any) -> Settings:
        return Settings(gateway_url=gateway.url, client_id="TEST/GOV/9/registry", **more)

    return Block(BLOCK, create_app, settings, Path(__file__).parents[1] / "migrations")


MCTS: dict[str, Any] = {
    "type": "object",
    "required": ["ID"],
    "properties": {
        "ID": {
            "type": "string",
            "id": 1,
            "primaryKey": True,
            "readOnly": True,
            "triggers": [
                {
                    "conditions": [{"logic": "==", "value": "", "gate": "&&"}],
                    "actions": [
                        {"type": "set-value", "value": "MCTS{indexNoByCode}", "field_id": 1}
                    ],
                }
            ],
        },
        "child": {
            "type": "string",
            "properties": {
                "id": {"type": "string", "x-personalDataId": {"type": "national-id"}},
                "firstName": {"type": "string", "x-personalData": True},
                "birthdate": {"type": "date", "x-personalData": True},
            },
        },
        "village": {"type": "string", "maxLength": 40},
        "weight": {"type": "number", "minimum": 0},
    },
}
CONSENT = {"requiresConsent": {"dataAgreementId": "agreement-1", "externalIdType": "national-id"}}


async def published(client: AsyncClient, code: str, schema: dict[str, Any], **more: Any) -> int:
    """Make and publish a database; return its id."""
    made = await client.post("/database/modify", json={"code": code, "schema": schema, **more})
    assert made.status_code == 200, made.text
    answer = await client.post(f"/database/{made.json()['id']}/publish")
    assert answer.status_code == 200, answer.text
    return made.json()["id"]


@pytest.fixture
def publish() -> Callable[..., Any]:
    """Return what makes and publishes a database: ``await publish(client, code, schema)``."""
    return published


@pytest.fixture
def entries(app: FastAPI) -> Callable[..., Any]:
    """Return what finds the ledger's entries of some kinds, oldest first."""

    async def find(*kinds: str, **more: Any) -> list[Any]:
        found = await app.state.ledger.search(Search(kinds=kinds, limit=5000, **more))
        return found[::-1]

    return find


@pytest.fixture
def mcts_schema() -> dict[str, Any]:
    """Return the schema of a registry of mothers and children."""
    return MCTS


@pytest.fixture
def consent_rule() -> dict[str, Any]:
    """Return what makes other members' reads need consent."""
    return CONSENT


@pytest.fixture
async def mcts(owner: AsyncClient) -> int:
    """Return the id of a published registry of mothers and children."""
    return await published(owner, "MCTS", MCTS)


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


@pytest.fixture
def calling(committed: FastAPI) -> FastAPI:
    """Return a registry whose changes are committed and whose calls may reach this machine."""
    more = {"delivery_networks": ["127.0.0.0/8"], "delivery_timeout": 1.0}
    committed.state.settings = committed.state.settings.model_copy(update=more)
    return committed
