"""Signatures in PostgreSQL: sealed with the individual's own key, gone with their record."""

import json

import asyncpg

from consent.signatures.models import Signature
from kit.database import Session, Statement
from kit.sealing import DataKey

_SELECT = "SELECT id, record_id, revision_id, complete, number, sealed FROM signature "
_INSERT = "INSERT INTO signature (id, record_id, revision_id, complete, sealed, number) "


def _bound(revision_id: str, number: int) -> bytes:
    """Return what a sealed signature is bound to: its place."""
    return (revision_id if number == 1 else f"{revision_id}/{number}").encode()


def _signature(key: DataKey, row: asyncpg.Record) -> Signature:
    revision_id, number = row["revision_id"], row["number"]
    content = json.loads(key.open(row["sealed"], _bound(revision_id, number)))
    return Signature(row["id"], row["record_id"], revision_id, content, row["complete"], number)


async def find_all(session: Session, key: DataKey, revision_id: str) -> list[Signature]:
    """Return the signatures of a revision in their order."""
    rows = await session.fetch(f"{_SELECT} WHERE revision_id = $1 ORDER BY number", revision_id)
    return [_signature(key, row) for row in rows]


async def save(session: Session, key: DataKey, signature: Signature) -> None:
    """Keep a signature, in place of one of the same place that nobody signed."""
    await session.fetch(
        f"{_INSERT} VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (revision_id, number) DO UPDATE "
        "SET complete = EXCLUDED.complete, sealed = EXCLUDED.sealed WHERE NOT signature.complete",
        *_row(key, signature),
    )


def insertion(key: DataKey, signature: Signature, given: str) -> Statement:
    """Return what keeps a signature where the part ``given`` of a larger statement has a row."""
    sql = f"{_INSERT} SELECT $1, $2, $3, $4, $5, $6 FROM {given}"  # noqa: S608  our own words
    return Statement("signature", sql, _row(key, signature))


def _row(key: DataKey, signature: Signature) -> tuple[object, ...]:
    bound = _bound(signature.revision_id, signature.number)
    sealed = key.seal(json.dumps(signature.content).encode(), bound)
    kept = signature.id, signature.record_id, signature.revision_id, signature.complete
    return *kept, sealed, signature.number
