import asyncio
import json
import socket
from collections.abc import Callable

import httpx
import pytest

from kit.problems import FieldError, Invalid
from kit.web.problems import problem_body
from stack.instance import InstanceError, read
from stack.loading import Loader, administrator

HEAD = "instance: X\ndomain: x.example\n"
MEMBERS = HEAD + "members:\n  - {name: A, class: GOV, code: '1'}\n"
EVENT_TYPE = (
    HEAD + "eventTypes:\n  - room: GOV/1/events\n    eventType: birth\n    schema: {type: object}\n"
)
SUBSCRIPTION = (
    HEAD + "subscriptions:\n  - {room: GOV/1/events, subscriber: GOV/2/desk, eventType: birth}\n"
)
POLICY = HEAD + "policies:\n  - {owner: GOV/1/app, id: p1, name: P, version: '1', url: http://p}\n"
INDIVIDUAL = (
    HEAD + "individuals:\n  - {owner: GOV/1/app, externalId: DEV1, externalIdType: person}\n"
)
EVENT_TYPES = "/r1/X/GOV/1/events/api/v1/eventType"

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def load(tmp_path):
    """Load a text into a gateway that answers as told; return what it was asked."""

    async def loaded(text: str, answer: Answer, progress: list | None = None) -> list[str]:
        file = tmp_path / "instance.yaml"
        file.write_text(text, encoding="utf-8")
        asked: list[str] = []

        def hear(request: httpx.Request) -> httpx.Response:
            asked.append(f"{request.method} {request.url.path}")
            return answer(request)

        told = [] if progress is None else progress
        transport = httpx.MockTransport(hear)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            loader = Loader(client, read(file), {}, lambda *part: told.append(part))
            await loader.load()
        return asked

    return loaded


def conflict(kept: object) -> Answer:
    """Answer that the event type is there, with this schema."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"eventType": "birth", "schema": kept})
        return httpx.Response(409, json={"title": "The event type exists"})

    return answer


async def test_a_refusal_says_the_line_the_reason_and_every_error(load, tmp_path):
    errors = (FieldError("#/members/0/code", "too short"), FieldError("#/domain", "unknown"))
    problem = Invalid("two fields are wrong", errors=errors)
    body = problem_body(problem, problem.status, "r1")
    with pytest.raises(InstanceError) as raised:
        await load(MEMBERS, lambda _: httpx.Response(problem.status, json=body))
    assert str(raised.value) == (
        f"{tmp_path / 'instance.yaml'}, line 3: refused with 400: "
        "#/members/0/code: too short; #/domain: unknown"
    )


@pytest.mark.parametrize("content", [b"", b"<h1>Bad gateway</h1>", b"{}", b"[]"])
async def test_a_refusal_without_a_problem_document_has_no_reason(load, content):
    with pytest.raises(InstanceError, match=r"line 3: refused with 502: no reason$"):
        await load(MEMBERS, lambda _: httpx.Response(502, content=content))


async def test_an_application_is_registered_with_its_certificates(load):
    sent = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(201)

    text = (
        HEAD + "members:\n  - name: A\n    class: GOV\n    code: '1'\n    applications:\n"
        "      - {id: one, connection: mtls, certificates: [{sha256: ab}]}\n"
        "      - {id: two, connection: mtls, certificates: [{subject: CN=x, issuer: CN=y}]}\n"
        "      - {id: three, connection: oauth2}\n"
    )
    await load(text, answer)
    one, two, three = sent[0]["members"][0]["applications"]
    assert (one["connection"], one["certificates"]) == ("mtls", [{"sha256": "ab"}])
    assert two["certificates"] == [{"subject": "CN=x", "issuer": "CN=y"}]
    assert "certificates" not in three


async def test_after_a_refusal_nothing_more_is_asked(load):
    more = EVENT_TYPE.removeprefix(HEAD)
    asked: list[str] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(403, json={"title": "Not allowed"})

    with pytest.raises(InstanceError, match=r"refused with 403: Not allowed$"):
        await load(MEMBERS + more, refuse)
    assert asked == ["/api/v1/config"]


async def test_an_event_type_that_is_new_is_made_by_its_room(load):
    made: list[tuple[str, object]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        made.append((request.headers["X-GovStack-Client"], json.loads(request.content)))
        return httpx.Response(201)

    progress: list[tuple[str, int]] = []
    assert await load(EVENT_TYPE, answer, progress) == [f"POST {EVENT_TYPES}"]
    assert made == [("X/GOV/1/events", {"eventType": "birth", "schema": {"type": "object"}})]
    assert progress == [("eventTypes", 1)]


async def test_an_event_type_that_is_there_with_the_same_schema_is_left_alone(load):
    asked = await load(EVENT_TYPE, conflict({"type": "object"}))
    assert asked == [f"POST {EVENT_TYPES}", f"GET {EVENT_TYPES}/birth"]


async def test_an_event_type_that_is_there_with_another_schema_is_told_with_its_line(load):
    said = r"line 4: the event type birth is there with another schema\.$"
    with pytest.raises(InstanceError, match=said):
        await load(EVENT_TYPE, conflict({"type": "string"}))


async def test_an_event_type_that_is_refused_otherwise_says_why(load):
    body = {"title": "Not allowed", "detail": "ask the provider"}
    with pytest.raises(InstanceError, match="line 4: refused with 403: ask the provider"):
        await load(EVENT_TYPE, lambda _: httpx.Response(403, json=body))


async def test_a_subscription_that_is_there_is_left_alone_and_another_refusal_is_told(load):
    path = "POST /r1/X/GOV/1/events/api/v1/subs/birth"
    assert await load(SUBSCRIPTION, lambda _: httpx.Response(409)) == [path]
    with pytest.raises(InstanceError, match="line 4: refused with 404: no reason"):
        await load(SUBSCRIPTION, lambda _: httpx.Response(404))


async def test_an_object_of_the_consent_block_is_made_once_and_then_updated(load):
    path = "/consent/config/policy/"
    for found, kept in ((404, f"POST {path}"), (200, f"PUT {path}p1/")):

        def answer(request: httpx.Request, found: int = found) -> httpx.Response:
            return httpx.Response(found if request.method == "GET" else 200)

        assert await load(POLICY, answer) == [f"GET {path}p1/", kept]


async def test_a_person_whom_the_consent_block_knows_is_not_made_again(load):
    search, make = "/consent/service/individuals/search/", "/consent/config/individual/"
    for known, asked in (([], [search, make]), ([{"id": "i1"}], [search])):

        def answer(_: httpx.Request, known: list = known) -> httpx.Response:
            return httpx.Response(200, json={"individuals": known})

        assert await load(INDIVIDUAL, answer) == [f"POST {path}" for path in asked]


async def test_a_gateway_that_does_not_answer_is_told_in_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    with pytest.raises(InstanceError, match=f"^No stack answers at {url}\\.$"):
        async with administrator(url, "admin", "secret"):
            pass


@pytest.mark.parametrize("status", ["401 Unauthorized", "200 OK"])
async def test_the_administrators_secret_is_taken_or_not(status):
    body = b'{"access_token": "t1"}'
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"client_credentials")
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        if status == "200 OK":
            async with administrator(url, "admin", "secret") as client:
                assert client.headers["Authorization"] == "Bearer t1"
        else:
            with pytest.raises(InstanceError, match="does not take the administrator's secret"):
                async with administrator(url, "admin", "wrong") as client:
                    pass
