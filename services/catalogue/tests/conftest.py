"""The block under test, and things to put in it."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient

from catalogue.main import BLOCK, create_app
from catalogue.settings import Settings
from kit.testing import Block, ClientFor

FOLDER = Path(__file__).parents[1]
OPERATOR = "DEV/GOV/90001"
READ, WRITE = "entries:read", "entries:write"


@pytest.fixture(scope="session")
def block() -> Block:
    return Block(BLOCK, create_app, Settings, FOLDER / "migrations")


@pytest.fixture
async def reader(client_for: ClientFor) -> AsyncGenerator[AsyncClient]:
    async with client_for(scopes={READ}, client="DEV/GOV/10001/mcts") as client:
        yield client


@pytest.fixture
async def publisher(client_for: ClientFor) -> AsyncGenerator[AsyncClient]:
    async with client_for(scopes={READ, WRITE}, client=f"{OPERATOR}/govblocks") as client:
        yield client


@pytest.fixture
async def stranger(client_for: ClientFor) -> AsyncGenerator[AsyncClient]:
    async with client_for(scopes={READ, WRITE}, client="DEV/GOV/30001/inspector") as client:
        yield client


@pytest.fixture
def notify() -> dict[str, Any]:
    return {
        "kind": "service",
        "name": "GOV.UK Notify",
        "description": "Sends e-mail, text messages and letters for public bodies.",
        "owner": "Government Digital Service",
        "countries": ["United Kingdom"],
        "repositoryUrl": "https://github.com/alphagov/notifications-api",
        "licence": "MIT",
        "buildingBlocks": ["Messaging"],
        "sdgs": [16],
        "sources": [{"url": "https://github.com/alphagov/notifications-api", "note": "README"}],
    }


@pytest.fixture
def fork() -> dict[str, Any]:
    return {
        "reused": "govuk-notify",
        "byEntry": "gc-notify",
        "by": {"name": "Canadian Digital Service", "countries": ["Canada"]},
        "status": "fork-in-production",
        "note": "Its README says so.",
        "sources": [{"url": "https://github.com/cds-snc/notification-api"}],
    }
