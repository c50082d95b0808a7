"""Tokens, keys, and how soon a withdrawal counts."""

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from fastapi import FastAPI
from gateway_house import (
    ADMINISTRATOR,
    CLINIC,
    CLINIC_SECRET,
    INSIDE,
    ISSUER_KEY,
    KEYED_KEY,
    House,
    asserted,
    bearer,
    client_of,
    person,
    token_of,
)
from httpx import AsyncClient, BasicAuth
from joserfc.jwk import OKPKey

from gateway.arrivals.models import is_in
from gateway.configuration.service import Book
from gateway.identity.models import (
    CredentialsRefused,
    HeadersDisagree,
    Issuer,
    header_of,
    presented,
    read_own,
)
from gateway.identity.service import IssuerUnavailable, Persons
from gateway.main import create_app
from gateway.providers.models import ProviderUnavailable
from kit.access import Caller, assertion

KEYS = "/api/v1/members/GOV/10001/applications/keyed/keys"


async def _ask(app: FastAPI, data: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    async with client_of(app) as http:
        answer = await http.post("/oauth2/token", data=data, **more)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


async def test_a_token_is_given_for_the_secret_in_either_form(house: House) -> None:
    grant = {"grant_type": "client_credentials"}
    posted = {**grant, "client_id": CLINIC, "client_secret": CLINIC_SECRET}
    status, given = await _ask(house.app, posted)
    assert (status, given["token_type"], given["expires_in"]) == (200, "Bearer", 600)
    assert header_of(given["access_token"])["typ"] == "at+jwt"
    encoded = BasicAuth("DEV%2FGOV%2F10001%2Fclinic", "the+clinic%27s+own+secret")
    assert (await _ask(house.app, grant, auth=encoded))[0] == 200


@pytest.mark.parametrize(
    ("data", "auth", "status", "error"),
    [
        ({}, None, 400, "invalid_request"),
        ({"grant_type": "password"}, None, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, None, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, (CLINIC, "wrong"), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, ("DEV/GOV/1/x", "y"), 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, ("DEV/GOV/10001/home", ""), 401, "invalid_client"),
        ({"grant_type": ["client_credentials"] * 2}, None, 400, "invalid_request"),
        (
            {"grant_type": "client_credentials", "client_id": "other"},
            (CLINIC, CLINIC_SECRET),
            400,
            "invalid_request",
        ),
    ],
)
async def test_a_token_request_that_fails_says_why(
    house: House, data: Any, auth: Any, status: int, error: str
) -> None:
    found, body = await _ask(house.app, data, auth=BasicAuth(*auth) if auth else None)
    assert (found, body["error"]) == (status, error)


async def test_a_token_request_is_a_form(house: House) -> None:
    async with client_of(house.app) as http:
        answer = await http.post("/oauth2/token", json={"grant_type": "client_credentials"})
        assert answer.json()["error"] == "invalid_request"
        answer = await http.post("/oauth2/token", headers={"Authorization": "Bearer x"})
        assert answer.status_code == 400


async def test_an_assertion_is_no_token_and_a_token_no_assertion(house: House) -> None:
    who = Caller(CLINIC, "DEV/GOV/10001", request_id="1")
    with pytest.raises(CredentialsRefused):
        read_own(house.settings.key, "", assertion(house.settings.key, "", who), time.time())


async def test_a_token_dies_with_its_secret_and_its_application(house: House) -> None:
    def document(*applications: dict[str, Any]) -> dict[str, Any]:
        member = {"name": "Short", "class": "GOV", "code": "5", "applications": applications}
        return {"domain": "x", "instance": "SHORT", "members": [member]}

    first = {"id": "app", "connection": "oauth2", "secret": "first secret of it"}
    async with await house.administrator() as admin:
        await admin.post("/api/v1/config", json=document(first))
        async with await bearer(house.app, "SHORT/GOV/5/app", "first secret of it") as http:
            assert (await http.get("/listClients")).status_code == 200
            second = first | {"secret": "second secret of it"}
            await admin.patch("/api/v1/config", json=document(second))
            assert (await http.get("/listClients")).status_code == 401
        async with await bearer(house.app, "SHORT/GOV/5/app", "second secret of it") as http:
            await admin.put("/api/v1/config", json=document())
            assert (await http.get("/listClients")).status_code == 401


async def test_a_key_that_is_withdrawn_is_refused_by_every_worker_at_once(house: House) -> None:
    other = create_app(house.settings, {"echo": house.inside})
    async with (
        other.router.lifespan_context(other),
        await house.administrator() as admin,
        client_of(other, apiKey="a-key-for-a-moment") as there,
        client_of(house.app, apiKey="a-key-for-a-moment") as here,
    ):
        await asyncio.sleep(0.1)  # both listen
        given = {"id": "moment", "key": "a-key-for-a-moment"}
        assert (await admin.post(KEYS, json=given)).status_code == 201
        assert (await here.get(f"/r1/{INSIDE}/things")).status_code == 200
        assert await _until(there, 200) < 0.5
        assert (await admin.delete(f"{KEYS}/moment")).status_code == 204
        assert (await here.get(f"/r1/{INSIDE}/things")).status_code == 401
        assert await _until(there, 401) < 0.5
        assert (await admin.delete(f"{KEYS}/moment")).status_code == 204
        again = await admin.post(KEYS, json=given)  # loading twice revives nothing
        assert (again.status_code, "withdrawnAt" in again.json()) == (200, True)
        assert (await here.get(f"/r1/{INSIDE}/things")).status_code == 401


async def _until(http: AsyncClient, status: int) -> float:
    began = time.monotonic()
    while (await http.get(f"/r1/{INSIDE}/things")).status_code != status:
        assert time.monotonic() - began < 3
    return time.monotonic() - began


async def test_a_lost_listener_makes_the_worker_read_more_often(house: House) -> None:
    async with house.keyed() as http:
        book = house.app.state.book
        assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 200
        async with house.app.state.database.connection() as connection:
            raw = connection.driver
            await raw.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 200
        for _ in range(40):
            await asyncio.sleep(0.05)
            if book.is_listening:
                break
        assert book.is_listening  # it listens again


async def test_a_database_that_is_away_costs_the_log_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listening = asyncio.create_task(Book().listen("postgresql://nobody@127.0.0.1:1/none"))
    await asyncio.sleep(1.2)  # three attempts
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert [r.message for r in caplog.records if "nothing is heard" in r.message] == [
        "nothing is heard of gateway_configuration: the connection is lost"
    ]


async def test_keys_are_given_shown_once_and_taken(house: House) -> None:
    async with await house.administrator() as admin:
        made = await admin.post(KEYS)
        assert made.status_code == 201
        text, key_id = made.json()["key"], made.json()["id"]
        listed = await admin.get(KEYS)
        assert key_id in {key["id"] for key in listed.json()}
        assert text not in listed.text
        async with client_of(house.app, apiKey=text) as http:
            assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 200
        taken = await admin.post(KEYS, json={"id": key_id, "key": "another-key-altogether"})
        assert taken.status_code == 409
        assert (await admin.post(KEYS, json={"key": "short"})).status_code == 400
        assert (await admin.post(KEYS, json={"id": "_x"})).status_code == 400
        unknown = KEYS.replace("keyed", "unknown")
        assert (await admin.post(unknown)).status_code == 404
        assert (await admin.get(unknown)).status_code == 404
        past = {"id": "old", "key": "an-expired-demo-key", "expiresAt": "2020-01-01T00:00:00Z"}
        assert (await admin.post(KEYS, json=past)).status_code == 201
        async with client_of(house.app, apiKey="an-expired-demo-key") as http:
            assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 401


@pytest.mark.parametrize("name", ["expires_at", "expires", "\\ud800", "a" * 5000])
async def test_a_key_with_a_field_nobody_knows_is_refused(house: House, name: str) -> None:
    """Ignored, a misspelled ``expiresAt`` would make a key that counts for ever."""
    async with await house.administrator() as admin:
        body = f'{{"id": "misspelled", "{name}": "2020-01-01T00:00:00Z"}}'
        answer = await admin.post(KEYS, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, answer.text
        assert "misspelled" not in {key["id"] for key in (await admin.get(KEYS)).json()}
        if name.startswith("expires"):
            assert [error["pointer"] for error in answer.json()["errors"]] == [f"#/{name}"]


async def test_a_token_and_a_key_belong_to_one_application(house: House) -> None:
    async with await house.clinic(apiKey="the-demo-api-key-0001") as http:
        assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 403


async def test_what_a_person_may_not_present(house: House) -> None:
    async def status(token: str) -> int:
        async with house.keyed(Authorization=f"Bearer {token}") as http:
            return (await http.get(f"/r1/{INSIDE}/things")).status_code

    assert await status(person()) == 200
    assert await status(person()) == 200
    assert await status(person(iss="https://other.test")) == 401
    assert await status(person(aud="other")) == 401
    assert await status(person(aud=["other", "govblocks"])) == 200
    assert await status(person(sub="")) == 401
    assert await status(person(nbf=time.time() + 100)) == 401


async def test_an_issuer_makes_administrators_only_when_settings_say_so(house: House) -> None:
    settings = house.settings.model_copy(update={"oidc_administrators": True})
    app = create_app(settings, {"echo": house.inside})
    token = person(roles=["administrator"])
    async with (
        app.router.lifespan_context(app),
        client_of(app, Authorization=f"Bearer {token}", X_GovStack_Client=CLINIC) as http,
    ):
        assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 200
        assert asserted(house.inside.seen[-1]).client == CLINIC
        assert (await http.get("/api/v1/config")).status_code == 200
    async with house.keyed(Authorization=f"Bearer {token}") as http:
        assert (await http.get("/api/v1/config")).status_code == 403


async def test_an_unknown_key_of_the_issuer_is_read_again_but_not_at_every_request() -> None:
    asked: list[str] = []
    answers = [
        (503, b"no"),
        (200, json.dumps({"keys": [ISSUER_KEY.as_dict(private=False)]}).encode()),
    ]

    async def fetch(url: str) -> tuple[int, bytes]:
        asked.append(url)
        return answers[min(len(asked), 2) - 1]

    issuer = Issuer("https://issuer.test", "govblocks", "https://issuer.test/jwks")
    persons = Persons(issuer, fetch, reread=0.1)
    for _ in range(3):
        with pytest.raises(IssuerUnavailable):
            await persons.read(person(), time.time())
    assert len(asked) == 1
    await asyncio.sleep(0.1)
    assert (await persons.read(person(), time.time())).id == "EE38001010000"
    assert len(asked) == 2
    with pytest.raises(CredentialsRefused):
        await Persons(Issuer("", ""), fetch).read(person(), time.time())


class Elsewhere:
    """An issuer that may be away, and changes its keys as it likes."""

    def __init__(self, *keys: OKPKey) -> None:
        self.keys, self.asked, self.is_away = keys, 0, False

    async def fetch(self, _url: str) -> tuple[int, bytes]:
        self.asked += 1
        if self.is_away:
            raise ProviderUnavailable("it is away")
        await asyncio.sleep(0)
        return 200, json.dumps({"keys": [k.as_dict(private=False) for k in self.keys]}).encode()

    def persons(self, renew: float = 1000.0, **more: Any) -> Persons:
        issuer = Issuer("https://issuer.test", "govblocks", "https://issuer.test/jwks", **more)
        return Persons(issuer, self.fetch, reread=0.0, renew=renew)


async def test_a_key_that_the_issuer_gives_up_counts_no_longer_and_a_new_one_counts_at_once() -> (
    None
):
    new = OKPKey.generate_key("Ed25519", parameters={"kid": "issuer-next"})
    there = Elsewhere(ISSUER_KEY)
    persons = there.persons(renew=0.05)
    old_token = person()
    assert (await persons.read(old_token, time.time())).id == "EE38001010000"
    there.keys = (new,)
    assert (await persons.read(person(key=new), time.time())).id == "EE38001010000"
    with pytest.raises(CredentialsRefused):  # though it was kept as read
        await persons.read(old_token, time.time())
    there.keys = (ISSUER_KEY,)
    await asyncio.sleep(0.06)
    await persons.read(person(key=new), time.time())  # the keys are read again beside this
    await asyncio.sleep(0.02)
    with pytest.raises(CredentialsRefused):
        await persons.read(person(key=new), time.time())


async def test_while_the_issuer_is_away_its_known_keys_count_and_nobody_waits_for_it() -> None:
    there = Elsewhere(ISSUER_KEY)
    persons = there.persons(renew=0.05)
    await persons.read(person(), time.time())
    there.is_away = True
    await asyncio.sleep(0.06)
    for number in range(3):
        assert (await persons.read(person(jti=str(number)), time.time())).name == "Mari Maasikas"
    await asyncio.sleep(0.01)
    assert there.asked == 2  # once more, beside the requests
    unheard = Elsewhere()
    unheard.is_away = True
    with pytest.raises(IssuerUnavailable):
        await unheard.persons().read(person(), time.time())


async def test_clocks_may_differ_by_a_minute_or_by_what_the_settings_say() -> None:
    now = time.time()
    ended, early = person(exp=int(now) - 50), person(nbf=now + 50)
    for token in (ended, early):
        assert (await Elsewhere(ISSUER_KEY).persons().read(token, now)).id
        with pytest.raises(CredentialsRefused):
            await Elsewhere(ISSUER_KEY).persons(skew=10.0).read(token, now)
    with pytest.raises(CredentialsRefused):
        await Elsewhere(ISSUER_KEY).persons().read(person(exp=int(now) - 70), now)
    persons = Elsewhere(ISSUER_KEY).persons()
    token = person(exp=int(now))
    assert (await persons.read(token, now)).id
    with pytest.raises(CredentialsRefused):  # what is kept ends with it
        await persons.read(token, now + 61)


async def test_a_provider_is_told_whom_a_person_represents(house: House) -> None:
    async def asked(**claims: Any) -> int:
        async with house.keyed(Authorization=f"Bearer {person(**claims)}") as http:
            return (await http.get(f"/r1/{INSIDE}/things")).status_code

    assert await asked(represents="EE62601010002") == 200
    caller = asserted(house.inside.seen[-1])
    assert (caller.person, caller.represents) == ("EE38001010000", "EE62601010002")
    assert caller.speaks_for == "EE62601010002"
    assert await asked() == 200
    assert asserted(house.inside.seen[-1]).speaks_for == "EE38001010000"
    for nobody in ("", 1, ["EE62601010002"], {"sub": "EE62601010002"}):
        assert await asked(represents=nobody) == 401, nobody
    update = {"oidc_represents_claim": "https://state.example/ward"}
    app = create_app(house.settings.model_copy(update=update), {"echo": house.inside})
    token = person(**{"https://state.example/ward": "EE1", "represents": "EE2"})
    async with (
        app.router.lifespan_context(app),
        client_of(app, apiKey=KEYED_KEY, Authorization=f"Bearer {token}") as http,
    ):
        assert (await http.get(f"/r1/{INSIDE}/things")).status_code == 200
    assert asserted(house.inside.seen[-1]).represents == "EE1"


async def test_failed_attempts_are_in_the_log(house: House) -> None:
    await _ask(house.app, {"grant_type": "client_credentials"}, auth=BasicAuth(CLINIC, "wrong"))
    async with house.keyed() as http:
        assert (await http.get("/api/v1/config")).status_code == 403
    async with await house.administrator() as admin:
        for kind in ("token.refused", "token.issued", "access.refused"):
            found = await admin.get("/api/v1/messagelog", params={"kind": kind})
            assert found.json()["messages"], kind
    assert await token_of(house.app, ADMINISTRATOR, "an administrator's secret")


def test_headers_that_disagree_are_refused() -> None:
    two = [(b"apikey", b"a"), (b"api_key", b"b")]
    with pytest.raises(HeadersDisagree):
        presented(two)
    with pytest.raises(HeadersDisagree):
        presented([(b"authorization", b"one"), (b"apikey", b"two")])
    assert presented([(b"apikey", b"a"), (b"api_key", b"a")]).api_key == "a"
    assert presented([(b"x-road-client", b"")]).client is None


async def test_a_reader_whose_name_no_log_can_keep_is_refused(house: House) -> None:
    async with house.keyed() as http:
        for length, status in ((200, 200), (201, 400), (1_000_000, 400)):
            reader = {"X-Road-UserId": "r" * length}
            answer = await http.get(f"/r1/{INSIDE}/things", headers=reader)
            assert answer.status_code == status, length


def test_a_network_holds_its_addresses_and_no_others() -> None:
    from ipaddress import ip_network  # noqa: PLC0415

    networks = [ip_network("10.0.0.0/8"), ip_network("::1/128")]
    assert is_in(networks, "10.1.2.3")
    assert is_in(networks, "::ffff:10.1.2.3")
    assert is_in(networks, "::1")
    assert not is_in(networks, "11.0.0.1")
    assert not is_in(networks, None)
    assert not is_in(networks, "testclient")


def test_a_header_that_is_none_says_nothing() -> None:
    assert header_of("!!") == {}
    assert header_of("W10.x") == {}


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg": "ES256", "kid": [1]}',
        b'{"alg": "ES256", "kid": {"a": 1}}',
        b'{"alg": "ES256", "crit": 1}',
        b'{"alg": "ES256", "crit": [1]}',
        b"[" * 20_000,
        b'{"alg": "ES256", "kid": ' + b"[" * 20_000,
    ],
)
async def test_a_token_with_a_strange_header_is_refused(house: House, header: bytes) -> None:
    token = base64.urlsafe_b64encode(header).decode().rstrip("=") + ".e30.AAAA"
    async with client_of(house.app) as http:
        for path in (f"/r1/{INSIDE}/things", "/listClients"):
            answer = await http.get(path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, path


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
async def test_a_time_that_no_calendar_holds_in_utc_is_refused(house: House, end: str) -> None:
    async with await house.administrator() as admin:
        for name in ("from", "to"):
            found = await admin.get("/api/v1/messagelog", params={name: end})
            assert found.status_code == 400, name
        assert (await admin.post(KEYS, json={"expiresAt": end})).status_code == 400
