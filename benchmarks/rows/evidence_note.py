"""A read with one durable entry in the ledger, and the same read without.

Both are routes of one application of the kit: the door, the session, the statement are the same.
The entry is durable before the answer leaves, and the answer promises it, signed.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

from fastapi import APIRouter, Response
from starlette.types import ASGIApp

from benchmarks.registers import PLAIN, RECORDS, register
from benchmarks.row import NUMBER, Pair, Row, Target
from benchmarks.stage import CLIENT, MEMBER, Stage
from kit import web
from kit.access import Caller, public
from kit.evidence import Entry

_ONE = "SELECT content::text AS content FROM record WHERE primary_key = $1"
_Anyone = Annotated[Caller, public()]
_router = APIRouter()


async def _answer(session: web.Reading, key: str) -> Response:
    row = await session.fetchrow(_ONE, key)
    return Response(row["content"] if row else "null", media_type="application/json")


@_router.get("/without/{key}")
async def without(session: web.Reading, _caller: _Anyone, key: str) -> Response:
    """Return a record."""
    return await _answer(session, key)


@_router.get("/noted/{key}")
async def noted(session: web.Reading, ledger: web.Evidence, _caller: _Anyone, key: str) -> Response:
    """Return a record, and write down that it was read."""
    answer = await _answer(session, key)
    facts = {"operation": "read", "fields": ["firstName"], "recordNumber": 1}
    await ledger.note(Entry("record.read", CLIENT, "database:1", facts=facts, tenant=MEMBER))
    return answer


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the two routes."""
    register(stage, PLAIN, records=RECORDS)
    settings = stage.settings("registry")

    @asynccontextmanager
    async def app() -> AsyncGenerator[ASGIApp]:
        made = web.create_app(
            "registry", "Two routes", "With an entry, without", settings, [_router]
        )
        async with made.router.lifespan_context(made):
            yield made

    url = stage.serve(app)
    ours, base = (Target(f"{url}/{way}/P{NUMBER}", choices=RECORDS) for way in ("noted", "without"))
    yield Pair(ours, base)


ROW = Row("A read with a durable entry", "the same read without", pair, goal=0.7)
