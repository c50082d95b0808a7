"""An e-mail accepted: sealed, kept, logged and queued for sending, all in one transaction."""

import hashlib
import json
from collections.abc import Generator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.row import Pair, Row, Target
from benchmarks.stage import CLIENT, MEMBER, Stage

_JSON = {"Content-Type": "application/json"}
_INSERT = """
    INSERT INTO request (id, uid, tenant, client, hash, priority, created_at)
    VALUES ($1, $2, $3, $4, $5, 0, now())
"""
_LETTER = {
    "senderInfo": {"name": "Lakeside Health Centre", "email": "clinic@example.org"},
    "recipientInfo": {"email": "mother@example.org", "name": "Mari Mets"},
    "emailContent": {"title": "Registered", "content": "The registration number is @n."},
}


async def _accept(pool: asyncpg.Pool, request: Request) -> Response:
    """Keep that there was a request, and nothing of what it says."""
    body = await request.body()
    json.loads(body)
    new = uuid4()
    await pool.execute(_INSERT, new, str(new), MEMBER, CLIENT, hashlib.sha256(body).digest())
    return Response(json.dumps({"requestUid": str(new)}), media_type="application/json")


@contextmanager
def pair(stage: Stage) -> Generator[Pair]:
    """Compare the block with a bare insert and commit; nothing is sent while this is measured."""
    body = json.dumps(_LETTER)
    url = f"{stage.block('messaging')}/send/email/single"
    ours = Target(url, "POST", body, _JSON, stage.assertions("messaging"))
    yield Pair(ours, Target(stage.bare("messaging", _accept), "POST", body, _JSON))


ROW = Row("Messaging: accept", "Starlette + asyncpg, insert and commit", pair)
