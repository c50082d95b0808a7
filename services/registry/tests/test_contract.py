"""What the block serves against what its contract says, tried with strangers' input."""

import asyncio
from collections import Counter

import pytest
import schemathesis
from fastapi import FastAPI
from httpx import AsyncClient
from hypothesis import HealthCheck, given, settings

from kit.testing import ClientFor

PUBLISHED = {
    ("get", "/data/{registryName}/{versionNumber}"): "list",
    ("post", "/data/{registryName}/{versionNumber}/create"): "create",
    ("post", "/data/{registryName}/{versionNumber}/exists"): "exists",
    ("post", "/data/{registryName}/{versionNumber}/read"): "read",
    ("put", "/data/{registryName}/{versionNumber}/update"): "update",
    ("post", "/data/{registryName}/{versionNumber}/updateOrCreate"): "updateOrCreate",
    ("delete", "/data/{registryName}/{versionNumber}/{ID}/delete"): "delete",
    ("get", "/data/{registryName}/{versionNumber}/{uuid}/readValue/{field}.{ext}"): "readValue",
    ("get", "/data/myPersonalDataUsage"): "DPU",
}


async def test_published_operations_keep_their_names(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for (method, path), operation in PUBLISHED.items():
        assert paths[path][method]["operationId"] == operation
    for path in ("/database/modify", "/database/{id}", "/databases"):
        assert path in paths


async def test_every_refusal_is_declared(app: FastAPI) -> None:
    document = app.openapi()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "422" not in operation["responses"], path
            if path != "/health":
                assert {"400", "401", "403"} <= set(operation["responses"]), path


async def test_strangers_input_meets_only_declared_answers(
    app: FastAPI, client_for: ClientFor, owner: AsyncClient, mcts: int
) -> None:
    schema = schemathesis.openapi.from_dict(app.openapi())
    loop = asyncio.get_running_loop()
    statuses: Counter[int] = Counter()

    async def send(case: schemathesis.Case) -> None:
        values = case.as_transport_kwargs(base_url="http://test")
        values["headers"] = dict(values["headers"]) | dict(owner.headers)
        values["url"] = values["url"].replace("{", "%7B").replace("}", "%7D")
        cookies = values.pop("cookies", None)
        assert not cookies
        answer = await owner.request(**values)
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
            case.path_parameters.update(
                {"registryName": "MCTS", "versionNumber": "1.0"}
                if "registryName" in (case.path_parameters or {})
                else {}
            )
            asyncio.run_coroutine_threadsafe(send(case), loop).result(20)

        await asyncio.to_thread(holds)
    assert statuses[200] > 0
    assert 500 not in statuses


@pytest.mark.parametrize("path", ["/data/a", "/data/a/1.0/b", "/database"])
async def test_an_unknown_address_is_not_found(owner: AsyncClient, path: str) -> None:
    assert (await owner.get(path)).status_code == 404
