"""The registers that rows read from and write to, and the bare handlers beside them."""

import json
from typing import Any

import asyncpg
import httpx
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.row import Target
from benchmarks.stage import MEMBER, Bare, Stage
from registry.records import store

RECORDS = 1000
PLAIN, PERSONAL, WRITTEN = "parcels", "inhabitants", "permits"
_JSON = {"Content-Type": "application/json"}
_MATCHING: str = store._FIND_MATCHING  # noqa: SLF001  the very statement that is measured
_MORE = """
    INSERT INTO record (id, database_id, number, version_id, primary_key, subjects, content,
                        created_at, changed_at)
    SELECT gen_random_uuid(), database_id, number + n, version_id, 'P' || n,
           array_replace(subjects, 'P0', 'P' || n),
           jsonb_set(content, '{id}', to_jsonb('P' || n)), now(), now()
    FROM record, generate_series(1, $2::integer) n
    WHERE database_id = $1 AND primary_key = 'P0'
"""
"""Copies of the first record, which the registry itself has made."""


def content(number: object) -> dict[str, Any]:
    """Return a record's content: a handful of short fields."""
    return {
        "id": f"P{number}",
        "firstName": "Mari",
        "lastName": "Mets",
        "birthdate": "1989-05-12",
        "address": "Lake Road 4, Lakeside",
        "email": "mari.mets@example.org",
    }


def register(stage: Stage, code: str, *, records: int) -> int:
    """Publish a register with records, once; return its id in the database."""
    return stage.once(f"register {code}", lambda: _register(stage, code, records))


def _register(stage: Stage, code: str, records: int) -> int:
    with stage.client("registry", stage.block("registry")) as client:
        made = _sent(client, "/database/modify", {"code": code, "schema": _schema(code)})
        _sent(client, f"/database/{made['id']}/publish", None)
        if records:
            _sent(client, f"/data/{code}/1.0/create", {"write": {"content": content(0)}})
    stage.clear()
    found = stage.sql("registry", "SELECT id FROM database WHERE code = $1", code)
    stage.sql("registry", _MORE, found[0]["id"], records - 1)
    stage.analyse("registry")
    return int(found[0]["id"])


def _schema(code: str) -> dict[str, Any]:
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
    return Target(f"{base}/data/{code}/1.0/read", "POST", body, _JSON, choices=RECORDS)


def bare_read(url: str) -> Target:
    """Return the same read at the bare handler."""
    body = json.dumps({"query": {"content": {"id": "P@n"}}})
    return Target(url, "POST", body, _JSON, choices=RECORDS)


def reader(code: str) -> Bare:
    """Return a bare handler: the registry's own statement, the record's own bytes."""

    async def answer(pool: asyncpg.Pool, request: Request) -> Response:
        asked = json.loads(await request.body())["query"]["content"]
        row = await pool.fetchrow(_MATCHING, MEMBER, code, 1, json.dumps(asked))
        return Response('{"content":' + row["content"] + "}", media_type="application/json")

    return answer
