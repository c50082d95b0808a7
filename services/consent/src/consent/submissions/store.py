"""All that a draft or a submission stands on, found with one statement; and what it holds on to."""

import json
from dataclasses import fields

import asyncpg

from consent.agreements.models import Agreement
from consent.individuals import models as individuals
from consent.revisions.models import Revision
from consent.submissions.models import Found
from kit.database import Session, Statement

_INDIVIDUAL = [field.name for field in fields(individuals.Kept)]
_AGREEMENT = ("id", "tenant", "policy_id", "revision_id", "created_at", "deleted_at")
_REVISION = [field.name for field in fields(Revision) if field.name != "successor"]
_COLUMNS = ", ".join(
    (
        *(f"i.{name} AS individual_{name}" for name in _INDIVIDUAL),
        "a.content::text AS content",
        *(f"a.{name}" for name in _AGREEMENT),
        *(f"r.{name} AS revision_{name}" for name in _REVISION if name != "id"),
    )
)
_DECIDED = """
  EXISTS (SELECT FROM consent_record WHERE agreement_id = $2 AND individual_id = $1)
  OR EXISTS (
    SELECT FROM revision WHERE authorized_by_individual = $1 AND schema_name = 'ConsentRecord'
    AND snapshot::jsonb->'objectData'->>'dataAgreement' = $2
  )
"""
_FIND = f"""
SELECT {_COLUMNS}, {{first}} AS first
FROM (SELECT $1::text AS individual, $2::text AS agreement) asked
LEFT JOIN individual i ON i.id = asked.individual
LEFT JOIN agreement a ON a.id = asked.agreement
LEFT JOIN revision r ON r.id = a.revision_id
"""  # noqa: S608  our own column names, as in all of these
_FIRST = f"""
  NOT EXISTS (SELECT FROM revision WHERE hash_sha256 = $3)
  AND NOT ({_DECIDED})
  AND NOT EXISTS (
    SELECT FROM webhook
    WHERE tenant = i.tenant AND NOT disabled AND deleted_at IS NULL AND $4 = ANY(events)
  )
"""  # noqa: S608
_TO_DRAFT, _TO_SUBMIT = _FIND.format(first="false"), _FIND.format(first=_FIRST)
# who is about to decide something else has the individual locked: this does not wait for them
_HELD = f"""
    SELECT i.id FROM individual i, agreement a
    WHERE i.id = $1 AND i.sealed = $3 AND a.id = $2 AND a.revision_id = $4 AND a.deleted_at IS NULL
      AND NOT ({_DECIDED})
    FOR SHARE OF a FOR NO KEY UPDATE OF i SKIP LOCKED
"""  # noqa: S608


async def find(session: Session, individual_id: str, agreement_id: str) -> Found:
    """Return what a draft stands on; whether something was decided is not looked for."""
    return _found(await session.fetch(_TO_DRAFT, individual_id, agreement_id))


async def find_for(
    session: Session, individual_id: str, agreement_id: str, digest: str, kind: str
) -> Found:
    """Return what a submission stands on, by the SHA-256 of what was signed.

    ``kind`` is the event that webhooks may be told of.
    """
    return _found(await session.fetch(_TO_SUBMIT, individual_id, agreement_id, digest, kind))


def held(individual: individuals.Kept, agreement: Agreement) -> Statement:
    """Return the part that has a row while these are as they were, and nothing is decided yet."""
    values = individual.id, agreement.id, individual.sealed, agreement.revision_id
    return Statement("held", _HELD, values)


def _found(rows: list[asyncpg.Record]) -> Found:
    [row] = rows
    individual = kept = None
    if row["individual_id"] is not None:
        individual = individuals.Kept(*(row[f"individual_{name}"] for name in _INDIVIDUAL))
    if row["id"] is not None:
        agreement = Agreement(
            row["id"],
            row["tenant"],
            json.loads(row["content"]),
            row["policy_id"],
            row["revision_id"],
            row["created_at"],
            row["deleted_at"],
        )
        kept = agreement, Revision(*(row[f"revision_{name}"] for name in _REVISION))
    return Found(individual, kept, row["first"])
