"""A client of release 1.0 comes through the gateway: by the short form, and by a member's address.

Nothing but its addresses and names tells what it speaks: the gateway passes paths and queries on as
they come, and the right to a service is a right to both of its spellings.
"""

import httpx
import pytest

from stack.main import demo_secrets

OFFICE = "DEV/GOV/10002/population"
MEMBER = "/r1/DEV/GOV/10002/population/registry"
SCHEMA = {
    "type": "object",
    "properties": {
        "ID": {"type": "string", "primaryKey": True},
        "FirstName": {"type": "string"},
    },
}
JOHN = {"ID": "EE1", "FirstName": "John"}


@pytest.fixture(scope="module")
def office(stack):
    """Return an HTTP client of the population office's application, and a register of its own."""
    with httpx.Client(base_url=stack.gateway, timeout=30) as client:
        answer = client.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=httpx.BasicAuth(OFFICE, demo_secrets()[OFFICE]),
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        client.headers["Information-Mediator-Client"] = OFFICE
        body = {"group_name": "Old", "code": "OLD", "schema": SCHEMA}
        made = client.post("/registry/1.0/database/modify", json=body)
        assert made.status_code == 200, made.text
        client.post(f"/registry/1.0/database/{made.json()['id']}/publish").raise_for_status()
        yield client


@pytest.mark.parametrize("at", ["/registry/1.0", f"{MEMBER}/1.0"])
def test_a_client_of_release_1_0_is_served_through_the_gateway(office, at):
    body = {"query": {"content": {"ID": "EE1"}}, "write": {"content": JOHN}}
    for _ in range(2):
        made = office.post(f"{at}/data/OLD/1.0/update-or-create", json=body)
        assert (made.status_code, made.json()) == (200, {"content": JOHN})
    value = office.get(f"{at}/data/OLD/1.0/EE1/read-value/FirstName.json")
    assert value.json() == "John"
    page = office.get(f"{at}/data/OLD/1.0?page_size=1?page_size=1").json()
    assert (page["count"], page["results"]) == (1, [JOHN])
    assert "group_id" in office.get(f"{at}/databases").json()


@pytest.mark.parametrize("at", ["/registry/1.0", f"{MEMBER}/1.0"])
def test_its_refusals_are_those_of_today(office, at):
    answer = office.post(f"{at}/data/OLD/1.0/read", json={"query": {"content": {"ID": "EE9"}}})
    assert (answer.status_code, answer.json()) == (404, {"detail": "no record found"})
    assert office.put(f"{at}/data/OLD/1.0/update").status_code == 400
    assert office.patch(f"{at}/data/OLD/1.0/update-entries").status_code == 405
    assert office.get(f"{at}/nothing").status_code == 404


def test_its_document_comes_through_the_gateway(office):
    document = office.get("/registry/1.0/openapi.json").json()
    assert "/data/{registryName}/{versionNumber}/update-or-create" in document["paths"]


def test_a_right_is_needed_in_release_1_0_too(stack):
    headers = {"Information-Mediator-Client": "DEV/MUN/20001/family-benefits"}
    with httpx.Client(base_url=stack.gateway, timeout=30) as client:
        answer = client.post(
            f"{MEMBER}/1.0/data/citizens/1.0/read",
            json={"query": {"content": {"id": "x"}}},
            headers=headers,
        )
        assert answer.status_code in {401, 403}
