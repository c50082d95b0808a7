"""What a generator makes of each contract (schemathesis), right and wrong, and what is answered.

The same examples every time: a failure here is a failure everywhere. The long, random form runs
against a whole stack: ``make drill DRILL="fuzz --minutes 10"``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import pytest
import schemathesis
from httpx import AsyncClient, Response
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from stage import CONTRACTS, ROOM, Stage, contract, operations_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
UNGUESSABLE = {"sendSingleEmail", "sendBatchEmail"}
"""Operations whose bodies follow rules that no schema says; in a chain they get a good one."""

REPEATABLE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ROOM_PARTS = dict(
    zip(
        ("instanceId", "memberClass", "memberCode", "applicationCode"), ROOM.split("/"), strict=True
    )
)
Stages = Callable[[str], Awaitable[Stage]]


@cache
def schema_of(block: str) -> BaseSchema:
    """Return a block's contract for schemathesis, as the block serves it without a gateway."""
    document = {name: said for name, said in contract(block).items() if name != "servers"}
    return schemathesis.openapi.from_dict(document)


@cache
def generated(block: str) -> dict[str, APIOperation]:
    found = [result.ok() for result in schema_of(block).get_all_operations()]
    return {operation.definition.raw["operationId"]: operation for operation in found}


async def send(client: AsyncClient, case: Case) -> Response:
    """Send a case; the credentials are the client's, whatever the generator made."""
    values = case.as_transport_kwargs(base_url="http://test")
    values["url"] = values["url"].replace("{", "%7B").replace("}", "%7D")
    ours = {*client.headers, "apikey"}
    values["headers"] = {n: v for n, v in values["headers"].items() if n.lower() not in ours}
    values.pop("cookies", None)
    if isinstance(values.get("data"), str | bytes):
        values["content"] = values.pop("data")
    request = client.build_request(**values)
    await request.aread()  # the checks look at what was sent, files too
    return await client.send(request)


OPERATIONS = [(block, name) for block in CONTRACTS for name in operations_of(block)]


RIGHT, WRONG = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
TRIED = [(block, name, RIGHT) for block, name in OPERATIONS] + [
    (block, name, WRONG)
    for block, name in OPERATIONS
    if {"parameters", "requestBody"} & operations_of(block)[name].said.keys()
]


@pytest.mark.parametrize(("block", "name", "mode"), TRIED)
async def test_an_operation_keeps_its_contract(
    stages: Stages, block: str, name: str, mode: GenerationMode
) -> None:
    operation, stage = generated(block)[name], await stages(block)
    known, loop = stage.good(name).path, asyncio.get_running_loop()

    @settings(REPEATABLE, max_examples=2 if mode is RIGHT else 1)
    @given(operation.as_strategy(generation_mode=mode))
    def holds(case: Case) -> None:
        if mode is RIGHT and known:
            case.path_parameters.update(known)
        answer = asyncio.run_coroutine_threadsafe(send(client, case), loop).result(20)
        case.validate_response(answer, checks=CHECKS)

    async with stage.rolled_back(), await stage.full_client() as client:
        await asyncio.to_thread(holds)


@pytest.mark.parametrize("block", CONTRACTS)
def test_every_link_leads_to_an_operation_that_takes_what_it_gives(block: str) -> None:
    links = [
        link
        for operation in operations_of(block).values()
        for response in operation.said["responses"].values()
        for link in response.get("links", {}).values()
    ]
    assert links
    for link in links:
        target = operations_of(block)[link["operationId"]]
        taken = {parameter["name"] for parameter in target.said["parameters"]}
        assert set(link["parameters"]) <= taken, target.name


@pytest.mark.parametrize("block", CONTRACTS)
async def test_what_one_operation_gives_another_takes(stages: Stages, block: str) -> None:
    """Follow the links: what was created is read, changed and deleted, in any order."""
    stage, loop = await stages(block), asyncio.get_running_loop()
    followed: set[str] = set()

    async with stage.rolled_back(), await stage.full_client() as client:

        class Machine(schema_of(block).as_state_machine()):
            def call(self, case: Case, **_more: Any) -> schemathesis.Response:
                name = case.operation.definition.raw["operationId"]
                if room := {n: v for n, v in ROOM_PARTS.items() if n in case.path_parameters}:
                    case.path_parameters.update(room)
                if name in UNGUESSABLE:
                    case.body = stage.good(name).body
                if block.startswith("registry") and "registryName" in case.path_parameters:
                    case.path_parameters.update(registryName="MCTS", versionNumber="1.0")
                sent = asyncio.run_coroutine_threadsafe(send(client, case), loop).result(20)
                if sent.is_success:
                    followed.add(name)
                return schemathesis.Response.from_httpx(sent, verify=False)

            def validate_response(self, response: Any, case: Case, **_more: Any) -> None:
                case.validate_response(response, checks=CHECKS)

        steps = settings(REPEATABLE, max_examples=3, stateful_step_count=5)
        await asyncio.to_thread(Machine.run, settings=steps)
    assert len(followed) > 1, followed
