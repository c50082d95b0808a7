"""The ledger's rows, as the API asks for them."""

import json
from uuid import UUID

import asyncpg

from kit.audit.models import Kept, KeptPart, Signed, View, Wanted, Witnessed
from kit.database import Session
from kit.evidence import leaf_hash
from kit.sealing import Keyring


async def page(session: Session, keyring: Keyring, view: View, wanted: Wanted) -> list[Kept]:
    """Return the entries that are asked for and seen, newest first, without their details."""
    limits = {
        "e.kind = ANY({})": list(wanted.kinds) or None,
        "e.actor = {}": wanted.actor,
        "starts_with(e.object, {})": wanted.object_prefix,
        _ABOUT: _reference(keyring, view.person),
        f"({_ABOUT})": _reference(keyring, wanted.subject),
        "e.at >= {}": wanted.since,
        "e.at < {}": wanted.until,
        _SEEN_BY: view.member,
    }
    # only what limits, so that PostgreSQL can choose an index for it
    given = {limit: value for limit, value in limits.items() if value is not None}
    where = [limit.format(f"${number}") for number, limit in enumerate(given, 3)]
    query = _PAGE.format(f"WHERE {' AND '.join(where)}" if where else "")
    rows = await session.fetch(query, wanted.limit, wanted.offset, *given.values())
    return [_kept(row) for row in rows]


async def find(session: Session, keyring: Keyring, view: View, entry: UUID) -> Kept | None:
    """Return an entry with its sealed detail, None when it is not there or not seen."""
    person = _reference(keyring, view.person)
    row = await session.fetchrow(_FIND, entry, person, view.member)
    return None if row is None else _kept(row, row["sealed"], row["wrapped"])


async def find_part(
    session: Session, keyring: Keyring, view: View, entry: UUID, place: int
) -> KeptPart | None:
    """Return a part of an entry with the leaves of all, None when it is not there or not seen."""
    row = await session.fetchrow(_PART, entry, place, _reference(keyring, view.person))
    if row is None:
        return None
    leaves = [leaf_hash(text) for text in row["all"]]
    return KeptPart(place, row["canonical"], leaves, row["sealed"], row["wrapped"])


async def checkpoints(session: Session, limit: int, offset: int) -> list[Signed]:
    """Return checkpoints, newest first."""
    return [_signed(row) for row in await session.fetch(_CHECKPOINTS, limit, offset)]


async def anchored(session: Session, limit: int, offset: int) -> list[Signed]:
    """Return the checkpoints that a witness or an authority signed, newest first."""
    return [_signed(row) for row in await session.fetch(_ANCHORED, limit, offset)]


async def checkpoint(session: Session, size: int) -> Signed | None:
    """Return the checkpoint over a number of entries."""
    row = await session.fetchrow(_CHECKPOINT, size)
    return None if row is None else _signed(row)


async def best_size(session: Session, index: int) -> int | None:
    """Return the size of the checkpoint over a place that most others have signed.

    Of the newest thousand that a witness signed or an authority stamped: one that has both if
    there is one, else the newest; None when nobody signed any.
    """
    row = await session.fetchrow(_BEST, index)
    return None if row is None else row["size"]


async def has_key(session: Session, reference: bytes) -> bool:
    """Tell whether details about a person can be opened here."""
    row = await session.fetchrow("SELECT FROM evidence_key WHERE subject = $1", reference)
    return row is not None


async def witnesses(session: Session) -> list[str]:
    """Return the names of all who ever co-signed here."""
    rows = await session.fetch("SELECT DISTINCT witness FROM evidence_cosignature ORDER BY 1")
    return [row["witness"] for row in rows]


async def last_witnessed(session: Session, ledger: str) -> Witnessed | None:
    """Return the newest checkpoint of a ledger that was witnessed; others wait for this one."""
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('evidence witness ' || $1, 0))"
    await session.fetch(lock, ledger)
    row = await session.fetchrow(_WITNESSED, ledger)
    return None if row is None else Witnessed(row["size"], row["root"], row["signed"])


async def insert_witnessed(session: Session, ledger: str, seen: Witnessed) -> None:
    """Keep a checkpoint of another ledger."""
    await session.fetch(_WITNESS, ledger, seen.size, seen.root, seen.signed)


def _reference(keyring: Keyring, person: str | None) -> bytes | None:
    return None if person is None else keyring.reference(person)


def _kept(row: asyncpg.Record, sealed: bytes | None = None, wrapped: bytes | None = None) -> Kept:
    return Kept(
        row["id"],
        row["at"],
        row["kind"],
        row["actor"],
        row["object"],
        row["tenant"],
        row["canonical"],
        json.loads(row["facts"]),
        row["subject"],
        row["index"],
        sealed,
        wrapped,
    )


def _signed(row: asyncpg.Record) -> Signed:
    cosigned = dict(zip(row["witnesses"], row["words"], strict=True))
    return Signed(row["size"], row["root"], row["at"], row["signed"], cosigned, row["token"])


_COLUMNS = """
    e.id, e.at, e.kind, e.actor, e.object, e.tenant, e.canonical, e.facts::text AS facts,
    e.subject, l.index
"""
_ABOUT = """
    (e.subject = {0}
      OR e.id = ANY(ARRAY(SELECT p.entry_id FROM evidence_part p WHERE p.subject = {0})))
"""
_SEEN_BY = "(e.tenant = {0} OR e.actor = {0} OR starts_with(e.actor, {0} || '/'))"
_PAGE = f"""
    SELECT {_COLUMNS}
    FROM evidence_entry e LEFT JOIN evidence_leaf l ON l.entry_id = e.id
    {{}}
    ORDER BY e.at DESC, e.id DESC LIMIT $1 OFFSET $2
"""  # noqa: S608  made of constants, as all below
_FIND = f"""
    SELECT {_COLUMNS}, d.sealed, k.wrapped
    FROM evidence_entry e
    LEFT JOIN evidence_leaf l ON l.entry_id = e.id
    LEFT JOIN evidence_detail d ON d.entry_id = e.id
    LEFT JOIN evidence_key k ON k.subject = e.subject AND d.entry_id IS NOT NULL
    WHERE e.id = $1
      AND ($2::bytea IS NULL OR e.subject = $2 OR EXISTS (
        SELECT FROM evidence_part p WHERE p.entry_id = e.id AND p.subject = $2
      ))
      AND ($3::text IS NULL OR {_SEEN_BY.format("$3")})
"""  # noqa: S608
_PART = """
    SELECT p.canonical, p.sealed, k.wrapped, ARRAY(
      SELECT a.canonical FROM evidence_part a WHERE a.entry_id = $1 ORDER BY a.place
    ) AS all
    FROM evidence_part p
    LEFT JOIN evidence_key k ON k.subject = p.subject AND p.sealed IS NOT NULL
    WHERE p.entry_id = $1 AND p.place = $2 AND ($3::bytea IS NULL OR p.subject = $3)
"""
_SIGNED = """
    SELECT c.size, c.root, c.at, c.signed, t.token,
      ARRAY(
        SELECT witness FROM evidence_cosignature s WHERE s.size = c.size ORDER BY witness
      ) AS witnesses,
      ARRAY(
        SELECT signed FROM evidence_cosignature s WHERE s.size = c.size ORDER BY witness
      ) AS words
    FROM evidence_checkpoint c LEFT JOIN evidence_timestamp t ON t.size = c.size
"""
_CHECKPOINTS = f"{_SIGNED} ORDER BY c.size DESC LIMIT $1 OFFSET $2"
_ANCHORED = f"""
    {_SIGNED}
    WHERE t.size IS NOT NULL OR EXISTS (SELECT FROM evidence_cosignature s WHERE s.size = c.size)
    ORDER BY c.size DESC LIMIT $1 OFFSET $2
"""
_CHECKPOINT = f"{_SIGNED} WHERE c.size = $1"
_BEST = """
    WITH signed AS (
      (SELECT size FROM evidence_cosignature WHERE size > $1 ORDER BY size DESC LIMIT 1000)
      UNION
      (SELECT size FROM evidence_timestamp WHERE size > $1 ORDER BY size DESC LIMIT 1000)
    )
    SELECT s.size FROM signed s
    LEFT JOIN evidence_timestamp t ON t.size = s.size
    ORDER BY
      t.size IS NOT NULL
        AND EXISTS (SELECT FROM evidence_cosignature c WHERE c.size = s.size) DESC,
      s.size DESC
    LIMIT 1
"""
_WITNESSED = """
    SELECT size, root, signed FROM evidence_witnessed WHERE ledger = $1 ORDER BY size DESC LIMIT 1
"""
_WITNESS = """
    INSERT INTO evidence_witnessed (ledger, size, root, signed) VALUES ($1, $2, $3, $4)
    ON CONFLICT (ledger, size) DO NOTHING
"""
