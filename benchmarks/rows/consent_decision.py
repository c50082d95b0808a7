"""A consent decision: may this client have this person's data now? Each one is evidence."""

import json
from collections.abc import Generator
from contextlib import contextmanager

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from benchmarks import consents
from benchmarks.row import NUMBER, Pair, Row, RowFailed, Target
from benchmarks.stage import CLIENT, Stage

_PATH = "/service/verification/decision/"
_STATEMENT = """
    SELECT id, opt_in, state, expires_at FROM consent_record
    WHERE agreement_id = $1 AND individual_id = $2 AND current
"""
BASE = "Starlette + asyncpg, one row read"


async def _read(pool: asyncpg.Pool, request: Request) -> Response:
    """Read the record of the individual and the agreement that are named, and nothing else."""
    asked = json.loads(await request.body())
    row = await pool.fetchrow(
        _STATEMENT, asked["dataAgreementId"], asked["individual"]["externalId"]
    )
    said = {"permitted": row["opt_in"] and row["state"] == "signed", "consentRecordId": row["id"]}
    return Response(json.dumps(said), media_type="application/json")


def compared(stage: Stage, size: int) -> Pair:
    """Compare decisions about so many individuals with reads of one row among the same records."""
    question = {
        "dataAgreementId": consents.records(stage, size)[0].id,
        "individual": {"externalId": f"many-{size}-{NUMBER}", "externalIdType": consents.ID_TYPE},
        "client": CLIENT,
        "dataSource": consents.SOURCE,
        "attributes": ["firstName", "lastName"],
    }
    url = stage.block("consent")
    with stage.client("consent", url) as client:
        asked = json.loads(json.dumps(question).replace(NUMBER, "0"))
        if not (decided := consents.sent(client, _PATH, asked))["permitted"]:
            raise RowFailed(f"the decision is not as it should be: {decided['reason']}")
    body, carried = json.dumps(question), stage.assertions("consent")
    ours = Target(url + _PATH, "POST", body, consents.JSON, carried, choices=size)
    bare = stage.bare("consent", _read)
    return Pair(ours, Target(bare, "POST", body, consents.JSON, choices=size))


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare read, among ten thousand records."""
    yield compared(stage, consents.SMALL)


ROW = Row("Consent: decision", BASE, pair, goal=0.5)
