"""Lists in PostgreSQL: each page with its count is one statement, on the driver."""

import asyncpg

from kit.database import Session
from registry import selecting
from registry.databases.models import Release
from registry.indexes.models import KEY_LENGTH
from registry.listing.models import (
    Bounds,
    Cursor,
    ListTooSlow,
    Order,
    PatternTooSlow,
    Rows,
    Selection,
)
from registry.records.models import record_of
from registry.selecting import Arguments

# ruff: noqa: S608  only the texts written here are put in; what callers say is a parameter
_COLUMNS = (
    "r.id, r.number, r.version_id, r.primary_key, r.subjects, r.content::text AS content,"
    " r.revision, r.archived_at IS NOT NULL AS is_archived"
)
# what records were at a moment: those that have not changed since, and what is kept of the others
_THEN = """(
    SELECT id, number, version_id, primary_key, subjects, content, revision, archived_at,
      database_id
    FROM record WHERE changed_at <= {at} AND (deleted_at IS NULL OR deleted_at > {at})
    UNION ALL
    SELECT h.record_id, n.number, h.version_id, h.primary_key, h.subjects, h.content, h.revision,
      h.archived_at, h.database_id
    FROM record_history h JOIN record n ON n.id = h.record_id
    WHERE h.valid_from <= {at} AND h.valid_to > {at}
)"""
# the database that a path named last still is what it was, and so is its version
_UNCHANGED = """EXISTS (
    SELECT FROM database d JOIN database_version v ON v.database_id = d.id
    WHERE d.id = $1 AND d.revision = {revision} AND d.current_version = {current}
      AND d.deleted_at IS NULL
      AND v.id = {path} AND v.published_at IS NOT NULL AND v.deleted_at IS NULL
)"""
_PATIENCE = "SET LOCAL statement_timeout = '1500ms'"
"""How long a list with a pattern may take."""


async def page(session: Session, asked: Selection) -> Rows:
    """Return one page of a database's records and the count of all that match, in one snapshot.

    Raise PatternTooSlow or ListTooSlow when PostgreSQL gives up.
    """
    sql, arguments = _statement(asked)
    return _page(asked, await _fetch(session, asked, sql, arguments))


async def page_of(session: Session, asked: Selection, release: Release) -> Rows | None:
    """Return one page as ``page`` does, None when the release is not what it was."""
    sql, arguments = _statement(asked, release)
    rows = await _fetch(session, asked, sql, arguments)
    return _page(asked, rows) if rows[0]["is_unchanged"] else None


async def _fetch(
    session: Session, asked: Selection, sql: str, arguments: Arguments
) -> list[asyncpg.Record]:
    try:
        if asked.has_pattern:
            return await _hurried(session, sql, arguments)
        return await session.fetch(sql, *arguments.values)
    except asyncpg.QueryCanceledError as error:
        if asked.has_pattern:
            raise PatternTooSlow("look for something that fewer records have as well") from error
        raise ListTooSlow("narrow it down by fields that are indexed") from error


def _page(asked: Selection, rows: list[asyncpg.Record]) -> Rows:
    """Return a page of the rows of its statement, one of which is there though none match."""
    found = [row for row in rows if row["id"] is not None]
    kept = found[: asked.limit]
    if asked.goes_back:
        kept.reverse()
    keys = [f"k{at}" for at in range(len(asked.orders))]
    return Rows(
        rows[0]["total"],
        tuple(record_of(row) for row in kept),
        tuple(tuple(row[key] for key in keys) for row in kept),
        len(found) > len(kept),
    )


async def _hurried(session: Session, sql: str, arguments: Arguments) -> list[asyncpg.Record]:
    """Run a statement that may be refused for taking long; the limit ends with it."""
    async with session.lend() as connection, connection.driver.transaction():
        await connection.driver.execute(_PATIENCE)
        return await connection.driver.fetch(sql, *arguments.values)


def _statement(asked: Selection, release: Release | None = None) -> tuple[str, Arguments]:
    """Return the statement of a page, which also tells whether a release is what it was.

    What narrows the list is looked for once, and counted and sorted from there. A list of all
    records is counted and walked apart, each by the index that fits.
    """
    arguments = Arguments(asked.database)
    source = _source(asked, arguments)
    where = " AND ".join(_conditions(asked, arguments))
    keys = "".join(f", {_key(o, arguments)} AS k{at}" for at, o in enumerate(asked.orders))
    at_once = asked.orders or (asked.is_narrowed and asked.counted)
    how = "MATERIALIZED" if at_once else "NOT MATERIALIZED"
    count = "SELECT count(*) AS total FROM matching" if asked.counted else "SELECT 0 AS total"
    columns = "r.*" if asked.as_of is not None else "r.id, r.number"
    order = _order(asked)
    shown = "".join(f", page.k{at}::text AS k{at}" for at in range(len(asked.orders)))
    rows = "page" if asked.as_of is not None else "record"
    unchanged = "" if release is None else f", {_unchanged(release, arguments)} AS is_unchanged"
    sql = f"""
        WITH matching AS {how} (SELECT {columns}{keys} FROM {source} WHERE {where}),
        page AS (
          SELECT * FROM matching WHERE {_beyond(asked, arguments)} ORDER BY {order}
          LIMIT {arguments.add(asked.limit + 1, "bigint")}
          OFFSET {arguments.add(asked.offset, "bigint")}
        )
        SELECT counted.total{unchanged}, {_COLUMNS}{shown}
        FROM ({count}) counted
        LEFT JOIN page ON true LEFT JOIN {rows} r ON r.id = page.id
        ORDER BY {_order(asked, "page.")}
    """
    return sql, arguments


def _unchanged(release: Release, arguments: Arguments) -> str:
    """Return what tells whether a release is still what its path names."""
    return _UNCHANGED.format(
        revision=arguments.add(release.revision, "bigint"),
        current=arguments.add(release.current.version, "uuid"),
        path=arguments.add(release.path.version, "uuid"),
    )


def _source(asked: Selection, arguments: Arguments) -> str:
    """Return where records are looked for.

    What a search or an index of values finds is looked up one by one (``OFFSET 0`` keeps it so):
    a prepared statement does not know how few there are, and would walk through all records.
    """
    if asked.as_of is not None:
        return _THEN.format(at=arguments.add(asked.as_of, "timestamptz")) + " r"
    found = _found(asked, arguments)
    if found is None:
        return "record r"
    record = "(SELECT * FROM record WHERE id = found.record_id OFFSET 0)"
    return f"({found}) found CROSS JOIN LATERAL {record} r"


def _found(asked: Selection, arguments: Arguments) -> str | None:
    """Return what finds the ids of all records that could match, if an index does."""
    if asked.search:
        query = arguments.add(asked.search, "tsquery")
        return f"SELECT record_id FROM record_words WHERE words @@ {query}"
    return _indexed(asked.bounds, arguments) if asked.bounds else None


def _conditions(asked: Selection, arguments: Arguments) -> list[str]:
    parts = ["r.database_id = $1"]
    if asked.as_of is None:
        parts.append("r.deleted_at IS NULL")
    if not asked.with_archived:
        parts.append("r.archived_at IS NULL")
    if asked.finds_nothing:
        parts.append("false")
    if asked.where.parts:
        parts.append(selecting.where(asked.where, arguments))
    return parts


def _indexed(bounds: Bounds, arguments: Arguments) -> str:
    """Return what finds records by the index of values."""
    column, kind = ("text", "text") if bounds.is_text else ("number", "numeric")
    parts = [f"database_id = $1 AND field = {arguments.add(bounds.field, 'text')}"]
    if bounds.least is not None:
        parts.append(f"{column} >= {arguments.add(bounds.least, 'text')}::{kind}")
    if bounds.most is not None:
        sign = "<" if bounds.below else "<="
        parts.append(f"{column} {sign} {arguments.add(bounds.most, 'text')}::{kind}")
    return f"SELECT record_id FROM record_value WHERE {' AND '.join(parts)}"


def _key(order: Order, arguments: Arguments) -> str:
    """Return what records are sorted by: text by code point, its first characters, or a number."""
    path = arguments.add(list(order.path), "text[]")
    if order.kind == "text":
        return f'left(r.content #>> {path}, {KEY_LENGTH}) COLLATE "C"'
    number = f"(r.content #>> {path})::numeric"
    return f"CASE jsonb_typeof(r.content #> {path}) WHEN 'number' THEN {number} END"


def _order(asked: Selection, table: str = "") -> str:
    """Return the order of a page: keys, missing ones last, then the number; turned to go back."""
    back = asked.goes_back
    parts: list[str] = []
    for at, order in enumerate(asked.orders):
        direction = "DESC" if order.descending != back else "ASC"
        parts.append(f"{table}k{at} {direction} NULLS {'FIRST' if back else 'LAST'}")
    return ", ".join([*parts, f"{table}number {'DESC' if asked.descending != back else 'ASC'}"])


def _beyond(asked: Selection, arguments: Arguments) -> str:
    """Return what holds for the records that stand behind a cursor, or before it going back."""
    cursor = asked.after
    if cursor is None:
        return "true"
    sign = "<" if asked.descending != cursor.backwards else ">"
    beyond = f"number {sign} {arguments.add(cursor.number, 'bigint')}"
    for at in range(len(asked.orders) - 1, -1, -1):
        same, further = _compared(asked.orders[at], f"k{at}", cursor, cursor.keys[at], arguments)
        beyond = f"({further} OR ({same} AND {beyond}))"
    return beyond


def _compared(
    order: Order, key: str, cursor: Cursor, value: str | None, arguments: Arguments
) -> tuple[str, str]:
    """Return when a key is the cursor's own, and when it stands further in the list's direction."""
    if value is None:
        return f"{key} IS NULL", f"{key} IS NOT NULL" if cursor.backwards else "false"
    kind = "::numeric" if order.kind == "number" else ' COLLATE "C"'
    given = f"{arguments.add(value, 'text')}{kind}"
    sign = "<" if order.descending != cursor.backwards else ">"
    further = f"{key} {sign} {given}"
    return f"{key} = {given}", further if cursor.backwards else f"({further} OR {key} IS NULL)"
