"""Exchanges: who gets through, what passes unchanged, and what the log says of it."""

import hashlib
import json
import time

import pytest
from gateway_house import (
    AT_HOME,
    CLINIC,
    HOME,
    INSIDE,
    OPERATOR,
    OUTSIDE,
    POPULATION,
    House,
    asserted,
    bearer,
    client_of,
    person,
    signed_for,
)

from gateway.identity.models import Bound, issue
from kit.access import AssertionRefused
from kit.database import Database
from kit.evidence import Keys, Ledger, promises, signing
from kit.identifiers import new_id

WALK = "0192d3a0-7a3b-7c00-8000-0123456789ab"
BOTH = pytest.mark.parametrize("service", [INSIDE, OUTSIDE])


@BOTH
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_every_method_passes_unchanged(house: House, service: str, method: str) -> None:
    body = b"" if method in ("GET", "HEAD") else bytes(range(256)) * 40
    path, query = "/things/a%2Fb%20c/%C3%B5un", "q=%2B1&q=%C3%A4&empty=&status=207"
    async with house.keyed() as http:
        answer = await http.request(
            method,
            f"/r1/{service}{path}?{query}",
            content=body,
            headers={"Content-Type": "application/x-odd", "X-Own": "kept"},
        )
    assert answer.status_code == 207
    base = "/base" if service == OUTSIDE else ""
    assert answer.headers["x-raw-path"] == base + path
    assert answer.headers["x-query"] == query
    assert answer.headers["x-method"] == method
    assert answer.headers["content-type"] == "application/x-odd"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.content == body
    seen = house.inside if service == INSIDE else house.outside
    assert seen.headers["x-own"] == "kept"


@BOTH
async def test_what_belongs_to_one_connection_stays_there(house: House, service: str) -> None:
    headers = {"Connection": "x-mine", "X-Mine": "1", "TE": "trailers", "Keep-Alive": "5"}
    async with house.keyed() as http:
        answer = await http.get(f"/r1/{service}/things", headers=headers)
    seen = house.inside if service == INSIDE else house.outside
    assert not {"x-mine", "te", "keep-alive"} & set(seen.headers)
    assert "x-private" not in answer.headers
    assert "x-govblocks-secret" not in answer.headers


async def test_a_block_is_told_who_asks_and_an_outside_provider_only_which_client(
    house: House,
) -> None:
    headers = {"Authorization": f"Bearer {person(roles=['doctor', 'administrator'])}"}
    async with house.keyed(X_Road_UserId="EE1", **headers) as http:
        await http.get(f"/r1/{INSIDE}/things/1", headers={"X-Request-Id": WALK})
        await http.get(f"/r1/{OUTSIDE}/things/1")
    caller = asserted(house.inside.seen[-1])
    assert caller.client == "DEV/GOV/10001/keyed"
    assert caller.tenant == "DEV/GOV/10002"
    assert (caller.person, caller.person_name) == ("EE38001010000", "Mari Maasikas")
    assert caller.roles == {"doctor"}  # an issuer makes no administrators unless settings say so
    assert caller.reader == "EE1"
    assert caller.member_name == "Ministry of Health"
    assert caller.service == INSIDE
    assert caller.request_id == WALK
    assert caller.scopes == {"*"}
    for seen in (house.inside.headers, house.outside.headers):
        assert seen["x-govstack-client"] == "DEV/GOV/10001/keyed"
        assert seen["information-mediator-client"] == "DEV/GOV/10001/keyed"
        assert not {"authorization", "apikey"} & set(seen)
    assert "x-govblocks-assertion" not in house.outside.headers


async def test_a_block_elsewhere_is_told_by_a_signed_assertion(house: House) -> None:
    smuggled = {"X-GovBlocks-Assertion": "forged"}
    async with house.keyed() as http:
        answer = await http.get(f"/r1/{POPULATION}/far/things", headers=smuggled)
    assert answer.status_code == 200
    caller = signed_for(house.outside.seen[-1], "far")
    assert (caller.client, caller.tenant) == ("DEV/GOV/10001/keyed", "DEV/GOV/10002")
    with pytest.raises(AssertionRefused):
        signed_for(house.outside.seen[-1], "echo")


async def test_the_same_caller_is_signed_for_once_and_another_anew(house: House) -> None:
    far, words = f"/r1/{POPULATION}/far/things", list[str]()
    async with house.keyed() as http:
        for reader in (None, None, "EE1"):
            headers = {"x-road-userid": reader} if reader else {}
            assert (await http.get(far, headers=headers)).status_code == 200
            sent = {n.decode(): v.decode() for n, v in house.outside.seen[-1]["headers"]}
            words.append(sent["x-govblocks-assertion"])
    assert words[0] == words[1] != words[2]


async def test_a_shared_service_reaches_the_clients_own_objects(house: House) -> None:
    async with house.keyed() as http:
        answer = await http.get("/echo/things/a%2Fb")
        await http.get(f"/r1/{OPERATOR}/echo/things")
    assert answer.headers["x-raw-path"] == "/things/a%2Fb"
    assert [asserted(scope).tenant for scope in house.inside.seen[-2:]] == ["DEV/GOV/10001"] * 2


async def test_a_right_narrows_to_what_the_service_offers(house: House) -> None:
    async with await house.clinic() as http:
        await http.get(f"/r1/{POPULATION}/narrow/things")
    assert asserted(house.inside.seen[-1]).scopes == {"b"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/r1/{POPULATION}/nobody/things", 403),
        (f"/r1/{POPULATION}/unknown/things", 404),
        ("/r1/DEV/GOV/1/x/y/z", 404),
        ("/r1//GOV/1/x/y/z", 404),
        (f"/r1/{INSIDE}/things/%2e%2e/admin", 400),
        (f"/r1/{INSIDE}/things/..%2fadmin", 400),
        ("/nowhere/at/all", 404),
        (f"/r1/{POPULATION}", 404),
    ],
)
async def test_what_is_not_allowed_is_refused(house: House, path: str, status: int) -> None:
    before = len(house.inside.seen)
    async with house.keyed() as http:
        request = http.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = await http.send(request)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    assert len(house.inside.seen) == before


async def test_credentials_decide_who_asks(house: House) -> None:
    path = f"/r1/{INSIDE}/things"

    async def status(host: tuple[str, int] = ("127.0.0.1", 1), **headers: str) -> int:
        async with client_of(house.app, host=host, **headers) as http:
            return (await http.get(path)).status_code

    assert await status() == 401
    assert await status(apiKey="wrong-key-0000000000") == 401
    assert await status(Authorization="the-demo-api-key-0001") == 200
    assert await status(Authorization="ApiKey the-demo-api-key-0001") == 200
    assert await status(api_key="x") == 401
    assert await status(Authorization="Basic eDp5") == 401
    assert await status(Authorization="Bearer not.a.token") == 401
    assert await status(X_GovStack_Client=CLINIC) == 401
    assert await status(X_GovStack_Client="DEV/GOV/10001/nobody") == 403
    assert await status(apiKey="the-demo-api-key-0001", X_Road_Client=CLINIC) == 403
    same = {"X_GovStack_Client": "DEV/GOV/10001/keyed"}
    assert await status(apiKey="the-demo-api-key-0001", **same) == 200
    assert await status(Authorization=f"Bearer {person()}") == 401
    expired = issue(house.settings.key, "http://gateway.test", CLINIC, Bound(), time.time() - 1000)
    assert await status(Authorization=f"Bearer {expired}") == 401
    assert (
        await status(Authorization=f"Bearer {person(exp=1)}", apiKey="the-demo-api-key-0001") == 401
    )
    disagree = {"X_GovStack_Client": CLINIC, "X_Road_Client": HOME}
    assert await status(**disagree) == 400


async def test_a_trusted_network_proves_those_without_credentials(house: House) -> None:
    async with client_of(house.app, host=AT_HOME, X_GovStack_Client=HOME) as http:
        assert (await http.get("/echo/things")).status_code == 200
        assert asserted(house.inside.seen[-1]).client == HOME
        assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 403
    async with client_of(house.app, host=AT_HOME, X_GovStack_Client=CLINIC) as http:
        assert (await http.get("/echo/things")).status_code == 401
    async with client_of(house.app, host=AT_HOME) as http:
        assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 200
        caller = asserted(house.inside.seen[-1])
        assert (caller.client, caller.scopes) == ("anonymous", {"look"})
        assert (await http.get("/echo/things")).status_code == 200
        assert asserted(house.inside.seen[-1]).tenant == "DEV/GOV/90001"
    async with client_of(house.app, X_GovStack_Client=HOME) as http:
        assert (await http.get("/echo/things")).status_code == 401


async def test_an_administrator_acts_for_the_application_they_name(house: House) -> None:
    async with await house.administrator(X_GovStack_Client=HOME) as http:
        answer = await http.get(f"/r1/{POPULATION}/nobody/things")
    assert answer.status_code == 200
    caller = asserted(house.inside.seen[-1])
    assert (caller.client, caller.scopes) == (HOME, {"*"})
    assert caller.is_administrator
    entries = await house.log(answer.headers["x-request-id"])
    assert [entry["facts"]["administrator"] for entry in entries] == ["administrator"] * 2
    async with await house.administrator(X_GovStack_Client="DEV/GOV/1/x") as http:
        assert (await http.get("/echo/things")).status_code == 403


async def test_an_identity_that_a_client_smuggles_in_is_dropped(house: House) -> None:
    smuggled = {"X-GovBlocks-Assertion": "forged", "X-GovBlocks-Other": "forged"}
    async with house.keyed() as http:
        await http.get(f"/r1/{INSIDE}/things", headers=smuggled)
        await http.get(f"/r1/{OUTSIDE}/things", headers=smuggled)
    names = [n for n, _ in house.inside.seen[-1]["headers"] if n.startswith(b"x-govblocks")]
    assert names == []
    assert asserted(house.inside.seen[-1]).client == "DEV/GOV/10001/keyed"
    assert not [n for n in house.outside.headers if n.startswith("x-govblocks")]


@BOTH
async def test_the_log_proves_an_exchange_and_tells_nothing_of_its_content(
    house: House, service: str
) -> None:
    body = b'{"name": "Mari Maasikas"}'
    consent, request_id = str(new_id()), str(new_id())
    async with house.keyed(Authorization=f"Bearer {person()}") as http:
        await http.get(f"/r1/{service}/openapi.json")
        answer = await http.put(
            f"/r1/{service}/things/EE38001010000?name=Maasikas",
            content=body,
            headers={"consentReference": consent, "X-Request-Id": request_id},
        )
    assert answer.headers["x-request-id"] == request_id
    request, last = await house.log(request_id)
    assert (request["kind"], last["kind"]) == ("exchange.request", "exchange.answer")
    for entry in (request, last):
        assert entry["client"] == "DEV/GOV/10001/keyed"
        assert entry["service"] == service
        assert entry["at"].endswith("Z")
        assert entry["facts"]["consentReference"] == consent
        assert entry["facts"]["method"] == "PUT"
        assert entry["facts"]["tenant"] == "DEV/GOV/10002"
    digest = hashlib.sha256(body).hexdigest()
    facts = last["facts"]
    assert facts["status"] == 200
    assert (facts["requestSize"], facts["requestSha256"]) == (len(body), digest)
    assert (facts["answerSize"], facts["answerSha256"]) == (len(body), digest)
    assert facts["durationMs"] >= 0
    if service == INSIDE:
        assert facts["operation"] == "/things/{thing}"
    said = json.dumps([request, last])
    assert "EE38001010000" not in said
    assert "Maasikas" not in said


@BOTH
async def test_words_of_a_clients_own_are_in_no_entry(house: House, service: str) -> None:
    words = {"consentReference": "Mari Maasikas 38001010000", "X-Request-Id": "Mari-38001010000"}
    async with house.keyed() as http:
        answer = await http.get(f"/r1/{service}/things", headers=words)
        lost = await http.get("/r1/DEV/GOV/Maasikas/38001010000/x/y", headers=words)
    for each in (answer, lost):
        assert "Mari" not in str(each.headers)
        said = json.dumps(await house.log(each.headers["x-request-id"]))
        assert "exchange.request" in said
        assert "Maasikas" not in said
        assert "38001010000" not in said


def promised(house: House, word: str) -> list[str]:
    """Return the ids that a promise of the gateway's names, verified with its public keys."""
    keys = Keys(house.app.state.evidence_signer.public)
    said = keys.verify(signing.PROMISE, word)
    assert said["ledger"] == "gateway"
    return [entry["id"] for entry in said["entries"]]


@BOTH
async def test_an_answer_promises_the_entries_of_its_exchange(house: House, service: str) -> None:
    async with house.keyed() as http:
        answer = await http.get(f"/r1/{service}/things", headers={"X-GovBlocks-Evidence": "forged"})
    given = answer.headers.get_list(promises.HEADER)
    assert given[:-1] == (["the.providers.own"] if service == INSIDE else [])
    logged = await house.log(answer.headers["x-request-id"])
    assert promised(house, given[-1]) == [entry["id"] for entry in logged]
    seen = house.inside if service == INSIDE else house.outside
    assert promises.HEADER not in seen.headers


async def test_a_refusal_is_promised_as_well(house: House) -> None:
    async with house.keyed() as http:
        for method, path in (("GET", f"/r1/{POPULATION}/nobody/x"), ("POST", "/r1/A/B/C/D/E/F")):
            answer = await http.request(method, path)
            logged = await house.log(answer.headers["x-request-id"])
            assert len(logged) == 2
            [word] = answer.headers.get_list(promises.HEADER)
            assert promised(house, word) == [entry["id"] for entry in logged]
        answer = await http.get(f"/r1/{POPULATION}/gone/things")
        assert answer.status_code == 503
        logged = await house.log(answer.headers["x-request-id"])
        assert promised(house, answer.headers[promises.HEADER]) == [each["id"] for each in logged]


async def test_a_refusal_is_in_the_log_too(house: House) -> None:
    for path, title in (
        (f"/r1/{POPULATION}/nobody/EE38001010000", "No right to this service"),
        (f"/r1/{POPULATION}/EE38001010000/x", "No such service"),
    ):
        async with house.keyed() as http:
            answer = await http.get(path)
        request, refused = await house.log(answer.headers["x-request-id"])
        assert (request["kind"], refused["kind"]) == ("exchange.request", "exchange.refused")
        assert refused["facts"]["reason"] == title
        assert "EE38001010000" not in json.dumps([request, refused])


async def test_a_provider_that_is_not_there_is_unavailable(house: House) -> None:
    async with house.keyed() as http:
        answer = await http.post(f"/r1/{POPULATION}/gone/things", content=b"x" * 100_000)
    assert answer.status_code == 503
    assert answer.json()["title"] == "The provider does not answer"
    _, last = await house.log(answer.headers["x-request-id"])
    assert last["facts"]["failure"] == "provider unavailable"


@BOTH
async def test_an_application_sees_its_own_side_of_the_log(house: House, service: str) -> None:
    async with house.keyed() as http:
        answer = await http.get(f"/r1/{service}/things")
        mine = await http.get("/api/v1/messagelog", params={"service": service, "limit": 1000})
    question = {"queryId": answer.headers["x-request-id"]}
    assert {m["client"] for m in mine.json()["messages"]} == {"DEV/GOV/10001/keyed"}
    async with await house.clinic() as http:  # the same member, another application
        assert not (await http.get("/api/v1/messagelog", params=question)).json()["messages"]
    async with await bearer(house.app, POPULATION, "the population office's") as http:
        seen = (await http.get("/api/v1/messagelog", params=question)).json()["messages"]
    assert [m["kind"] for m in seen] == ["exchange.answer", "exchange.request"]
    async with client_of(house.app, host=AT_HOME) as http:
        assert (await http.get("/api/v1/messagelog")).status_code == 403


async def test_what_cannot_be_logged_is_not_done(house: House) -> None:
    state = house.app.state
    before, ledger = len(house.inside.seen), state.ledger
    away = Database("postgresql://nobody@127.0.0.1:9/none")
    state.ledger = Ledger(state.block, state.keyring, away)
    try:
        async with house.keyed() as http:
            assert (await http.post(f"/r1/{INSIDE}/things")).status_code == 503
            assert len(house.inside.seen) == before
            answer = await http.get(f"/r1/{INSIDE}/things?secret=1")
            assert answer.status_code == 503
            assert answer.json()["title"] == "The message log cannot be written now"
            assert (await http.get(f"/r1/{POPULATION}/nobody/x")).status_code == 503
    finally:
        state.ledger = ledger


async def test_what_nobody_foresaw_is_answered_with_its_request(house: House) -> None:
    async def broken(*_: object) -> None:
        message = "a secret of the program"
        raise LookupError(message)

    providers = house.app.state.providers
    house.app.state.providers = type("Broken", (), {"operation": broken})()
    try:
        async with house.keyed() as http:
            answer = await http.get(f"/r1/{INSIDE}/things", headers={"X-Request-Id": WALK})
    finally:
        house.app.state.providers = providers
    assert answer.status_code == 500
    assert answer.json()["requestId"] == WALK
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/r1/{INSIDE}/.well-known/jwks.json", 200),
        ("GET", f"/r1/{INSIDE}/evidence/checkpoints", 200),
        ("GET", f"/r1/{INSIDE}/evidence/checkpoints/latest", 200),
        ("GET", f"/r1/{INSIDE}/evidence/consistency?first=1&second=2", 200),
        ("POST", f"/r1/{INSIDE}/evidence/checkpoints", 401),
        ("GET", f"/r1/{INSIDE}/evidence/entries", 401),
        ("GET", f"/r1/{INSIDE}/evidence/checkpoints/", 401),
        ("GET", f"/r1/{INSIDE}/evidence/%2e%2e/evidence/checkpoints", 401),
        ("GET", f"/r1/{OUTSIDE}/evidence/checkpoints", 401),
        ("GET", f"/r1/{POPULATION}/unknown/evidence/checkpoints", 404),
    ],
)
async def test_anybody_anywhere_may_ask_a_block_for_what_verifies_its_ledger(
    house: House, method: str, path: str, status: int
) -> None:
    before = len(house.inside.seen)
    async with client_of(house.app, host=("203.0.113.7", 1)) as http:
        answer = await http.request(method, path)
    assert answer.status_code == status
    assert len(house.inside.seen) - before == (status == 200)
    if status == 200:
        caller = asserted(house.inside.seen[-1])
        assert (caller.client, caller.scopes, caller.person) == ("anonymous", frozenset(), None)
