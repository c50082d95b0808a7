"""A guardian agrees for a child and is told by e-mail when the agreement changes.

Everything passes the gateway: the health centre's calls, the citizens' tokens, and the message that
the consent block sends with messaging.
"""

import json
import time
from collections.abc import Iterator

import httpx
import pytest

from stack.actors import personal_code
from stack.journey import HEALTH_CENTRE, PORTAL, PORTAL_KEY
from stack.main import demo_secrets

RECORDS = "/consent/service/individual/record/consent-record/"
PREFERENCES = "/consent/service/individual/notification-preferences/"
AGREEMENT = {"purpose": "Vaccination calendar", "lawfulBasis": "consent", "active": True}


def signed_in(stack, name: str, secret: str, **headers: str) -> httpx.Client:
    """Return a client of an application."""
    given = httpx.post(
        f"{stack.gateway}/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(name, secret),
    )
    bearer = {"Authorization": f"Bearer {given.json()['access_token']}", **headers}
    return httpx.Client(base_url=stack.gateway, headers=bearer, timeout=20)


@pytest.fixture
def centre(stack) -> Iterator[httpx.Client]:
    """Return a client of the health centre's application."""
    with signed_in(stack, HEALTH_CENTRE, demo_secrets()[HEALTH_CENTRE]) as made:
        yield made


@pytest.fixture
def owner(stack) -> Iterator[httpx.Client]:
    """Return a client of the administrator, for the health centre's member."""
    secret = json.loads((stack.home / "secrets.json").read_text())["administrator"]
    with signed_in(stack, "administrator", secret, **{"X-GovStack-Client": HEALTH_CENTRE}) as made:
        yield made


def citizen(stack, code: str, individual: str) -> httpx.Client:
    """Return a client of the citizen portal for somebody who acts for an individual."""
    told = stack.run("token", "--person", code, "--url", stack.gateway)
    assert told.returncode == 0, told.stdout
    headers = {
        "Authorization": f"Bearer {told.stdout.strip()}",
        "X-GovStack-Client": PORTAL,
        "apiKey": PORTAL_KEY,
        "X-ConsentBB-IndividualId": individual,
    }
    return httpx.Client(base_url=stack.gateway, headers=headers, timeout=20)


def known(centre: httpx.Client, code: str) -> str:
    """Return the id of somebody whom the health centre knows."""
    body = {"individual": {"externalId": code, "externalIdType": "personal-code"}}
    return ok(centre.post("/consent/service/individual/", json=body))["individual"]["id"]


def ok(answer: httpx.Response):
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_guardian_agrees_for_a_child_and_is_told_when_the_agreement_changes(
    stack, centre, owner
) -> None:
    codes = personal_code(), personal_code()
    child, guardian = (known(centre, code) for code in codes)
    agreement = ok(
        owner.post("/consent/config/data-agreement/", json={"dataAgreement": AGREEMENT})
    )["dataAgreement"]["id"]
    with citizen(stack, codes[1], child) as acting:
        under = f"/consent/service/individual/record/data-agreement/{agreement}/"
        assert acting.post(under).status_code == 403
        made = {
            "individual": {"id": child},
            "representative": {"id": guardian},
            "kind": "guardian",
            "evidence": "birth register, entry 4711",
        }
        ok(centre.post("/consent/config/representation/", json={"representation": made}))
        given = ok(acting.post(under))["consentRecord"]
        assert given["givenBy"]["individualId"] == guardian
        wanted = {"enabled": True, "address": f"{codes[1]}@example.org", "language": "et"}
        ok(acting.put(PREFERENCES, json={"notificationPreferences": wanted}))
    with citizen(stack, codes[0], child) as own:
        assert [one["id"] for one in ok(own.get(RECORDS))["consentRecords"]] == [given["id"]]

    changed = {**AGREEMENT, "purpose": "Vaccination calendar and reminders"}
    ok(owner.put(f"/consent/config/data-agreement/{agreement}/", json={"dataAgreement": changed}))
    message = mail_to(stack, wanted["address"])
    assert message["Subject"] == "Andmeleping on muutunud"
    assert changed["purpose"] in message["Text"]


def mail_to(stack, address: str):
    """Return the one message that the mailbox shows for an address, once it is there."""
    deadline = time.monotonic() + 20
    while True:
        found = httpx.get(f"{stack.mailbox}/api/v1/search", params={"query": f"to:{address}"})
        if messages := found.json()["messages"]:
            assert len(messages) == 1
            return httpx.get(f"{stack.mailbox}/api/v1/message/{messages[0]['ID']}").json()
        assert time.monotonic() < deadline, "no message came"
        time.sleep(0.2)
