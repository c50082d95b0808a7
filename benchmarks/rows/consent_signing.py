"""A consent given: a draft, and the same signed and kept with its revision and its evidence."""

import itertools
import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from benchmarks import consents
from benchmarks.consents import Agreement
from benchmarks.row import NUMBER, Next, Pair, Row, Target
from benchmarks.stage import MEMBER, Bare, Stage
from kit.access import HEADER

_PATH = "/service/individual/record/consent-record/"
_PREFIX = "signer-"
_APART, _ROUNDS, _MOST = 1_000_000, 11, 9000
"""How far apart the numbers of rounds begin, how many rounds there are, and flows of each."""
_SCAN = {
    "verificationMethod": "paper-scan",
    "verificationArtifact": "scan of the form signed at the desk",
    "verificationSignedBy": "Mari Mets",
    "verificationSignedAs": "individual",
    "signature": "signed on paper",
}
_INSERT = """
    INSERT INTO consent_record
      (id, tenant, individual_id, agreement_id, agreement_revision_id, agreement_revision_hash,
       agreement_revision_number, opt_in, state, revision_id, ever_signed, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, true, 'signed', $5, true, $8)
"""


def signed(answer: bytes) -> str:
    """Return a draft as it comes back with a scan of the form."""
    draft = json.loads(answer)
    return json.dumps({**draft, "signature": {**draft["signature"], **_SCAN}})


def _people(stage: Stage) -> list[str]:
    """Fill in somebody for every number that a round may have: each consents once."""
    rounds = (range(n * _APART, n * _APART + _MOST) for n in range(1, _ROUNDS))
    return consents.people(stage, _PREFIX, [0, *itertools.chain(*rounds)])


def _writer(agreement: Agreement, people: list[str]) -> Bare:
    """Return a bare handler: one insert into the same table, committed by itself."""
    whose = iter(people)
    under = agreement.id, agreement.revision_id, agreement.revision_hash, agreement.revision_number

    async def answer(pool: asyncpg.Pool, request: Request) -> Response:
        json.loads(await request.body())
        named = str(uuid4())
        await pool.execute(_INSERT, named, MEMBER, next(whose), *under, datetime.now(UTC))
        return Response(json.dumps({"id": named}), media_type="application/json")

    return answer


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare a flow of two requests with one bare insert and commit, among other records."""
    consents.records(stage, consents.SMALL)
    people = stage.once("signers", lambda: _people(stage))
    agreement, beside = consents.agreements(stage, 2)
    stage.analyse("consent")
    url = stage.block("consent") + _PATH
    with stage.client("consent", url) as client:
        headers = {**consents.JSON, HEADER: client.headers[HEADER]}
    whose = f"individualId={_PREFIX}{NUMBER}"
    drafted = f"{url}draft/?{whose}&dataAgreementId={agreement.id}"
    then = Next(f"{url}?{whose}", f"{__name__}:{signed.__name__}")
    ours = Target(drafted, "POST", headers=headers, then=then)
    bare = stage.bare("consent", _writer(beside, people))
    body = json.dumps({"individual": whose, "dataAgreement": beside.id, "optIn": True})
    yield Pair(ours, Target(bare, "POST", body, consents.JSON, by_wrk=False))


ROW = Row("Consent: draft and record", "Starlette + asyncpg, insert and commit", pair, goal=0.25)
