"""Attempts that fail: counted for where they come from, told to who watches, never spelled out."""

import json
import logging
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from gateway_house import (
    AT_HOME,
    CLINIC,
    CLINIC_SECRET,
    INSIDE,
    KEYED,
    KEYED_KEY,
    POPULATION,
    House,
    bearer,
    client_of,
    person,
    token_of,
)
from httpx import BasicAuth, Response

from gateway.attempts.models import LONGEST_HOLD, WINDOW, source_of
from gateway.attempts.service import Attempts
from gateway.main import create_app
from kit.access import Caller, assertion

FREE = 5
WRONG = "a wrong secret"
GRANT = {"grant_type": "client_credentials"}
THINGS = f"/r1/{INSIDE}/things"
_hosts = iter(range(1, 250))


@pytest.fixture
def host() -> tuple[str, int]:
    """Return an address that no other test fails from."""
    return (f"192.0.2.{next(_hosts)}", 1)


@pytest.fixture
async def strict(house: House) -> AsyncGenerator[FastAPI]:
    """Return a worker that lets an address fail five times in a minute."""
    settings = house.settings.model_copy(update={"free_attempts": FREE})
    app = create_app(settings, {"echo": house.inside})
    async with app.router.lifespan_context(app):
        yield app


async def guess(app: FastAPI, host: tuple[str, int], secret: str = WRONG) -> Response:
    async with client_of(app, host=host) as http:
        return await http.post("/oauth2/token", data=GRANT, auth=BasicAuth(CLINIC, secret))


async def with_key(app: FastAPI, host: tuple[str, int], key: str) -> Response:
    async with client_of(app, host=host, apiKey=key) as http:
        return await http.get(THINGS)


async def after(app: FastAPI, seconds: float) -> None:
    """Let time pass for all that is counted, and for what this worker remembers."""
    async with app.state.database.connection() as connection:
        await connection.driver.execute(
            "UPDATE attempt SET began_at = began_at - $1::interval, "
            "held_at = held_at - $1::interval, held_until = held_until - $1::interval",
            timedelta(seconds=seconds),
        )
    forgetful = Attempts(lambda: app.state.database, app.state.keyring, FREE)
    app.state.identity.attempts = forgetful


async def fail(app: FastAPI, host: tuple[str, int], times: int = FREE) -> None:
    for _ in range(times):
        assert (await guess(app, host)).status_code == 401


async def test_a_source_that_guesses_is_not_listened_to_for_a_while(
    strict: FastAPI, host: tuple[str, int]
) -> None:
    await fail(strict, host)
    refused = await guess(strict, host, CLINIC_SECRET)  # even the right one
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 15
    assert (await guess(strict, ("198.51.100.7", 1), CLINIC_SECRET)).status_code == 200
    async with client_of(strict, host=host) as http:  # its neighbours at the address work on
        auth = BasicAuth(POPULATION, "the population office's")
        assert (await http.post("/oauth2/token", data=GRANT, auth=auth)).status_code == 200
    assert (await with_key(strict, host, KEYED_KEY)).status_code == 200
    await after(strict, 16)
    assert (await guess(strict, host, CLINIC_SECRET)).status_code == 200


async def test_each_time_a_source_waits_twice_as_long(
    strict: FastAPI, host: tuple[str, int]
) -> None:
    waits: list[int] = []
    for _ in range(7):
        await fail(strict, host)
        waits.append(int((await guess(strict, host)).headers["Retry-After"]))
        await after(strict, waits[-1] + 1)
    assert waits == [15, 30, 60, 120, 240, 300, 300]
    await after(strict, 1900)
    await fail(strict, host)
    assert int((await guess(strict, host)).headers["Retry-After"]) == 15


async def test_failures_that_are_far_apart_are_not_counted_together(
    strict: FastAPI, host: tuple[str, int]
) -> None:
    for _ in range(3):
        await fail(strict, host, FREE - 1)
        await after(strict, WINDOW.total_seconds() + 1)
    assert (await guess(strict, host, CLINIC_SECRET)).status_code == 200
    assert LONGEST_HOLD.total_seconds() == 300


async def test_wrong_keys_and_forged_tokens_are_guesses_and_what_has_ended_is_none(
    house: House, strict: FastAPI, host: tuple[str, int]
) -> None:
    forged = (await token_of(strict, CLINIC, CLINIC_SECRET))[:-6] + "AAAAAA"
    for _ in range(FREE):
        async with client_of(strict, host=host, Authorization=f"Bearer {forged}") as http:
            assert (await http.get(THINGS)).status_code == 401
    assert (await with_key(strict, host, KEYED_KEY)).status_code == 429
    other = ("203.0.113.8", 1)
    for _ in range(FREE):
        assert (await with_key(strict, other, "no-such-key-here-at-all")).status_code == 401
    assert (await with_key(strict, other, KEYED_KEY)).status_code == 429
    keys = "/api/v1/members/GOV/10001/applications/keyed/keys"
    async with await house.administrator() as admin:
        past = {"id": "ended", "key": "a-key-that-has-ended", "expiresAt": "2020-01-01T00:00:00Z"}
        assert (await admin.post(keys, json=past)).status_code in {200, 201}
    third = ("203.0.113.9", 1)
    for _ in range(FREE + 1):
        assert (await with_key(strict, third, "a-key-that-has-ended")).status_code == 401
    assert (await with_key(strict, third, KEYED_KEY)).status_code == 200


async def test_who_holds_a_token_or_a_key_made_here_works_on_beside_a_guesser(
    house: House, strict: FastAPI, host: tuple[str, int]
) -> None:
    token = await token_of(strict, CLINIC, CLINIC_SECRET)
    keys = "/api/v1/members/GOV/10001/applications/keyed/keys"
    async with await house.administrator() as admin:
        made = (await admin.post(keys)).json()["key"]
        assert (await admin.post(keys, json={"key": made})).status_code == 400  # chosen: no
    await fail(strict, host)
    for _ in range(FREE):
        assert (await with_key(strict, host, "no-such-key-here-at-all")).status_code == 401
    assert (await with_key(strict, host, KEYED_KEY)).status_code == 429  # it was chosen
    async with client_of(strict, host=host, Authorization=f"Bearer {token}") as http:
        assert (await http.get(THINGS)).status_code == 200
    assert (await with_key(strict, host, made)).status_code == 200
    wrong = made[:-4] + "AAAA"
    assert (await with_key(strict, host, wrong)).status_code == 429


async def test_workers_count_together(house: House, strict: FastAPI, host: tuple[str, int]) -> None:
    settings = house.settings.model_copy(update={"free_attempts": FREE})
    other = create_app(settings, {"echo": house.inside})
    async with other.router.lifespan_context(other):
        await fail(strict, host, FREE - 1)
        await fail(other, host, 1)
        assert (await guess(other, host, CLINIC_SECRET)).status_code == 429
        assert (await guess(strict, host)).status_code == 429  # it learns with its next failure
        assert (await guess(strict, host, CLINIC_SECRET)).status_code == 429


async def test_a_good_request_sends_no_statement_for_this(
    strict: FastAPI, host: tuple[str, int]
) -> None:
    attempts = strict.state.identity.attempts
    before = attempts.__dict__.copy()

    def no_database() -> Any:
        raise AssertionError("a good request asked the database about failures")

    await fail(strict, host)  # there is somebody who has to wait
    attempts.__dict__["_lender"] = no_database
    try:
        assert (await with_key(strict, ("198.51.100.8", 1), KEYED_KEY)).status_code == 200
        assert (await guess(strict, ("198.51.100.8", 1), CLINIC_SECRET)).status_code == 200
    finally:
        attempts.__dict__["_lender"] = before["_lender"]


async def test_a_proxy_that_is_listed_says_whose_failures_they_are(
    house: House, host: tuple[str, int]
) -> None:
    update = {"free_attempts": FREE, "proxy_networks": house.settings.trusted_networks}
    app = create_app(house.settings.model_copy(update=update), {"echo": house.inside})
    secret = BasicAuth(CLINIC, CLINIC_SECRET)
    async with app.router.lifespan_context(app):

        async def asked(source: str, auth: BasicAuth, sender: tuple[str, int]) -> int:
            headers = {"X-Forwarded-For": source}
            async with client_of(app, host=sender) as http:
                answer = await http.post("/oauth2/token", data=GRANT, auth=auth, headers=headers)
            return answer.status_code

        wrong = BasicAuth(CLINIC, "a wrong secret")
        for number in range(FREE):  # what stands before the proxy's own word is anybody's
            by_two = ", 10.9.0.2" if number % 2 else ""
            assert await asked(f"8.8.8.{number}, {host[0]}{by_two}", wrong, AT_HOME) == 401
        assert await asked(host[0], secret, AT_HOME) == 429
        assert await asked("198.51.100.9, 10.9.0.2", secret, AT_HOME) == 200
        assert await asked("198.51.100.10", secret, host) == 429  # no proxy: its word is nothing


# -- what is told -----------------------------------------------------------------------------


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(r.getMessage()) for r in caplog.records if r.name == "govblocks.security"]


def attack(number: int) -> str:
    """Return the request id of an attack."""
    return f"00000000-0000-4000-8000-{number:012d}"


async def test_every_refusal_is_told_in_one_line_and_in_no_line_is_a_secret(
    house: House, strict: FastAPI, host: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seeded = ["a wrong secret", "a-seeded-api-key-0001", "EE38001010001", "Seeded Person", host[0]]
    seeded += [CLINIC_SECRET, KEYED_KEY]
    caller = Caller("DEV/GOV/10001/made-up", "DEV/GOV/10001")
    stolen = assertion(strict.state.identity.key, "registry", caller)
    token = person("EE38001010001", name="Seeded Person", aud="other")
    seeded += [token, stolen, "made-up", "EE38001010002"]
    attacks: list[tuple[dict[str, str], str, int]] = [
        ({}, THINGS, 401),
        ({"apiKey": "a-seeded-api-key-0001"}, THINGS, 401),
        ({"apiKey": KEYED_KEY, "Authorization": f"Bearer {token}"}, THINGS, 401),
        ({"Authorization": f"Bearer {stolen}"}, THINGS, 401),
        ({"apiKey": KEYED_KEY, "X-GovStack-Client": CLINIC}, THINGS, 403),
        ({"X-Road-Client": "DEV/GOV/10001/made-up"}, THINGS, 403),
        ({"X-Road-Client": CLINIC}, THINGS, 401),
        ({"apiKey": KEYED_KEY}, f"/r1/{INSIDE[:-6]}nobody/things/EE38001010002?q=Seeded", 403),
        ({"apiKey": KEYED_KEY}, "/api/v1/config", 403),
        ({"apiKey": KEYED_KEY}, "/api/v1/rights/allow", 401),
        ({}, "/api/v1/config", 401),
        ({}, "/evidence/verify", 401),
        ({"apiKey": KEYED_KEY}, "/evidence/verify", 403),
    ]
    for number, (headers, path, status) in enumerate(attacks):
        headers["X-Request-Id"] = attack(number)
        async with client_of(strict, host=host) as http:
            assert (await http.get(path, headers=headers)).status_code == status, number
    for _ in range(FREE):
        await guess(strict, host)
    assert (await guess(strict, host)).status_code == 429
    told = lines(caplog)
    by_request = {line.get("requestId"): line for line in told}
    assert [by_request[attack(n)]["event"] for n in range(len(attacks))] == [
        "credentials.missing",
        "credentials.refused",
        "credentials.refused",
        "credentials.refused",
        "client.mismatch",
        "client.unknown",
        "credentials.refused",
        "right.missing",
        "right.missing",
        "right.missing",
        "credentials.missing",
        "credentials.missing",
        "right.missing",
    ]
    assert by_request[attack(6)]["client"] == CLINIC  # registered, though not proven
    assert by_request[attack(7)]["client"] == KEYED
    assert "client" not in by_request[attack(5)]
    assert {"token.refused", "source.held", "source.refused"} <= {one["event"] for one in told}
    assert len({line["source"] for line in told}) == 1
    ours = [record for record in caplog.records if not record.name.startswith("http")]
    said = "\n".join(f"{record.__dict__} {record.getMessage()}" for record in ours)
    for secret in seeded:
        assert secret not in said, "a secret or a person is in the log"
    async with await house.administrator() as admin:  # and all of it is evidence
        for number in range(len(attacks)):
            params = {"queryId": attack(number)}
            found = (await admin.get("/api/v1/messagelog", params=params)).json()["messages"]
            assert found, number
            assert not [secret for secret in seeded if secret in json.dumps(found)], number


async def test_every_operation_that_asks_who_is_calling_may_answer_429(
    strict: FastAPI, host: tuple[str, int]
) -> None:
    for _ in range(FREE):
        assert (await with_key(strict, host, "some-wrong-key-or-other")).status_code == 401
    asked = 0
    for path, operations in strict.openapi()["paths"].items():
        for method, said in operations.items():
            if "429" not in said["responses"] or path == "/oauth2/token":
                continue
            asked += 1
            async with client_of(strict, host=host, apiKey="some-wrong-key-or-other") as http:
                filled = path
                for name in ("instanceId", "memberClass", "memberCode", "applicationCode"):
                    filled = filled.replace(f"{{{name}}}", "X")
                for parameter in said.get("parameters", ()):
                    filled = filled.replace(f"{{{parameter['name']}}}", "x")
                answer = await http.request(method, filled)
            assert answer.status_code == 429, (method, path)
            assert "Retry-After" in answer.headers
    assert asked > 15


def test_a_source_is_an_address_or_the_network_of_one() -> None:
    assert source_of("192.0.2.1") == source_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert source_of("2001:db8:1:2:3::4") == source_of("2001:db8:1:2::9")
    assert source_of("2001:db8:1:3::4") != source_of("2001:db8:1:2::4")
    assert source_of(None) == source_of("testclient") == "unknown"


async def test_a_token_for_another_client_is_told_with_the_one_that_is_registered(
    strict: FastAPI, host: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    await guess(strict, host)
    async with client_of(strict, host=host) as http:
        await http.post("/oauth2/token", data=GRANT, auth=BasicAuth("who/knows/this/one", "x"))
    clients = [line.get("client") for line in lines(caplog) if line["event"] == "token.refused"]
    assert clients == [CLINIC, None]
    async with await bearer(strict, CLINIC, CLINIC_SECRET) as http:
        assert (await http.get(THINGS)).status_code == 200
