"""The registers that rows read from and write to, and the bare handlers beside them."""

import json
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.row import Target
from benchmarks.stage import MEMBER, Bare, Stage
from registry.records import store

RECORDS, ROADS, KNOWN = 1000, 100, 10
"""Records of a register, the roads they are in, and how many have an id that a row can name."""
PLAIN, PERSONAL, WRITTEN = "parcels", "inhabitants", "permits"
JSON = {"Content-Type": "application/json"}
_MATCHING: str = store._FIND_MATCHING  # noqa: SLF001  the very statement that is measured
_REFERRED: str = store._FIND_REFERRED  # noqa: SLF001  as above
_ID = "00000000-0000-4000-8000-00000000000"
_MORE = """
    INSERT INTO record (id, database_id, number, version_id, primary_key, subjects, content,
                        created_at, changed_at)
    SELECT CASE WHEN $3 AND n / 10 = 1 THEN ($4 || n % 10)::uuid ELSE gen_random_uuid() END,
           database_id, number + n, version_id, 'P' || n,
           array_replace(subjects, 'P0', 'P' || n),
           content || jsonb_build_object('id', 'P' || n, 'address', 'Road ' || n % 100),
           now(), now()
    FROM record, generate_series(1, $2::integer) n
    WHERE database_id = $1 AND primary_key = 'P0'
"""
"""Copies of the first record, which the registry itself has made; P10 to P19 get known ids."""


def content(number: object) -> dict[str, Any]:
    """Return a record's content: a handful of short fields."""
    road = number % ROADS if isinstance(number, int) else 0
    return {
        "id": f"P{number}",
        "firstName": "Mari",
        "lastName": "Mets",
        "birthdate": "1989-05-12",
        "address": f"Road {road}",
        "email": "mari.mets@example.org",
    }


def register(stage: Stage, code: str, *, records: int) -> int:
    """Publish a register with records, once; return its id in the database."""
    return stage.once(f"register {code}", lambda: _register(stage, code, records))


def _register(stage: Stage, code: str, records: int) -> int:
    with stage.client("registry", stage.block("registry")) as client:
        made = _sent(client, "/database/modify", {"code": code, "schema": schema(code)})
        _sent(client, f"/database/{made['id']}/publish", None)
        if records:
            _sent(client, f"/data/{code}/1.0/create", {"write": {"content": content(0)}})
    stage.clear()
    found = stage.sql("registry", "SELECT id FROM database WHERE code = $1", code)
    stage.sql("registry", _MORE, found[0]["id"], records - 1, code == PLAIN, _ID)
    stage.analyse("registry")
    return int(found[0]["id"])


def schema(code: str) -> dict[str, Any]:
    """Return the schema of a register: text fields, personal ones in ``PERSONAL``."""
    personal = code == PERSONAL
    properties: dict[str, Any] = {
        name: {"type": "string", **({"x-personalData": True} if personal else {})}
        for name in content(0)
    }
    properties["id"] = {"type": "string", "primaryKey": True}
    if personal:
        properties["id"]["x-personalDataId"] = {"type": "personal-code"}
    return {"type": "object", "required": ["id"], "properties": properties}


def _sent(client: httpx.Client, path: str, body: object) -> Any:
    answer = client.post(path, json=body)
    if not answer.is_success:
        raise RuntimeError(f"{path} answers {answer.status_code}: {answer.text[:200]}")
    return answer.json()


def read(base: str, code: str) -> Target:
    """Return the read of one record by its primary key at a block."""
    body = json.dumps({"query": {"content": {"id": "P@n"}}})
    return Target(f"{base}/data/{code}/1.0/read", "POST", body, JSON, choices=RECORDS)


def bare_read(url: str) -> Target:
    """Return the same read at the bare handler."""
    body = json.dumps({"query": {"content": {"id": "P@n"}}})
    return Target(url, "POST", body, JSON, choices=RECORDS)


def reader(code: str) -> Bare:
    """Return a bare handler: the registry's own statement, the record's own bytes."""

    async def answer(pool: asyncpg.Pool, request: Request) -> Response:
        asked = json.loads(await request.body())["query"]["content"]
        row = await pool.fetchrow(_MATCHING, MEMBER, code, 1, json.dumps(asked))
        return Response('{"content":' + row["content"] + "}", media_type="application/json")

    return answer


def read_by_id(base: str, code: str) -> Target:
    """Return the read of one of the known records by its id at a block."""
    return Target(f"{base}/data/{code}/1.0/{_ID}@n", choices=KNOWN)


def bare_read_by_id(url: str) -> Target:
    """Return the same read at the bare handler."""
    return Target(f"{url}?id={_ID}@n", choices=KNOWN)


def teller(code: str) -> Bare:
    """Return a bare handler: the registry's own statement by id, the record's own bytes."""

    async def answer(pool: asyncpg.Pool, request: Request) -> Response:
        asked = request.query_params["id"]
        row = await pool.fetchrow(_REFERRED, MEMBER, code, 1, asked, UUID(asked))
        return Response('{"content":' + row["content"] + "}", media_type="application/json")

    return answer
