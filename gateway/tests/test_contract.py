"""What the gateway serves against what its contract says, tried with strangers' input."""

import asyncio
from collections import Counter

import schemathesis
from fastapi import FastAPI
from gateway_house import ROOM, configuration
from httpx import AsyncClient
from hypothesis import HealthCheck, given, settings

PUBLISHED = {
    "listIMconf",
    "createIMconf",
    "updateIMconf",
    "replaceIMconf",
    "checkIMconf",
    "getAllowed",
    "setAllowed",
    "setDenied",
    "listClients",
    "listMethods",
    "allowedMethods",
    "getOpenAPI",
    "createEventType",
    "getEventTypeList",
    "getEventType",
    "deleteEventType",
    "publishEvent",
    "getStatus",
    "deleteEvent",
    "listSub",
    "addSub",
    "getSub",
    "patchSub",
    "deleteSub",
    "pullEvent",
    "confirmEvent",
}


def test_published_operations_keep_their_names(opened: FastAPI) -> None:
    document = opened.openapi()
    names = {o["operationId"] for path in document["paths"].values() for o in path.values()}
    assert names >= PUBLISHED
    for path in document["paths"].values():
        for operation in path.values():
            assert "422" not in operation["responses"]


async def test_strangers_input_meets_only_declared_answers(
    app: FastAPI, administrator: AsyncClient
) -> None:
    document = configuration("http://127.0.0.1:9")
    assert (await administrator.post("/api/v1/config", json=document)).status_code == 201
    administrator.headers["X-GovStack-Client"] = ROOM
    schema = schemathesis.openapi.from_dict(app.openapi())
    loop = asyncio.get_running_loop()
    statuses: Counter[int] = Counter()
    parts = ("instanceId", "memberClass", "memberCode", "applicationCode")
    room = dict(zip(parts, ROOM.split("/"), strict=True))

    async def send(case: schemathesis.Case) -> None:
        values = case.as_transport_kwargs(base_url="http://test")
        values["headers"] = dict(values["headers"]) | dict(administrator.headers)
        values["url"] = values["url"].replace("{", "%7B").replace("}", "%7D")
        values.pop("cookies", None)
        if isinstance(values.get("data"), str | bytes):
            values["content"] = values.pop("data")
        answer = await administrator.request(**values)
        statuses[answer.status_code] += 1
        declared = case.operation.definition.raw["responses"]
        assert str(answer.status_code) in declared, (case.operation.label, answer.text)

    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @given(strategy)
        @settings(
            max_examples=3,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def holds(case: schemathesis.Case) -> None:
            if "applicationCode" in (case.path_parameters or {}):
                case.path_parameters.update(room)
            asyncio.run_coroutine_threadsafe(send(case), loop).result(20)

        await asyncio.to_thread(holds)
    assert 500 not in statuses
    assert statuses[200]
