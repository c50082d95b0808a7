"""Creating a record in PostgreSQL: everything that is written, in one statement."""

import json
from collections.abc import Sequence
from datetime import datetime

import asyncpg

from kit.database import Session, Statement, Transaction, together
from registry.records import models
from registry.records.models import Found, Record

_FIND = """
    SELECT d.tenant, d.id AS database_id, d.code, v.id AS path_version, d.current_version,
      d.revision AS database_revision, nextval(('numbers.database_' || d.id)::regclass) AS number
    FROM database d
    JOIN database_version v ON v.database_id = d.id AND v.number = $3
      AND v.published_at IS NOT NULL AND v.deleted_at IS NULL
    WHERE d.tenant = $1 AND lower(d.code) = lower($2) AND d.deleted_at IS NULL
"""
# who publishes in between changes the revision: then nothing is written, and all begins anew
_HELD = """
    SELECT id FROM database WHERE id = $1 AND revision = $2 AND deleted_at IS NULL FOR SHARE
"""
_MADE = """
    INSERT INTO record
      (id, database_id, number, version_id, primary_key, subjects, content, created_at, changed_at)
    SELECT $1::uuid, held.id, $2::bigint, $3::uuid, $4::text, $5::text[], $6::jsonb,
      $7::timestamptz, $7::timestamptz
    FROM held
    RETURNING id, database_id, content
"""
# the digest is that of databases.store: of a JSON list of the values, in the order of the rule
_CLAIMED = """
    INSERT INTO record_unique_value (database_id, rule, value, record_id)
    SELECT made.database_id, claim.rule, sha256(convert_to(claim.said::text, 'UTF8')), made.id
    FROM made, LATERAL (VALUES {claims}) AS claim (rule, said)
    WHERE NOT claim.said @> '[null]'
"""


async def find(
    session: Session, tenant: str, registry: str, number: int
) -> tuple[Found, int] | None:
    """Return a published version and a number no record of its database had before."""
    row = await session.fetchrow(_FIND, tenant, registry, number)
    return None if row is None else (Found(models.named(row)), row["number"])


async def insert(
    session: Transaction,
    held: tuple[int, int],
    new: tuple[Record, datetime],
    more: tuple[Sequence[str], Sequence[Statement]],
) -> bool:
    """Write a new record and what goes with it; tell whether it is there, and committed.

    ``held`` is the database and the revision it must still have, ``more`` what must be unique and
    what else is written when the part ``made`` has a row. Nothing is written otherwise, nor when a
    value that must be unique is another record's.
    """
    record, at = new
    rules, others = more
    written = (
        record.id,
        record.number,
        record.version,
        record.primary_key,
        list(record.subjects),
        record.content,
        at,
    )
    parts = [Statement("held", _HELD, held), Statement("made", _MADE, written)]
    if rules:
        parts.append(_claims(rules))
    sql, arguments = together([*parts, *others], "SELECT id FROM made")
    try:
        return bool(await session.alone(sql, *arguments))
    except asyncpg.UniqueViolationError:
        return False


def _claims(rules: Sequence[str]) -> Statement:
    """Return what claims a new record's values that must be unique.

    Each rule stands in it by itself: over a list of rules, of which PostgreSQL does not know how
    long it is, it would plan the statement anew every time. All claim in the same order.
    """
    claims, arguments = list[str](), list[object]()
    for rule in sorted(rules):
        paths = [name.split(".") for name in json.loads(rule)]
        place = len(arguments) + 1
        values = (f"made.content #> ${place + n}::text[]" for n in range(1, len(paths) + 1))
        claims.append(f"(${place}::text, jsonb_build_array({', '.join(values)}))")
        arguments += [rule, *paths]
    return Statement("claimed", _CLAIMED.format(claims=", ".join(claims)), tuple(arguments))
