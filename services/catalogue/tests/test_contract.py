"""The catalogue keeps the contract it publishes, whatever strangers send."""

import pytest
import schemathesis
from fastapi import FastAPI
from httpx import AsyncClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from catalogue.main import BLOCK, create_app
from catalogue.settings import Settings
from kit.sealing import new_sealing_key
from kit.testing import clients_of

WRITER = {"client": "DEV/GOV/90001/govblocks", "scopes": {"entries:read", "entries:write"}}
SETTINGS = Settings(
    database_url=SecretStr("postgresql://nowhere"), sealing_key=SecretStr(new_sealing_key())
)
SCHEMA = schemathesis.openapi.from_dict(create_app(SETTINGS).openapi())
SCHEMA.config.generation.allow_x00 = False  # NUL is refused everywhere, which no schema says
OPERATIONS = {
    f"{operation.ok().method.upper()} {operation.ok().path}": operation.ok()
    for operation in SCHEMA.get_all_operations()
}


@pytest.fixture
async def client(app: FastAPI, notify, fork):
    async with clients_of(app, BLOCK)(**WRITER) as client:
        await client.put("/entries/govuk-notify", json=notify)
        await client.put("/entries/gc-notify", json=notify)
        await client.put("/reuses/fork", json=fork)
        yield client


@pytest.mark.parametrize("name", OPERATIONS)
@settings(
    max_examples=12,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
async def test_the_block_keeps_its_contract(client: AsyncClient, name: str, data: st.DataObject):
    case: Case = data.draw(OPERATIONS[name].as_strategy())
    sent = case.as_transport_kwargs(base_url="http://test")
    sent.pop("cookies", None)
    answer = await client.request(**sent)
    # a reuse of an entry that is not there is refused, which no schema can say
    references = [positive_data_acceptance] if "/reuses" in name else []
    # credentials are the gateway's to ask for; the block believes its assertion
    case.validate_response(answer, excluded_checks=[ignored_auth, *references])
