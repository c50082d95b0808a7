"""All that a decision stands on, found with one statement."""

import json

import asyncpg

from consent.agreements.models import Agreement, Terms
from consent.consents.models import Choice, Record
from kit.database import Session

Given = tuple[Record, Terms]
"""An individual's current record, with the terms of the revision it was given under."""

_STATEMENT = """
SELECT a.id, a.tenant, a.content::text AS content, a.policy_id, a.revision_id, a.created_at,
  a.deleted_at, c.id AS record_id, c.tenant AS record_tenant, c.individual_id,
  c.agreement_revision_id, c.agreement_revision_hash, c.agreement_revision_number, c.opt_in,
  c.state, c.expires_at, c.attributes, c.revision_id AS record_revision_id, c.ever_signed,
  c.created_at AS record_created_at, r.snapshot
FROM agreement a
LEFT JOIN LATERAL (
  SELECT c.* FROM individual i
  JOIN consent_record c ON c.agreement_id = a.id AND c.individual_id = i.id
  WHERE i.tenant = a.tenant AND i.{column} = $2
  ORDER BY c.agreement_revision_number DESC, c.created_at DESC, c.id DESC LIMIT 1
) c ON true
LEFT JOIN revision r ON r.id = c.agreement_revision_id AND r.id <> a.revision_id
WHERE a.id = $1
"""
_BY_PERSON = _STATEMENT.format(column="person")
_BY_REFERENCE = _STATEMENT.format(column="reference")


async def find(
    session: Session, agreement_id: str, person: bytes | None, reference: bytes | None
) -> tuple[Agreement | None, Given | None]:
    """Return any member's agreement, deleted or not, and what an individual of it gave under it.

    The individual is found by one of two digests, whichever is there. Of a person whom the member
    knows by several types it is the newest of their records: one is only ever made under the
    agreement's newest revision.
    """
    sql, digest = (_BY_PERSON, person) if reference is None else (_BY_REFERENCE, reference)
    row = await session.fetchrow(sql, agreement_id, digest)
    if row is None:
        return None, None
    agreement = _agreement(row)
    return agreement, None if row["record_id"] is None else (_record(row), _terms(row, agreement))


def _agreement(row: asyncpg.Record) -> Agreement:
    return Agreement(
        row["id"],
        row["tenant"],
        json.loads(row["content"]),
        row["policy_id"],
        row["revision_id"],
        row["created_at"],
        row["deleted_at"],
    )


def _record(row: asyncpg.Record) -> Record:
    choice = Choice(
        row["id"],
        row["agreement_revision_id"],
        row["agreement_revision_hash"],
        row["individual_id"],
        row["opt_in"],
        row["expires_at"],
        None if row["attributes"] is None else tuple(row["attributes"]),
    )
    return Record(
        row["record_id"],
        row["record_tenant"],
        choice,
        row["agreement_revision_number"],
        row["state"],
        row["record_revision_id"],
        row["ever_signed"],
        row["record_created_at"],
    )


def _terms(row: asyncpg.Record, agreement: Agreement) -> Terms:
    """Return the terms of the revision that was agreed to: the agreement's own, or an earlier."""
    if row["snapshot"] is None:
        return agreement.terms
    return Terms(agreement.tenant, json.loads(row["snapshot"])["objectData"])
