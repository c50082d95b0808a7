"""The directory, health and pages of the house."""

import json

import pytest
from gateway_house import AT_HOME, POPULATION, House, client_of

from gateway.directory.models import fault
from gateway.main import create_app

R1 = f"/r1/{POPULATION}"


async def test_clients_are_members_and_their_applications(house: House) -> None:
    async with house.keyed() as http:
        found = (await http.get("/listClients")).json()["member"]
        assert found[0] == {
            "name": "Ministry of Health",
            "id": {
                "objectType": "MEMBER",
                "instanceId": "DEV",
                "memberClass": "GOV",
                "memberCode": "10001",
            },
        }
        assert found[1]["id"]["objectType"] == "APPLICATION"
        assert {"Clinic", "population"} <= {client["name"] for client in found}
        assert (await http.get("/listClients?instanceId=OTHER")).json() == {"member": []}
        wrong = await http.get("/listClients?instanceId=1DEV")
        assert wrong.status_code == 400
        assert isinstance(wrong.json(), str)
    async with client_of(house.app) as http:
        assert (await http.get("/listClients")).status_code == 401
    async with client_of(house.app, host=AT_HOME) as http:
        assert (await http.get("/listClients")).status_code == 200


async def test_methods_come_from_the_providers_document(house: House) -> None:
    async with house.keyed() as http:
        found = (await http.get(f"{R1}/listMethods?serviceId=inside")).json()["member"]
        assert [service["serviceCode"] for service in found] == ["inside"]
        assert found[0]["objectType"] == "SERVICE"
        assert found[0]["serviceVersion"] == "2.0"
        assert {"method": "POST", "path": "/things"} in found[0]["endpointList"]["member"]
        every = (await http.get(f"{R1}/listMethods")).json()["member"]
        allowed = (await http.get(f"{R1}/allowedMethods")).json()["member"]
        outside = next(service for service in every if service["serviceCode"] == "outside")
        assert outside["endpointList"] == {"member": []}
        codes = {service["serviceCode"] for service in allowed}
        assert codes < {service["serviceCode"] for service in every}
        assert "nobody" not in codes
        unknown = await http.get("/r1/DEV/GOV/1/x/listMethods")
        assert (unknown.status_code, unknown.json()) == (200, {"member": []})


async def test_a_document_is_a_json_string(house: House) -> None:
    async with house.keyed() as http:
        answer = await http.get(f"{R1}/getOpenAPI?serviceCode=inside")
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert json.loads(answer.json())["info"]["title"] == "Echo"
        written = await http.get(
            f"{R1}/getOpenAPI?serviceCode=inside", headers={"Accept": "text/yaml"}
        )
        assert written.headers["content-type"].startswith("text/yaml")
        assert "title: Echo" in written.text


@pytest.mark.parametrize(
    "path",
    [
        f"{R1}/getOpenAPI",
        f"{R1}/getOpenAPI?serviceCode=",
        f"{R1}/getOpenAPI?serviceCode=unknown",
        "/r1/1DEV/GOV/1/x/listMethods",
        "/r1/DEV/1GOV/1/x/allowedMethods",
        "/r1/DEV/GOV/_1/x/listMethods",
        "/r1/DEV/GOV/1/_x/getOpenAPI?serviceCode=a",
    ],
)
async def test_a_malformed_address_is_answered_with_a_string(house: House, path: str) -> None:
    async with house.keyed() as http:
        answer = await http.get(path)
    assert answer.status_code == 400
    assert isinstance(answer.json(), str)


async def test_the_house_is_healthy_when_every_block_is(house: House) -> None:
    async with client_of(house.app, apiKey="wrong") as http:  # nobody is asked who they are
        for path in ("/health", "/healthcheck"):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert answer.json() == {
                "status": "ok",
                "block": "gateway",
                "database": True,
                "blocks": {"echo": "ok", "far": "ok"},
            }
    settings = house.settings.model_copy(update={"blocks": {"gone": "http://127.0.0.1:9"}})
    app = create_app(settings, {"echo": house.inside})
    async with app.router.lifespan_context(app), client_of(app) as http:
        answer = await http.get("/health")
        assert answer.status_code == 503
        assert answer.json()["blocks"] == {"echo": "ok", "gone": "unavailable"}
        described = await http.get("/docs/gone/openapi.json")
        assert described.status_code == 503


async def test_pages_need_nothing_from_elsewhere(house: House) -> None:
    async with client_of(house.app) as http:
        index = await http.get("/")
        assert '<html lang="en">' in index.text
        assert '<a href="/docs/echo">' in index.text
        docs = await http.get("/docs/echo")
        for page in (index, docs):
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert "http://" not in page.text
            assert "https://" not in page.text
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png", "start.js"):
            asset = await http.get(f"/docs/assets/{name}")
            assert asset.status_code == 200
            assert asset.content
        assert (await http.get("/docs/assets/other.js")).status_code == 404
        assert (await http.get("/docs/other")).status_code == 404
        assert (await http.get("/docs/other/openapi.json")).status_code == 404
        document = (await http.get("/docs/echo/openapi.json")).json()
        assert document["servers"][0] == {"url": "/echo"}
        assert document["info"]["title"] == "Echo"
        own = (await http.get("/docs/gateway/openapi.json")).json()
        assert any(path.endswith("/listMethods") for path in own["paths"])
        keys = (await http.get("/.well-known/jwks.json")).json()["keys"]
        assert keys[0]["kid"] == "gateway-test"  # the others are the ledger's
        assert all("d" not in key for key in keys)


def test_codes_begin_as_they_may() -> None:
    assert fault("DEV", "GOV", "10001", "app") is None
    assert all([fault("1DEV"), fault(None, "1"), fault(None, None, ""), fault(None, None, "_a")])


@pytest.mark.parametrize(
    "path", ["checkpoints", "checkpoints/latest", "consistency?first=1&second=1"]
)
async def test_credentials_that_do_not_count_open_not_even_what_is_open(
    house: House, path: str
) -> None:
    async with client_of(house.app, Authorization="Bearer wrong") as http:
        answer = await http.get(f"/evidence/{path}")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
