"""All that a draft or a submission stands on, found with one statement; and what it holds on to."""

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

import asyncpg

from consent.agreements.models import Agreement
from consent.individuals import models as individuals
from consent.revisions.models import Revision
from consent.submissions.models import Found
from kit.database import Session, Statement

_INDIVIDUAL = [field.name for field in fields(individuals.Kept)]
_REVISION = [field.name for field in fields(Revision) if field.name != "successor"]
_STATE, _SAID = len(_INDIVIDUAL), len(_INDIVIDUAL) + len(_REVISION)
_COLUMNS = ", ".join(
    (
        *(f"i.{name}" for name in _INDIVIDUAL),
        *(f"r.{name}" for name in _REVISION),
        *("a.id", "a.tenant", "a.content::text", "a.policy_id", "a.revision_id", "a.created_at"),
        "a.deleted_at",
    )
)
# among the individual's records: of a new agreement PostgreSQL does not know how many it has
_DECIDED = """
  EXISTS (SELECT FROM consent_record WHERE individual_id = $1 AND agreement_id || '' = $2)
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
    *values, first = rows[0]
    who, state, said = values[:_STATE], values[_STATE:_SAID], values[_SAID:]
    kept = None
    if said[0] is not None:
        said[2] = _content(said[2])
        kept = Agreement(*said), Revision(*state)
    return Found(None if who[0] is None else individuals.Kept(*who), kept, first)


@lru_cache(maxsize=128)
def _content(text: str) -> Mapping[str, Any]:
    """Return what an agreement says: the same few are read again and again."""
    content: Mapping[str, Any] = json.loads(text)
    return content
