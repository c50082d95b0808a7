"""A guardian sees who looked at a child's data, through the gateway, with a token of the issuer."""

import httpx
import pytest

from stack.actors import personal_code
from stack.journey import CITIZENS, PORTAL_KEY
from stack.main import demo_secrets

OFFICE = "DEV/GOV/10002/population"
USAGE = f"{CITIZENS}/data/personalDataUsage"


def office_of(stack) -> httpx.Client:
    """Return a client of the population office's own application."""
    given = httpx.post(
        f"{stack.gateway}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(OFFICE, demo_secrets()[OFFICE]),
    )
    bearer = {"Authorization": f"Bearer {given.json()['access_token']}"}
    return httpx.Client(base_url=stack.gateway, headers=bearer)


@pytest.fixture
def child(stack) -> str:
    """Return somebody whom the population office has entered and looked at."""
    code = personal_code()
    record = {"id": code, "firstName": "Ward", "lastName": "Mets", "birthdate": "2020-01-01"}
    with office_of(stack) as office:
        made = office.post(
            "/registry/data/citizens/1.0/create", json={"write": {"content": record}}
        )
        assert made.status_code == 200, made.text
        query = {"query": {"content": {"id": code}}}
        assert office.post("/registry/data/citizens/1.0/read", json=query).status_code == 200
    return code


def test_a_guardian_is_told_who_read_about_a_child_and_nobody_else_is(stack, child):
    guardian, stranger = personal_code(), personal_code()

    def asked(*who: str) -> httpx.Response:
        told = stack.run("token", "--person", *who, "--url", stack.gateway)
        assert told.returncode == 0, told.stdout
        headers = {"apiKey": PORTAL_KEY, "Authorization": f"Bearer {told.stdout.strip()}"}
        body = {"userId": child, "databaseId": "citizens"}
        return httpx.post(f"{stack.gateway}{USAGE}", json=body, headers=headers)

    assert asked(child).status_code == 200
    told = asked(guardian, "--represents", child)
    assert told.status_code == 200, told.text
    assert {entry["readerInstitutionId"] for entry in told.json()} == {"DEV/GOV/10002"}
    assert asked(guardian).status_code == 403
    assert asked(child, "--represents", guardian).status_code == 403
    assert asked(stranger, "--represents", guardian).status_code == 403
