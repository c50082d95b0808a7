"""Transmissions in PostgreSQL."""

import json
from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg

from consent.agreements.models import Terms
from consent.transmissions.models import Filter, Known, Transmission
from kit.database import Session

# the records are held until the end: what is forgotten meanwhile is forgotten here too
_KNOWN = """
    SELECT c.id, c.tenant, c.individual_id, c.agreement_id, r.snapshot FROM consent_record c
    JOIN revision r ON r.id = c.agreement_revision_id
    WHERE c.id = ANY($1) ORDER BY c.id FOR KEY SHARE OF c
"""
_KEEP = """
    INSERT INTO transmission (id, at, tenant, record_id, individual_id, agreement_id, client,
      data_source, service, attributes, decision_id, exchange_id, confirmed)
    SELECT id, at, tenant, record_id, individual_id, agreement_id, client, data_source, service,
      CASE WHEN attributes IS NOT NULL
        THEN ARRAY(SELECT jsonb_array_elements_text(attributes::jsonb)) END,
      decision_id, exchange_id, confirmed
    FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
      $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::boolean[])
      AS t (id, at, tenant, record_id, individual_id, agreement_id, client, data_source, service,
        attributes, decision_id, exchange_id, confirmed)
    ORDER BY exchange_id, record_id
    ON CONFLICT (exchange_id, record_id) DO NOTHING RETURNING id
"""
_LIMITS = {
    "tenant": "tenant = {}",
    "individuals": "individual_id = ANY({})",
    "reach": "agreement_id = ANY({})",
    "agreement": "agreement_id = {}",
    "record": "record_id = {}",
    "client": "(client = {0} OR starts_with(client, {0} || '/'))",
    "since": "at >= {}",
    "until": "at < {}",
}


async def find_known(session: Session, record_ids: Collection[str]) -> dict[str, Known]:
    """Return what is known of consent records by id, those that exist."""
    rows = await session.fetch(_KNOWN, list(record_ids))
    return {
        row["id"]: Known(
            row["tenant"],
            row["individual_id"],
            row["agreement_id"],
            Terms(row["tenant"], json.loads(row["snapshot"])["objectData"]),
        )
        for row in rows
    }


async def insert(session: Session, stated: Sequence[Transmission]) -> list[Transmission]:
    """Keep what is new of these, and return that."""
    rows = [
        (
            one.id,
            one.at,
            one.tenant,
            one.record_id,
            one.individual_id,
            one.agreement_id,
            one.client,
            one.data_source,
            one.service,
            None if one.attributes is None else json.dumps(list(one.attributes)),
            one.decision_id,
            one.exchange_id,
            one.confirmed,
        )
        for one in stated
    ]
    if not rows:
        return []
    found = await session.fetch(_KEEP, *(list(column) for column in zip(*rows, strict=True)))
    new = {row["id"] for row in found}
    return [one for one in stated if one.id in new]


async def prove(session: Session, entry: UUID, ids: Sequence[UUID]) -> None:
    """Keep that transmissions are the parts of an entry, in this order."""
    await session.fetch(
        "UPDATE transmission t SET entry_id = $1, part = p.place - 1 "
        "FROM unnest($2::uuid[]) WITH ORDINALITY AS p (id, place) WHERE t.id = p.id",
        entry,
        list(ids),
    )


async def page(session: Session, wanted: Filter) -> list[Transmission]:
    """Return what a filter lets through, newest first."""
    given = {
        "tenant": wanted.tenant,
        "individuals": wanted.individual_ids,
        "reach": wanted.agreement_ids,
        "agreement": wanted.agreement_id,
        "record": wanted.record_id,
        "client": wanted.client,
        "since": wanted.since,
        "until": wanted.until,
    }
    values: list[object] = [wanted.limit, wanted.offset]
    limits: list[str] = []
    for name, value in given.items():  # only what limits, so that an index can be chosen
        if value is not None:
            values.append(value)
            limits.append(_LIMITS[name].format(f"${len(values)}"))
    if wanted.after is not None:
        values += [wanted.after.at, wanted.after.id]
        limits.append(f"(at, id) < (${len(values) - 1}, ${len(values)})")
    where = f"WHERE {' AND '.join(limits)}" if limits else ""
    rows = await session.fetch(
        f"SELECT * FROM transmission {where} ORDER BY at DESC, id DESC LIMIT $1 OFFSET $2",  # noqa: S608  ours
        *values,
    )
    return [_transmission(row) for row in rows]


def _transmission(row: asyncpg.Record) -> Transmission:
    attributes = row["attributes"]
    return Transmission(
        row["id"],
        row["at"],
        row["tenant"],
        row["record_id"],
        row["individual_id"],
        row["agreement_id"],
        row["client"],
        row["data_source"],
        row["service"],
        None if attributes is None else tuple(attributes),
        row["decision_id"],
        row["exchange_id"],
        row["confirmed"],
        None if row["entry_id"] is None else (row["entry_id"], row["part"]),
    )


async def forget(session: Session, record_ids: Sequence[str]) -> None:
    """Take the individual out of what was sent under some records."""
    await session.fetch(
        "UPDATE transmission SET individual_id = NULL WHERE record_id = ANY($1)", list(record_ids)
    )
