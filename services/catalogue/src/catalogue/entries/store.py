"""Entries in PostgreSQL."""

import json
import re
from collections.abc import Collection
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as insert_into

from catalogue.entries.models import Content, Entry, Found, Kind, Search
from catalogue.sources.models import Source
from catalogue.tables import entry
from catalogue.words import fold
from kit.database import Session

_LANGUAGE = "english"  # names and descriptions are in English; folding serves all others

# what is only searched is not read
_COLUMNS = (
    "entry.id, entry.publisher, entry.kind, entry.name, entry.description, entry.owner, "
    "entry.sources::text AS sources, entry.countries, entry.repository_url, entry.licence, "
    "entry.remarks, entry.building_blocks, entry.sdgs, entry.obsolete, entry.created_at, "
    "entry.updated_at, entry.deleted_at"
)
_FIND = f"SELECT {_COLUMNS} FROM entry WHERE id = $1"  # noqa: S608  our own column names
_FIND_LOCKED = f"{_FIND} FOR UPDATE"

# Asked in a SELECT of its own, a question is read once and not for each entry
_QUESTION = f"(SELECT plainto_tsquery('{_LANGUAGE}', {{words}}))"

# Whoever reuses an entry can be named too: "mRiik" finds what mRiik was made from
_REUSERS = """
LEFT JOIN (
  SELECT reused, string_agg(by_folded, ' ') AS names FROM live_reuse GROUP BY reused
) reusers ON reusers.reused = entry.id
"""
_CLOSENESS = f"""
CASE
  WHEN entry.name_folded = {{words}} THEN 0
  WHEN starts_with(entry.name_folded, {{words}}) THEN 1
  WHEN entry.name_folded LIKE ALL ({{parts}}) THEN 2
  WHEN entry.search @@ {_QUESTION} THEN 3
  ELSE 4
END, ts_rank(entry.search, {_QUESTION}) DESC,
"""
_CONDITIONS = {
    # all the words, as parts of words or by their stems
    "words": "(concat_ws(' ', entry.name_folded, entry.text_folded, reusers.names) "
    f"LIKE ALL ({{parts}}::text[]) OR entry.search @@ {_QUESTION})",
    "kind": "entry.kind = {kind}",
    "publisher": "entry.publisher = {publisher}",
    "country": "entry.countries_folded @> ARRAY[{country}::text]",
    "building_block": "entry.building_blocks_folded @> ARRAY[{building_block}::text]",
    "sdg": "entry.sdgs @> ARRAY[{sdg}::integer]",
    "owner": "entry.owner_folded LIKE {owner}",
}
_OF_A_REUSE = {
    "reuse_status": "live_reuse.status = {reuse_status}",
    "reused_in": "live_reuse.places_folded @> ARRAY[{reused_in}::text]",
}


async def insert(session: Session, new: Entry) -> bool:
    """Keep a new entry; False when its id is taken."""
    statement = insert_into(entry).values(**_values(new)).on_conflict_do_nothing()
    return await session.row(statement.returning(entry.c.id)) is not None


async def save(session: Session, changed: Entry) -> None:
    """Keep a changed entry."""
    values = _values(changed)
    await session.rows(update(entry).where(entry.c.id == changed.id).values(**values))


async def find(session: Session, entry_id: str, *, lock: bool = False) -> Entry | None:
    """Return the entry with this id, a deleted one too."""
    row = await session.fetchrow(_FIND_LOCKED if lock else _FIND, entry_id)
    return _entry(row) if row else None


async def existing(session: Session, entry_ids: Collection[str]) -> frozenset[str]:
    """Return those of the ids that belong to entries, deleted ones not counted.

    Nobody deletes them before the transaction that asks has ended.
    """
    wanted = select(entry.c.id).where(entry.c.id.in_(entry_ids), entry.c.deleted_at.is_(None))
    rows = await session.rows(wanted.order_by(entry.c.id).with_for_update(read=True))
    return frozenset(row.id for row in rows)


async def page(session: Session, search: Search) -> Found:
    """Return one page of the entries found: the closest names first, then by name."""
    asked = _asked(search)
    sql, values = _page(tuple(asked)), asked.values()
    rows = await session.fetch(sql, *values, search.limit, search.offset)
    if rows or not search.offset:
        return Found(rows[0]["found"] if rows else 0, tuple(_entry(row) for row in rows))
    first = await session.fetchrow(sql, *values, 1, 0)
    return Found(first["found"] if first else 0, ())


def _asked(search: Search) -> dict[str, Any]:
    """Return what limits a search, each as it is compared; the names are those of ``_page``."""
    words = fold(search.words or "")
    asked: dict[str, Any] = {
        "words": words or None,
        "parts": [_containing(part) for part in words.split()] or None,
        "kind": search.kind,
        "publisher": search.publisher or None,
        "country": fold(search.country) if search.country else None,
        "building_block": fold(search.building_block) if search.building_block else None,
        "sdg": search.sdg,
        "owner": _containing(fold(search.owner)) if search.owner else None,
        "reuse_status": search.reuse_status,
        "reused_in": fold(search.reused_in) if search.reused_in else None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _containing(text: str) -> str:
    """Return the LIKE pattern of what contains a text."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


@lru_cache(maxsize=512)
def _page(names: tuple[str, ...]) -> str:
    """Return the statement for a search by these names; each is a parameter, in their order.

    The last two are how many entries to return and how many to pass over before.
    """
    conditions = [said for name, said in _CONDITIONS.items() if name in names]
    of_a_reuse = [said for name, said in _OF_A_REUSE.items() if name in names]
    if of_a_reuse:
        reuse = " AND ".join(("live_reuse.reused = entry.id", *of_a_reuse))
        conditions.append(f"EXISTS (SELECT FROM live_reuse WHERE {reuse})")
    reusers, closeness = (_REUSERS, _CLOSENESS) if "words" in names else ("", "")
    where = " AND ".join(("entry.deleted_at IS NULL", *conditions))
    sql = (
        f"SELECT {_COLUMNS}, count(*) OVER () AS found "  # noqa: S608  the texts above
        f"FROM entry {reusers} WHERE {where} "
        f'ORDER BY {closeness} entry.name_folded COLLATE "C", entry.id '
        "LIMIT {limit} OFFSET {offset}"
    )
    places = enumerate((*names, "limit", "offset"), 1)
    return sql.format_map({name: f"${place}" for place, name in places})


def _values(kept: Entry) -> dict[str, Any]:
    content = kept.content
    said = asdict(content)
    name, owner = fold(content.name), fold(content.owner)
    more = (content.description, content.remarks or "", *content.building_blocks)
    text = " ".join((owner, kept.id, *(fold(part) for part in more)))
    return said | {
        "id": kept.id,
        "publisher": kept.publisher,
        "kind": str(content.kind),
        "created_at": kept.created_at,
        "updated_at": kept.updated_at,
        "deleted_at": kept.deleted_at,
        "name_folded": name,
        "owner_folded": owner,
        "text_folded": text,
        "countries_folded": [fold(country) for country in content.countries],
        "building_blocks_folded": [fold(block) for block in content.building_blocks],
        "search": _vector(name, "A").concat(_vector(text, "B")),
    }


def _vector(text: str, weight: str) -> ColumnElement[Any]:
    """Return the text as PostgreSQL searches it; ``weight`` is "A" or "B"."""
    return func.setweight(func.to_tsvector(_LANGUAGE, text), literal_column(f"'{weight}'"))


def _entry(row: asyncpg.Record) -> Entry:
    content = Content(
        kind=Kind(row["kind"]),
        name=row["name"],
        description=row["description"],
        owner=row["owner"],
        sources=tuple(Source(**source) for source in json.loads(row["sources"])),
        countries=tuple(row["countries"]),
        repository_url=row["repository_url"],
        licence=row["licence"],
        remarks=row["remarks"],
        building_blocks=tuple(row["building_blocks"]),
        sdgs=tuple(row["sdgs"]),
        obsolete=row["obsolete"],
    )
    times = (row["created_at"], row["updated_at"], row["deleted_at"])
    return Entry(row["id"], row["publisher"], content, *times)
