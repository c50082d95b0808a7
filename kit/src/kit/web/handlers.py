"""Turn whatever was raised into a problem, with the block's own statuses."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from kit.database import LOST, DatabaseUnavailable, is_lost
from kit.problems import Problem, kind_of
from kit.web.contract import routes_of
from kit.web.problems import (
    MEDIA_TYPE,
    BodyTooLarge,
    NotJson,
    Unreadable,
    field_errors,
    problem_response,
)


class Handlers:
    """Turn whatever was raised into a problem, with the block's own statuses."""

    def __init__(self, statuses: Mapping[type[Problem], int]) -> None:
        self.statuses = statuses

    def status(self, problem: type[Problem]) -> int:
        """Return the status this block answers a problem with."""
        return self.statuses.get(kind_of(problem), problem.status)

    def respond(self, request: Request, problem: Problem) -> JSONResponse:
        """Answer with a problem."""
        status = self.status(type(problem))
        return problem_response(problem, status, getattr(request.state, "request_id", ""))

    async def problem(self, request: Request, error: Exception) -> Response:
        """Answer a problem that was raised."""
        return self.respond(request, cast("Problem", error))

    async def invalid(self, request: Request, error: Exception) -> Response:
        """Answer input that does not fit the contract."""
        errors = field_errors(cast("RequestValidationError", error).errors())
        if [e.pointer for e in errors] == ["#/"] and not _is_json(request):
            return self.respond(
                request, NotJson("send the body with Content-Type: application/json")
            )
        detail = "; ".join(f"{e.pointer[2:]}: {e.reason}".removeprefix(": ") for e in errors[:3])
        return self.respond(request, Unreadable(detail, errors=errors))

    async def http(self, request: Request, error: Exception) -> Response:
        """Answer what routing and reading the body found."""
        found = cast("HTTPException", error)
        if found.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return self.respond(request, BodyTooLarge(found.detail))
        if found.status_code == HTTPStatus.BAD_REQUEST:  # FastAPI's word for any other error
            return self.respond(request, Unreadable("the body is not JSON in UTF-8"))
        headers = dict(found.headers or {})
        if found.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(allowed_methods(request.app.routes, request.scope))
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(found.status_code).phrase,
            "status": found.status_code,
            "requestId": getattr(request.state, "request_id", ""),
        }
        return JSONResponse(body, found.status_code, headers=headers, media_type=MEDIA_TYPE)

    async def lost(self, request: Request, error: Exception) -> Response:
        """Answer that PostgreSQL is away."""
        if not is_lost(error):
            raise error
        return self.respond(request, DatabaseUnavailable())


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """Return the methods that the path of ``scope`` answers to, for ``Allow``."""
    methods: set[str] = set()
    for route in routes_of(routes):
        if route.matches(scope)[0] is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return sorted(methods)


def handle(app: FastAPI, handlers: Handlers) -> None:
    """Install the handlers in an application."""
    app.add_exception_handler(Problem, handlers.problem)
    app.add_exception_handler(RequestValidationError, handlers.invalid)
    app.add_exception_handler(HTTPException, handlers.http)
    for lost in (*LOST, DBAPIError):
        app.add_exception_handler(lost, handlers.lost)
