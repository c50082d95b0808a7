"""Reuses in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as insert_into

from catalogue.reuses.models import LISTED, Claim, Direction, Found, Link, Reuse, Reuser, Search
from catalogue.sources.models import Source
from catalogue.statuses import Status
from catalogue.tables import live_reuse, reuse
from catalogue.words import fold
from kit.database import Session


async def insert(session: Session, new: Reuse) -> bool:
    """Keep a new reuse; False when its id is taken."""
    statement = insert_into(reuse).values(**_values(new)).on_conflict_do_nothing()
    return await session.row(statement.returning(reuse.c.id)) is not None


async def save(session: Session, changed: Reuse) -> None:
    """Keep a changed reuse."""
    values = _values(changed)
    await session.rows(update(reuse).where(reuse.c.id == changed.id).values(**values))


async def lock(session: Session, reuse_id: str) -> Reuse | None:
    """Return the reuse with this id, a deleted one too, and let nobody change it meanwhile."""
    row = await session.row(select(reuse).where(reuse.c.id == reuse_id).with_for_update())
    return _reuse(row, deleted_at=row.deleted_at) if row else None


async def find(session: Session, reuse_id: str) -> Reuse | None:
    """Return the reuse with this id as readers see it, with the names of its entries."""
    row = await session.row(select(live_reuse).where(live_reuse.c.id == reuse_id))
    return _named(row) if row else None


async def page(session: Session, search: Search) -> Found:
    """Return one page of the reuses found, those of one entry side by side."""
    conditions = [
        live_reuse.c[column] == value
        for column, value in (
            ("reused", search.reused),
            ("by_entry", search.by_entry),
            ("status", search.status),
        )
        if value is not None
    ]
    if search.country:
        conditions.append(live_reuse.c.places_folded.contains([fold(search.country)]))
    query = select(live_reuse, func.count().over().label("found")).where(*conditions)
    ordered = query.order_by(live_reuse.c.reused, live_reuse.c.id)
    rows = await session.rows(ordered.limit(search.limit).offset(search.offset))
    if rows or not search.offset:
        return Found(rows[0].found if rows else 0, tuple(_named(row) for row in rows))
    counted = await session.row(select(func.count()).select_from(query.subquery()))
    return Found(counted[0] if counted else 0, ())


async def count_by_status(session: Session, entry_id: str) -> Mapping[Status, int]:
    """Return how many reuses an entry has in each state."""
    rows = await session.rows(
        select(live_reuse.c.status, func.count().label("reuses"))
        .where(live_reuse.c.reused == entry_id)
        .group_by(live_reuse.c.status)
        .order_by(live_reuse.c.status)
    )
    return {Status(row.status): row.reuses for row in rows}


async def follow(session: Session, entry_id: str, direction: Direction, depth: int) -> list[Link]:
    """Return the reuses up to ``depth`` steps away, each once, nearest first.

    At most one more than ``LISTED``. UNION keeps each entry once for each distance, so that a
    cycle ends at ``depth`` and many paths to one entry cost no more than one.
    """
    near, far = _ends(direction)
    reached = select(literal(entry_id).label("entry"), literal(0).label("steps")).cte(
        "reached", recursive=True
    )
    further = (
        select(far, reached.c.steps + 1)
        .join(reached, near == reached.c.entry)
        .where(far.is_not(None), reached.c.steps < depth - 1)
    )
    reached = reached.union(further)
    nearest = (
        select(reached.c.entry, func.min(reached.c.steps).label("steps"))
        .group_by(reached.c.entry)
        .subquery("nearest")
    )
    rows = await session.rows(
        select(live_reuse, (nearest.c.steps + 1).label("depth"))
        .join(nearest, near == nearest.c.entry)
        .order_by(nearest.c.steps, live_reuse.c.reused, live_reuse.c.id)
        .limit(LISTED + 1)
    )
    return [Link(row.depth, _named(row)) for row in rows]


def _ends(direction: Direction) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    if direction is Direction.REUSED_BY:
        return live_reuse.c.reused, live_reuse.c.by_entry
    return live_reuse.c.by_entry, live_reuse.c.reused


def _values(kept: Reuse) -> dict[str, Any]:
    claim, by = kept.claim, kept.claim.by or Reuser("")
    return {
        "id": kept.id,
        "publisher": kept.publisher,
        "reused": claim.reused,
        "by_entry": claim.by_entry,
        "by_name": claim.by.name if claim.by else None,
        "by_countries": list(by.countries),
        "status": str(claim.status),
        "note": claim.note,
        "sources": [asdict(source) for source in claim.sources],
        "created_at": kept.created_at,
        "updated_at": kept.updated_at,
        "deleted_at": kept.deleted_at,
        "by_folded": fold(by.name),
        "by_countries_folded": [fold(country) for country in by.countries],
    }


def _named(row: Row[Any]) -> Reuse:
    return _reuse(row, reused_name=row.reused_name, by_entry_name=row.by_entry_name)


def _reuse(row: Row[Any], **more: Any) -> Reuse:
    claim = Claim(
        reused=row.reused,
        status=Status(row.status),
        sources=tuple(Source(**source) for source in row.sources),
        by_entry=row.by_entry,
        by=None if row.by_name is None else Reuser(row.by_name, tuple(row.by_countries)),
        note=row.note,
    )
    return Reuse(row.id, row.publisher, claim, row.created_at, row.updated_at, **more)
