"""Databases and their versions in PostgreSQL."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql

from kit.database import Session
from registry.databases.models import Database, Definition, Named, Version
from registry.fields.models import Schema
from registry.tables import database, unique_value, version

_LAST_NUMBER = func.coalesce(
    func.pg_sequence_last_value(func.to_regclass(func.concat("numbers.database_", database.c.id))),
    0,
)
_FILL = """
    WITH wanted AS (
      SELECT r.id, r.database_id, rule,
        sha256(convert_to(jsonb_agg(r.content #> string_to_array(f.name, '.')
          ORDER BY f.place)::text, 'UTF8')) AS value
      FROM record r, unnest($2::text[]) AS rule,
        jsonb_array_elements_text(rule::jsonb) WITH ORDINALITY AS f (name, place)
      WHERE r.database_id = $1 AND r.deleted_at IS NULL AND ($3::uuid IS NULL OR r.id = $3)
      GROUP BY r.id, rule
      HAVING bool_and(coalesce(r.content #> string_to_array(f.name, '.'), 'null') <> 'null')
    ), made AS (
      INSERT INTO record_unique_value (database_id, rule, value, record_id)
      SELECT database_id, rule, value, id FROM wanted ORDER BY rule, value
      ON CONFLICT DO NOTHING RETURNING rule
    )
    SELECT rule FROM wanted EXCEPT ALL SELECT rule FROM made
"""


def _select() -> Select[*tuple[Any, ...]]:
    return select(
        database.c.id,
        database.c.tenant,
        database.c.code,
        database.c.current_version,
        _LAST_NUMBER.label("last_number"),
        database.c.archived_at,
        database.c.settings,
    ).where(database.c.deleted_at.is_(None))


def _database(row: Row[Any]) -> Database:
    return Database(
        row.id,
        row.tenant,
        row.code,
        row.current_version,
        row.last_number,
        row.archived_at,
        row.settings,
    )


def _version(row: Row[Any]) -> Version:
    return Version(
        row.id,
        row.database_id,
        row.number,
        Definition(row.definition),
        row.changed_at,
        row.changed_by,
        row.published_at,
    )


async def find(
    session: Session, tenant: str, database_id: int, *, lock: bool = False
) -> Database | None:
    """Return a member's database by its id, if there is one."""
    query = _select().where(database.c.tenant == tenant, database.c.id == database_id)
    row = await session.row(query.with_for_update(of=database) if lock else query)
    return _database(row) if row else None


async def find_by_code(
    session: Session, tenant: str, code: str, *, lock: bool = False
) -> Database | None:
    """Return a member's database by its code in any case, if there is one."""
    query = _select().where(
        database.c.tenant == tenant, func.lower(database.c.code) == code.lower()
    )
    row = await session.row(query.with_for_update(of=database) if lock else query)
    return _database(row) if row else None


async def page(session: Session, tenant: str) -> list[Database]:
    """Return all databases of a member, oldest first."""
    rows = await session.rows(_select().where(database.c.tenant == tenant).order_by(database.c.id))
    return [_database(row) for row in rows]


async def hold_code(session: Session, tenant: str, code: str) -> None:
    """Let no other transaction create a database with this code until this one ends."""
    await session.fetchrow(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{tenant} {code.lower()}"
    )


async def insert_database(
    session: Session, tenant: str, code: str, at: datetime, database_id: int | None
) -> int | None:
    """Keep a new database; return its id, None when the id that was asked for is taken."""
    values: dict[str, Any] = {"tenant": tenant, "code": code, "created_at": at}
    if database_id is not None:
        values["id"] = database_id
    query = (
        postgresql.insert(database)
        .values(values)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(database.c.id)
    )
    while True:
        row = await session.row(query)
        if row is not None:
            return row.id
        if database_id is not None:
            return None
        # an id the identity gave was taken by an administrator's; the next one may be free


async def create_numbers(session: Session, database_id: int, after: int) -> None:
    """Create the sequence that numbers a database's records, beginning after ``after``."""
    # a name cannot be a parameter; both values are integers
    await session.fetch(
        f"CREATE SEQUENCE numbers.database_{int(database_id)} START {int(after) + 1}"
    )


async def versions(session: Session, database_id: int) -> list[Version]:
    """Return all versions of a database, newest first."""
    rows = await session.rows(
        select(version)
        .where(version.c.database_id == database_id, version.c.deleted_at.is_(None))
        .order_by(version.c.number.desc())
    )
    return [_version(row) for row in rows]


async def newest(session: Session, database_ids: list[int]) -> dict[int, Version]:
    """Return the newest version of each database, draft or not."""
    rows = await session.rows(
        select(version)
        .where(version.c.database_id.in_(database_ids), version.c.deleted_at.is_(None))
        .ext(postgresql.distinct_on(version.c.database_id))
        .order_by(version.c.database_id, version.c.number.desc())
    )
    return {row.database_id: _version(row) for row in rows}


async def last_version_number(session: Session, database_id: int) -> int:
    """Return the highest number a version of a database ever had."""
    row = await session.row(
        select(func.max(version.c.number).label("number")).where(
            version.c.database_id == database_id
        )
    )
    return 0 if row is None else row.number


async def find_version(session: Session, version_id: UUID) -> Version | None:
    """Return a version by its id, if there is one."""
    row = await session.row(select(version).where(version.c.id == version_id))
    return _version(row) if row else None


async def insert_version(session: Session, new: Version) -> None:
    """Keep a new version."""
    await session.row(
        insert(version).values(
            id=new.id,
            database_id=new.database,
            number=new.number,
            definition=new.definition.document,
            changed_at=new.changed_at,
            changed_by=new.changed_by,
            published_at=new.published_at,
        )
    )


async def save_version(session: Session, changed: Version) -> None:
    """Write a changed version back."""
    await session.row(
        update(version)
        .where(version.c.id == changed.id)
        .values(
            definition=changed.definition.document,
            changed_at=changed.changed_at,
            changed_by=changed.changed_by,
            published_at=changed.published_at,
        )
    )


async def find_named(
    session: Session, tenant: str, database_id: int, number: int | None
) -> Named | None:
    """Return a published version of a member's database, the newest when no number is given."""
    row = await session.fetchrow(
        """
        SELECT d.code, v.id AS path_version, d.current_version, d.revision
        FROM database d JOIN database_version v ON v.database_id = d.id
          AND CASE WHEN $3::integer IS NULL THEN v.id = d.current_version ELSE v.number = $3 END
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted_at IS NULL
          AND v.published_at IS NOT NULL AND v.deleted_at IS NULL
        """,
        tenant,
        database_id,
        number,
    )
    if row is None:
        return None
    versions = row["path_version"], row["current_version"]
    return Named(tenant, database_id, row["code"], *versions, row["revision"])


async def find_kept(
    session: Session, database_id: int
) -> tuple[int, Mapping[str, Any], bool] | None:
    """Return a database's revision and settings, and whether it is archived."""
    row = await session.fetchrow(
        """
        SELECT revision, settings::text AS settings, archived_at IS NOT NULL AS is_archived
        FROM database WHERE id = $1 AND deleted_at IS NULL
        """,
        database_id,
    )
    return (row["revision"], json.loads(row["settings"]), row["is_archived"]) if row else None


async def configure(session: Session, database_id: int, name: str, value: Any) -> None:
    """Keep one part of a database's settings; None takes it away."""
    await session.fetch(
        """
        UPDATE database SET revision = revision + 1,
          settings = CASE WHEN $3::jsonb = 'null' THEN settings - $2::text
            ELSE settings || jsonb_build_object($2::text, $3::jsonb) END
        WHERE id = $1
        """,
        database_id,
        name,
        json.dumps(value),
    )


async def touch(session: Session, database_id: int) -> None:
    """Count up a database's revision."""
    await session.fetch("UPDATE database SET revision = revision + 1 WHERE id = $1", database_id)


async def touch_all(session: Session, tenant: str) -> None:
    """Count up the revisions of all databases of a member."""
    await session.fetch(
        """
        UPDATE database SET revision = revision + 1
        WHERE id IN (
          SELECT id FROM database WHERE tenant = $1 AND deleted_at IS NULL ORDER BY id FOR UPDATE
        )
        """,
        tenant,
    )


async def make_current(session: Session, published: Version) -> None:
    """Let data paths find a published version as the newest one."""
    await session.row(
        update(database)
        .where(database.c.id == published.database)
        .values(current_version=published.id, revision=database.c.revision + 1)
    )


async def apply_rules(session: Session, database_id: int, schema: Schema) -> list[str]:
    """Bring existing records in line with a schema's identifiers and uniqueness rules.

    Return the rules that existing records break; the transaction is then of no use any more.
    """
    key = schema.primary_key
    await session.fetch(
        """
        UPDATE record SET
          primary_key = content #>> string_to_array($2, '.'),
          subjects = ARRAY(
            SELECT content #>> string_to_array(name, '.')
            FROM unnest($3::text[]) WITH ORDINALITY AS t (name, place) ORDER BY place)
        WHERE database_id = $1 AND deleted_at IS NULL
        """,
        database_id,
        None if key is None else key.name,
        [field.name for field in schema.identifiers],
    )
    await session.row(delete(unique_value).where(unique_value.c.database_id == database_id))
    return await keep_unique(session, database_id, schema, None)


async def keep_unique(
    session: Session, database_id: int, schema: Schema, record_id: UUID | None
) -> list[str]:
    """Write down the values that must be unique, of one record or of all.

    Return the rules that another record's values break; the transaction is then of no use.
    """
    rows = await session.fetch(_FILL, database_id, schema.rules, record_id)
    return sorted({row["rule"] for row in rows})


async def delete_version(session: Session, gone: Version, at: datetime) -> None:
    """Take a version away: from now on no data path finds it."""
    await session.row(update(version).where(version.c.id == gone.id).values(deleted_at=at))
    await touch(session, gone.database)


async def archive(session: Session, database_id: int, at: datetime) -> None:
    """Mark a database as archived."""
    await session.row(
        update(database)
        .where(database.c.id == database_id)
        .values(archived_at=at, revision=database.c.revision + 1)
    )


async def delete_database(session: Session, database_id: int, at: datetime) -> None:
    """Mark a database as deleted; its records stay, reachable by nobody."""
    await session.row(
        update(database)
        .where(database.c.id == database_id)
        .values(deleted_at=at, revision=database.c.revision + 1)
    )
