"""Signatures in PostgreSQL: sealed with the individual's own key, gone with their record."""

import json

import asyncpg

from consent.signatures.models import Signature
from kit.database import Session
from kit.sealing import DataKey

_SELECT = "SELECT id, record_id, revision_id, complete, sealed FROM signature "


def _signature(key: DataKey, row: asyncpg.Record) -> Signature:
    content = json.loads(key.open(row["sealed"], row["revision_id"].encode()))
    return Signature(row["id"], row["record_id"], row["revision_id"], content, row["complete"])


async def find(session: Session, key: DataKey, revision_id: str) -> Signature | None:
    """Return the signature of a revision, if there is one."""
    row = await session.fetchrow(f"{_SELECT} WHERE revision_id = $1", revision_id)
    return _signature(key, row) if row else None


async def save(session: Session, key: DataKey, signature: Signature) -> None:
    """Keep a signature, in place of one of the same revision that nobody signed."""
    sealed = key.seal(json.dumps(signature.content).encode(), signature.revision_id.encode())
    await session.fetch(
        "INSERT INTO signature (id, record_id, revision_id, complete, sealed) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (revision_id, number) DO UPDATE "
        "SET complete = EXCLUDED.complete, sealed = EXCLUDED.sealed WHERE NOT signature.complete",
        signature.id,
        signature.record_id,
        signature.revision_id,
        signature.complete,
        sealed,
    )
