"""The development issuer on its own, as compose's demo profile runs it."""

from httpx import ASGITransport, AsyncClient
from joserfc import jwt
from joserfc.jwk import KeySet

from stack.serving import Settings, create_app

URL = "http://localhost:8081/issuer"


async def test_it_signs_with_the_key_it_publishes_in_the_name_it_was_given():
    app = create_app(Settings(url=URL))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/health")).json() == {"status": "ok"}
        answer = (await client.post("/issuer/token", json={"person": "DEV1", "name": "Ann"})).json()
        keys = KeySet.import_key_set((await client.get("/issuer/jwks")).json())
    claims = jwt.decode(answer["access_token"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["sub"], claims["name"]) == (URL, "DEV1", "Ann")


async def test_every_start_has_a_key_of_its_own():
    kids: set[str] = set()
    for app in (create_app(Settings()), create_app(Settings())):
        async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
            kids |= {key["kid"] for key in (await client.get("/issuer/jwks")).json()["keys"]}
    assert len(kids) == 2
