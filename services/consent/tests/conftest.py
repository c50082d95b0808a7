"""What the consent block's tests stand on."""

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from consent.main import BLOCK, create_app
from consent.settings import Settings
from kit.testing import Block, ClientFor

CLINIC = "TEST/GOV/1001/clinic"
MOTHER = "EE49001010002"


@pytest.fixture(scope="session")
def block() -> Block:
    return Block(BLOCK, create_app, Settings, Path(__file__).parents[1] / "migrations")


class House:
    """One member's application, speaking the published contract."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client

    @staticmethod
    def whose(individual: str) -> dict[str, str]:
        return {"X-ConsentBB-IndividualId": individual}

    @staticmethod
    def agreement_body(**more: Any) -> dict[str, Any]:
        return {"purpose": "Register a child", "lawfulBasis": "consent", **more}

    @staticmethod
    def on_paper(draft: dict[str, Any], signature: str = "scan-1") -> dict[str, Any]:
        """Return a draft with the scan of a signed form."""
        scan = {"verificationMethod": "paper-scan", "verificationArtifact": "c2Nhbg=="}
        signed = {**draft["signature"], **scan, "signature": signature}
        return {**draft, "signature": signed}

    @staticmethod
    def with_key(signature: dict[str, Any], key: OKPKey | ECKey, **header: Any) -> dict[str, Any]:
        """Return a signature made with a key: a JWS with detached payload."""
        header = {"alg": "Ed25519" if isinstance(key, OKPKey) else "ES256", **header}
        compact = jws.serialize_compact(
            header, signature["payload"].encode(), key, algorithms=[header["alg"]]
        )
        protected, _, value = compact.split(".")
        return {
            **signature,
            "verificationMethod": "jws",
            "verificationJwsHeader": protected,
            "signature": value,
            "verificationPublicKey": key.as_dict(private=False),
        }

    async def policy(self, **more: Any) -> dict[str, Any]:
        policy = {"name": "Health", "version": "1", "url": "https://example.org/p/1", **more}
        return (await self._ok("POST", "/config/policy/", {"policy": policy}))["policy"]

    async def agreement(self, **more: Any) -> dict[str, Any]:
        answer = await self._ok(
            "POST", "/config/data-agreement/", {"dataAgreement": self.agreement_body(**more)}
        )
        return answer["dataAgreement"] | {"hash": answer["revision"]["serializedHash"]}

    async def individual(self, external_id: str = MOTHER, kind: str = "personal-code") -> str:
        body = {"individual": {"externalId": external_id, "externalIdType": kind}}
        return (await self._ok("POST", "/service/individual/", body))["individual"]["id"]

    async def draft(self, individual: str, agreement: str, **query: Any) -> dict[str, Any]:
        return await self._ok(
            "POST",
            "/service/individual/record/consent-record/draft/",
            headers=self.whose(individual),
            params={"dataAgreementId": agreement, **query},
        )

    async def submit(self, individual: str, draft: dict[str, Any]) -> dict[str, Any]:
        return await self._ok(
            "POST",
            "/service/individual/record/consent-record/",
            draft,
            headers=self.whose(individual),
        )

    async def sign(self, individual: str, agreement: str, **query: Any) -> dict[str, Any]:
        """Give a signed consent from the draft to the submit."""
        return await self.submit(
            individual, self.on_paper(await self.draft(individual, agreement, **query))
        )

    async def opt(self, individual: str, record: str, *, opt_in: bool) -> dict[str, Any]:
        return await self._ok(
            "PUT",
            f"/service/individual/record/consent-record/{record}/",
            {"consentRecord": {"optIn": opt_in}},
            headers=self.whose(individual),
        )

    async def records(self, individual: str) -> list[dict[str, Any]]:
        answer = await self._ok(
            "GET", "/service/individual/record/consent-record/", headers=self.whose(individual)
        )
        return answer["consentRecords"]

    async def audit_revisions(self, object_id: str) -> list[dict[str, Any]]:
        answer = await self._ok("GET", "/audit/revisions/", params={"objectId": object_id})
        return answer["revisions"]

    async def decide(self, agreement: str, **more: Any) -> dict[str, Any]:
        question = {
            "dataAgreementId": agreement,
            "individual": {"externalId": MOTHER, "externalIdType": "personal-code"},
            "client": CLINIC,
            **more,
        }
        return await self._ok("POST", "/service/verification/decision/", question)

    async def _ok(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        answer = await self.client.request(method, path, json=body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


HouseFor = Callable[..., House]


@pytest.fixture
def house_type() -> type[House]:
    return House


@pytest.fixture
def house_for(client_for: ClientFor) -> HouseFor:
    """Return what makes the house of a caller; without scopes it may do everything."""

    def make(**caller: Any) -> House:
        return House(client_for(**{"scopes": {"*"}, "client": CLINIC, **caller}))

    return make


@pytest.fixture
def house(house_for: HouseFor) -> House:
    return house_for()


@pytest.fixture
def client(house: House) -> AsyncClient:
    return house.client


@pytest.fixture
def configure(app: FastAPI) -> Generator[Callable[..., None]]:
    """Return what changes settings of the block while a test runs."""
    before = app.state.settings

    def change(**more: Any) -> None:
        app.state.settings = before.model_copy(update=more)

    yield change
    app.state.settings = before
