"""The direct way answers what FastAPI answers: the same requests, with it and without it."""

import asyncio
import json
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request, Response
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from kit.access import IN_PROCESS, Caller, public, requires
from kit.evidence import new_signing_keys
from kit.problems import NotFound
from kit.sealing import new_sealing_key
from kit.settings import BlockSettings
from kit.testing import GATEWAY_JWKS
from kit.web import JsonObject, Text, create_app, gathered
from kit.web.direct import Direct, is_direct

router = APIRouter()
Anyone = Annotated[Caller, public()]
Member = Annotated[Caller, requires("things:read")]
opened: list[str] = []


class Gone(NotFound):
    title = "Gone"


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Where:
    room: Annotated[str, Path()]
    since: Annotated[int | None, Query(ge=0)] = None
    colours: Annotated[list[Colour], Query()] = ()  # type: ignore[assignment]
    basis: Annotated[Text | None, Header(alias="X-Basis", max_length=5)] = None


class Thing(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=3)]
    more: JsonObject = {}


async def once(request: Request) -> list[str]:
    return [request.method]


async def twice(first: Annotated[list[str], Depends(once)]) -> list[str]:
    return first


async def lent() -> Any:
    opened.append("opened")
    try:
        yield "lent"
    except LookupError as error:
        opened.append(type(error).__name__)
        raise
    finally:
        opened.append("closed")


Lent = Annotated[str, Depends(lent, scope="function")]


@router.get("/rooms")
async def rooms(_caller: Anyone) -> list[str]:
    return ["a"]


@router.get("/rooms/{room}")  # noqa: FAST003  gathered
async def room(_caller: Anyone, where: Annotated[Where, gathered(Where)]) -> dict[str, Any]:
    return {"room": where.room, "since": where.since, "colours": where.colours, "b": where.basis}


@router.get("/rooms/first")
async def never(_caller: Anyone) -> str:
    return "hidden by the one before"


@router.post("/rooms/{room}", status_code=201)
async def put(_caller: Member, room: str, thing: Thing, response: Response) -> Thing:
    response.headers["X-Room"] = str(len(room))
    if thing.name == "202":
        response.status_code = 202
    return thing


@router.put("/maybe")
async def maybe(_caller: Anyone, thing: Thing | None = None) -> str:
    return "nothing" if thing is None else thing.name


@router.get("/things/{thing}.{kind}")
async def thing(_caller: Anyone, thing: UUID, kind: str) -> Response:
    if kind == "none":
        raise Gone("it was there")
    return Response(f"{thing} {kind}", media_type="text/plain", headers={"X-Kind": "k"})


@router.get("/files/{file:path}")
async def file(_caller: Anyone, file: str) -> str:
    return file


@router.delete("/things/{number:int}", status_code=204)
async def delete(_caller: Member, number: int, _lent: Lent) -> None:
    if number == 404:
        raise Gone("it was never there")
    if number == 500:
        raise LookupError("7")


@router.get("/shared")
async def shared(
    _caller: Anyone,
    first: Annotated[list[str], Depends(once)],
    second: Annotated[list[str], Depends(twice)],
) -> bool:
    return first is second


@router.get("/optional", response_model_exclude_none=True)
async def optional(_caller: Anyone, _lent: Lent) -> dict[str, str | None]:
    return {"a": None, "b": "c"}


ROUTES = [route for route in router.routes if getattr(route, "methods", None)]


def make() -> FastAPI:
    found = BlockSettings(
        database_url="postgresql://nobody@127.0.0.1:9/none",  # type: ignore[arg-type]
        gateway_jwks=GATEWAY_JWKS,
        sealing_key=new_sealing_key(),  # type: ignore[arg-type]
        evidence_keys=new_signing_keys(),  # type: ignore[arg-type]
        body_limit=200,
    )
    return create_app("kit", "Kit", "Routes of every kind", found, [router])


@pytest.fixture(scope="module")
def apps() -> tuple[FastAPI, FastAPI]:
    """Return an application as it is, and the same without the direct way."""
    with_it, without = make(), make()
    direct, *others = without.layers
    assert isinstance(direct(without), Direct)
    without.layers = others
    return with_it, without


MEMBER = Caller("A/B/C/D", "A/B/C", frozenset({"things:read"}))


@dataclass(frozen=True)
class Sent:
    method: str
    path: str
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: tuple[bytes, ...] = (b"",)
    caller: Caller | None = MEMBER
    is_cut: bool = False


def answer(app: FastAPI, sent: Sent) -> tuple[Any, ...]:
    """Send a request; return status, headers, body and what was opened and closed for it."""
    opened.clear()
    chunks, said = list(sent.body), list[Any]()
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "http",
        "server": ("test", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "path": sent.path,
        "raw_path": sent.path.encode(),
        "query_string": sent.query,
        "headers": [*sent.headers, (b"x-request-id", b"0192d3a0-7a3b-7c00-8000-0123456789ab")],
        IN_PROCESS: sent.caller,
    }

    async def receive() -> dict[str, Any]:
        if not chunks:
            return {"type": "http.disconnect"}
        return {
            "type": "http.request",
            "body": chunks.pop(0),
            "more_body": bool(chunks) or sent.is_cut,
        }

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in said[1:])
    return said[0]["status"], sorted(said[0]["headers"]), body, tuple(opened)


JSON = (b"content-type", b"application/json")
PATHS = [
    *("/rooms", "/rooms/", "/rooms/first", "/rooms/ä", "/maybe", "/shared", "/optional", "/none"),
    *("/things/7", "/things/404", "/things/500", "/things/-1", "/things/x", "/files/a/b", "/files"),
    *("/things/00000000-0000-0000-0000-000000000001.txt", "/things/x.txt", "/rooms/a/b"),
    "/things/00000000-0000-0000-0000-000000000001.none",
]
QUERIES = [
    *(b"", b"since=1", b"since=-1", b"since=x", b"since=1&since=2", b"since="),
    *(b"colours=red", b"colours=red&colours=red", b"colours=blue", b"colours=", b"other=1"),
]
HEADERS = [
    *((), (JSON,), ((b"content-type", b"APPLICATION/vnd.x+JSON ; charset=utf-8"),)),
    *(((b"content-type", b"text/plain"),), (JSON, (b"x-basis", b"law"))),
    *((JSON, (b"x-basis", b"longer")), ((b"content-type", b"application/json, x"),)),
]
BODIES = [
    *((b"",), (b'{"name": "a"}',), (b'{"name"', b': "a"}'), (b'{"name": "202"}',), (b"null",)),
    *(
        (b'{"name": ""}',),
        (b"{",),
        (b"\xff",),
        (b"[" * 150,),
        (b'{"name": "a", "more": {"x": NaN}}',),
    ),
    *((b'{"name": "a", "more": 1}',), (b"[]",), (b" " * 201,), (b" " * 150, b" " * 150)),
]
CALLERS = [MEMBER, Caller("A/B/C/D", "A/B/C"), None]
SENT = st.builds(
    Sent,
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
    st.sampled_from(PATHS),
    st.sampled_from(QUERIES),
    st.sampled_from(HEADERS),
    st.sampled_from(BODIES),
    st.sampled_from(CALLERS),
    st.booleans(),
)


@given(SENT)
@settings(max_examples=1500, deadline=None, database=None, derandomize=True)
def test_the_direct_way_answers_what_fastapi_answers(apps: Any, sent: Sent) -> None:
    with_it, without = (answer(app, sent) for app in apps)
    assert with_it == without


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (Sent("GET", "/rooms/a", b"since=1&colours=red", ((b"x-basis", b"law"),)), 200),
        (Sent("POST", "/rooms/a", headers=(JSON,), body=(b'{"name"', b': "a"}')), 201),
        (Sent("POST", "/rooms/a", headers=(JSON,), body=(b'{"name": "202"}',)), 202),
        (Sent("POST", "/rooms/a", headers=(JSON,), body=(b'{"name": "long"}',)), 400),
        (Sent("POST", "/rooms/a", headers=(JSON,), body=(b'{"name": "a"}',), caller=None), 401),
        (Sent("POST", "/rooms/a", headers=(JSON,), body=(b" " * 201,)), 413),
        (Sent("DELETE", "/things/7"), 204),
        (Sent("DELETE", "/things/404"), 404),
        (Sent("DELETE", "/things/500"), 500),
        (Sent("PUT", "/maybe"), 200),
        (Sent("GET", "/shared"), 200),
        (Sent("PUT", "/maybe", headers=(JSON,), body=(b'{"na',), is_cut=True), 400),
        (Sent("GET", "/files/a/b"), 200),
    ],
)
def test_each_kind_of_answer_is_the_same(apps: Any, sent: Sent, status: int) -> None:
    with_it, without = (answer(app, sent) for app in apps)
    assert with_it == without
    assert with_it[0] == status


def test_what_is_good_is_answered_without_fastapi(apps: Any, monkeypatch: Any) -> None:
    with_it, _ = apps
    assert all(is_direct(route) for route in ROUTES)

    async def never(*_args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(with_it.router, "app", never)
    monkeypatch.setattr(with_it.router, "middleware_stack", never)
    sent = Sent("POST", "/rooms/a", headers=(JSON,), body=(b'{"name": "a"}',))
    assert answer(with_it, sent)[0] == 201
    assert json.loads(answer(with_it, Sent("GET", "/shared"))[2]) is True
    assert answer(with_it, Sent("POST", "/rooms/a"))[0] == 500
