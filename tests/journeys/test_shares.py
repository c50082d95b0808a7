"""A shared link opens to anybody, through the gateway, until it is switched off."""

import re
import time

import httpx
import pytest

from stack.main import demo_secrets

CENTRE = "DEV/GOV/10001/health-centre"
SCHEMA = {
    "properties": {
        "ID": {"type": "string", "primaryKey": True},
        "hours": {"type": "string"},
        "keeper": {"type": "string", "x-personalData": True},
    }
}


@pytest.fixture
def centre(stack):
    """Return a client of the health centre's application."""
    given = httpx.post(
        f"{stack.gateway}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(CENTRE, demo_secrets()[CENTRE]),
    )
    bearer = {"Authorization": f"Bearer {given.json()['access_token']}"}
    with httpx.Client(base_url=f"{stack.gateway}/registry", headers=bearer, timeout=20) as made:
        yield made


@pytest.fixture
def record(centre) -> str:
    """Return the id of a record of a register of posts that are open to everybody."""
    made = centre.post("/database/modify", json={"code": "posts", "schema": SCHEMA})
    assert made.status_code == 200, made.text
    centre.post(f"/database/{made.json()['id']}/publish")
    content = {"ID": "A", "hours": "9-17", "keeper": "Mari"}
    made = centre.post("/data/posts/1.0/updateOrCreate", json={"write": {"content": content}})
    assert made.status_code == 200, made.text
    logs = centre.get("/audit/logs", params={"database": "posts", "action": "create"}).json()
    return logs["logs"][0]["recordId"]


def _share(centre, record, **more) -> httpx.Response:
    body = {"registry": "posts", "version": "1.0", "recordId": record, "fields": ["hours"]}
    return centre.post("/shares", json={**body, **more})


def test_a_link_opens_without_credentials_until_it_is_switched_off(stack, centre, record):
    made = _share(centre, record)
    assert made.status_code == 201, made.text
    url = made.json()["url"]
    assert url.startswith(f"{stack.gateway}/registry/shares/")
    found = httpx.get(url)
    assert found.json()["content"] == {"hours": "9-17"}
    assert found.headers["referrer-policy"] == "no-referrer"
    assert httpx.get(f"{stack.gateway}/registry/shares").status_code == 403
    assert httpx.get(f"{stack.gateway}/registry/data/posts/1.0").status_code in {401, 403}
    assert centre.delete(f"/shares/{made.json()['id']}").status_code == 204
    assert httpx.get(url).status_code == 410


def test_a_link_comes_by_e_mail(stack, centre, record):
    to = {"channel": "email", "recipient": {"email": "visitor@example.org"}}
    made = _share(centre, record, **to)
    assert made.status_code == 201, made.text
    deadline = time.monotonic() + 20
    while True:
        asked = {"query": "to:visitor@example.org"}
        found = httpx.get(f"{stack.mailbox}/api/v1/search", params=asked).json()["messages"]
        if found:
            break
        assert time.monotonic() < deadline, "no message came"
        time.sleep(0.2)
    message = httpx.get(f"{stack.mailbox}/api/v1/message/{found[0]['ID']}").json()
    url = re.search(r"http://\S+/registry/shares/[\w-]+", message["Text"])
    assert url, message["Text"]
    assert httpx.get(url[0]).json()["content"] == {"hours": "9-17"}
