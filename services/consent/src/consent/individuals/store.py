"""Individuals in PostgreSQL: found by keyed digests, readable only with their own key."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import asyncpg

from consent.individuals.models import Filter, Hand, Identity, Individual, Kept
from kit.database import Session
from kit.sealing import DataKey, Keyring

_SELECT = "SELECT id, tenant, wrapped, sealed, created_at FROM individual "


def _reference(keyring: Keyring, identity: Identity) -> bytes:
    return keyring.reference(f"{identity.external_id_type}\0{identity.external_id}")


def _seal(key: DataKey, individual_id: str, identity: Identity) -> bytes:
    return key.seal(json.dumps(asdict(identity)).encode(), individual_id.encode())


def _individual(keyring: Keyring, row: asyncpg.Record) -> Individual:
    return opened(keyring, Kept(*row))


def opened(keyring: Keyring, kept: Kept) -> Individual:
    """Return an individual whose identity is unsealed."""
    said = keyring.unwrap(kept.wrapped).open(kept.sealed, kept.id.encode())
    return Individual(
        kept.id, kept.tenant, Identity(**json.loads(said)), kept.wrapped, kept.created_at
    )


async def find(
    session: Session, keyring: Keyring, individual_id: str, *, lock: str = ""
) -> Individual | None:
    """Return any member's individual with this id, if there is one."""
    row = await session.fetchrow(f"{_SELECT} WHERE id = $1 {lock}", individual_id)
    return _individual(keyring, row) if row else None


async def find_many(
    session: Session, keyring: Keyring, ids: Sequence[str]
) -> dict[str, Individual]:
    """Return individuals by id, those that exist."""
    rows = await session.fetch(f"{_SELECT} WHERE id = ANY($1)", ids)
    return {row["id"]: _individual(keyring, row) for row in rows}


def digests(keyring: Keyring, wanted: Filter) -> tuple[bytes | None, bytes | None]:
    """Return the digests a filter looks for: of the person, and of type and id together."""
    if wanted.external_id is None:
        return None, None
    if wanted.external_id_type is None:
        return keyring.reference(wanted.external_id), None
    return None, _reference(keyring, Identity(wanted.external_id, wanted.external_id_type))


async def page(session: Session, keyring: Keyring, wanted: Filter) -> list[Individual]:
    """Return the individuals a filter lets through, oldest first."""
    person, reference = digests(keyring, wanted)
    rows = await session.fetch(
        f"{_SELECT} WHERE ($1::text IS NULL OR tenant = $1) "
        "AND ($2::bytea IS NULL OR person = $2) AND ($3::bytea IS NULL OR reference = $3) "
        "ORDER BY created_at, id OFFSET $4 LIMIT $5",
        wanted.tenant,
        person,
        reference,
        wanted.offset,
        wanted.limit,
    )
    return [_individual(keyring, row) for row in rows]


async def hands(  # noqa: PLR0913, PLR0917  who, for whom, when, and whether it must stay so
    session: Session,
    keyring: Keyring,
    individual_id: str,
    person: Identity,
    now: datetime,
    lock: str,
) -> tuple[Hand, ...]:
    """Return the representations under which a person acts for an individual at a time.

    ``lock`` is ``FOR SHARE OF r`` where none of them may end before the transaction does.
    """
    rows = await session.fetch(
        "SELECT r.id, r.kind, r.representative_id, r.agreements FROM representation r "  # noqa: S608
        "JOIN individual i ON i.id = r.representative_id "
        "WHERE r.individual_id = $1 AND i.reference = $2 AND r.ended_at IS NULL "
        "AND r.starts_at <= $3 AND (r.ends_at IS NULL OR r.ends_at > $3) "
        f"ORDER BY r.created_at, r.id {lock}",
        individual_id,
        _reference(keyring, person),
        now,
    )
    return tuple(
        Hand(
            row["id"],
            row["kind"],
            row["representative_id"],
            None if row["agreements"] is None else tuple(row["agreements"]),
        )
        for row in rows
    )


async def insert(session: Session, keyring: Keyring, individual: Individual) -> bool:
    """Keep a new individual; tell whether id and identity were free."""
    identity = individual.identity
    key = keyring.unwrap(individual.wrapped)
    await _reserve(session, _reference(keyring, identity))
    return bool(
        await session.fetch(
            "INSERT INTO individual (id, tenant, reference, person, wrapped, sealed, created_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
            individual.id,
            individual.tenant,
            _reference(keyring, identity),
            keyring.reference(identity.external_id),
            individual.wrapped,
            _seal(key, individual.id, identity),
            individual.created_at,
        )
    )


async def save(session: Session, keyring: Keyring, individual: Individual) -> bool:
    """Write a changed individual back; tell whether the identity was free."""
    identity = individual.identity
    reference = _reference(keyring, identity)
    await _reserve(session, reference)
    return bool(
        await session.fetch(
            "UPDATE individual SET reference = $2, person = $3, sealed = $4 WHERE id = $1 "
            "AND NOT EXISTS (SELECT 1 FROM individual o WHERE o.tenant = $5 "
            "AND o.reference = $2 AND o.id <> $1) RETURNING id",
            individual.id,
            reference,
            keyring.reference(identity.external_id),
            _seal(keyring.unwrap(individual.wrapped), individual.id, identity),
            individual.tenant,
        )
    )


async def _reserve(session: Session, reference: bytes) -> None:
    """Let one transaction at a time take an identity: UPDATE has no ON CONFLICT."""
    await session.fetch(
        "SELECT pg_advisory_xact_lock($1)", int.from_bytes(reference[:8], signed=True)
    )
