"""Writing many records in PostgreSQL, each kind of work in one statement."""

import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from kit.database import Session
from registry.batches.models import Made
from registry.fields.models import Schema, rule_of
from registry.records.models import Record, as_id, record_of

# ruff: noqa: S608  only the column names here are put in
_COLUMNS = """
    r.id, r.number, r.version_id, r.primary_key, r.subjects, r.content::text AS content,
    r.revision, r.archived_at IS NOT NULL AS is_archived
"""
_HERE = "r.database_id = $1 AND r.deleted_at IS NULL AND r.archived_at IS NULL"
_MATCHING = f"""
    SELECT {_COLUMNS} FROM record r
    WHERE {_HERE} AND r.content @> $2::jsonb
    ORDER BY r.id LIMIT $3 FOR UPDATE
"""
# Which record is meant is looked for without what else must hold of it: of a new table the planner
# knows nothing, and would go through an index of all records for each row.
_REFERRED = """
    SELECT k.place, r.id
    FROM unnest($2::text[], $3::uuid[]) WITH ORDINALITY AS k (reference, id, place)
    CROSS JOIN LATERAL (
      SELECT r.id FROM record r WHERE r.database_id = $1 AND r.primary_key = k.reference
      UNION ALL SELECT r.id FROM record r WHERE r.id = k.id
      OFFSET 0
    ) AS r
"""
_CHOSEN = """
    SELECT k.place, r.id
    FROM unnest($1::text[]) WITH ORDINALITY AS k (content, place)
    CROSS JOIN LATERAL (
      SELECT r.id FROM record r WHERE r.content @> k.content::jsonb OFFSET 0
    ) AS r
"""
_UNIQUE = """
    SELECT k.place, u.record_id AS id
    FROM unnest($3::text[]) WITH ORDINALITY AS k (values, place)
    CROSS JOIN LATERAL (
      SELECT u.record_id FROM record_unique_value u
      WHERE u.database_id = $1 AND u.rule = $2
        AND u.value = sha256(convert_to(k.values::jsonb::text, 'UTF8')) OFFSET 0
    ) AS u
"""
_LOCK = f"""
    SELECT {_COLUMNS}, r.database_id = $2 AND r.deleted_at IS NULL AS is_here
    FROM record r WHERE r.id = ANY($1::uuid[]) ORDER BY r.id FOR UPDATE
"""
_SAVE = """
    WITH new AS (
      SELECT n.*, ARRAY(SELECT jsonb_array_elements_text(n.people::jsonb)) AS subjects
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
        AS n (id, version_id, primary_key, people, content)
    ), kept AS (
      INSERT INTO record_history
        (record_id, revision, database_id, valid_from, valid_to, version_id, primary_key, subjects,
         content, archived_at)
      SELECT r.id, r.revision, r.database_id, r.changed_at, $6, r.version_id, r.primary_key,
        r.subjects, r.content, r.archived_at
      FROM record r JOIN new ON new.id = r.id
    )
    UPDATE record r
    SET changed_at = $6, changed_in = pg_current_xact_id(), revision = r.revision + 1,
      version_id = new.version_id, primary_key = new.primary_key, subjects = new.subjects,
      content = new.content::jsonb
    FROM new WHERE r.id = new.id
"""
_RESTORE = """
    WITH kept AS (
      DELETE FROM record_history h USING record r
      WHERE r.id = ANY($1::uuid[]) AND h.record_id = r.id AND h.revision = r.revision - 1
      RETURNING h.*
    )
    UPDATE record r
    SET changed_at = kept.valid_from, revision = kept.revision, version_id = kept.version_id,
      primary_key = kept.primary_key, subjects = kept.subjects, content = kept.content
    FROM kept WHERE r.id = kept.record_id
"""
_DELETE = """
    UPDATE record SET deleted_at = $2, changed_in = pg_current_xact_id(), revision = revision + 1
    WHERE id = ANY($1::uuid[])
"""
_CLAIM = """
    WITH wanted AS (
      SELECT r.id, r.number, r.database_id, rule,
        sha256(convert_to(jsonb_agg(r.content #> string_to_array(f.name, '.')
          ORDER BY f.place)::text, 'UTF8')) AS value
      FROM record r, unnest($2::text[]) AS rule,
        jsonb_array_elements_text(rule::jsonb) WITH ORDINALITY AS f (name, place)
      WHERE r.id = ANY($1::uuid[])
      GROUP BY r.id, rule
      HAVING bool_and(coalesce(r.content #> string_to_array(f.name, '.'), 'null') <> 'null')
    ), made AS (
      INSERT INTO record_unique_value (database_id, rule, value, record_id)
      SELECT database_id, rule, value, id FROM wanted ORDER BY rule, value, number
      ON CONFLICT DO NOTHING RETURNING rule, record_id
    )
    SELECT id, rule FROM wanted EXCEPT SELECT record_id, rule FROM made
"""


@asynccontextmanager
async def tried(session: Session) -> AsyncGenerator[None]:
    """Take back what is done inside when it raises, and nothing else of the transaction."""
    async with session.lend() as connection, connection.driver.transaction():
        yield


async def next_numbers(session: Session, database_id: int, count: int) -> list[int]:
    """Return numbers that no record of this database had before, in their order."""
    rows = await session.fetch(
        """
        SELECT nextval(('numbers.database_' || $1::bigint)::regclass) AS number
        FROM generate_series(1, $2::int)
        """,
        database_id,
        count,
    )
    return sorted(row["number"] for row in rows)


async def insert(session: Session, database_id: int, made: Sequence[Made], at: datetime) -> None:
    """Keep new records, all in one statement."""
    columns = "id database_id number version_id primary_key subjects content created_at changed_at"
    rows = [
        (
            new.record.id,
            database_id,
            new.record.number,
            new.record.version,
            new.record.primary_key,
            new.record.subjects,
            new.record.content,
            at,
            at,
        )
        for new in made
    ]
    async with session.lend() as connection:
        await connection.driver.copy_records_to_table(
            "record", records=rows, columns=columns.split()
        )


async def save(session: Session, made: Sequence[Made], at: datetime) -> None:
    """Write changed records back, keeping what they were."""
    records = [each.record for each in made]
    await session.fetch(
        _SAVE,
        [record.id for record in records],
        [record.version for record in records],
        [record.primary_key for record in records],
        [json.dumps(record.subjects) for record in records],
        [record.content for record in records],
        at,
    )


async def delete(session: Session, ids: Sequence[UUID], at: datetime) -> None:
    """Mark records as deleted, and let others have their unique values."""
    await session.fetch(_DELETE, list(ids), at)
    await free_values(session, ids)


async def take_back(session: Session, ids: Sequence[UUID]) -> None:
    """Take back records that this transaction has made."""
    await free_values(session, ids)
    await session.fetch("DELETE FROM record WHERE id = ANY($1::uuid[])", list(ids))


async def restore(session: Session, ids: Sequence[UUID]) -> None:
    """Make records again what they were before this transaction changed them."""
    await free_values(session, ids)
    await session.fetch(_RESTORE, list(ids))


async def free_values(session: Session, ids: Sequence[UUID]) -> None:
    """Let other records have the unique values of these."""
    await session.fetch(
        "DELETE FROM record_unique_value WHERE record_id = ANY($1::uuid[])", list(ids)
    )


async def claim(session: Session, schema: Schema, ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Write down the values of records that must be unique; return the rules others' break."""
    broken: dict[UUID, list[str]] = defaultdict(list)
    for row in await session.fetch(_CLAIM, list(ids), schema.rules):
        broken[row["id"]].append(row["rule"])
    return broken


async def lock_matching(
    session: Session, database_id: int, content: Mapping[str, Any], most: int
) -> list[Record]:
    """Return the records that contain ``content``, locked, oldest first."""
    rows = await session.fetch(_MATCHING, database_id, json.dumps(content), most)
    return [record_of(row) for row in rows]


async def lock_referred(
    session: Session, database_id: int, references: Sequence[str]
) -> dict[int, Record]:
    """Return the records with these primary keys or ids, locked, by the place of the reference."""
    ids = [as_id(reference) for reference in references]
    rows = await _looked_up(session, _REFERRED, database_id, list(references), ids)
    found = await _locked(session, database_id, rows, archived=True)
    return {
        place: next((r for r in several if r.primary_key == references[place]), several[0])
        for place, several in found.items()
    }


async def lock_unique(
    session: Session, database_id: int, names: Sequence[str], values: Sequence[Sequence[Any]]
) -> dict[int, Record]:
    """Return the record with each of these values of a uniqueness rule, locked, by their place."""
    texts = [json.dumps(each) for each in values]
    rows = await _looked_up(session, _UNIQUE, database_id, rule_of(names), texts)
    found = await _locked(session, database_id, rows)
    return {place: several[0] for place, several in found.items()}


async def lock_chosen(
    session: Session, database_id: int, queries: Sequence[Mapping[str, Any]]
) -> dict[int, Record]:
    """Return the oldest record that contains each query, locked, by the query's place."""
    rows = await _looked_up(session, _CHOSEN, [json.dumps(query) for query in queries])
    found = await _locked(session, database_id, rows)
    return {place: several[0] for place, several in found.items()}


async def _looked_up(session: Session, sql: str, *arguments: object) -> list[asyncpg.Record]:
    """Look many rows up, each by an index."""
    await session.fetch("SET LOCAL enable_seqscan = off")
    rows = await session.fetch(sql, *arguments)
    await session.fetch("SET LOCAL enable_seqscan = on")
    return rows


async def _locked(
    session: Session, database_id: int, rows: Sequence[asyncpg.Record], *, archived: bool = False
) -> dict[int, list[Record]]:
    """Return the records of this database that were looked up, locked, by place, oldest first."""
    places: dict[UUID, list[int]] = defaultdict(list)
    for row in rows:
        places[row["id"]].append(row["place"] - 1)
    found: dict[int, list[Record]] = defaultdict(list)
    for row in await session.fetch(_LOCK, sorted(places), database_id) if places else ():
        if row["is_here"] and (archived or not row["is_archived"]):
            for place in places[row["id"]]:
                found[place].append(record_of(row))
    return found


async def hold(session: Session, what: str) -> None:
    """Let no other transaction do the same until this one ends."""
    await session.fetchrow("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", what)
