"""Access rights: a page at a time, given and taken."""

from typing import Any

import pytest
from gateway_house import configuration
from httpx import AsyncClient

ALLOW, DENY = "/api/v1/rights/allow", "/api/v1/rights/deny"


@pytest.fixture
async def admin(administrator: AsyncClient) -> AsyncClient:
    document = configuration("http://outside.test")
    assert (await administrator.post("/api/v1/config", json=document)).status_code == 201
    return administrator


def _pair(service: str, **right: Any) -> list[dict[str, Any]]:
    place = {"memberClass": "GOV", "memberCode": "10002", "applicationId": "population"}
    return [{**place, "serviceId": service, "rights": [right]}]


CLINIC = {"memberClass": "GOV", "memberCode": "10001", "applicationId": "clinic"}


async def _allowed(http: AsyncClient, service: str) -> list[dict[str, Any]]:
    answer = await http.get(ALLOW, params={"serviceId": service})
    assert answer.status_code == 200, answer.text
    return [right for entry in answer.json()["allowList"] for right in entry["rights"]]


async def test_pages_split_services_as_the_published_example_says(
    administrator: AsyncClient,
) -> None:
    clients = [{"id": f"client-{n}"} for n in range(8)]
    rights = [{"member": "Member", "application": c["id"]} for c in clients]
    services = [{"id": s, "serviceUrl": "block:x", "rights": rights} for s in "ABC"]
    member = {
        "name": "Member",
        "class": "GOV",
        "code": "1",
        "applications": [*clients, {"id": "provider", "services": services}],
    }
    document = {"domain": "d", "instance": "DEV", "members": [member]}
    assert (await administrator.post("/api/v1/config", json=document)).status_code == 201
    pages, token = [], None
    while True:
        params = {"pageSize": "10"} | ({"nextPageToken": token} if token else {})
        page = (await administrator.get(ALLOW, params=params)).json()
        pages.append([(s["serviceId"], len(s["rights"])) for s in page["allowList"]])
        token = page.get("nextPageToken")
        if token is None:
            break
        assert "client" not in token
    assert pages == [[("A", 8), ("B", 2)], [("B", 6), ("C", 4)], [("C", 4)]]


async def test_filters_choose_services(admin: AsyncClient) -> None:
    place = {"memberClass": "GOV", "memberCode": "10002", "applicationId": "life-events"}
    found = (await admin.get(ALLOW, params=place)).json()["allowList"]
    assert [entry["serviceId"] for entry in found] == ["api", "pub", "pull"]
    assert (await admin.get(ALLOW, params={"memberCode": "none"})).json() == {"allowList": []}


@pytest.mark.parametrize("token", ["x", "AAAA" * 40, "%%%"])
async def test_a_page_token_is_one_that_was_given(admin: AsyncClient, token: str) -> None:
    assert (await admin.get(ALLOW, params={"nextPageToken": token})).status_code == 400


@pytest.mark.parametrize(
    "right", [CLINIC, {"member": "Ministry of Health", "application": "clinic"}]
)
async def test_a_right_is_given_and_taken_in_either_spelling(
    admin: AsyncClient, right: dict[str, str]
) -> None:
    path = "/r1/DEV/GOV/10002/population/allowedMethods"
    acting = {"X-GovStack-Client": "DEV/GOV/10001/clinic"}

    async def names() -> set[str]:
        found = (await admin.get(path, headers=acting)).json()["member"]
        return {service["serviceCode"] for service in found}

    assert "nobody" not in await names()
    for _ in range(2):
        answer = await admin.patch(ALLOW, json=_pair("nobody", **right, scopes=["read"]))
        assert answer.status_code == 200, answer.text
    (given,) = await _allowed(admin, "nobody")
    assert given["scopes"] == ["read"]
    assert given["member"] == "Ministry of Health"
    assert given["applicationId"] == "clinic"
    assert "nobody" in await names()
    for _ in range(2):
        assert (await admin.patch(DENY, json=_pair("nobody", **right))).status_code == 200
    assert await _allowed(admin, "nobody") == []
    assert "nobody" not in await names()
    log = await admin.get("/api/v1/messagelog", params={"kind": "rights.changed"})
    assert len(log.json()["messages"]) == 2  # what changes nothing is no entry


async def test_everybody_may_be_allowed(admin: AsyncClient) -> None:
    answer = await admin.patch(ALLOW, json=_pair("nobody", anonymous=True))
    assert answer.status_code == 200
    assert await _allowed(admin, "nobody") == [{"anonymous": True}]


async def test_a_right_names_what_is_registered(admin: AsyncClient) -> None:
    stranger = {"memberClass": "GOV", "memberCode": "10001", "applicationId": "stranger"}
    for change, pointer in (
        (_pair("unknown", **CLINIC), "#/0/serviceId"),
        (_pair("nobody", **stranger), "#/0/rights/0"),
        (_pair("nobody", member="Nobody", application="x"), "#/0/rights/0"),
        (_pair("nobody"), "#/0/rights/0"),
    ):
        answer = await admin.patch(ALLOW, json=change)
        assert answer.status_code == 400, change
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await admin.patch(ALLOW)).status_code == 200  # the body is not required
    assert (await admin.patch(DENY, json=_pair("nobody", **stranger))).status_code == 200
    log = await admin.get("/api/v1/messagelog", params={"kind": "change.refused"})
    assert len(log.json()["messages"]) == 4


@pytest.mark.parametrize("path", [ALLOW, DENY])
async def test_a_right_with_a_field_nobody_knows_is_refused(admin: AsyncClient, path: str) -> None:
    """Ignored, a misspelled ``scopes`` would make a right that covers everything."""
    before = await _allowed(admin, "nobody")
    answer = await admin.patch(path, json=_pair("nobody", **CLINIC, scope=["read"]))
    assert answer.status_code == 400, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/0/rights/0/scope"]
    change = [{**_pair("nobody", **CLINIC)[0], "instance": "OTHER"}]
    answer = await admin.patch(path, json=change)
    assert answer.status_code == 400, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/0/instance"]
    assert await _allowed(admin, "nobody") == before
