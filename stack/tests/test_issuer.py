import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet

from gateway.identity.models import Issuer as Trusted
from gateway.identity.service import Persons
from stack.home import open_home
from stack.issuer import AUDIENCE, LIFETIME, Issuer

URL = "http://house.example/issuer"
NOBODY = "name a person: {person, name, represents}"


@pytest.fixture
def issuer(tmp_path) -> Issuer:
    return Issuer(URL, open_home(tmp_path).issuer_key)


@pytest.fixture
async def web(issuer) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(issuer.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://house.example") as client:
        yield client


async def published(web: httpx.AsyncClient) -> dict[str, Any]:
    """Find the keys as any OpenID client does: by way of the discovery document."""
    found = (await web.get("/issuer/.well-known/openid-configuration")).json()
    return (await web.get(found["jwks_uri"])).json()


async def test_discovery_leads_to_the_keys_and_to_the_tokens(web):
    answer = await web.get("/issuer/.well-known/openid-configuration")
    found = answer.json()
    assert found["issuer"] == URL
    assert found["id_token_signing_alg_values_supported"] == ["ES256"]
    assert (await web.get(found["jwks_uri"])).status_code == 200
    token = await web.post(found["token_endpoint"], json={"person": "DEV1"})
    assert token.status_code == 200


async def test_only_the_public_half_of_the_key_is_published(web):
    (key,) = (await published(web))["keys"]
    assert (key["kty"], key["crv"]) == ("EC", "P-256")
    assert key["kid"]
    assert "d" not in key


async def test_a_token_verifies_with_the_published_key_and_says_who_and_how_long(web):
    before = int(time.time())
    answer = await web.post("/issuer/token", json={"person": "DEV1", "name": "Mari Õun"})
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", LIFETIME)
    keys = KeySet.import_key_set(await published(web))
    token = jwt.decode(given["access_token"], keys, algorithms=["ES256"])
    assert token.header["kid"] == keys.keys[0].kid
    claims = token.claims
    assert before <= claims.pop("iat") <= time.time()
    assert before + LIFETIME <= claims.pop("exp") <= time.time() + LIFETIME
    assert claims == {
        "iss": URL,
        "aud": AUDIENCE,
        "sub": "DEV1",
        "name": "Mari Õun",
        "roles": [],
    }


async def test_a_token_does_not_verify_with_another_key(issuer):
    other = ECKey.generate_key("P-256")
    with pytest.raises(BadSignatureError):
        jwt.decode(issuer.token("DEV1"), other, algorithms=["ES256"])


async def test_the_gateway_reads_the_person_from_the_token(issuer, web):
    async def fetch(url: str) -> tuple[int, bytes]:
        answer = await web.get(url)
        return answer.status_code, answer.content

    persons = Persons(Trusted(URL, AUDIENCE, jwks_url=f"{URL}/jwks"), fetch)
    person = await persons.read(issuer.token("DEV1", "Mari", ("clerk",)), time.time())
    assert (person.id, person.name, person.roles) == ("DEV1", "Mari", {"clerk"})


async def test_a_token_says_whom_a_person_speaks_for(issuer, web):
    async def fetch(url: str) -> tuple[int, bytes]:
        answer = await web.get(url)
        return answer.status_code, answer.content

    answer = await web.post("/issuer/token", json={"person": "DEV1", "represents": "DEV2"})
    token, now = answer.json()["access_token"], time.time()
    person = await Persons(Trusted(URL, AUDIENCE, f"{URL}/jwks"), fetch).read(token, now)
    assert (person.id, person.represents) == ("DEV1", "DEV2")
    deaf = Trusted(URL, AUDIENCE, f"{URL}/jwks", represents="")
    assert (await Persons(deaf, fetch).read(token, now)).represents is None
    for nobody in ("", 1, ["DEV2"], "x" * 201):
        asked = {"person": "DEV1", "represents": nobody}
        assert (await web.post("/issuer/token", json=asked)).status_code == 400, nobody


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b'["DEV1"]',
        b"{}",
        b'{"name": "Mari"}',
        b'{"person": ""}',
        b'{"person": 1}',
        b'{"person": "' + b"x" * 201 + b'"}',
    ],
)
async def test_no_token_is_given_for_nobody(web, body):
    answer = await web.post("/issuer/token", content=body)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_request", "error_description": NOBODY}


async def test_the_longest_name_of_a_person_and_a_name_that_is_no_text(web):
    answer = await web.post("/issuer/token", json={"person": "x" * 200, "name": 1})
    keys = KeySet.import_key_set(await published(web))
    claims = jwt.decode(answer.json()["access_token"], keys, algorithms=["ES256"]).claims
    assert claims["sub"] == "x" * 200
    assert "name" not in claims


async def test_a_token_is_asked_for_by_post_only(web):
    assert (await web.get("/issuer/token")).status_code == 405
