"""What the gateway's tests stand on."""

import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from kit.testing import Block, copy_of_template, settings_for

sys.path.insert(0, str(Path(__file__).parent))

from gateway_house import (
    ADMINISTRATOR,
    ADMINISTRATOR_SECRET,
    KEYED_KEY,
    Echo,
    House,
    bearer,
    configuration,
    make_settings,
    served,
)

from gateway.main import create_app


@pytest.fixture(scope="session")
def block() -> Block:
    return Block("gateway", create_app, make_settings, Path(__file__).parents[1] / "migrations")


@pytest.fixture(autouse=True)
def _forgetting(request: pytest.FixtureRequest) -> None:
    """Forget what the test before configured: it was rolled back."""
    if "opened" in request.fixturenames:
        opened: FastAPI = request.getfixturevalue("opened")
        opened.state.book.forget()


@pytest.fixture
async def administrator(app: FastAPI) -> AsyncGenerator[AsyncClient]:
    """Return a client with all powers, on the test's own connection."""
    async with await bearer(app, ADMINISTRATOR, ADMINISTRATOR_SECRET) as http:
        yield http


@pytest.fixture(scope="session")
async def house(block: Block) -> AsyncGenerator[House]:
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(copy_of_template(block))
        inside, outside = Echo(), Echo()
        url = await stack.enter_async_context(served(outside))
        settings = settings_for(block, made, blocks={"far": url})
        app = create_app(settings, {"echo": inside})
        await stack.enter_async_context(app.router.lifespan_context(app))
        found = House(app, inside, outside, made, settings)
        async with await found.administrator() as http:
            answer = await http.post("/api/v1/config", json=configuration(url + "/base"))
            assert answer.status_code == 201, answer.text
            keys = "/api/v1/members/GOV/10001/applications/keyed/keys"
            answer = await http.post(keys, json={"id": "demo", "key": KEYED_KEY})
            assert answer.status_code == 201, answer.text
        yield found
