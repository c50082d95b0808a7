"""What each scope of the gateway opens, who may give it, and how the first administrator begins."""

import json
from typing import Any

import asyncpg
import pytest
from gateway_house import (
    ADMINISTRATOR,
    KEYED,
    ROOM,
    House,
    bearer,
    client_of,
    make_settings,
)
from httpx import AsyncClient, BasicAuth, Response
from pydantic import SecretStr, ValidationError

from gateway.main import create_app
from kit.sealing import new_sealing_key

SCOPES = ("read:conf", "create:conf", "write:conf", "read:rights", "write:rights")
KEYS = "/api/v1/members/GOV/10001/applications/keyed/keys"
OPENED: dict[str, list[tuple[str, str]]] = {
    "read:conf": [("GET", "/api/v1/config"), ("GET", "/api/v1/status"), ("GET", KEYS)],
    "create:conf": [("PUT", "/api/v1/config")],
    "write:conf": [
        ("POST", "/api/v1/config"),
        ("PATCH", "/api/v1/config"),
        ("POST", KEYS),
        ("DELETE", f"{KEYS}/none"),
    ],
    "read:rights": [("GET", "/api/v1/rights/allow")],
    "write:rights": [("PATCH", "/api/v1/rights/allow"), ("PATCH", "/api/v1/rights/deny")],
}


def secret(name: str) -> str:
    return f"the secret of {name}"


def document(*applications: dict[str, Any], instance: str = "SCOPED") -> dict[str, Any]:
    member = {"name": "Scoped", "class": "GOV", "code": "1", "applications": applications}
    return {"domain": "x", "instance": instance, "members": [member]}


def application(name: str, *scopes: str) -> dict[str, Any]:
    return {"id": name, "connection": "oauth2", "secret": secret(name), "scopes": scopes}


async def configured(house: House, *applications: dict[str, Any]) -> None:
    async with await house.administrator() as admin:
        answer = await admin.patch("/api/v1/config", json=document(*applications))
        assert answer.status_code == 201, answer.text


async def acting(house: House, name: str) -> AsyncClient:
    return await bearer(house.app, f"SCOPED/GOV/1/{name}", secret(name))


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_what_is_published_and_nothing_else(house: House, scope: str) -> None:
    name = scope.replace(":", "-")
    await configured(house, application(name, scope))
    async with await acting(house, name) as http:
        for other, operations in OPENED.items():
            for method, path in operations:
                answer = await http.request(method, path, json={"wrong": 1})
                refused = answer.status_code in {401, 403}
                assert refused == (other != scope), (method, path, answer.text)


async def test_nobody_gives_scopes_that_are_not_theirs_nor_takes_them_by_a_secret_or_a_key(
    house: House,
) -> None:
    await configured(house, application("clerk", "write:conf"), application("chief", *SCOPES))

    async def patched(http: AsyncClient, *applications: dict[str, Any]) -> Response:
        return await http.patch("/api/v1/config", json=document(*applications))

    async with await acting(house, "clerk") as clerk:
        for wrong in (
            application("clerk", *SCOPES),
            application("new", "read:conf"),
            {"id": "chief", "secret": "another secret for the chief"},
            {"id": "chief", "scopes": ["write:conf"]},
            {"id": "chief", "connection": "none"},
        ):
            answer = await patched(clerk, wrong)
            assert answer.status_code == 403, wrong
            assert answer.json()["type"] == "/problems/scopes-not-yours"
        keys = "/api/v1/members/GOV/1/applications/chief/keys?instanceId=SCOPED"
        assert (await clerk.post(keys)).status_code == 403
        assert (await patched(clerk, {"id": "chief", "name": "The chief"})).status_code == 201
        assert (await patched(clerk, application("peer", "write:conf"))).status_code == 201
        assert (await patched(clerk, application("plain"))).status_code == 201
    async with await acting(house, "chief") as chief:
        assert (await patched(chief, application("new", "read:conf"))).status_code == 201
        assert (await chief.post(keys)).status_code == 201
    async with await house.administrator() as admin:
        found = await admin.get("/api/v1/messagelog", params={"kind": "change.refused"})
        assert found.json()["messages"]


async def test_who_reaches_for_more_than_is_theirs_is_told_of(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    await configured(house, application("reacher", "write:conf"))
    async with await acting(house, "reacher") as http:
        wrong = application("reacher", *SCOPES)
        assert (await http.patch("/api/v1/config", json=document(wrong))).status_code == 403
        wrong = {"id": "reacher", "connection": "pigeon"}  # not valid, and nobody's security
        assert (await http.patch("/api/v1/config", json=document(wrong))).status_code == 400
    async with house.keyed() as http:
        assert (await http.get(f"/r1/{ROOM}/pull/v1/newBirth")).status_code == 403
    found = [r.getMessage() for r in caplog.records if r.name == "govblocks.security"]
    told = [json.loads(line) for line in found]
    assert [(one["event"], one["client"], one["about"]) for one in told] == [
        ("right.missing", "SCOPED/GOV/1/reacher", "updateIMconf"),
        ("right.missing", KEYED, ROOM),
    ]


async def test_the_first_administrator_has_a_secret_from_the_environment_or_there_is_none(
    house: House,
) -> None:
    given = {"database_url": SecretStr("x"), "sealing_key": SecretStr(new_sealing_key())}
    given["evidence_keys"] = house.settings.evidence_keys
    for weak in ("", "short"):
        with pytest.raises(ValidationError):
            make_settings(**given, administrator_secret=SecretStr(weak))
    update = {"administrator_id": "", "administrator_secret": SecretStr("")}
    app = create_app(house.settings.model_copy(update=update), {"echo": house.inside})
    form = {"grant_type": "client_credentials"}
    async with app.router.lifespan_context(app), client_of(app) as http:
        for client in (ADMINISTRATOR, ""):
            for password in ("", "an administrator's secret", "administrator"):
                auth = BasicAuth(client, password)
                answer = await http.post("/oauth2/token", data=form, auth=auth)
                assert answer.status_code == 401, client


async def test_keys_and_secrets_are_kept_as_digests(house: House) -> None:
    await configured(house, application("kept"))
    async with await house.administrator() as admin:
        keys = "/api/v1/members/GOV/1/applications/kept/keys?instanceId=SCOPED"
        made = [(await admin.post(keys)).json()["key"] for _ in range(2)]
        assert len(set(made)) == 2
    connection = await asyncpg.connect(house.urls.owner)
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in tables:
            rows = await connection.fetch(f'SELECT t::text FROM "{table}" t')  # noqa: S608
            kept = "\n".join(row[0] for row in rows)
            for text in (*made, secret("kept")):
                assert text not in kept, table
                assert text.encode().hex() not in kept, table
    finally:
        await connection.close()
    for key in made:
        async with client_of(house.app, apiKey=key) as http:
            assert (await http.get("/listClients")).status_code == 200
