"""All that a decision stands on, found with one statement; what it counts, and what is kept."""

import json
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from consent.agreements.models import Agreement, Terms
from consent.consents.models import Record
from consent.decisions.models import Fetch, Given
from kit.database import Session

_COLUMNS = """
  c.id, c.tenant, a.id AS agreement_id, c.individual_id, c.agreement_revision_id,
  c.agreement_revision_hash, c.agreement_revision_number, c.opt_in, c.state, c.expires_at,
  c.attributes, c.revision_id, c.ever_signed, c.created_at, c.extensions, c.fetches, c.fetched_at,
  a.tenant AS controller, a.content::text AS content, a.policy_id, a.revision_id AS newest,
  a.created_at AS made_at, a.deleted_at, r.snapshot
"""
_NEWEST = "c.agreement_revision_number DESC, c.created_at DESC, c.id DESC"
_ONE = f"""
SELECT {_COLUMNS}
FROM agreement a
LEFT JOIN LATERAL (
  SELECT c.* FROM individual i
  JOIN consent_record c ON c.agreement_id = a.id AND c.individual_id = i.id
  WHERE i.tenant = a.tenant AND i.{{column}} = $2
  ORDER BY {_NEWEST} LIMIT 1
) c ON true
LEFT JOIN revision r ON r.id = c.agreement_revision_id AND r.id <> a.revision_id
WHERE a.id = $1
"""  # noqa: S608  our own column names, as in all of these
_MANY = f"""
SELECT DISTINCT ON (a.id) {_COLUMNS}
FROM individual i
JOIN consent_record c ON c.individual_id = i.id
JOIN agreement a ON a.id = c.agreement_id AND a.tenant = i.tenant
LEFT JOIN revision r ON r.id = c.agreement_revision_id AND r.id <> a.revision_id
WHERE i.{{column}} = $2 AND a.tenant = ANY($3) AND a.deleted_at IS NULL
  AND $1 IN (a.content->>'purpose', a.content->>'purposeCode')
  AND (a.content->>'active')::boolean
ORDER BY a.id, {_NEWEST}
"""  # noqa: S608
_ALL = f"""
SELECT {_COLUMNS}
FROM agreement a
JOIN individual i ON i.tenant = a.tenant AND i.{{column}} = $2
JOIN consent_record c ON c.agreement_id = a.id AND c.individual_id = i.id
JOIN revision r ON r.id = c.agreement_revision_id
WHERE a.id = $1
ORDER BY {_NEWEST}
"""  # noqa: S608


def _by_either(sql: str) -> tuple[str, str]:
    return sql.format(column="person"), sql.format(column="reference")


_ONE_BY, _MANY_BY, _ALL_BY = _by_either(_ONE), _by_either(_MANY), _by_either(_ALL)


def _chosen(
    statements: tuple[str, str], person: bytes | None, reference: bytes | None
) -> tuple[str, bytes | None]:
    """Return the statement and the digest by which an individual is found: whichever is there."""
    by_person, by_reference = statements
    return (by_person, person) if reference is None else (by_reference, reference)


async def find(
    session: Session, agreement_id: str, person: bytes | None, reference: bytes | None
) -> tuple[Agreement | None, Given | None]:
    """Return any member's agreement, deleted or not, and what an individual of it gave under it.

    The individual is found by one of two digests, whichever is there. Of a person whom the member
    knows by several types it is the newest of their records: one is only ever made under the
    agreement's newest revision.
    """
    sql, digest = _chosen(_ONE_BY, person, reference)
    row = await session.fetchrow(sql, agreement_id, digest)
    return (None, None) if row is None else _found(row)


async def find_by_purpose(
    session: Session,
    purpose: str,
    tenants: Sequence[str],
    person: bytes | None,
    reference: bytes | None,
) -> list[tuple[Agreement, Given | None]]:
    """Return these members' active agreements with a purpose under which an individual decided."""
    sql, digest = _chosen(_MANY_BY, person, reference)
    return [_found(row) for row in await session.fetch(sql, purpose, digest, tenants)]


async def find_all(
    session: Session, agreement_id: str, person: bytes | None, reference: bytes | None
) -> list[Given]:
    """Return all that an individual decided under an agreement, the newest first."""
    sql, digest = _chosen(_ALL_BY, person, reference)
    rows = await session.fetch(sql, agreement_id, digest)
    return [given for _, given in map(_found, rows) if given is not None]


def _found(row: asyncpg.Record) -> tuple[Agreement, Given | None]:
    agreement = _agreement(row)
    return agreement, None if row["id"] is None else (Record.of(row), _terms(row, agreement))


def _agreement(row: asyncpg.Record) -> Agreement:
    return Agreement(
        row["agreement_id"],
        row["controller"],
        json.loads(row["content"]),
        row["policy_id"],
        row["newest"],
        row["made_at"],
        row["deleted_at"],
    )


def _terms(row: asyncpg.Record, agreement: Agreement) -> Terms:
    """Return the terms of the revision that was agreed to: the agreement's own, or an earlier."""
    if row["snapshot"] is None:
        return agreement.terms
    return Terms(agreement.tenant, json.loads(row["snapshot"])["objectData"])


# -- counting, and answering again ----------------------------------------------------------


async def count(session: Session, fetch: Fetch) -> bool:
    """Count a fetch; tell whether the record was still as the decision saw it."""
    record = fetch.record
    return bool(
        await session.fetch(
            "UPDATE consent_record SET fetches = $5, fetched_at = $6 WHERE id = $1 "
            "AND revision_id = $2 AND fetches = $3 AND fetched_at IS NOT DISTINCT FROM $4 "
            "AND state = 'signed' RETURNING id",
            record.id,
            record.revision_id,
            record.fetches,
            record.fetched_at,
            fetch.fetches,
            fetch.since,
        )
    )


async def find_answer(session: Session, key: bytes, since: datetime) -> tuple[bytes, str] | None:
    """Return the question's digest and the answer that were kept under a key since a time."""
    row = await session.fetchrow(
        "SELECT question, answer FROM decision_answer WHERE key = $1 AND at > $2", key, since
    )
    return None if row is None else (row["question"], row["answer"])


async def keep_answer(  # noqa: PLR0913, PLR0917  a row
    session: Session, key: bytes, question: bytes, answer: str, at: datetime, since: datetime
) -> bool:
    """Keep an answer under a key, unless one is there since a time; tell whether it was kept."""
    return bool(
        await session.fetch(
            "INSERT INTO decision_answer AS d (key, question, answer, at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (key) DO UPDATE SET question = EXCLUDED.question, "
            "answer = EXCLUDED.answer, at = EXCLUDED.at WHERE d.at <= $5 RETURNING key",
            key,
            question,
            answer,
            at,
            since,
        )
    )


async def clear_answers(session: Session, before: datetime, most: int) -> int:
    """Delete answers kept before a time, so many at most; return how many there were."""
    return len(
        await session.fetch(
            "DELETE FROM decision_answer WHERE key IN (SELECT key FROM decision_answer "
            "WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING key",
            before,
            most,
        )
    )
