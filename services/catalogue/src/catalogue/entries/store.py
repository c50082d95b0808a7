"""Entries in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    case,
    exists,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_into

from catalogue.entries.models import Content, Entry, Found, Kind, Search
from catalogue.sources.models import Source
from catalogue.tables import entry, live_reuse
from catalogue.words import fold
from kit.database import Session

_LANGUAGE = "english"  # names and descriptions are in English; folding serves all others


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
    query = select(entry).where(entry.c.id == entry_id)
    row = await session.row(query.with_for_update() if lock else query)
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
    conditions = [entry.c.deleted_at.is_(None), *_filters(search)]
    query = select(entry, func.count().over().label("found")).where(*conditions)
    order: list[ColumnElement[Any]] = [entry.c.name_folded.collate("C"), entry.c.id]
    words = fold(search.words or "")
    if words:
        query, ranks = _searched(query, words)
        order = [*ranks, *order]
    rows = await session.rows(query.order_by(*order).limit(search.limit).offset(search.offset))
    if rows or not search.offset:
        return Found(rows[0].found if rows else 0, tuple(_entry(row) for row in rows))
    counted = await session.row(select(func.count()).select_from(query.subquery()))
    return Found(counted[0] if counted else 0, ())


def _filters(search: Search) -> list[ColumnElement[bool]]:
    exact = [
        entry.c[column] == value
        for column, value in (("kind", search.kind), ("publisher", search.publisher))
        if value
    ]
    if search.country:
        exact.append(entry.c.countries_folded.contains([fold(search.country)]))
    if search.building_block:
        exact.append(entry.c.building_blocks_folded.contains([fold(search.building_block)]))
    if search.sdg:
        exact.append(entry.c.sdgs.contains([search.sdg]))
    if search.owner:
        exact.append(entry.c.owner_folded.contains(fold(search.owner), autoescape=True))
    if search.reuse_status or search.reused_in:
        exact.append(_reused(search))
    return exact


def _reused(search: Search) -> ColumnElement[bool]:
    conditions = [live_reuse.c.reused == entry.c.id]
    if search.reuse_status:
        conditions.append(live_reuse.c.status == search.reuse_status)
    if search.reused_in:
        conditions.append(live_reuse.c.places_folded.contains([fold(search.reused_in)]))
    return exists().where(*conditions)


def _searched(query: Select[Any], words: str) -> tuple[Select[Any], list[ColumnElement[Any]]]:
    """Limit a query to what has all the words, as words or as parts of words; say how close.

    Whoever reuses an entry can be named too: "mRiik" finds what mRiik was made from.
    """
    reusers = (
        select(live_reuse.c.reused, func.string_agg(live_reuse.c.by_folded, " ").label("names"))
        .group_by(live_reuse.c.reused)
        .subquery("reusers")
    )
    text = func.concat_ws(" ", entry.c.name_folded, entry.c.text_folded, reusers.c.names)
    question = func.plainto_tsquery(_LANGUAGE, words)
    parts = words.split()
    in_name = [entry.c.name_folded.contains(part, autoescape=True) for part in parts]
    in_text = [text.contains(part, autoescape=True) for part in parts]
    stemmed = entry.c.search.op("@@", is_comparison=True)(question)
    closeness = case(
        (entry.c.name_folded == words, 0),
        (entry.c.name_folded.startswith(words, autoescape=True), 1),
        (_all(in_name), 2),
        (stemmed, 3),
        else_=4,
    )
    found = query.outerjoin(reusers, reusers.c.reused == entry.c.id).where(_all(in_text) | stemmed)
    return found, [closeness, func.ts_rank(entry.c.search, question).desc()]


def _all(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    together = conditions[0]
    for condition in conditions[1:]:
        together &= condition
    return together


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


def _entry(row: Row[Any]) -> Entry:
    content = Content(
        kind=Kind(row.kind),
        name=row.name,
        description=row.description,
        owner=row.owner,
        sources=tuple(Source(**source) for source in row.sources),
        countries=tuple(row.countries),
        repository_url=row.repository_url,
        licence=row.licence,
        remarks=row.remarks,
        building_blocks=tuple(row.building_blocks),
        sdgs=tuple(row.sdgs),
        obsolete=row.obsolete,
    )
    times = (row.created_at, row.updated_at, row.deleted_at)
    return Entry(row.id, row.publisher, content, *times)
