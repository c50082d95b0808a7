"""The OpenAPI document a block serves: what it answers, and the way to call it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from kit.access import Gate
from kit.problems import Problem
from kit.web.problems import MEDIA_TYPE

TOKENS_AT = "http://127.0.0.1:8080/oauth2/token"
"""Where tokens are, on a developer's machine; OpenAPI wants an absolute address here."""

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_CLIENT = (
    "The calling application, INSTANCE/CLASS/MEMBER/APPLICATION. It is enough where the operator "
    "trusts the network; beside a token or key it must name their application."
)


def describe(app: FastAPI, statuses: Mapping[type[Problem], int]) -> None:
    """Make ``app.openapi`` say what is answered (problems, never 422) and how it is called."""
    generate = app.openapi
    moved = {str(kind.status): str(status) for kind, status in statuses.items()}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = generate()
        gates = dict(_gates(app))
        for _, _, operation in operations(document["paths"]):
            operation["responses"] = _responses(operation["responses"], moved)
            gate = gates[operation["operationId"]]
            operation["security"] = _security(gate)
            if not gate.scopes:
                operation["responses"].pop("403", None)  # nobody is turned away
        components = document.setdefault("components", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            components.get("schemas", {}).pop(unused, None)
        scopes = sorted({scope for gate in gates.values() for scope in gate.scopes})
        components["securitySchemes"] = _schemes(scopes) | components.get("securitySchemes", {})
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def operations(
    paths: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return a document's operations: method, path and what is said of it."""
    for path, item in paths.items():
        yield from ((method, path, item[method]) for method in _METHODS if method in item)


def routes_of(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Return the routes themselves, those of included routers too."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from routes_of(included.routes)


def gate_of(route: APIRoute) -> Gate | None:
    """Return the gate a route declares, directly or through what it depends on."""
    waiting: list[Dependant] = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        if isinstance(dependant.call, Gate):
            return dependant.call
        waiting += dependant.dependencies
    return None


def _gates(app: FastAPI) -> Iterator[tuple[str, Gate]]:
    for route in routes_of(app.routes):
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        gate = gate_of(route)
        if gate is None:
            raise LookupError(f"{route.path} names no caller")
        yield route.operation_id or route.name, gate


def _responses(responses: dict[str, Any], moved: Mapping[str, str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for status, response in responses.items():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        reference = str(schema.get("$ref", ""))
        if reference.endswith("HTTPValidationError"):
            continue
        if reference.endswith("ProblemDocument"):
            target = moved.get(status, status)
            response["content"] = {MEDIA_TYPE: {"schema": schema}}
            if target in kept and kept[target]["description"] != response["description"]:
                response["description"] = (
                    f"{kept[target]['description']} or {response['description']}"
                )
            kept[target] = response
        else:
            kept[status] = response
    return dict(sorted(kept.items()))


def _security(gate: Gate) -> list[dict[str, list[str]]]:
    """Say with which credentials an operation is called; none when it is open to anyone."""
    if not gate.scopes:
        return []
    tokens = [{"oauth2": [scope]} for scope in gate.scopes]
    return [*tokens, {"apiKey": []}, {"apiKey": [], "person": []}, {"client": []}]


def _schemes(scopes: Sequence[str]) -> dict[str, Any]:
    """Describe the credentials that the gateway takes."""
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "A bearer token of the calling application (RFC 6749 section 4.4). "
            "The scope is the one that the application's right to the service must cover.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": TOKENS_AT,
                    "scopes": {scope: f"The right covers {scope}" for scope in scopes},
                }
            },
        },
        "apiKey": _header("apiKey", "A key, which alone identifies the calling application."),
        "person": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A signed-in person's token, from the issuer the operator trusts.",
        },
        "client": _header("X-GovStack-Client", _CLIENT),
        "mediatorClient": _header("Information-Mediator-Client", f"{_CLIENT} Another spelling."),
    }


def _header(name: str, description: str) -> dict[str, str]:
    return {"type": "apiKey", "in": "header", "name": name, "description": description}
