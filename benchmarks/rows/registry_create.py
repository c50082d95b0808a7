"""A record created at the registry: checked, numbered, written with its evidence, committed."""

import itertools
import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.registers import JSON, WRITTEN, content, register
from benchmarks.row import Pair, Row, Target
from benchmarks.stage import Bare, Stage

_INSERT = """
    INSERT INTO record (id, database_id, number, primary_key, subjects, content, created_at,
                        changed_at)
    VALUES ($1, $2, $3, $4, '{}', $5::jsonb, now(), now()) RETURNING content::text
"""


def _writer(database: int) -> Bare:
    """Return a bare handler: one insert into the same table, committed by itself."""
    numbers = itertools.count(time.time_ns())

    async def answer(pool: asyncpg.Pool, request: Request) -> Response:
        given = json.loads(await request.body())["write"]["content"]
        number, key = next(numbers), given["id"]
        text = await pool.fetchval(_INSERT, uuid4(), database, number, key, json.dumps(given))
        return Response('{"content":' + text + "}", media_type="application/json")

    return answer


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare insert and commit."""
    register(stage, WRITTEN, records=0)
    beside = register(stage, f"{WRITTEN}-bare", records=0)
    body = json.dumps({"write": {"content": content("@n")}})
    url = f"{stage.block('registry')}/data/{WRITTEN}/1.0/create"
    ours = Target(url, "POST", body, JSON, stage.assertions("registry"))
    yield Pair(ours, Target(stage.bare("registry", _writer(beside)), "POST", body, JSON))


ROW = Row("Registry: create", "Starlette + asyncpg, insert and commit", pair, goal=0.5)
