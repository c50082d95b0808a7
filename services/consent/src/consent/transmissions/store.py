"""Transmissions in PostgreSQL."""

import json
from collections.abc import Sequence

import asyncpg

from consent.transmissions.models import Exchange, Filter, Refused, Transmission
from kit.database import Session
from kit.identifiers import new_id

# the records are held until the end: what is forgotten meanwhile is forgotten here too
_KEEP = """
    WITH told AS (
      SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[],
        $6::text[], $7::text[], $8::text[], $9::text[])
        AS t (id, exchange_id, at, client, data_source, service, record_id, decision_id, attributes)
    ), known AS (
      SELECT id, tenant, individual_id, agreement_id FROM consent_record
      WHERE id = ANY($7) ORDER BY id FOR KEY SHARE
    ), kept AS (
      INSERT INTO transmission (id, at, tenant, record_id, individual_id, agreement_id, client,
        data_source, service, attributes, decision_id, exchange_id)
      SELECT t.id, t.at, k.tenant, k.id, k.individual_id, k.agreement_id, t.client,
        t.data_source, t.service,
        CASE WHEN t.attributes IS NOT NULL
          THEN ARRAY(SELECT jsonb_array_elements_text(t.attributes::jsonb)) END,
        t.decision_id, t.exchange_id
      FROM told t JOIN known k ON k.id = t.record_id
      ON CONFLICT (exchange_id, record_id) DO NOTHING
    )
    SELECT exchange_id, record_id FROM told t
    WHERE NOT EXISTS (SELECT FROM known k WHERE k.id = t.record_id)
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


async def insert(session: Session, exchanges: Sequence[Exchange]) -> list[Refused]:
    """Keep what is new of these exchanges; return what names unknown records."""
    rows = [
        (
            new_id(),
            one.id,
            one.at,
            one.client,
            one.data_source,
            one.service,
            item.record_id,
            item.decision_id,
            None if item.attributes is None else json.dumps(list(item.attributes)),
        )
        for one in exchanges
        for item in one.items
    ]
    if not rows:
        return []
    found = await session.fetch(_KEEP, *(list(column) for column in zip(*rows, strict=True)))
    return [Refused(row["exchange_id"], row["record_id"]) for row in found]


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
    )


async def forget(session: Session, record_ids: Sequence[str]) -> None:
    """Take the individual out of what was sent under some records."""
    await session.fetch(
        "UPDATE transmission SET individual_id = NULL WHERE record_id = ANY($1)", list(record_ids)
    )
