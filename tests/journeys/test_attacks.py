"""What a stack writes while it is attacked: a line for each refusal, and nowhere a secret."""

import json

import httpx

from stack.journey import CITIZENS, POPULATION_OFFICE, PORTAL_KEY
from stack.main import demo_secrets

HEALTH = "DEV/GOV/10001/health-centre"
GRANT = {"grant_type": "client_credentials"}
GUESS, CHOSEN = "a-guess-at-a-secret", "a-guess-at-an-api-key"
WHO = "DEV48901010101"


def attack(stack) -> list[int]:
    """Try what strangers try; return the statuses."""
    secret = demo_secrets()[HEALTH]
    with httpx.Client(base_url=stack.gateway) as http:
        token = http.post("/oauth2/token", data=GRANT, auth=(HEALTH, secret)).json()
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        forged = {"Authorization": f"{bearer['Authorization'][:-8]}AAAAAAAA"}
        read = f"{CITIZENS}/data/citizens/1.0/read"
        about = {"query": {"content": {"id": WHO}}}
        tried = [
            http.post(read, json=about, headers=forged),
            http.post(read, json=about, headers={"apiKey": CHOSEN}),
            http.post(read, json=about, headers={"apiKey": PORTAL_KEY, **bearer}),
            http.get(f"/api/v1/config?of={WHO}", headers=bearer),
            http.get(f"/r1/{POPULATION_OFFICE}/registry/data/{WHO}/1.0", headers={"apiKey": "x"}),
        ]
        for number in range(11):
            auth = (HEALTH, f"{GUESS}-{number}")
            tried.append(http.post("/oauth2/token", data=GRANT, auth=auth))
    return [answer.status_code for answer in tried]


def test_an_attack_leaves_events_and_no_secret_in_what_is_written(other):
    other.start()
    other.wait_for("Ctrl-C stops all of it")
    assert attack(other) == [401, 401, 403, 403, 401, *[401] * 10, 429]
    log = other.home / "security.log"
    told = [json.loads(line) for line in log.read_text().splitlines()]
    events = [line["event"] for line in told]
    assert events == [
        *["credentials.refused"] * 2,
        "client.mismatch",
        "right.missing",
        "credentials.refused",
        *["token.refused"] * 9,
        "source.held",
        "token.refused",
        "source.refused",
    ]
    assert len({line["source"] for line in told}) == 1
    assert other.stop() == 0
    written = log.read_text() + other.output.read_text()
    secret = demo_secrets()[HEALTH]
    for said in (GUESS, CHOSEN, WHO, PORTAL_KEY, secret, "Bearer"):
        assert said not in written, "a secret or a person is in what was written"
    for line in told:
        assert "127.0.0.1" not in str(line)
