"""Finding in a ledger: entries, and the parts of those of bulk operations."""

import contextlib
import json
from typing import Any

import asyncpg

from kit.database import Session
from kit.evidence.models import PARTS, WHOLE, Search, Written
from kit.evidence.parts import place_of
from kit.sealing import Keyring, SealBrokenError


async def find(session: Session, keyring: Keyring, search: Search) -> list[Written]:
    """Return what is sought, newest first, with the details that can still be opened."""
    values = _values(keyring, search)
    sought = _branch(_ENTRIES, _OF_ENTRIES, values)
    if search.subject is not None or search.object is not None:
        sought = f"({sought}) UNION ALL ({_branch(_PARTS, _OF_PARTS, values)})"
    given = [value for value in values.values() if value is not None]
    rows = await session.fetch(
        _READ.format(sought=sought), search.limit, search.offset, *(v for g in given for v in g)
    )
    return [_written(keyring, row) for row in rows]


def _values(keyring: Keyring, search: Search) -> dict[str, tuple[object, ...] | None]:
    """Return what limits the search, None where nothing does."""
    before, facts = search.before, search.facts
    reference = None if search.subject is None else keyring.reference(search.subject)
    given: dict[str, object] = {
        "kinds": list(search.kinds) or None,
        "actor": search.actor,
        "tenant": search.tenant,
        "object": search.object,
        "prefix": search.object_prefix,
        "within": search.within,
        "subject": reference,
        "since": search.since,
        "until": search.until,
        "facts": None if facts is None else json.dumps(dict(facts)),
    }
    values = {name: None if one is None else (one,) for name, one in given.items()}
    mark = None if before is None else (before.at, before.id, before.place)
    return {**values, "before": mark}


def _branch(select: str, limits: dict[str, str], values: dict[str, Any]) -> str:
    """Return one of the two statements with only what limits, so that an index can be chosen."""
    number, said = 3, list[str]()
    for name, value in values.items():
        if value is not None:
            said.append(limits[name].format(*(f"${number + n}" for n in range(len(value)))))
            number += len(value)
    return select.format(where=f"WHERE {' AND '.join(said)}" if said else "")


def _written(keyring: Keyring, row: asyncpg.Record) -> Written:
    entry_id, place = row["id"], row["place"]
    facts: dict[str, Any] = json.loads(row["canonical"])["facts"]
    detail = _opened(keyring, row["sealed"], row["wrapped"], entry_id.bytes)
    found = row["object"]
    if place != WHOLE:
        said = json.loads(row["part"])
        facts = {**{name: facts[name] for name in facts if name != PARTS}, **said["facts"]}
        own = _opened(keyring, row["part_sealed"], row["part_wrapped"], place_of(entry_id, place))
        detail = None if detail is None and own is None else {**(detail or {}), **(own or {})}
        found = said["object"]
    return Written(
        entry_id,
        row["at"],
        row["kind"],
        row["actor"],
        found,
        facts,
        detail,
        row["tenant"],
        place,
    )


def _opened(
    keyring: Keyring, sealed: bytes | None, wrapped: bytes | None, place: bytes
) -> dict[str, Any] | None:
    if sealed is not None and wrapped is not None:
        with contextlib.suppress(SealBrokenError):
            said: dict[str, Any] = json.loads(
                keyring.unwrap(wrapped).derived(place).open(sealed, place)
            )
            return said
    return None


_OF_ENTRIES = {
    "kinds": "e.kind = ANY({})",
    "actor": "(e.actor = {0} OR starts_with(e.actor, {0} || '/'))",
    "tenant": "e.tenant = {}",
    "object": "e.object = {}",
    "prefix": "starts_with(e.object, {})",
    "within": "(e.object = {0} OR starts_with(e.object, {0} || '/'))",
    "subject": "e.subject = {}",
    "since": "e.at >= {}",
    "until": "e.at < {}",
    "facts": "e.facts @> {}::jsonb",
    "before": f"(e.at, e.id, {WHOLE}) < ({{}}, {{}}, {{}})",
}
_OF_PARTS = _OF_ENTRIES | {
    "object": "p.object = {}",
    "prefix": "starts_with(p.object, {})",
    "within": "(p.object = {0} OR starts_with(p.object, {0} || '/'))",
    "subject": "p.subject = {}",
    "since": "p.at >= {}",
    "until": "p.at < {}",
    "before": "(p.at, p.entry_id, p.place) < ({}, {}, {})",
}
_NEWEST = "ORDER BY at DESC, id DESC, place DESC"
_ENTRIES = f"""
    SELECT e.id, e.at, {WHOLE} AS place FROM evidence_entry e
    {{where}} ORDER BY e.at DESC, e.id DESC LIMIT $1::bigint + $2
"""  # noqa: S608  made of constants, as all here
_PARTS = """
    SELECT p.entry_id, p.at, p.place FROM evidence_part p
    JOIN evidence_entry e ON e.id = p.entry_id
    {where} ORDER BY p.at DESC, p.entry_id DESC, p.place DESC LIMIT $1::bigint + $2
"""
_READ = f"""
    WITH sought AS (
      SELECT * FROM ({{sought}}) found {_NEWEST} LIMIT $1::bigint OFFSET $2::bigint
    )
    SELECT s.id, s.at, s.place, e.kind, e.actor, e.object, e.tenant, e.canonical,
      d.sealed, k.wrapped, p.canonical AS part, p.sealed AS part_sealed, o.wrapped AS part_wrapped
    FROM sought s
    JOIN evidence_entry e ON e.id = s.id
    LEFT JOIN evidence_detail d ON d.entry_id = s.id
    LEFT JOIN evidence_key k ON k.subject = e.subject AND d.entry_id IS NOT NULL
    LEFT JOIN evidence_part p ON p.entry_id = s.id AND p.place = s.place
    LEFT JOIN evidence_key o ON o.subject = p.subject AND p.sealed IS NOT NULL
    ORDER BY s.at DESC, s.id DESC, s.place DESC
"""  # noqa: S608
