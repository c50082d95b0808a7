"""Creating a record in PostgreSQL: everything that is written, in one statement."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import asyncpg

from kit.database import Session, Statement, Transaction, together
from registry.databases.models import Release
from registry.records.models import Record

# who publishes in between changes the revision: then nothing is written, and all begins anew
_HELD = """
    SELECT id FROM database
    WHERE id = $1 AND revision = $2 AND current_version = $3 AND deleted_at IS NULL FOR SHARE
"""
_NUMBER = """
    SELECT nextval(('numbers.database_' || id)::regclass) AS number FROM database
    WHERE id = $1 AND revision = $2 AND current_version = $3 AND deleted_at IS NULL
"""
_MADE = """
    INSERT INTO record
      (id, database_id, number, version_id, primary_key, subjects, content, created_at, changed_at)
    SELECT $1::uuid, held.id,
      coalesce($2::bigint, nextval(('numbers.database_' || held.id)::regclass)),
      $3::uuid, $4::text, $5::text[], $6::jsonb, $7::timestamptz, $7::timestamptz
    FROM held
    RETURNING id, database_id, number, content
"""
# the digest is that of databases.store: of a JSON list of the values, in the order of the rule
_CLAIMED = """
    INSERT INTO record_unique_value (database_id, rule, value, record_id)
    SELECT made.database_id, claim.rule, sha256(convert_to(claim.said::text, 'UTF8')), made.id
    FROM made, LATERAL (VALUES {claims}) AS claim (rule, said)
    WHERE NOT claim.said @> '[null]'
"""


async def take_number(session: Session, release: Release) -> int | None:
    """Return a number no record of a database had before; None when it is not as released."""
    row = await session.fetchrow(_NUMBER, *_held(release))
    return None if row is None else row["number"]


async def insert(
    session: Transaction,
    release: Release,
    new: tuple[Record, int | None, datetime],
    more: Sequence[Statement],
) -> int | None:
    """Write a new record and what goes with it; return its number when it is there, and committed.

    ``new`` is the record, its number where it has one already, and when it is made; ``more`` what
    else is written when the part ``made`` has a row. Nothing is written when the database is not
    what the release says any more, nor when a value that must be unique is another record's.
    """
    record, number, at = new
    written = (
        record.id,
        number,
        record.version,
        record.primary_key,
        list(record.subjects),
        record.content,
        at,
    )
    parts = [Statement("held", _HELD, _held(release)), Statement("made", _MADE, written)]
    rules = release.current.schema.rules
    if rules:
        parts.append(_claims(tuple(rules)))
    sql, arguments = together([*parts, *more], "SELECT number FROM made")
    try:
        rows = await session.alone(sql, *arguments)
    except asyncpg.UniqueViolationError:
        return None
    return rows[0]["number"] if rows else None


def _held(release: Release) -> tuple[object, ...]:
    return release.database, release.revision, release.current.version


@lru_cache(maxsize=512)
def _claims(rules: tuple[str, ...]) -> Statement:
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
