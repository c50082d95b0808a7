"""Applications that prove themselves by a certificate, and tokens that are bound to one."""

import base64
import hashlib
import ssl
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from fastapi import FastAPI
from gateway_house import AT_HOME, INSIDE, KEYED_KEY, House, asserted, client_of
from httpx import AsyncClient
from starlette.types import Receive, Scope, Send

from gateway.main import create_app
from stack.tls import Authority, named

THINGS = f"/r1/{INSIDE}/things"
CERTIFIED = "DEV/GOV/10009/certified"
GRANT = {"grant_type": "client_credentials", "client_id": CERTIFIED}
AUTHORITY = Authority.new("State CA")


class Client:
    """A client's certificate, as our listener or a proxy shows it."""

    def __init__(self, name: str = "certified", life: timedelta = timedelta(days=1)) -> None:
        self.pem = AUTHORITY.issue(named(name), life=life)[0].decode()
        self.der = ssl.PEM_cert_to_DER_cert(self.pem)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()

    @property
    def header(self) -> dict[str, str]:
        """Return the header of RFC 9440."""
        return {"Client-Cert": f":{base64.b64encode(self.der).decode()}:"}

    def on(self, app: FastAPI, **headers: str) -> AsyncClient:
        """Return an HTTP client whose connections have this certificate."""

        async def connected(scope: Scope, receive: Receive, send: Send) -> None:
            tls = {"client_cert_chain": [self.pem], "tls_version": 0x0304}
            await app({**scope, "extensions": {"tls": tls}}, receive, send)

        return client_of(connected, **headers)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def first() -> Client:
    return Client()


async def register(house: House, *certificates: dict[str, str]) -> None:
    """Register an application with these certificates, which may see the things."""
    answer = await configure(house, certificates)
    assert answer.status_code == 201, answer.text
    right = {"memberClass": "GOV", "memberCode": "10009", "applicationId": "certified"}
    service = {"memberClass": "GOV", "memberCode": "10002", "applicationId": "population"}
    async with await house.administrator() as admin:
        allowed = [{**service, "serviceId": "inside", "rights": [right]}]
        answer = await admin.patch("/api/v1/rights/allow", json=allowed)
        assert answer.status_code == 200, answer.text


async def configure(house: House, certificates: Any, **more: Any) -> Any:
    application = {"id": "certified", "connection": "mtls", "certificates": certificates, **more}
    member = {"name": "Certified", "class": "GOV", "code": "10009", "applications": [application]}
    document = {"domain": "house.test", "instance": "DEV", "members": [member]}
    async with await house.administrator() as admin:
        return await admin.patch("/api/v1/config", json=document)


async def status(http: AsyncClient, **headers: str) -> int:
    async with http:
        return (await http.get(THINGS, headers=headers)).status_code


async def test_any_of_its_certificates_identifies_an_application_until_it_is_withdrawn(
    house: House, first: Client
) -> None:
    second = Client("other name")
    names = {"subject": "CN=other name", "issuer": "CN=State CA"}
    await register(house, {"sha256": first.sha256}, names)
    assert await status(first.on(house.app)) == 200
    assert asserted(house.inside.seen[-1]).client == CERTIFIED
    assert await status(second.on(house.app)) == 200
    assert await status(Client("nobody").on(house.app)) == 401
    assert await status(Client().on(house.app)) == 401  # its names alone are not registered
    assert await status(first.on(house.app, X_GovStack_Client="DEV/GOV/10001/keyed")) == 403
    assert await status(first.on(house.app, apiKey=KEYED_KEY)) == 403
    assert await status(Client("nobody").on(house.app, apiKey=KEYED_KEY)) == 200
    await register(house, {"sha256": second.sha256})
    assert await status(first.on(house.app)) == 401
    assert await status(second.on(house.app)) == 200


async def test_a_certificate_that_has_ended_counts_no_longer_on_an_open_connection(
    house: House,
) -> None:
    ended = Client(life=timedelta(seconds=-1))
    await register(house, {"sha256": ended.sha256})
    async with ended.on(house.app) as http:
        answer = await http.get(THINGS)
    assert (answer.status_code, "expired" in answer.text) == (401, True)


async def test_a_proxy_s_word_counts_from_listed_networks_and_goes_no_further(
    house: House, first: Client
) -> None:
    networks = {"proxy_networks": house.settings.trusted_networks}
    update = {**networks, "proxies_verify_certificates": True}
    app = create_app(house.settings.model_copy(update=update), {"echo": house.inside})
    await register(house, {"sha256": first.sha256})
    async with app.router.lifespan_context(app):
        assert await status(client_of(app, host=AT_HOME), **first.header) == 200
        assert asserted(house.inside.seen[-1]).client == CERTIFIED
        assert "client-cert" not in house.inside.headers
        assert await status(client_of(app), **first.header) == 401
        assert await status(client_of(house.app), **first.header) == 401
        assert await status(client_of(house.app, apiKey=KEYED_KEY), **first.header) == 200
        assert "client-cert" not in house.inside.headers
        outside = {"X-Forwarded-For": "192.0.2.77"}  # so that no trust in networks lets it in
        for nonsense in (":AAAA:", ":%%%%:", "AAAA", first.header["Client-Cert"][1:]):
            http = client_of(app, host=AT_HOME)
            assert await status(http, **outside, **{"Client-Cert": nonsense}) == 401, nonsense
        for nothing in ("", "::"):
            http = client_of(app, host=AT_HOME, apiKey=KEYED_KEY)
            assert await status(http, **{"Client-Cert": nothing}) == 200
        other = create_app(house.settings.model_copy(update=networks), {"echo": house.inside})
        async with other.router.lifespan_context(other):  # its proxy verifies no certificates
            http = client_of(other, host=AT_HOME)
            assert await status(http, **outside, **first.header) == 401
        both = [*first.header.items(), *Client("second").header.items()]
        async with client_of(app, host=AT_HOME) as http:
            assert (await http.get(THINGS, headers=both)).status_code == 401


async def test_a_token_got_with_a_certificate_is_bound_to_it(house: House, first: Client) -> None:
    second = Client("second")
    await register(house, {"sha256": first.sha256}, {"sha256": second.sha256})
    async with first.on(house.app) as http:
        answer = await http.post("/oauth2/token", data=GRANT)
        assert answer.status_code == 200, answer.text
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        assert (await http.get(THINGS, headers=bearer)).status_code == 200
    assert await status(client_of(house.app), **bearer) == 401
    assert await status(second.on(house.app), **bearer) == 401  # of the same application
    async with Client("stranger").on(house.app) as http:
        refused = await http.post("/oauth2/token", data=GRANT)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    async with client_of(house.app) as http:
        assert (await http.post("/oauth2/token", data=GRANT)).status_code == 401
    await register(house)
    assert await status(first.on(house.app), **bearer) == 401


async def test_its_keys_alone_do_not_prove_an_application_that_has_certificates(
    house: House, first: Client
) -> None:
    await register(house, {"sha256": first.sha256})
    keys = "/api/v1/members/GOV/10009/applications/certified/keys"
    async with await house.administrator() as admin:
        key = (await admin.post(keys)).json()["key"]
    assert await status(client_of(house.app, apiKey=key)) == 401
    assert await status(first.on(house.app, apiKey=key)) == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"sha256": "abc"},
        {"sha256": "ab" * 32, "subject": "CN=x", "issuer": "CN=y"},
        {"subject": "CN=x"},
        {"subject": "no name", "issuer": "CN=y"},
        {"sha-256": "ab" * 32},
    ],
)
async def test_a_certificate_that_is_none_is_refused(house: House, wrong: dict[str, str]) -> None:
    answer = await configure(house, [wrong])
    assert answer.status_code == 400, answer.text
    assert "/certificates/0" in answer.json()["errors"][0]["pointer"]


async def test_a_certificate_stands_for_one_application_which_says_so(
    house: House, first: Client
) -> None:
    colons = ":".join(first.sha256.upper()[i : i + 2] for i in range(0, 64, 2))
    await register(house, {"sha256": colons})
    answer = await configure(house, [{"sha256": first.sha256}], id="another")
    assert answer.status_code == 400
    assert "share a certificate" in answer.text
    answer = await configure(house, [{"sha256": "ab" * 32}], id="open", connection="none")
    assert answer.status_code == 400
    async with await house.administrator() as admin:
        shown = (await admin.get("/api/v1/config")).json()
    found = [a for m in shown["members"] for a in m["applications"] if a["id"] == "certified"]
    assert found[0]["certificates"] == [{"sha256": first.sha256}]


def test_names_are_read_as_they_are_written_in_a_certificate() -> None:
    subject = x509.Name.from_rfc4514_string("CN=a\\,b,O=Ministry,C=EE")
    made = AUTHORITY.issue(subject)[0]
    assert x509.load_pem_x509_certificate(made).subject.rfc4514_string() == (
        "CN=a\\,b,O=Ministry,C=EE"
    )
