"""A consent decision: may this client have this person's data now? Each one is evidence."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.row import Pair, Row, RowFailed, Target
from benchmarks.stage import CLIENT, Bare, Stage

_JSON = {"Content-Type": "application/json"}
_PERSON = {"externalId": "P0", "externalIdType": "personal-code"}
_RECORDS = "/service/individual/record/consent-record"
_QUESTION: dict[str, Any] = {
    "individual": _PERSON,
    "client": CLIENT,
    "dataSource": "DEV/GOV/10002",
    "attributes": ["firstName", "lastName"],
}
_STATEMENT = """
    SELECT c.id, c.opt_in, c.state, c.expires_at, a.content::text AS terms
    FROM agreement a
    JOIN individual i ON i.tenant = a.tenant AND i.reference = $2
    JOIN consent_record c ON c.agreement_id = a.id AND c.individual_id = i.id
    WHERE a.id = $1 AND a.deleted_at IS NULL
    ORDER BY c.agreement_revision_number DESC LIMIT 1
"""


def _given(stage: Stage) -> tuple[str, bytes]:
    """Let a person sign an agreement; return its id and the digest the person is found by."""
    with stage.client("consent", stage.block("consent")) as client:
        policy = _send(client, "/config/policy/", {"policy": _policy()})["policy"]["id"]
        kept = _send(client, "/config/data-agreement/", {"dataAgreement": _agreement(policy)})
        agreement = str(kept["dataAgreement"]["id"])
        made = _send(client, "/service/individual/", {"individual": _PERSON})
        client.headers["X-ConsentBB-IndividualId"] = made["individual"]["id"]
        asked = f"individualId={made['individual']['id']}&dataAgreementId={agreement}"
        draft = _send(client, f"{_RECORDS}/draft/?{asked}", None)
        signed = draft["signature"] | {
            "verificationMethod": "paper-scan",
            "verificationArtifact": "scan of the form signed at the desk",
            "verificationSignedBy": "Mari Mets",
            "verificationSignedAs": "individual",
            "signature": "signed on paper",
        }
        _send(client, f"{_RECORDS}/", draft | {"signature": signed})
        decided = _send(client, "/service/verification/decision/", _question(agreement))
    if not decided["permitted"]:
        raise RowFailed(f"the decision is not as it should be: {decided['reason']}")
    stage.clear()
    stage.analyse("consent")
    found = stage.sql("consent", "SELECT reference FROM individual")
    return agreement, bytes(found[0]["reference"])


def _question(agreement: str) -> dict[str, Any]:
    return {"dataAgreementId": agreement, **_QUESTION}


def _policy() -> dict[str, Any]:
    return {
        "name": "Personal data in maternity and infant care",
        "version": "1.0",
        "url": "https://health.dev.govblocks.example/policies/1.0",
        "jurisdiction": "DEV",
        "industrySector": "health",
        "dataRetentionPeriodDays": 9131,
        "geographicRestriction": "DEV",
        "storageLocation": "DEV",
    }


def _agreement(policy: str) -> dict[str, Any]:
    names = ("id", "firstName", "lastName", "birthdate", "address", "email")
    return {
        "version": "1.0",
        "controller": {"id": "10001", "name": "Ministry of Health", "url": "https://example.org"},
        "policy": {"id": policy},
        "purpose": "Register your child for postpartum and infant care",
        "lawfulBasis": "consent",
        "dataUse": "data_using_service",
        "dpia": "https://example.org/dpia",
        "active": True,
        "forgettable": False,
        "dataSources": ["DEV/GOV/10002"],
        "dataAttributes": [
            {"id": name, "name": name, "sensitivity": "internal", "category": "identity"}
            for name in names
        ],
    }


def _send(client: httpx.Client, path: str, body: object) -> Any:
    answer = client.post(path, json=body)
    if not answer.is_success:
        raise RowFailed(f"{path} answers {answer.status_code}: {answer.text[:200]}")
    return answer.json()


def _decider(reference: bytes) -> Bare:
    """Return a bare handler: agreement, person and record in one statement, and no evidence."""

    async def answer(pool: asyncpg.Pool, request: Request) -> Response:
        asked = json.loads(await request.body())
        row = await pool.fetchrow(_STATEMENT, asked["dataAgreementId"], reference)
        terms = json.loads(row["terms"])
        permitted = terms["active"] and row["opt_in"] and row["state"] == "signed"
        said = {"permitted": permitted, "consentRecordId": row["id"], "client": asked["client"]}
        return Response(json.dumps(said), media_type="application/json")

    return answer


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare handler that looks up the same three rows."""
    agreement, reference = stage.once("consent", lambda: _given(stage))
    body = json.dumps(_question(agreement))
    url = f"{stage.block('consent')}/service/verification/decision/"
    ours = Target(url, "POST", body, _JSON, stage.assertions("consent"))
    yield Pair(ours, Target(stage.bare("consent", _decider(reference)), "POST", body, _JSON))


ROW = Row("Consent: decision", "Starlette + asyncpg, one joined statement", pair)
