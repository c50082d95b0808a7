"""Routes that say what registries there are and how each is used."""

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response

from kit.access import Caller, requires
from kit.web import Reading, may_answer
from registry.databases.models import RegistryNotFound, Version
from registry.descriptions import service
from registry.descriptions.schemas import (
    OpenApi,
    RecordSchema,
    Registries,
    Registry,
    RegistryService,
    RegistryVersion,
)
from registry.descriptions.service import Listed
from registry.operations.models import openapi
from registry.records.schemas import Addressed
from registry.rights.models import LoginNeeded, NotAllowed
from registry.services.models import OWN
from registry.versions.models import Deprecation

router = APIRouter(prefix="/data", tags=["descriptions"])
one = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["descriptions"])

Anybody = Annotated[
    Caller, requires("records:read", "records:exists", "records:write", "databases:read")
]
_answers = may_answer(RegistryNotFound, NotAllowed, LoginNeeded)


@router.get("", operation_id="registries")
async def registries(session: Reading, caller: Anybody) -> Registries:
    """Return all published registries the caller may use: their versions and their services."""
    found = await service.page(session, caller)
    return Registries(registries=[_registry(each) for each in found])


@one.get(
    "/openapi.json",
    operation_id="describe",
    response_model=OpenApi,
    responses=_answers,
)
async def describe(session: Reading, caller: Anybody, where: Addressed) -> Response:
    """Return how a version is called, as OpenAPI: what it offers, with examples that work."""
    found = await service.describe(session, caller, where.registry, where.version)
    return _json(openapi(found))


@one.get(
    "/schema",
    operation_id="introspect",
    response_model=RecordSchema,
    responses=_answers,
)
async def introspect(session: Reading, caller: Anybody, where: Addressed) -> Response:
    """Return what the records of a version are, as JSON Schema: fields, types, links, marks."""
    found = await service.describe(session, caller, where.registry, where.version)
    return _json(found.introspection())


def _json(document: dict[str, Any]) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return Response(body, media_type="application/json")


def _registry(of: Listed) -> Registry:
    database, definition = of.database.database, of.database.version.definition
    return Registry(
        code=database.code,
        name=definition["name"] or database.code,
        description=definition["description"] or "",
        lifecycle=database.state,
        metadata=definition["metadata"],
        versions=[_version(database.code, *each) for each in of.versions],
        services=_services(of),
    )


def _services(of: Listed) -> list[RegistryService]:
    generic = [
        RegistryService(name=each.name, method=each.method, path=each.path)
        for each in of.services.generic
        if of.services.offers(each)
    ]
    copies = [
        RegistryService(name=each.name, method=each.generic.method, path=f"/{OWN}/{each.name}")
        for each in of.services.own
        if each.type == "copy" and each.is_visible
    ]
    views = [RegistryService(name=n, method="GET", path=f"/views/{n}") for n in of.views]
    return [*generic, *copies, *views]


def _version(code: str, version: Version, gone: Deprecation | None) -> RegistryVersion:
    place = f"data/{code}/{version.label}"
    return RegistryVersion(
        version=version.label,
        publishedAt=version.published_at and _stamp(version.published_at),
        deprecatedAt=gone and _stamp(gone.deprecated_at),
        sunsetAt=gone and _stamp(gone.sunset_at),
        guidance=gone and gone.guidance,
        openapi=f"{place}/openapi.json",
        schema=f"{place}/schema",
    )


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
