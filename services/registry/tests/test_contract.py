"""What the block serves is what GovStack publishes; tests/contracts tries it with bad input."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

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
            if operation["security"]:  # who is open to anyone refuses nobody
                assert {"400", "401", "403"} <= set(operation["responses"]), path


@pytest.mark.parametrize("path", ["/data/a", "/data/a/1.0/b/c", "/database"])
async def test_an_unknown_address_is_not_found(owner: AsyncClient, path: str) -> None:
    assert (await owner.get(path)).status_code == 404
