"""The door of every block: the application, its errors, its ids, its health."""

import json
import logging
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, cast
from urllib.parse import unquote_to_bytes

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit import database, evidence
from kit.access import Caller, Identify, by_assertion, public
from kit.identifiers import new_id
from kit.mediator import KeySource, Mediator
from kit.problems import (
    FieldError,
    Forbidden,
    Invalid,
    Problem,
    TooLarge,
    Unauthenticated,
    Unavailable,
    kind_of,
)
from kit.sealing import Keyring
from kit.settings import BlockSettings

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "x-request-id"
_CLEAN_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_log = logging.getLogger("kit.web")


# -- what a route's signature may ask for --------------------------------------------------


async def _reading(request: Request) -> database.Reading:
    return database.Reading(request.app.state.database)


async def _begin(request: Request) -> AsyncGenerator[database.Transaction]:
    async with database.Transaction(request.app.state.database) as session:
        yield session


async def _ledger(request: Request) -> evidence.Ledger:
    return request.app.state.ledger


async def _mediator(request: Request) -> Mediator:
    return request.app.state.mediator


Reading = Annotated[database.Reading, Depends(_reading)]
"""Statements without a transaction, for routes that change nothing."""

Transaction = Annotated[database.Transaction, Depends(_begin, scope="function")]
"""The request's one transaction: committed before the answer leaves, or rolled back."""

Evidence = Annotated[evidence.Ledger, Depends(_ledger)]
"""The block's ledger."""

Neighbours = Annotated[Mediator, Depends(_mediator)]
"""The way to other blocks, through the gateway."""


def _text(value: str) -> str:
    if _NOT_TEXT.search(value):
        message = "a NUL character or half a surrogate pair cannot be kept"
        raise ValueError(message)
    return value


def _json(value: dict[str, Any]) -> dict[str, Any]:
    found = _unkeepable(value)
    if found:
        raise ValueError(found)
    return value


def _unkeepable(value: object) -> str:
    """Say why a JSON value cannot be kept as jsonb; empty when it can."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str) and _NOT_TEXT.search(item):
            return "a NUL character or half a surrogate pair cannot be kept"
        if isinstance(item, float) and not math.isfinite(item):
            return "NaN and infinity are not JSON"
        if isinstance(item, dict):
            members = cast("dict[str, object]", item)
            pending += [*members, *members.values()]
        elif isinstance(item, list):
            pending += cast("list[object]", item)
    return ""


Text = Annotated[str, AfterValidator(_text)]
"""Text PostgreSQL can keep."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_json)]
"""Any JSON object PostgreSQL can keep."""


# -- problems on the wire ------------------------------------------------------------------


class ProblemField(BaseModel):
    """One field that was refused."""

    pointer: str = Field(description="JSON Pointer (RFC 6901) to the field", examples=["#/name"])
    reason: str = Field(description="Why it was refused")


class ProblemDocument(BaseModel):
    """A problem on the wire (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str | None = None
    requestId: str | None = None
    errors: list[ProblemField] | None = None


class Unreadable(Invalid):
    """The request does not fit the contract."""


class NotJson(Invalid):
    """The body is not declared as JSON."""

    title = "The body is not declared as JSON"


class PathUnreadable(Invalid):
    """The path or query is not UTF-8 text."""

    title = "The address is not UTF-8 text"


class BodyTooLarge(TooLarge):
    """The body is larger than the block reads."""

    title = "The body is too large"


_ALWAYS: tuple[type[Problem], ...] = (
    Unreadable,
    Unauthenticated,
    Forbidden,
    BodyTooLarge,
    Unavailable,
)


def may_answer(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Say in the contract which problems a route can answer with."""
    titles: dict[int | str, list[str]] = {}
    for problem in problems:
        titles.setdefault(problem.status, []).append(problem.title)
    return {
        status: {"model": ProblemDocument, "description": " or ".join(dict.fromkeys(names))}
        for status, names in titles.items()
    }


def slug(problem: type[Problem]) -> str:
    """Name a problem for its URI: ``RecordNotFound`` is ``record-not-found``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", problem.__name__).lower()


def problem_body(problem: Problem, status: int, request_id: str) -> dict[str, Any]:
    """Return a problem as its document."""
    body: dict[str, Any] = {
        "type": f"/problems/{slug(type(problem))}",
        "title": problem.title,
        "status": status,
    }
    if problem.detail:
        body["detail"] = problem.detail
    if request_id:
        body["requestId"] = request_id
    if problem.errors:
        body["errors"] = [{"pointer": e.pointer, "reason": e.reason} for e in problem.errors]
    return body


def problem_response(problem: Problem, status: int, request_id: str = "") -> JSONResponse:
    """Return a problem as a response."""
    headers = dict(problem.headers)
    if status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return JSONResponse(
        problem_body(problem, status, request_id), status, headers=headers, media_type=MEDIA_TYPE
    )


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Return Pydantic's errors as fields and reasons, without the values that were sent."""
    return [_field_error(error) for error in errors]


def _field_error(error: Mapping[str, Any]) -> FieldError:
    where = error["loc"][1:]
    if error["type"] == "json_invalid":
        return FieldError("#", f"not JSON at character {where[0]}: {error['ctx']['error']}")
    reason = str(error["msg"]).removeprefix("Value error, ")
    return FieldError("#/" + "/".join(str(part) for part in where), reason)


# -- the application -----------------------------------------------------------------------


class _Handlers:
    """Turn whatever was raised into a problem, with the block's own statuses."""

    def __init__(self, statuses: Mapping[type[Problem], int]) -> None:
        self.statuses = statuses

    def status(self, problem: type[Problem]) -> int:
        return self.statuses.get(kind_of(problem), problem.status)

    def respond(self, request: Request, problem: Problem) -> JSONResponse:
        status = self.status(type(problem))
        return problem_response(problem, status, getattr(request.state, "request_id", ""))

    async def problem(self, request: Request, error: Exception) -> Response:
        return self.respond(request, cast("Problem", error))

    async def invalid(self, request: Request, error: Exception) -> Response:
        errors = field_errors(cast("RequestValidationError", error).errors())
        if [e.pointer for e in errors] == ["#/"] and not _is_json(request):
            return self.respond(
                request, NotJson("send the body with Content-Type: application/json")
            )
        detail = "; ".join(f"{e.pointer[2:]}: {e.reason}".removeprefix(": ") for e in errors[:3])
        return self.respond(request, Unreadable(detail, errors=errors))

    async def http(self, request: Request, error: Exception) -> Response:
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
        if isinstance(error, DBAPIError) and not error.connection_invalidated:
            raise error
        return self.respond(request, database.DatabaseUnavailable())


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


def routes_of(routes: Sequence[BaseRoute]) -> Iterator[BaseRoute]:
    """Return the routes themselves, those of included routers too."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from routes_of(included.routes)


Opening = Callable[[FastAPI, AsyncExitStack], Awaitable[None]]
"""What a block opens besides the database; it pushes what must be closed on the stack."""


def create_app(  # noqa: PLR0913  each argument is one line of a block's main.py
    block: str,
    title: str,
    description: str,
    settings: BlockSettings,
    routers: Sequence[APIRouter],
    *,
    statuses: Mapping[type[Problem], int] | None = None,
    opening: Opening | None = None,
    identify: Identify = by_assertion,
) -> FastAPI:
    """Put a block's application together.

    ``statuses`` maps a kind of problem to the status a published contract fixes for it.
    """
    handlers = _Handlers(statuses or {})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await _open(app, settings, stack)
            if opening:
                await opening(app, stack)
            yield

    app = FastAPI(
        title=title,
        description=description,
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=may_answer(*_ALWAYS),
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.block = block
    app.state.identify = identify
    for router in _with_health(routers):
        app.include_router(router)
    _handle(app, handlers)
    app.add_middleware(Door, limit=settings.body_limit)
    _describe(app, handlers)
    return app


def _with_health(routers: Sequence[APIRouter]) -> Sequence[APIRouter]:
    """Add the kit's health to a block that does not answer for its own."""
    routes = (route for router in routers for route in routes_of(router.routes))
    if any(getattr(route, "path", "") == "/health" for route in routes):
        return routers
    return (*routers, health_router)


async def _open(app: FastAPI, settings: BlockSettings, stack: AsyncExitStack) -> None:
    state = app.state
    state.settings = settings
    state.database = database.Database(settings.database_url.get_secret_value(), settings.pool_size)
    stack.push_async_callback(state.database.close)
    state.keyring = Keyring(settings.sealing_key.get_secret_value())
    state.ledger = evidence.Ledger(state.block, state.keyring, state.database)
    stack.push_async_callback(state.ledger.close)
    state.gateway_keys = KeySource(settings.gateway_jwks, settings.gateway_url)
    state.mediator = Mediator(settings)
    stack.push_async_callback(state.mediator.close)


def _handle(app: FastAPI, handlers: _Handlers) -> None:
    app.add_exception_handler(Problem, handlers.problem)
    app.add_exception_handler(RequestValidationError, handlers.invalid)
    app.add_exception_handler(HTTPException, handlers.http)
    for lost in (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, DBAPIError):
        app.add_exception_handler(lost, handlers.lost)


def _describe(app: FastAPI, handlers: _Handlers) -> None:
    """Make the OpenAPI document say what is answered: problems, never 422."""
    generate = app.openapi
    moved = {str(kind.status): str(status) for kind, status in handlers.statuses.items()}

    def openapi() -> dict[str, Any]:
        if app.openapi_schema:
            return app.openapi_schema
        document = generate()
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"] = _responses(operation["responses"], moved)
        schemas = document.get("components", {}).get("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


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


class Health(BaseModel):
    """Whether a block can serve."""

    status: str = Field(examples=["ok"])
    block: str
    database: bool


health_router = APIRouter(tags=["health"])
Anyone = Annotated[Caller, public()]


@health_router.get("/health", responses={503: {"model": Health, "description": "Not ready"}})
@health_router.get("/healthcheck", include_in_schema=False)
async def health(request: Request, response: Response, _caller: Anyone) -> Health:
    """Tell whether the block can serve (govstack-cfr-architecture#15)."""
    ready = await request.app.state.database.is_ready()
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Health(
        status="ok" if ready else "unavailable", block=request.app.state.block, database=ready
    )


class Door:
    """The outermost layer: ids, sizes, text, and the last word on what was not foreseen."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Passage(scope, receive, send, self._limit)
        try:
            exchange.check()
            await self._app(scope, exchange.receive, exchange.send)
        except Problem as problem:
            await exchange.answer(problem_response(problem, problem.status, exchange.request_id))
        except Exception:  # noqa: BLE001  the last word
            _log.exception("unforeseen", extra={"request_id": exchange.request_id})
            await exchange.answer(problem_response(Problem(), 500, exchange.request_id))


class _Passage:
    """One request on its way through the door."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self._scope, self._receive, self._send, self._limit = scope, receive, send, limit
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._read = 0
        self._started = False
        self.request_id = request_id_of(self._headers)
        scope.setdefault("state", {})["request_id"] = self.request_id

    def check(self) -> None:
        """Refuse what no route could read; raise PathUnreadable or BodyTooLarge."""
        raw_path: bytes = self._scope.get("raw_path") or b""
        for part in (raw_path, self._scope.get("query_string", b"")):
            if not is_text(part):
                raise PathUnreadable("a path or query is percent-encoded UTF-8 without NUL")
        length = self._headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._limit:
            raise BodyTooLarge(self._limit_said())

    async def receive(self) -> Message:
        """Pass the body in, up to the limit."""
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._limit_said())
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer out, with the request's id on it."""
        if message["type"] == "http.response.start":
            self._started = True
            message["headers"] = [
                *message["headers"],
                (REQUEST_ID.encode(), self.request_id.encode()),
            ]
        await self._send(message)

    async def answer(self, response: Response) -> None:
        """Answer in the application's place, if it has not begun to."""
        if not self._started:
            await response(self._scope, self._receive, self.send)

    def _limit_said(self) -> str:
        return f"a body may have {self._limit} bytes at most"


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """Return the id a request came with if it is clean, or a new one."""
    given = headers.get(REQUEST_ID.encode(), b"").decode("latin-1")
    return given if _CLEAN_ID.fullmatch(given) else str(new_id())


def is_text(percent_encoded: bytes) -> bool:
    """Tell whether a raw path or query decodes to UTF-8 without NUL."""
    decoded = unquote_to_bytes(percent_encoded)
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return False
    return b"\x00" not in decoded


def json_bytes(document: object) -> bytes:
    """Return a document as compact JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
