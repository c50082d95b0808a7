"""The direct way: a good request goes from the door to its route past FastAPI's layers.

FastAPI declares: paths, parameters, bodies and answers, and the contract is made from them. For
each request it then walks its routers, opens exit stacks and reads the declaration anew, which
takes longer than all the rest of a hot read (docs/decisions/0011). Here the declaration of a route
is read once and becomes a ``_Step``.

Only what fits is served here. A path nobody has, a body that is not JSON, a value that is not valid
goes to FastAPI as it came, before anything was done for it: what is wrong is said in one place.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from http import HTTPStatus
from inspect import isasyncgenfunction, iscoroutinefunction
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.encoders import jsonable_encoder
from fastapi.params import Form
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, serialize_response
from fastapi.utils import is_body_allowed_for_status_code
from pydantic import AwareDatetime
from starlette.convertors import Convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit.web.bodies import read_json
from kit.web.contract import routes_of

_NOTHING: Any = object()
_SINGLE = (str, int, float, bool, UUID, datetime, AwareDatetime, date, NoneType)
"""What a parameter with one value can be; all of it can be shared between requests."""
_Handler = Callable[[Request, Exception], Awaitable[Response]]


class _NotFit(Exception):
    """The request is not one that can be served directly."""


class Direct:
    """The layer below the door; it needs the application whose routes it serves."""

    def __init__(self, app: ASGIApp, of: FastAPI) -> None:
        self._next = app
        self._of = of
        self._table: _Table | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if self._table is None:
            self._table = _Table(self._of)
        found = None if scope["type"] != "http" else self._table.find(scope)
        if found is None:
            await self._next(scope, receive, send)
            return
        way, path = found
        scope.update(path_params=path, route=way.route, endpoint=way.route.endpoint)
        request = Request(scope, receive, send)
        try:
            response = await way.serve(request, path)
        except _NotFit:
            await self._next(scope, _again(request, receive), send)
            return
        except Exception as error:  # noqa: BLE001  raised again when nobody answers it
            response = await self._table.handler(error)(request, error)
        await response(scope, receive, send)


def _again(request: Request, receive: Receive) -> Receive:
    """Return what gives a body that was read once more, and then what else comes."""
    body: bytes | None = getattr(request, "_body", None)

    async def again() -> Message:
        nonlocal body
        if body is None:
            return await receive()
        message = {"type": "http.request", "body": body, "more_body": False}
        body = None
        return message

    return again


class _Table:
    """The routes of an application by method and path, in FastAPI's order: the first one wins."""

    def __init__(self, of: FastAPI) -> None:
        self._handlers = of.exception_handlers
        self._exact: dict[tuple[str, str], _Way] = {}
        self._others: dict[str, list[_Way]] = {}
        for route in routes_of(of.routes):
            methods: set[str] = getattr(route, "methods", None) or set()
            for method in methods:
                self._add(method, _Way(route))

    def _add(self, method: str, way: "_Way") -> None:
        before = self._others.setdefault(method, [])
        path = way.route.path
        if "{" in path:
            before.append(way)
        elif not any(other.pattern.match(path) for other in before):
            self._exact.setdefault((method, path), way)

    def find(self, scope: Scope) -> "tuple[_Way, dict[str, Any]] | None":
        """Return the way that serves a request, and what its path says; None if none does."""
        if scope.get("root_path"):
            return None
        method, path = scope["method"], scope["path"]
        way, said = self._exact.get((method, path)), dict[str, Any]()
        if way is None:
            for other in self._others.get(method, ()):
                match = other.pattern.match(path)
                if match:
                    way, said = other, match.groupdict()
                    break
        if way is None or way.step is None:
            return None
        for name, convertor in way.convertors:
            said[name] = convertor.convert(said[name])
        return way, said

    def handler(self, error: Exception) -> _Handler:
        """Return what answers an error, or raise it."""
        for kind in type(error).__mro__:
            if kind in self._handlers:
                return self._handlers[kind]  # type: ignore[return-value]
        raise error


class _Way:
    """A route, and its step when it can be served directly."""

    def __init__(self, route: Any) -> None:
        self.route = route
        self.pattern: re.Pattern[str] = route.path_regex
        self.convertors: list[tuple[str, Convertor[Any]]] = list(route.param_convertors.items())
        fits = is_direct(route)
        self.step = _Step(route.dependant, _calls(route.dependant)) if fits else None
        self.opens = self.step is not None and self.step.opens

    async def serve(self, request: Request, path: Mapping[str, Any]) -> Response:
        """Return the answer to a request, or raise _NotFit before anything was done for it."""
        step, route = self.step, self.route
        assert step is not None  # noqa: S101  find() returns no other
        body = await _json_of(request) if route.body_field else _NOTHING
        given = step.given(request, path, body)
        said = _Said(request)
        if self.opens:
            async with AsyncExitStack() as stack:
                said.stack = stack
                answer = await step.run(given, said)
        else:
            answer = await step.run(given, said)
        return answer if isinstance(answer, Response) else await self._response(answer, said)

    async def _response(self, answer: object, said: "_Said") -> Response:
        """Return what a route returned as FastAPI would answer it."""
        route, also = self.route, said.response
        status: int = (also.status_code if also else None) or route.status_code or 200
        if route.response_field is None:
            response: Response = JSONResponse(jsonable_encoder(answer), status)
        else:
            content = await serialize_response(
                field=route.response_field,
                response_content=answer,
                include=route.response_model_include,
                exclude=route.response_model_exclude,
                by_alias=route.response_model_by_alias,
                exclude_unset=route.response_model_exclude_unset,
                exclude_defaults=route.response_model_exclude_defaults,
                exclude_none=route.response_model_exclude_none,
                dump_json=True,
            )
            response = Response(content, status, media_type="application/json")
        if not is_body_allowed_for_status_code(status):
            response.body = b""
        if also:
            response.raw_headers.extend(also.raw_headers)
        return response


@dataclass(slots=True)
class _Said:
    """What a request has been answered so far, beside what its route will return."""

    request: Request
    stack: AsyncExitStack | None = None
    response: Response | None = None
    shared: dict[Any, Any] = field(default_factory=dict[Any, Any])

    def own_response(self) -> Response:
        """Return the response on which a route sets status and headers before it has one."""
        if self.response is None:
            self.response = Response()
            del self.response.headers["content-length"]
            self.response.status_code = 0
        return self.response


@dataclass(slots=True)
class _Given:
    """The values of a step that the request holds, and those of the steps before it."""

    values: dict[str, Any]
    before: list["_Given"]


class _Parameters:
    """The query parameters or the headers that a call asks for.

    FastAPI tries many cases for each of them at each request. Most requests give few: only what
    is given is looked at. Headers are written ``in_any_case``.
    """

    def __init__(self, wanted: Sequence[ModelField], *, in_any_case: bool = False) -> None:
        single = {
            each.alias.lower() if in_any_case else each.alias: each
            for each in wanted
            if _is_single(each)
        }
        self._single = single
        self._required = {name for name, e in single.items() if e.field_info.is_required()}
        self._defaults = {each.name: each.default for each in single.values()}
        self._other = [each for each in wanted if not _is_single(each)]

    def read(self, given: Mapping[str, str], values: dict[str, Any]) -> None:
        """Add what is given to a call's values, or raise _NotFit."""
        values.update(self._defaults)
        found = self._single.keys() & given.keys()
        if not found >= self._required:
            raise _NotFit
        for name in found:
            wanted = self._single[name]
            values[wanted.name] = _valid(wanted, given[name])
        if self._other:
            others, errors = request_params_to_args(self._other, given)
            if errors:
                raise _NotFit
            values.update(others)


class _Step:
    """One call: a route, or what a route depends on; ``before`` are the calls it depends on.

    ``calls`` are all calls of the route: one that is there twice is made once.
    """

    def __init__(self, of: Dependant, calls: Sequence[Any]) -> None:
        self.of = of
        self.query = _Parameters(of.query_params)
        self.headers = _Parameters(of.header_params, in_any_case=True)
        self._path = [(each.name, each.alias, each, _is_any_text(each)) for each in of.path_params]
        self.before = [_Step(each, calls) for each in of.dependencies]
        self.call = cast("Callable[..., Any]", of.call)
        self._opened = asynccontextmanager(self.call) if isasyncgenfunction(of.call) else None
        self._shares = of.use_cache and calls.count(of.call) > 1

    @property
    def opens(self) -> bool:
        """Tell whether something is opened here or before that is closed before the answer."""
        return self._opened is not None or any(each.opens for each in self.before)

    def given(self, request: Request, path: Mapping[str, Any], body: Any) -> _Given:
        """Read the values of this step from a request, or raise _NotFit."""
        of, values = self.of, dict[str, Any]()
        for name, alias, wanted, is_any_text in self._path:
            said = path[alias]
            values[name] = said if is_any_text else _valid(wanted, said)
        if of.query_params:
            self.query.read(request.query_params, values)
        if of.header_params:
            self.headers.read(request.headers, values)
        for wanted in of.body_params:
            values[wanted.name] = _valid(wanted, body)
        return _Given(values, [each.given(request, path, body) for each in self.before])

    async def run(self, given: _Given, said: _Said) -> Any:
        """Make the calls before this one and then this one; return what it returns."""
        values = given.values
        for step, theirs in zip(self.before, given.before, strict=True):
            found = await step.result(theirs, said)
            if step.of.name is not None:
                values[step.of.name] = found
        if self.of.request_param_name:
            values[self.of.request_param_name] = said.request
        if self.of.response_param_name:
            values[self.of.response_param_name] = said.own_response()
        if self._opened is None:
            return await self.call(**values)
        assert said.stack is not None  # noqa: S101  the step of the route knows that this opens
        return await said.stack.enter_async_context(self._opened(**values))

    async def result(self, given: _Given, said: _Said) -> Any:
        """Return what this call gives, making it once for a request."""
        if not self._shares:
            return await self.run(given, said)
        if self.call not in said.shared:
            said.shared[self.call] = await self.run(given, said)
        return said.shared[self.call]


def is_direct(route: Any) -> bool:
    """Tell whether a route declares only what is served directly."""
    return (
        isinstance(route, APIRoute)
        and not isinstance(getattr(route.body_field, "field_info", None), Form)
        and not route._embed_body_fields  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        and isinstance(route.response_class, DefaultPlaceholder)
        and route.stream_item_type is None
        and iscoroutinefunction(route.endpoint)
        and _is_plain(route.dependant)
    )


def _is_plain(of: Dependant) -> bool:
    """Tell whether a call asks only for what a request, a body and earlier calls give."""
    return (
        not of.cookie_params
        and len(of.body_params) < 2  # noqa: PLR2004  else each is a member of one object
        and of.http_connection_param_name is None
        and of.websocket_param_name is None
        and of.background_tasks_param_name is None
        and of.security_scopes_param_name is None
        and of.concurrency is None
        and (_is_awaited(of.call) or (isasyncgenfunction(of.call) and of.scope == "function"))
        and all(_is_plain(each) for each in of.dependencies)
    )


def _is_awaited(call: Any) -> bool:
    return iscoroutinefunction(call) or iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


def _calls(of: Dependant) -> list[Any]:
    return [of.call, *(call for each in of.dependencies for call in _calls(each))]


def _is_any_text(wanted: ModelField) -> bool:
    """Tell whether any text is valid."""
    return wanted.field_info.annotation is str and not wanted.field_info.metadata


def _is_single(wanted: ModelField) -> bool:
    """Tell whether a parameter is one value with one name."""
    said = wanted.field_info
    return said.validation_alias in (None, wanted.alias) and _is_one(said.annotation)


def _is_one(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_one(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(_is_one(each) for each in get_args(annotation))
    return annotation in _SINGLE


def _valid(wanted: ModelField, said: Any) -> Any:
    if said is _NOTHING:
        if wanted.field_info.is_required():
            raise _NotFit
        return None if wanted.default is None else deepcopy(wanted.default)
    value, errors = wanted.validate(said)
    if errors:
        raise _NotFit
    return value


async def _json_of(request: Request) -> Any:
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from error  # as FastAPI does; nobody hears it
    if not body:
        return _NOTHING
    if not _is_json(request.headers.get("content-type", "")):
        raise _NotFit
    try:
        return read_json(body)
    except (ValueError, RecursionError) as error:
        raise _NotFit from error


@lru_cache(256)
def _is_json(content_type: str) -> bool:
    """Tell whether a media type is JSON; what is written oddly is left to FastAPI."""
    found = content_type.partition(";")[0].strip().lower()
    return re.fullmatch(r"application/([a-z0-9.-]+\+)?json", found) is not None
