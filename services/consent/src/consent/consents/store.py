"""Consent records in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from consent.consents.models import Filter, Record
from kit.database import Session, Statement, Transaction, narrowed, together

_COLUMNS = (
    "c.id, c.tenant, c.individual_id, c.agreement_id, c.agreement_revision_id, "
    "c.agreement_revision_hash, c.agreement_revision_number, c.opt_in, c.state, c.expires_at, "
    "c.revision_id, c.ever_signed, c.created_at, c.attributes, c.extensions, c.fetches, "
    "c.fetched_at"
)
_SELECT = f"SELECT {_COLUMNS} FROM consent_record c "  # noqa: S608  our own column names
_INSERT = (
    "INSERT INTO consent_record (id, tenant, individual_id, agreement_id, agreement_revision_id, "
    "agreement_revision_hash, agreement_revision_number, opt_in, state, expires_at, revision_id, "
    "ever_signed, created_at, attributes)"
)
_PLACES = ", ".join(f"${place}" for place in range(1, 15))
_NEWEST_FIRST = "ORDER BY c.created_at DESC, c.id DESC"


async def find(session: Session, record_id: str, *, lock: str = "") -> Record | None:
    """Return any record with this id, if there is one."""
    row = await session.fetchrow(f"{_SELECT} WHERE c.id = $1 {lock}", record_id)
    return Record.of(row) if row else None


async def find_under(
    session: Session, individual_id: str, agreement_revision_id: str
) -> Record | None:
    """Return an individual's record under one revision of an agreement, if there is one."""
    row = await session.fetchrow(
        f"{_SELECT} WHERE c.individual_id = $1 AND c.agreement_revision_id = $2",
        individual_id,
        agreement_revision_id,
    )
    return Record.of(row) if row else None


async def page(session: Session, wanted: Filter) -> list[Record]:
    """Return the records a filter lets through, newest first.

    Those opted in and those opted out are looked for apart and merged, so that each is read from an
    index in its order, however deep the page lies.
    """
    where, values = _where(wanted)
    if wanted.current:
        answers = [wanted.opt_in] if wanted.opt_in is not None else [True, False]
        wheres = [f"c.current AND c.opt_in = {answer} AND {where}" for answer in answers]
    else:
        wheres = [where]
    at = len(values)
    parts = (
        f"({_SELECT} WHERE {each} {_NEWEST_FIRST} LIMIT ${at + 1}::bigint + ${at + 2}::bigint)"
        for each in wheres
    )
    rows = await session.fetch(
        f"SELECT * FROM ({' UNION ALL '.join(parts)}) c {_NEWEST_FIRST} "  # noqa: S608  our own words
        f"LIMIT ${at + 1}::bigint OFFSET ${at + 2}::bigint",
        *values,
        wanted.limit,
        wanted.offset,
    )
    return [Record.of(row) for row in rows]


def _where(wanted: Filter) -> tuple[str, list[object]]:
    after = wanted.after
    return narrowed(
        [
            ("c.tenant = {}", wanted.tenant),
            ("c.individual_id = ANY({}::text[])", wanted.individual_ids),
            ("c.agreement_id = {}", wanted.agreement_id),
            ("c.agreement_id = ANY({}::text[])", wanted.agreement_ids),
            ("c.opt_in = {}", None if wanted.current else wanted.opt_in),
            ("c.state = {}", wanted.state),
            ("(c.created_at, c.id) < ({}, {})", after and (after.at, after.id)),
        ]
    )


async def insert(session: Session, record: Record) -> bool:
    """Keep a new record; tell whether there was none of this individual and revision."""
    sql = f"{_INSERT} VALUES ({_PLACES}) ON CONFLICT DO NOTHING RETURNING id"
    return bool(await session.fetch(sql, *_row(record)))


def insertion(record: Record, given: str) -> Statement:
    """Return what keeps a new record where the part ``given`` of a larger statement has a row."""
    sql = f"{_INSERT} SELECT {_PLACES} FROM {given} RETURNING id"  # noqa: S608  our own words
    return Statement("record", sql, _row(record))


async def run(session: Transaction, parts: Sequence[Statement]) -> bool:
    """Run a statement made of these parts; tell whether it kept a record, and is committed.

    It keeps nothing where another request has kept the same before.
    """
    sql, arguments = together(parts, "SELECT id FROM record")
    try:
        return bool(await session.alone(sql, *arguments))
    except asyncpg.UniqueViolationError:
        return False


def _row(record: Record) -> tuple[object, ...]:
    choice = record.choice
    return (
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


async def save(session: Session, record: Record) -> None:
    """Write a changed record back."""
    await session.fetch(
        "UPDATE consent_record SET opt_in = $2, state = $3, expires_at = $4, revision_id = $5, "
        "ever_signed = $6, attributes = $7, extensions = $8, "
        # told again of another end only; a consent given anew counts its fetches anew
        "expiry_told_at = CASE WHEN expires_at IS NOT DISTINCT FROM $4 THEN expiry_told_at END, "
        "fetches = CASE WHEN $2 AND opt_in AND (expires_at > now()) IS NOT FALSE THEN fetches "
        "ELSE 0 END, fetched_at = CASE WHEN $2 AND opt_in AND (expires_at > now()) IS NOT FALSE "
        "THEN fetched_at END WHERE id = $1",
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
    return [Record.of(row) for row in rows]
