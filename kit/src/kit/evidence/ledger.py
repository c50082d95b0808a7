"""Writing to a block's ledger, and finding in it again."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from kit.canonical import canonical
from kit.database import LOST, DatabaseUnavailable, Lender, Reading, Session, Statement, Transaction
from kit.evidence import finding, models, promises
from kit.evidence.models import Entry, Open, Part, Sealed, SealedPart, Search, Written
from kit.evidence.parts import place_of
from kit.identifiers import new_id
from kit.sealing import DataKey, Keyring

_BATCH = 256
MOST_PARTS = 10_000
"""Parts of one entry, and about as many as one statement writes; a longer list is several."""

_KEPT_KEYS = 10_000
_KEYS_KEPT = 60.0
"""Seconds after which a key is read again: it may have been destroyed by another process."""


class Ledger:
    """The append-only ledger of one block."""

    def __init__(self, block: str, keyring: Keyring, lender: Lender) -> None:
        self._block = block
        self._keyring = keyring
        self._lender = lender
        self._keys: dict[bytes, DataKey] = {}
        self._keys_since = time.monotonic()
        self._waiting: list[tuple[Entry, asyncio.Future[Sealed]]] = []
        self._writer: asyncio.Task[None] | None = None

    # -- writing -------------------------------------------------------------------------------

    async def record(self, session: Session, entry: Entry) -> UUID:
        """Write an entry in the caller's own transaction: it stands if the change stands."""
        _check(entry)
        async with session.lend() as connection:
            raw = connection.driver
            keys = await self._keys_of(raw, [entry])
            [written] = await self._insert(raw, [entry], keys)
        promises.add([written], session)
        return written.id

    async def prepare(self, entry: Entry, given: str) -> tuple[Sealed, list[Statement]]:
        """Return an entry and what writes it, for a statement that does more than that.

        It is written when the part of that statement with the name ``given`` has a row. Whoever ran
        it says so with ``written``.
        """
        row = await self._alone(entry)
        return row, _statements(row, given, _ONE, (row.facts, row.canonical, row.leaf))

    async def prepare_numbered(
        self, entry: Entry, given: str, fact: str
    ) -> tuple[Open, list[Statement]]:
        """Return as ``prepare`` an entry that has one ``fact`` more: the ``number`` of that row."""
        row = await self._alone(replace(entry, facts={**entry.facts, fact: models.UNKNOWN}))
        left = models.opened(row)
        return left, _statements(row, given, _NUMBERED, (left.before, left.after))

    async def _alone(self, entry: Entry) -> Sealed:
        keys: dict[bytes, DataKey] = {}
        if entry.detail is not None:
            async with self._lender.connection() as connection:
                keys = await self._keys_of(connection.driver, [entry])
            self._keys.update(keys)  # committed, as in _write
        return self._sealed(entry, keys)

    def written(self, entry: Sealed, session: Session) -> None:
        """Promise an entry that a larger statement wrote in a session."""
        promises.add([entry], session)

    async def note(self, entry: Entry) -> UUID:
        """Write an entry on its own; it is durable when this returns."""
        written = await self.begin(entry)
        promises.add([written])
        return written.id

    def begin(self, entry: Entry) -> asyncio.Future[Sealed]:
        """Begin to write an entry on its own; it is durable when the future has it.

        All that is begun while the last group is written shares one INSERT and one commit. Raises
        ValueError for an entry with more than ``MOST_PARTS`` parts.
        """
        _check(entry)
        future: asyncio.Future[Sealed] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_groups())
        return future

    def pseudonym(self, subject: str) -> bytes:
        """Return what this ledger calls a subject: always the same, readable by nobody."""
        return self._keyring.reference(subject)

    async def close(self) -> None:
        """Finish what is waiting."""
        if self._writer is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    async def _write_groups(self) -> None:
        while self._waiting:
            size = _size_of_group(self._waiting)
            group, self._waiting = self._waiting[:size], self._waiting[size:]
            try:
                written = await self._write([entry for entry, _ in group])
            except BaseException as error:  # noqa: BLE001  whoever waits must hear of it
                heard = DatabaseUnavailable() if isinstance(error, LOST) else error
                for _, future in group:
                    if not future.done():
                        future.set_exception(heard)
            else:
                for (_, future), one in zip(group, written, strict=True):
                    if not future.done():
                        future.set_result(one)

    async def _write(self, entries: Sequence[Entry]) -> list[Sealed]:
        async with self._lender.connection() as connection:
            raw = connection.driver
            keys = await self._keys_of(raw, entries)
            self._keys.update(keys)  # committed: each statement here is its own transaction
            return await self._insert(raw, entries, keys)

    async def _keys_of(
        self, raw: asyncpg.Connection, entries: Sequence[Entry]
    ) -> dict[bytes, DataKey]:
        """Return the keys that seal these entries' details, making those not there yet."""
        now = time.monotonic()
        if len(self._keys) > _KEPT_KEYS or now - self._keys_since > _KEYS_KEPT:
            self._keys, self._keys_since = {}, now
        wanted = {
            self._keyring.reference(entry.subject)
            for entry in itertools.chain(entries, *(entry.parts for entry in entries))
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
    ) -> list[Sealed]:
        rows = [self._sealed(entry, keys) for entry in entries]
        columns: list[list[Any]] = [
            [row.id for row in rows],
            [row.at for row in rows],
            [row.entry.kind for row in rows],
            [row.entry.actor for row in rows],
            [row.entry.object for row in rows],
            [row.reference for row in rows],
            [row.entry.tenant for row in rows],
            [row.facts for row in rows],
            [row.canonical for row in rows],
            [row.leaf for row in rows],
            [row.sealed for row in rows],
        ]
        parts = _columns_of_parts(rows)
        await raw.execute(_WITH_PARTS if parts else _WHOLE, *columns, *parts)
        return rows

    def _sealed(self, entry: Entry, keys: Mapping[bytes, DataKey]) -> Sealed:
        entry_id, at = new_id(), datetime.now(UTC)
        reference = entry.reference
        if entry.subject is not None:
            reference = self._keyring.reference(entry.subject)
        sealed = _seal(entry, reference, keys, entry_id.bytes)
        parts = [
            self._sealed_part(part, keys, place_of(entry_id, number))
            for number, part in enumerate(entry.parts)
        ]
        return models.sealed(self._block, entry, (entry_id, at), (reference, sealed), parts)

    def _sealed_part(self, part: Part, keys: Mapping[bytes, DataKey], place: bytes) -> SealedPart:
        reference = None if part.subject is None else self._keyring.reference(part.subject)
        return models.sealed_part(part, reference, _seal(part, reference, keys, place))

    # -- finding -------------------------------------------------------------------------------

    async def search(self, search: Search) -> list[Written]:
        """Find entries, newest first, with the details that can still be opened."""
        return await finding.find(Reading(self._lender), self._keyring, search)

    async def erase(self, subject: str) -> bool:
        """Destroy a person's key: their details are unreadable for good, every proof stays valid.

        Tell whether there was one. Another process that has the key in memory forgets it within a
        minute; what it seals with it until then, nobody can open.
        """
        reference = self._keyring.reference(subject)
        self._keys.pop(reference, None)
        async with Transaction(self._lender) as session:
            found = await session.fetch(
                "DELETE FROM evidence_key WHERE subject = $1 RETURNING subject", reference
            )
        return bool(found)


def _check(entry: Entry) -> None:
    if len(entry.parts) > MOST_PARTS:
        message = f"an entry has {MOST_PARTS} parts at most"
        raise ValueError(message)


def _size_of_group(waiting: Sequence[tuple[Entry, object]]) -> int:
    """Return how many entries are written together: not more than one statement should hold."""
    parts = 0
    for size, (entry, _) in enumerate(waiting[:_BATCH]):
        parts += len(entry.parts)
        if size and parts > MOST_PARTS:
            return size
    return min(len(waiting), _BATCH)


def _seal(
    said: Entry | Part, reference: bytes | None, keys: Mapping[bytes, DataKey], place: bytes
) -> bytes | None:
    """Return the ciphertext of a detail, bound to where it stands; None where there is none."""
    if said.detail is None:
        return None
    if reference is None:
        message = "a detail needs a subject whose key seals it"
        raise ValueError(message)
    return keys[reference].derived(place).seal(canonical(dict(said.detail)), place)


def _statements(row: Sealed, given: str, whole: str, more: tuple[object, ...]) -> list[Statement]:
    """Return what writes an entry and its detail: its first columns are the same in each case."""
    said = row.entry
    first = row.id, row.at, said.kind, said.actor, said.object, row.reference, said.tenant
    statements = [Statement("entry", whole.format(given=given), (*first, *more))]
    if row.sealed is not None:
        detail = _DETAIL.format(given=given)
        statements.append(Statement("detail", detail, (row.id, row.sealed)))
    return statements


def _columns_of_parts(rows: Sequence[Sealed]) -> list[list[Any]]:
    parts = [(row, place, part) for row in rows for place, part in enumerate(row.parts)]
    if not parts:
        return []
    return [
        [row.id for row, _, _ in parts],
        [place for _, place, _ in parts],
        [row.at for row, _, _ in parts],
        [part.object for _, _, part in parts],
        [part.reference for _, _, part in parts],
        [part.canonical for _, _, part in parts],
        [part.sealed for _, _, part in parts],
    ]


_INSERT = """
    WITH entries AS (
      INSERT INTO evidence_entry
        (id, at, kind, actor, object, subject, tenant, facts, canonical, leaf)
      SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[],
        $5::text[], $6::bytea[], $7::text[], $8::jsonb[], $9::bytea[], $10::bytea[])
    ){parts}
    INSERT INTO evidence_detail (entry_id, sealed)
    SELECT id, sealed FROM unnest($1::uuid[], $11::bytea[]) AS d (id, sealed)
    WHERE sealed IS NOT NULL
"""
_ONE = """
    INSERT INTO evidence_entry
      (id, at, kind, actor, object, subject, tenant, facts, canonical, leaf)
    SELECT $1::uuid, $2::timestamptz, $3::text, $4::text, $5::text, $6::bytea, $7::text,
      $8::jsonb, $9::bytea, $10::bytea
    FROM {given}
"""
_NUMBERED = """
    INSERT INTO evidence_entry
      (id, at, kind, actor, object, subject, tenant, facts, canonical, leaf)
    SELECT $1::uuid, $2::timestamptz, $3::text, $4::text, $5::text, $6::bytea, $7::text,
      said::jsonb -> 'facts', convert_to(said, 'UTF8'), sha256('\\x00' || convert_to(said, 'UTF8'))
    FROM (SELECT concat($8::text, number, $9::text) AS said FROM {given}) AS whole
"""
_DETAIL = """
    INSERT INTO evidence_detail (entry_id, sealed) SELECT $1::uuid, $2::bytea FROM {given}
"""
_WHOLE = _INSERT.format(parts="")
_WITH_PARTS = _INSERT.format(
    parts=""", parts AS (
      INSERT INTO evidence_part (entry_id, place, at, object, subject, canonical, sealed)
      SELECT * FROM unnest($12::uuid[], $13::int[], $14::timestamptz[], $15::text[],
        $16::bytea[], $17::bytea[], $18::bytea[])
    )"""
)
