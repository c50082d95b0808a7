"""What strangers send, through the gateway: each answer names field and reason, nothing stays.

The corpus is that of the contract tests, which try every operation with it in process; here its
bodies travel through the gateway and a real server to the registry.
"""

import base64
import time
from pathlib import Path

import httpx
import pytest
import yaml
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey

from stack.journey import CHILDREN, CITIZENS, HEALTH_CENTRE
from stack.main import demo_secrets

CREATE = f"{CHILDREN}/data/mcts/1.0/create"
READ = f"{CHILDREN}/data/mcts/1.0/read"
JSON = {"content-type": "application/json"}
CORPUS = Path(__file__).parents[1] / "contracts" / "bad_input.yaml"
BODIES = [
    entry
    for entry in yaml.load(CORPUS.read_text(encoding="utf-8"), yaml.CSafeLoader)["bodies"]
    if entry.get("refused")
]


@pytest.fixture(scope="session")
def health(stack):
    """Return an HTTP client of the health centre's application."""
    with httpx.Client(base_url=stack.gateway, timeout=30) as client:
        answer = client.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=httpx.BasicAuth(HEALTH_CENTRE, demo_secrets()[HEALTH_CENTRE]),
        )
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


@pytest.fixture
def nothing_left(health):
    """See that no record was made."""

    def count():
        return health.get(f"{CHILDREN}/data/mcts/1.0").json()["count"]

    before = count()
    yield
    assert count() == before


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["requestId"] == answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize("entry", BODIES, ids=lambda entry: entry["name"])
@pytest.mark.usefixtures("nothing_left")
def test_a_body_that_cannot_be_is_refused(health, entry):
    body = base64.b64decode(entry.get("base64", "")) or (
        entry.get("text", "") + entry.get("repeat", "") * entry.get("times", 0)
    )
    said = problem(health.post(CREATE, content=body, headers=JSON), 400)
    if not entry.get("whole"):
        assert said["errors"][0]["pointer"] == entry.get("pointer", "#/")
        assert said["errors"][0]["reason"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"write": {}}', "#/write/content"),
        (b'{"write": {"content": {"child": {"id": "a\\u0000"}}}}', "#/write/content"),
        (b'{"write": {"content": {"child": {"id": "\\ud800"}}}}', "#/write/content"),
        (b'{"write": {"content": {"child": {"id": NaN}}}}', "#/write/content"),
    ],
)
@pytest.mark.usefixtures("nothing_left")
def test_a_value_that_cannot_be_is_refused_by_field(health, body, pointer):
    said = problem(health.post(CREATE, content=body, headers=JSON), 400)
    assert said["errors"][0]["pointer"] == pointer
    assert said["errors"][0]["reason"]


@pytest.mark.usefixtures("nothing_left")
def test_wrong_types_name_each_field(health):
    content = {"child": {"id": 5, "firstName": "L", "birthdate": "2026-13-45"}, "caretaker": {}}
    said = problem(health.post(CREATE, json={"write": {"content": content}}), 400)
    pointers = {error["pointer"] for error in said["errors"]}
    assert {"#/write/content/child/id", "#/write/content/child/birthdate"} <= pointers


@pytest.mark.parametrize("path", ["nothing/1.0", "mcts/9.9", "mcts/x", "%20/1.0"])
def test_an_unknown_registry_or_version_is_not_found(health, path):
    query = {"query": {"content": {"ID": "MCTS1"}}}
    problem(health.post(f"{CHILDREN}/data/{path}/read", json=query), 404)


def test_a_path_that_is_not_text_is_refused(health):
    for path in ("/data/%00/1.0", "/data/%ff/1.0", "/data/mcts/1.0?search=%ff"):
        problem(health.get(CHILDREN + path), 400)


@pytest.mark.usefixtures("nothing_left")
def test_a_body_of_20_mb_is_too_large(health):
    body = b'{"write": "' + b"x" * 20_000_000 + b'"}'
    problem(health.post(CREATE, content=body, headers=JSON), 413)


def test_wrong_and_expired_credentials_are_refused(stack):
    secret = ECKey.generate_key("P-256")
    forged = jwt.encode({"alg": "ES256"}, {"iss": f"{stack.gateway}/issuer", "sub": "DEV1"}, secret)
    own = OKPKey.generate_key("Ed25519")
    claims = {"iss": stack.gateway, "client_id": HEALTH_CENTRE, "exp": int(time.time()) - 60}
    expired = jwt.encode({"alg": "Ed25519"}, claims, own, algorithms=["Ed25519"])
    for headers in (
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {forged}"},
        {"Authorization": f"Bearer {expired}"},
        {"apiKey": "nobody has this key"},
        {"Authorization": "ApiKey nobody has this key"},
        {"X-GovStack-Client": HEALTH_CENTRE},
    ):
        answer = httpx.post(stack.gateway + READ, json={}, headers=headers)
        problem(answer, 401)
        assert "www-authenticate" in answer.headers


@pytest.mark.usefixtures("nothing_left")
def test_another_members_right_is_refused(health):
    record = {"id": "DEV00000000001", "firstName": "A", "lastName": "B", "birthdate": "1990-01-01"}
    path = f"{CITIZENS}/data/citizens/1.0/create"
    problem(health.post(path, json={"write": {"content": record}}), 403)


def test_a_wrong_verb_names_the_right_one(health):
    for path, allowed in ((CREATE, "POST"), ("/messaging/send/email/single", "POST")):
        answer = health.patch(path)
        problem(answer, 405)
        assert answer.headers["allow"] == allowed


def test_consent_answers_400_where_its_contract_says_so(health):
    problem(health.get("/consent/service/data-agreement/nothing/"), 400)


def test_messaging_answers_405_where_its_contract_says_so(health):
    said = problem(
        health.post(
            "/messaging/send/email/single",
            json={
                "recipientInfo": {"email": "a@b\r\nBcc: c@d"},
                "emailContent": {"title": "t", "content": "c"},
            },
        ),
        405,
    )
    assert "recipientInfo" in said["errors"][0]["pointer"]
