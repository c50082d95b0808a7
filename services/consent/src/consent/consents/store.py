"""Consent records in PostgreSQL."""

import asyncpg

from consent.consents.models import Choice, Filter, Record
from kit.database import Session

_COLUMNS = (
    "c.id, c.tenant, c.individual_id, c.agreement_id, c.agreement_revision_id, "
    "c.agreement_revision_hash, c.agreement_revision_number, c.opt_in, c.state, c.expires_at, "
    "c.revision_id, c.ever_signed, c.created_at, c.attributes, c.extensions, c.fetches, "
    "c.fetched_at"
)
_SELECT = f"SELECT {_COLUMNS} FROM consent_record c "  # noqa: S608  our own column names
_CURRENT = (
    "NOT EXISTS (SELECT 1 FROM consent_record n WHERE n.agreement_id = c.agreement_id "
    "AND n.individual_id = c.individual_id "
    "AND n.agreement_revision_number > c.agreement_revision_number)"
)


def _record(row: asyncpg.Record) -> Record:
    choice = Choice(
        row["agreement_id"],
        row["agreement_revision_id"],
        row["agreement_revision_hash"],
        row["individual_id"],
        row["opt_in"],
        row["expires_at"],
        None if row["attributes"] is None else tuple(row["attributes"]),
    )
    return Record(
        row["id"],
        row["tenant"],
        choice,
        row["agreement_revision_number"],
        row["state"],
        row["revision_id"],
        row["ever_signed"],
        row["created_at"],
        row["extensions"],
        row["fetches"],
        row["fetched_at"],
    )


async def find(session: Session, record_id: str, *, lock: str = "") -> Record | None:
    """Return any record with this id, if there is one."""
    row = await session.fetchrow(f"{_SELECT} WHERE c.id = $1 {lock}", record_id)
    return _record(row) if row else None


async def find_under(
    session: Session, individual_id: str, agreement_revision_id: str
) -> Record | None:
    """Return an individual's record under one revision of an agreement, if there is one."""
    row = await session.fetchrow(
        f"{_SELECT} WHERE c.individual_id = $1 AND c.agreement_revision_id = $2",
        individual_id,
        agreement_revision_id,
    )
    return _record(row) if row else None


async def page(session: Session, wanted: Filter) -> list[Record]:
    """Return the records a filter lets through, newest first."""
    rows = await session.fetch(
        f"{_SELECT} WHERE ($1::text IS NULL OR c.tenant = $1) "
        "AND ($2::text[] IS NULL OR c.individual_id = ANY($2)) "
        "AND ($3::text IS NULL OR c.agreement_id = $3) "
        "AND ($4::boolean IS NULL OR c.opt_in = $4) "
        f"AND (NOT $5::boolean OR {_CURRENT}) "
        "ORDER BY c.created_at DESC, c.id DESC OFFSET $6 LIMIT $7",
        wanted.tenant,
        wanted.individual_ids,
        wanted.agreement_id,
        wanted.opt_in,
        wanted.current,
        wanted.offset,
        wanted.limit,
    )
    return [_record(row) for row in rows]


async def insert(session: Session, record: Record) -> bool:
    """Keep a new record; tell whether there was none of this individual and revision."""
    choice = record.choice
    return bool(
        await session.fetch(
            "INSERT INTO consent_record AS c (id, tenant, individual_id, agreement_id, "
            "agreement_revision_id, agreement_revision_hash, agreement_revision_number, opt_in, "
            "state, expires_at, revision_id, ever_signed, created_at, attributes) VALUES "
            "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
            "ON CONFLICT DO NOTHING RETURNING id",
            record.id,
            record.tenant,
            choice.individual_id,
            choice.agreement_id,
            choice.agreement_revision_id,
            choice.agreement_revision_hash,
            record.agreement_revision_number,
            choice.opt_in,
            record.state,
            choice.expires_at,
            record.revision_id,
            record.ever_signed,
            record.created_at,
            choice.attributes,
        )
    )


async def save(session: Session, record: Record) -> None:
    """Write a changed record back."""
    await session.fetch(
        "UPDATE consent_record SET opt_in = $2, state = $3, expires_at = $4, revision_id = $5, "
        "ever_signed = $6, attributes = $7, extensions = $8, expiry_told_at = NULL WHERE id = $1",
        record.id,
        record.choice.opt_in,
        record.state,
        record.choice.expires_at,
        record.revision_id,
        record.ever_signed,
        record.choice.attributes,
        record.extensions,
    )


async def delete_forgettable(session: Session, individual_id: str) -> list[Record]:
    """Delete, with their signatures, an individual's records that need not stay.

    These are the records given under an agreement revision that says so (``forgettable``), and
    what was begun and never signed nor refused.
    """
    rows = await session.fetch(
        f"""
        DELETE FROM consent_record c USING revision r
        WHERE c.individual_id = $1 AND r.id = c.agreement_revision_id
          AND ((r.snapshot::jsonb->'objectData'->>'forgettable')::boolean
               OR (NOT c.ever_signed AND c.opt_in))
        RETURNING {_COLUMNS}
        """,  # noqa: S608  our own column names
        individual_id,
    )
    return [_record(row) for row in rows]
