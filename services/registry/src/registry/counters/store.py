"""Counts in PostgreSQL: what a process counted is added in one statement for each table."""

from collections.abc import Mapping, Sequence
from datetime import date

from kit.database import Session
from registry.counters.models import Between, GroupBy, Search, Use

Called = tuple[int, date, str, int, str]
"""Database, day, service, version, client."""
Searched = tuple[int, date, str]
"""Database, day, fields."""


async def add_calls(session: Session, counts: Mapping[Called, int]) -> None:
    """Add calls to those counted; in one order everywhere, so that no two wait for each other."""
    rows = sorted(counts.items())
    columns = zip(*((*key, count) for key, count in rows), strict=True)
    await session.fetch(_ADD_CALLS, *(list(column) for column in columns))


async def add_searches(session: Session, counts: Mapping[Searched, int]) -> None:
    """Add searches to those counted, as ``add_calls`` does."""
    rows = sorted(counts.items())
    columns = zip(*((*key, count) for key, count in rows), strict=True)
    await session.fetch(_ADD_SEARCHES, *(list(column) for column in columns))


async def uses(
    session: Session, database: int, between: Between, by: Sequence[GroupBy], most: int
) -> list[Use]:
    """Return counts of a database's calls by what tells them apart, the most used first."""
    names = [_COLUMNS[each] for each in by]
    columns = "".join(f", {column} AS by_{number}" for number, column in enumerate(names))
    query = _USES.format(columns=columns, group=", ".join(names))
    rows = await session.fetch(query, database, between.first, between.last, most)
    return [
        Use(int(row["count"]), {each: row[f"by_{number}"] for number, each in enumerate(by)})
        for row in rows
    ]


async def total(session: Session, database: int, between: Between) -> int:
    """Return how many calls of a database were counted."""
    row = await session.fetchrow(_TOTAL, database, between.first, between.last)
    return int(row["count"]) if row else 0


async def searches(session: Session, database: int, between: Between, most: int) -> list[Search]:
    """Return by which fields a database was searched, the most frequent first."""
    rows = await session.fetch(_SEARCHES, database, between.first, between.last, most)
    return [Search(row["fields"].split(","), int(row["count"])) for row in rows]


async def used(session: Session, databases: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how often each service of databases was called."""
    found: dict[int, dict[str, int]] = {}
    for row in await session.fetch(_USED, list(databases)):
        found.setdefault(row["database_id"], {})[row["service"]] = int(row["count"])
    return found


_COLUMNS = {
    GroupBy.SERVICE: "service",
    GroupBy.VERSION: "version || '.0'",
    GroupBy.CLIENT: "client",
    GroupBy.DAY: "day::text",
}
_ADD_CALLS = """
    INSERT INTO service_use AS u (database_id, day, service, version, client, count)
    SELECT * FROM unnest($1::bigint[], $2::date[], $3::text[], $4::int[], $5::text[], $6::bigint[])
    ON CONFLICT (database_id, day, service, version, client)
    DO UPDATE SET count = u.count + EXCLUDED.count
"""
_ADD_SEARCHES = """
    INSERT INTO search_use AS u (database_id, day, fields, count)
    SELECT * FROM unnest($1::bigint[], $2::date[], $3::text[], $4::bigint[])
    ON CONFLICT (database_id, day, fields) DO UPDATE SET count = u.count + EXCLUDED.count
"""
_DAYS = """
    WHERE database_id = $1 AND ($2::date IS NULL OR day >= $2) AND ($3::date IS NULL OR day <= $3)
"""
_USES = f"""
    SELECT sum(count)::bigint AS count {{columns}} FROM service_use {_DAYS}
    GROUP BY {{group}} ORDER BY count DESC, {{group}} LIMIT $4
"""  # noqa: S608  made of constants, as all here
_TOTAL = f"SELECT coalesce(sum(count), 0)::bigint AS count FROM service_use {_DAYS}"  # noqa: S608
_SEARCHES = f"""
    SELECT fields, sum(count)::bigint AS count FROM search_use {_DAYS}
    GROUP BY fields ORDER BY count DESC, fields LIMIT $4
"""  # noqa: S608
_USED = """
    SELECT database_id, service, sum(count)::bigint AS count FROM service_use
    WHERE database_id = ANY($1::bigint[]) GROUP BY database_id, service
"""
