"""The configuration: given, merged, replaced, shown."""

from typing import Any

import yaml
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from gateway_house import client_of
from httpx import AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.configuration.models import Configuration
from gateway.members.models import (
    Wanted,
    WantedApplication,
    WantedMember,
    WantedRight,
    WantedService,
    planned,
)
from gateway.tables import metadata
from kit.evidence import Search
from kit.testing import Urls

CONFIG = "/api/v1/config"
SAMPLE = """
domain: "sample.test"
instance: nowhereland
members:
- name: Management
  class: GOV
  code: 0
  applications:
  - id: misp
    connection: http
- name: Ministry
  class: GOV
  code: 7003
  applications:
  - id: Citizens_Registry
    services:
    - id: births
      spec_url: https://example.test/births.json
      service_url: http://provider.test/r1/nowhereland/GOV/7001/app/births11
      rights:
      - member: Municipality
        application: Registration
      - member: Management
        application: 0
      - member: Management
        application: misp
"""


def _house(*applications: dict[str, Any], **more: Any) -> dict[str, Any]:
    member = {"name": "Office", "class": "GOV", "code": "1", "applications": list(applications)}
    return {"domain": "house.test", "instance": "DEV", "members": [member | more]}


def _service(**more: Any) -> dict[str, Any]:
    return {"id": "app", "services": [{"id": "s", "serviceUrl": "https://a.test/x"} | more]}


async def test_the_house_starts(administrator: AsyncClient) -> None:
    answer = await administrator.get("/api/v1/status")
    assert answer.json()["status"] == "not configured"
    assert (await administrator.post(CONFIG, json=_house())).status_code == 201
    assert (await administrator.get("/api/v1/status")).json()["status"] == "ok"


async def test_a_document_in_the_published_spelling_is_taken(administrator: AsyncClient) -> None:
    headers = {"Content-Type": "text/yaml"}
    answer = await administrator.post(CONFIG, content=SAMPLE, headers=headers)
    assert answer.status_code == 201, answer.text
    assert isinstance(answer.json(), str)
    place = {"instance": "nowhereland"}
    shown = (await administrator.get(CONFIG, params=place)).json()
    ministry = next(m for m in shown["members"] if m["code"] == "7003")
    births = ministry["applications"][0]["services"][0]
    assert births["specUrl"] == "https://example.test/births.json"
    assert [(r["member"], r["application"]) for r in births["rights"]] == [
        ("Municipality", "Registration"),
        ("Management", "0"),
        ("Management", "misp"),
    ]
    again = await administrator.patch(CONFIG, content=SAMPLE, headers=headers)
    assert again.json() == "0 things changed"
    assert (await administrator.post(CONFIG, content=SAMPLE, headers=headers)).status_code == 400
    accepted = await administrator.get(CONFIG, params=place, headers={"Accept": "text/yaml"})
    assert accepted.headers["content-type"].startswith("text/yaml")
    assert yaml.safe_load(accepted.text) == shown
    ours = await administrator.get(CONFIG)
    assert ours.json() == {"domain": "", "instance": "DEV", "members": []}


async def test_a_patch_leaves_the_rest_alone_and_a_put_removes_it(
    administrator: AsyncClient,
) -> None:
    first = _house(
        {"id": "one", "name": "One", "connection": "oauth2", "secret": "s" * 16, "scopes": []},
        _service(rights=[{"anonymous": True}], shortForm="short", tenancy="client"),
    )
    await administrator.post(CONFIG, json=first)
    added = _house({"id": "one", "scopes": ["read:conf"]}, {"id": "two"})
    del added["members"][0]["name"]
    assert (await administrator.patch(CONFIG, json=added)).status_code == 201
    shown = (await administrator.get(CONFIG)).json()["members"][0]
    assert shown["name"] == "Office"
    app, one, two = shown["applications"]
    assert one == {
        "id": "one",
        "name": "One",
        "connection": "oauth2",
        "scopes": ["read:conf"],
        "services": [],
    }
    assert two["connection"] == "https"
    assert app["services"][0]["tenancy"] == "client"
    assert app["services"][0]["rights"] == [{"anonymous": True}]
    assert (await administrator.put(CONFIG, json=_house({"id": "one"}))).status_code == 201
    shown = (await administrator.get(CONFIG)).json()["members"][0]
    assert [a["id"] for a in shown["applications"]] == ["one"]
    assert shown["applications"][0]["connection"] == "https"
    token = {"grant_type": "client_credentials"}
    kept = await administrator.post("/oauth2/token", data=token, auth=("DEV/GOV/1/one", "s" * 16))
    assert kept.status_code == 200  # nobody could read the secret to give it again


async def test_a_configuration_that_cannot_be_names_every_field(
    administrator: AsyncClient,
) -> None:
    wrong = _house(
        {"id": "_x", "connection": "pigeon", "scopes": ["all"], "secret": "short"},
        _service(serviceUrl="file:///etc/passwd", specUrl="ftp://x", tenancy="both", id="s"),
        {
            "id": "more",
            "services": [
                {"id": "listMethods", "serviceUrl": "block:x"},
                {"id": "a", "serviceUrl": "http://u:p@host/", "shortForm": "api"},
                {"id": "b", "serviceUrl": "block:y", "shortForm": "same", "rights": [{}]},
                {"id": "c", "serviceUrl": "block:y", "shortForm": "same"},
                {"id": "d"},
            ],
        },
    )
    wrong["members"] += [
        {"name": "Office", "class": "1GOV", "code": "_2"},
        {"class": "GOV", "code": "3"},
    ]
    answer = await administrator.post(CONFIG, json=wrong)
    assert answer.status_code == 400
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    member = "#/members/0/applications"
    assert {
        f"{member}/0/id",
        f"{member}/0/connection",
        f"{member}/0/scopes",
        f"{member}/0/secret",
        f"{member}/1/services/0/serviceUrl",
        f"{member}/1/services/0/specUrl",
        f"{member}/1/services/0/tenancy",
        f"{member}/2/services/0/id",
        f"{member}/2/services/1/serviceUrl",
        f"{member}/2/services/2/rights/0",
        f"{member}/2/services/4/serviceUrl",
        "#/members/1/class",
        "#/members/1/code",
        "#/members/2/name",
    } <= set(pointers)
    assert pointers.count("#/members") == 3  # a name twice, a short form twice, one of ours
    assert (await administrator.get(CONFIG)).json()["members"] == []


async def test_what_is_no_document_is_refused(administrator: AsyncClient) -> None:
    async def status(body: bytes, media_type: str = "application/json") -> int:
        headers = {"Content-Type": media_type}
        answer = await administrator.patch(CONFIG, content=body, headers=headers)
        return answer.status_code

    assert await status(b"{") == 400
    assert await status(b"{}", "application/xml") == 400
    assert await status(b"[]") == 400
    assert await status(b'{"domain": "x", "instance": "1DEV"}') == 400
    assert await status(b'{"domain": "\\u0000", "instance": "DEV"}') == 400
    assert await status(b"\xff: [", "text/yaml") == 400
    bomb = b"a: &a [x, x]\nb: &b [*a, *a]\ndomain: d\ninstance: DEV\n"
    assert await status(bomb, "text/yaml") == 400
    assert await status(b"domain: d\ninstance: DEV\nunknown: 1\n", "text/yaml") == 400
    assert await status(b"domain: d\ninstance: DEV\n", "text/yaml") == 201


async def test_a_configuration_with_a_field_nobody_knows_is_refused(
    administrator: AsyncClient,
) -> None:
    """Ignored, a misspelled field would leave open what it was to close."""
    wrong = _house(_service(tennancy="client", rights=[{"anonymous": True, "scope": []}]), more=1)
    wrong["members"][0]["applications"][0]["conection"] = "oauth2"
    for send in (administrator.post, administrator.patch, administrator.put):
        answer = await send(CONFIG, json=wrong)
        assert answer.status_code == 400, answer.text
        application = "#/members/0/applications/0"
        assert {error["pointer"] for error in answer.json()["errors"]} == {
            "#/members/0/more",
            f"{application}/conection",
            f"{application}/services/0/tennancy",
            f"{application}/services/0/rights/0/scope",
        }
    assert (await administrator.get(CONFIG)).json()["members"] == []


async def test_the_scopes_of_the_configuration(administrator: AsyncClient) -> None:
    given = {"id": "reader", "connection": "oauth2", "secret": "r" * 16, "scopes": ["read:conf"]}
    await administrator.post(CONFIG, json=_house(given))
    token = {"grant_type": "client_credentials"}
    answer = await administrator.post(
        "/oauth2/token", data=token, auth=("DEV/GOV/1/reader", "r" * 16)
    )
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    keys = "/api/v1/members/GOV/1/applications/reader/keys"
    for method, path, status in (
        ("GET", CONFIG, 200),
        ("GET", "/api/v1/status", 200),
        ("POST", CONFIG, 403),
        ("PATCH", CONFIG, 403),
        ("PUT", CONFIG, 403),
        ("GET", keys, 200),
        ("POST", keys, 403),
        ("GET", "/api/v1/rights/allow", 401),
        ("PATCH", "/api/v1/rights/allow", 401),
        ("PATCH", "/api/v1/rights/deny", 401),
    ):
        found = await administrator.request(method, path, json=_house(), headers=headers)
        assert found.status_code == status, (method, path)
    writer = {"id": "reader", "scopes": ["write:conf"]}
    await administrator.patch(CONFIG, json=_house(writer))
    own = await administrator.post(keys, headers=headers)
    assert own.status_code == 201
    chosen = await administrator.post(keys, headers=headers, json={"id": "mine"})
    assert chosen.status_code == 403


async def test_every_change_and_refusal_is_in_the_log(administrator: AsyncClient) -> None:
    await administrator.post(CONFIG, json=_house())
    await administrator.post(CONFIG, json=_house())
    await administrator.patch(CONFIG, json=_house())
    log = (await administrator.get("/api/v1/messagelog", params={"service": "DEV"})).json()
    kinds = [m["kind"] for m in log["messages"]]
    assert kinds == ["change.refused", *["configuration.changed"] * 2]
    assert log["messages"][1]["facts"]["members-written"] == ["DEV/GOV/1"]
    assert log["messages"][2]["facts"]["instances-written"] == ["DEV"]


async def test_each_member_has_its_own_entry_of_what_changed_for_it(
    administrator: AsyncClient, app: Any
) -> None:
    wanted = _house({"id": "first", "services": []})
    wanted["members"].append({**wanted["members"][0], "name": "Another", "code": "2"})
    assert (await administrator.post(CONFIG, json=wanted)).status_code == 201
    for tenant in ("DEV/GOV/1", "DEV/GOV/2"):
        found = await app.state.ledger.search(Search())
        [entry] = [entry for entry in found if entry.tenant == tenant]
        assert entry.facts["members-written"] == [tenant]
        assert entry.facts["applications-written"] == [f"{tenant}/first"]


async def test_a_refusal_repeats_no_words_of_the_document(
    administrator: AsyncClient, app: Any
) -> None:
    await administrator.post(CONFIG, json=_house() | {"instance": "Mari Maasikas"})
    await administrator.post("/api/v1/members/GOV/1/applications/Maasikas/keys")
    refused = await app.state.ledger.search(Search(kinds=["change.refused"]))
    assert refused
    assert "Maasikas" not in str(refused)


async def test_a_secret_is_never_shown(administrator: AsyncClient, app: Any) -> None:
    secret = "a secret nobody should see"
    await administrator.post(CONFIG, json=_house({"id": "app", "secret": secret}))
    assert secret not in (await administrator.get(CONFIG)).text
    assert secret not in (await administrator.get("/api/v1/messagelog")).text
    async with client_of(app) as http:
        assert (await http.get(CONFIG)).status_code == 401


async def test_the_tables_are_what_the_migrations_make(urls: Urls) -> None:
    engine = create_async_engine(urls.owner.replace("postgresql://", "postgresql+asyncpg://", 1))

    def differences(connection: Connection) -> list[Any]:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


CODES = st.sampled_from(["a", "b", "c"])
SERVICES = st.builds(
    WantedService,
    id=CODES,
    service_url=st.just("block:x"),
    rights=st.lists(
        st.builds(WantedRight, member=st.sampled_from(["Name a", "Nobody"]), application=CODES),
        max_size=2,
    ).map(tuple),
)
APPLICATIONS = st.builds(
    WantedApplication, id=CODES, services=st.lists(SERVICES, max_size=2).map(tuple)
)
MEMBERS = st.lists(CODES, max_size=3, unique=True).flatmap(
    lambda codes: st.tuples(
        *(
            st.builds(
                WantedMember,
                member_class=st.just("GOV"),
                code=st.just(code),
                name=st.just(f"Name {code}"),
                applications=st.lists(APPLICATIONS, max_size=2).map(tuple),
            )
            for code in codes
        )
    )
)
DOCUMENTS = st.builds(Wanted, domain=st.just("d"), instance=st.just("I"), members=MEMBERS)


def _after(now: Configuration, wanted: Wanted, *, whole: bool) -> Configuration:
    return planned(now, wanted, lambda _a, _s: b"", whole=whole).after


@settings(max_examples=40)
@given(DOCUMENTS, DOCUMENTS)
def test_a_replacement_forgets_what_was_before(first: Wanted, second: Wanted) -> None:
    replaced = _after(_after(Configuration(), first, whole=True), second, whole=True)
    assert replaced == _after(Configuration(), second, whole=True)


@settings(max_examples=40)
@given(DOCUMENTS, DOCUMENTS)
def test_merging_the_same_again_changes_nothing(first: Wanted, second: Wanted) -> None:
    once = _after(_after(Configuration(), first, whole=True), second, whole=False)
    assert not planned(once, second, lambda _a, _s: b"", whole=False).facts()
    assert set(once.members) >= {f"I/GOV/{m.code}" for m in (*first.members, *second.members)}
