"""Evidence: what happened, written so that it can later be proven.

Its first half: canonical entries (RFC 8785) with their leaf hash (RFC 9162 section 2.1), durable
before the answer leaves. Places in the Merkle tree, checkpoints and proofs come in a second step,
from the same rows.

An entry carries references and digests. What must stay readable for those entitled (who read,
values before and after) is a detail, sealed with the subject's own key; the entry holds the digest
of the ciphertext, so that destroying the key erases the person and leaves the entry whole.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects import postgresql

from kit.canonical import canonical
from kit.database import Lender, Reading, Session
from kit.identifiers import new_id
from kit.sealing import DataKey, Keyring, SealBrokenError

_TABLES = ("evidence_entry", "evidence_detail")
_BATCH = 256
_KEPT_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, as its writer states it.

    ``facts`` are JSON values without personal data; ``subject`` is the person it concerns (kept
    only as a pseudonym); ``detail`` is what is sealed for those entitled.
    """

    kind: str
    actor: str
    object: str = ""
    subject: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as kept: its id and time, its facts, and its detail when it can be opened."""

    id: UUID
    at: datetime
    kind: str
    actor: str
    object: str
    facts: Mapping[str, Any]
    detail: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Search:
    """Which entries to find; an unset field does not limit. Newest first."""

    kinds: Sequence[str] = ()
    actor: str | None = None
    object_prefix: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    facts: Mapping[str, Any] | None = None
    limit: int = 100
    offset: int = 0


def add_tables(metadata: MetaData) -> None:
    """Describe the evidence tables in a block's metadata."""
    Table(
        "evidence_entry",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("kind", Text, nullable=False),
        Column("actor", Text, nullable=False),
        Column("object", Text, nullable=False),
        Column("subject", LargeBinary),
        Column("facts", postgresql.JSONB, nullable=False),
        Column("canonical", LargeBinary, nullable=False),
        Column("leaf", LargeBinary, nullable=False),
        Index("evidence_entry_at", "at"),
        Index("evidence_entry_subject", "subject", "at"),
        Index("evidence_entry_object", "object", "at"),
    )
    Table(
        "evidence_detail",
        metadata,
        Column("entry_id", Uuid, primary_key=True),
        Column("sealed", LargeBinary, nullable=False),
    )
    Table(
        "evidence_key",
        metadata,
        Column("subject", LargeBinary, primary_key=True),
        Column("wrapped", LargeBinary, nullable=False),
    )


def only_insert(runtime_role: str) -> list[str]:
    """Return the statements that leave the runtime role INSERT and SELECT on the ledger."""
    quoted = '"' + runtime_role.replace('"', '""') + '"'
    return [f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}" for table in _TABLES]


def leaf_hash(canonical: bytes) -> bytes:
    """Hash an entry as a leaf of the tree (RFC 9162 section 2.1.1: prefix 0x00)."""
    return hashlib.sha256(b"\x00" + canonical).digest()


@dataclass(frozen=True, slots=True)
class _Row:
    entry: Entry
    id: UUID
    at: datetime
    reference: bytes | None
    sealed: bytes | None
    canonical: bytes


class Ledger:
    """The append-only ledger of one block."""

    def __init__(self, block: str, keyring: Keyring, lender: Lender) -> None:
        self._block = block
        self._keyring = keyring
        self._lender = lender
        self._keys: dict[bytes, DataKey] = {}
        self._waiting: list[tuple[Entry, asyncio.Future[UUID]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def record(self, session: Session, entry: Entry) -> UUID:
        """Write an entry in the caller's own transaction: it stands if the change stands."""
        async with session.lend() as connection:
            raw = connection.driver
            keys = await self._keys_of(raw, [entry])
            return (await self._insert(raw, [entry], keys))[0]

    async def note(self, entry: Entry) -> UUID:
        """Write an entry on its own; it is durable when this returns."""
        return await self.begin(entry)

    def begin(self, entry: Entry) -> asyncio.Future[UUID]:
        """Begin to write an entry on its own; it is durable when the future has its id.

        All that is begun while the last group is written shares one INSERT and one commit.
        """
        future: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_groups())
        return future

    async def search(self, search: Search) -> list[Written]:
        """Find entries, newest first, with the details that can still be opened."""
        found = await Reading(self._lender).fetch(
            """
            SELECT e.id, e.at, e.kind, e.actor, e.object, e.canonical, d.sealed, k.wrapped
            FROM evidence_entry e
            LEFT JOIN evidence_detail d ON d.entry_id = e.id
            LEFT JOIN evidence_key k ON k.subject = e.subject AND d.entry_id IS NOT NULL
            WHERE (cardinality($1::text[]) = 0 OR e.kind = ANY($1))
              AND ($2::text IS NULL OR e.actor = $2)
              AND ($3::text IS NULL OR starts_with(e.object, $3))
              AND ($4::bytea IS NULL OR e.subject = $4)
              AND ($5::timestamptz IS NULL OR e.at >= $5)
              AND ($6::timestamptz IS NULL OR e.at < $6)
              AND ($7::jsonb IS NULL OR e.facts @> $7)
            ORDER BY e.at DESC, e.id DESC LIMIT $8 OFFSET $9
            """,
            list(search.kinds),
            search.actor,
            search.object_prefix,
            None if search.subject is None else self._keyring.reference(search.subject),
            search.since,
            search.until,
            None if search.facts is None else json.dumps(dict(search.facts)),
            search.limit,
            search.offset,
        )
        return [self._written(row) for row in found]

    async def close(self) -> None:
        """Finish what is waiting."""
        if self._writer is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    def _written(self, row: asyncpg.Record) -> Written:
        said: dict[str, Any] = json.loads(row["canonical"])
        detail = None
        if row["sealed"] is not None and row["wrapped"] is not None:
            with contextlib.suppress(SealBrokenError):
                key = self._keyring.unwrap(row["wrapped"])
                detail = json.loads(key.open(row["sealed"], row["id"].bytes))
        return Written(
            row["id"], row["at"], row["kind"], row["actor"], row["object"], said["facts"], detail
        )

    async def _write_groups(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                ids = await self._write([entry for entry, _ in group])
            except BaseException as error:  # noqa: BLE001  whoever waits must hear of it
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), entry_id in zip(group, ids, strict=True):
                    if not future.done():
                        future.set_result(entry_id)

    async def _write(self, entries: Sequence[Entry]) -> list[UUID]:
        async with self._lender.connection() as connection:
            raw = connection.driver
            keys = await self._keys_of(raw, entries)
            if len(self._keys) > _KEPT_KEYS:
                self._keys.clear()
            self._keys.update(keys)  # committed: each statement here is its own transaction
            return await self._insert(raw, entries, keys)

    async def _keys_of(
        self, raw: asyncpg.Connection, entries: Sequence[Entry]
    ) -> dict[bytes, DataKey]:
        """Return the keys that seal these entries' details, making those not there yet."""
        wanted = {
            self._keyring.reference(entry.subject)
            for entry in entries
            if entry.subject is not None and entry.detail is not None
        }
        keys = {subject: self._keys[subject] for subject in wanted if subject in self._keys}
        missing = sorted(wanted - keys.keys())
        if missing:
            # DO UPDATE, so that the row that was there first is the one returned
            found = await raw.fetch(
                """
                INSERT INTO evidence_key (subject, wrapped)
                SELECT * FROM unnest($1::bytea[], $2::bytea[])
                ON CONFLICT (subject) DO UPDATE SET subject = EXCLUDED.subject
                RETURNING subject, wrapped
                """,
                missing,
                [self._keyring.new().wrapped for _ in missing],
            )
            keys |= {row["subject"]: self._keyring.unwrap(row["wrapped"]) for row in found}
        return keys

    async def _insert(
        self,
        raw: asyncpg.Connection,
        entries: Sequence[Entry],
        keys: Mapping[bytes, DataKey],
    ) -> list[UUID]:
        rows = [self._row(entry, keys) for entry in entries]
        await raw.execute(
            """
            WITH entries AS (
              INSERT INTO evidence_entry
                (id, at, kind, actor, object, subject, facts, canonical, leaf)
              SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[],
                $5::text[], $6::bytea[], $7::jsonb[], $8::bytea[], $9::bytea[])
            )
            INSERT INTO evidence_detail (entry_id, sealed)
            SELECT id, sealed FROM unnest($1::uuid[], $10::bytea[]) AS d (id, sealed)
            WHERE sealed IS NOT NULL
            """,
            [row.id for row in rows],
            [row.at for row in rows],
            [row.entry.kind for row in rows],
            [row.entry.actor for row in rows],
            [row.entry.object for row in rows],
            [row.reference for row in rows],
            [json.dumps(dict(row.entry.facts)) for row in rows],
            [row.canonical for row in rows],
            [leaf_hash(row.canonical) for row in rows],
            [row.sealed for row in rows],
        )
        return [row.id for row in rows]

    def _row(self, entry: Entry, keys: Mapping[bytes, DataKey]) -> _Row:
        entry_id, at = new_id(), datetime.now(UTC)
        reference = None if entry.subject is None else self._keyring.reference(entry.subject)
        sealed = None
        if entry.detail is not None:
            if reference is None:
                message = "a detail needs a subject whose key seals it"
                raise ValueError(message)
            plaintext = canonical(dict(entry.detail))
            sealed = keys[reference].seal(plaintext, entry_id.bytes)
        written = canonical(
            {
                "actor": entry.actor,
                "at": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
                "block": self._block,
                "detail": None if sealed is None else hashlib.sha256(sealed).hexdigest(),
                "facts": dict(entry.facts),
                "id": str(entry_id),
                "kind": entry.kind,
                "object": entry.object,
                "subject": None if reference is None else reference.hex(),
            }
        )
        return _Row(entry, entry_id, at, reference, sealed, written)
