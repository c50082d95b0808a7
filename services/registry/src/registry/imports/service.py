"""Taking files of records into a database: at once, or in the background from sealed parts."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

from kit import jobs
from kit.database import Lender, Reading, Session, Transaction
from kit.evidence import Ledger
from kit.identifiers import new_id
from kit.problems import Problem
from kit.sealing import DataKey, Keyring
from registry.batches import service as batches
from registry.batches.models import Outcome
from registry.changes.service import Work
from registry.columns.models import Reader
from registry.imports import models, store
from registry.imports.models import (
    FORGOTTEN,
    PART_SIZE,
    ROWS,
    SMALL,
    Entry,
    FileTooLong,
    Import,
    ImportEnded,
    ImportNotFound,
    Maker,
    Options,
    Part,
    Placed,
    Report,
    RowFault,
    State,
    Taking,
    Tally,
)
from registry.records import service as records
from registry.records.service import Call
from registry.rights.models import Action
from registry.rows.models import Checker, Format

RUN = "registry.import"
OPERATION = "import"
_DROPPED = 200
_LOOKS = 0.1
_PAGE = 1000


class _Undone(Exception):
    """What was tried is not kept."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What imports work with: connections, the ledger, and the keys that seal files."""

    lender: Lender
    ledger: Ledger
    keyring: Keyring


# -- rows into the database ----------------------------------------------------------------------


async def write(work: Work, options: Options, rows: Sequence[Placed]) -> Report:
    """Take rows in, each by itself; return what became of them."""
    maker = Maker(work.release.path.schema, work.release.current.schema, options)
    tally, faults = Tally(len(rows)), list[RowFault]()
    entries: list[Entry] = []
    for placed in rows:
        made = maker.entry(placed)
        if isinstance(made, Entry):
            entries.append(made)
        else:
            faults.append(made)
    by_place = {placed.place: placed for placed in rows}
    for wave in models.waves(entries):
        outcome = await _write_wave(work, wave)
        created = sum(not one.before for one in outcome.made)
        updated = sum(one.is_changed for one in outcome.made) - created
        tally += Tally(0, created, updated, len(outcome.made) - created - updated)
        faults += [maker.fault(by_place[fault.row], fault.errors) for fault in outcome.faults]
    return Report(tally + Tally(failed=len(faults)), sorted(faults, key=lambda f: f.place))


async def _write_wave(work: Work, wave: Sequence[Entry]) -> Outcome:
    """Write entries of which no two have the same key.

    Where none can exclude another, some are prepared while PostgreSQL writes others.
    """
    lanes = models.lanes(work.release, wave)
    outcomes: list[Outcome] = await all_of(*(_write_lane(work, lane) for lane in lanes))
    made = [one for outcome in outcomes for one in outcome.made]
    return Outcome(made, [fault for outcome in outcomes for fault in outcome.faults])


async def _write_lane(work: Work, lane: Sequence[Entry]) -> Outcome:
    keyed = [(e.place, (e.key, e.content)) for e in lane if e.key is not None]
    new = [(e.place, batches.as_new(work, e.content)) for e in lane if e.key is None]
    one = await batches.upsert(work, keyed, OPERATION) if keyed else Outcome()
    two = await batches.create(work, new, OPERATION, each=True)
    return Outcome([*one.made, *two.made], [*one.faults, *two.faults])


async def _write_all(tools: Tools, call: Call, options: Options, rows: Sequence[Placed]) -> Report:
    """Take rows in, in one transaction that a dry run does not commit."""
    report = Report()
    with contextlib.suppress(_Undone):
        async with store.Shared(tools.lender) as session:
            opened = await records.open_for_change(session, call, Action.IMPORT)
            options.check(opened.release.path.schema)
            work = Work(session, tools.ledger, opened)
            for start in range(0, len(rows), ROWS):
                done = await write(work, options, rows[start : start + ROWS])
                report = Report(report.tally + done.tally, [*report.faults, *done.faults])
            if options.dry_run:
                raise _Undone
    return report


async def take_small(tools: Tools, call: Call, options: Options, content: bytes) -> Report:
    """Take a small file in at once, in one transaction; return what became of its rows.

    Raise FileInvalid, OptionsInvalid or FileTooLong.
    """
    checker = Checker(options.format)
    checker.feed(content, last=True)
    taking = Taking(BytesIO(content), options)
    rows = await asyncio.to_thread(taking.take, SMALL + 1)
    if len(rows) > SMALL:
        raise FileTooLong(f"{SMALL} rows are the most; send it to imports, which take any number")
    if await asyncio.to_thread(taking.take, 1):  # what was wrong after the last row is raised now
        raise FileTooLong
    await check(tools, call, options, taking.heading)
    return await _write_all(tools, call, options, rows)


async def check(tools: Tools, call: Call, options: Options, heading: Sequence[str]) -> None:
    """Raise FieldUnknown for a column, or OptionsInvalid for an option, that cannot be used."""
    opened = await records.open_for(Reading(tools.lender), call, Action.IMPORT)
    schema = opened.release.path.schema
    options.check(schema)
    Reader(schema, options.mapping).check(heading)


# -- files into the database ---------------------------------------------------------------------


@dataclass
class Upload:
    """A file that is being sent: cut into parts, each sealed and kept before the next one."""

    tools: Tools
    call: Call
    id: UUID
    key: DataKey
    checker: Checker | None = None
    _held: bytearray = field(default_factory=bytearray)
    _parts: int = 0

    async def add(self, piece: bytes, kind: Callable[[], Format]) -> None:
        """Keep a piece of the file, or raise FileInvalid or ImportStorageFull.

        ``kind`` tells what the file is said to be; it is asked before the first piece.
        """
        if self.checker is None:
            self.checker = Checker(kind())
        self.checker.feed(piece)
        self._held += piece
        while len(self._held) >= PART_SIZE:
            await self._keep(bytes(self._held[:PART_SIZE]))
            del self._held[:PART_SIZE]

    async def _keep(self, content: bytes) -> None:
        place = place_of(self.id, self._parts)
        part = Part(self._parts, self.key.seal(content, place), len(content))
        async with Transaction(self.tools.lender) as session:
            if not await store.add_part(session, self.id, part, datetime.now(UTC)):
                raise ImportEnded
        self._parts += 1

    async def finish(self, options: Options) -> Import:
        """Keep the last of the file and let it be taken in; raise as ``add`` does."""
        checker = self.checker or Checker(options.format)
        checker.feed(b"", last=True)
        if self._held:
            await self._keep(bytes(self._held))
        async with Transaction(self.tools.lender) as session:
            opened = await records.open_for(session, self.call, Action.IMPORT)
            options.check(opened.release.path.schema)
            kept, now = options.document, datetime.now(UTC)
            if not await store.start(session, self.id, options.format, kept, now):
                raise ImportEnded
            await jobs.enqueue(session, RUN, self.id.bytes)
            return await _get(session, self.id)

    async def abandon(self) -> None:
        """Let nothing of the file stay."""
        async with Transaction(self.tools.lender) as session:
            await store.end(session, self.id, State.FAILED, datetime.now(UTC), _BROKEN_OFF)
        await drop(self.tools.lender, self.id)


_BROKEN_OFF = {"title": "The file did not arrive", "detail": "the upload was broken off"}


def place_of(import_id: UUID, number: int) -> bytes:
    """Return what a sealed part is bound to."""
    return import_id.bytes + number.to_bytes(4)


async def begin(tools: Tools, call: Call, options: Options | None) -> Upload:
    """Begin an import: its file is sent next. ``options`` are checked when they are known.

    Raise what opening the database raises, or OptionsInvalid.
    """
    import_id, key, now = new_id(), tools.keyring.new(), datetime.now(UTC)
    said = {"registry": call.registry, "version": call.version, "legalBasis": call.legal_basis}
    caller = key.seal(models.caller_document(call.caller, said), import_id.bytes)
    async with Transaction(tools.lender) as session:
        opened = await records.open_for(session, call, Action.IMPORT)
        if options is not None:
            options.check(opened.release.path.schema)
        new = Import(
            import_id,
            opened.release.database,
            call.caller.client,
            State.UPLOADING,
            options or Options(Format.CSV),
            key.wrapped,
            caller,
            None,
            0,
            Tally(),
            now,
            now,
            None,
        )
        await store.insert(session, new)
        await jobs.enqueue(session, RUN, import_id.bytes, after=FORGOTTEN)
    return Upload(tools, call, import_id, key)


async def drop(lender: Lender, import_id: UUID) -> None:
    """Destroy what is kept of a file, some parts at a time."""
    more = True
    while more:
        async with Transaction(lender) as session:
            more = await store.drop_parts(session, import_id, _DROPPED)


# -- what a caller can ask of an import ----------------------------------------------------------


async def get(session: Session, call: Call, import_id: UUID) -> tuple[Import, Sequence[RowFault]]:
    """Return an import and its first 1000 faults, or raise ImportNotFound.

    It is for the client that made it, and for the owner of the database.
    """
    found = await _seen(session, call, import_id)
    return found, await store.faults(session, import_id, -1, models.MOST_FAULTS)


async def page(session: Session, call: Call) -> list[Import]:
    """Return the newest imports of a database that the caller may see."""
    opened = await records.open_for(session, call, Action.IMPORT)
    client = None if call.caller.is_owner else call.caller.client
    return await store.page(session, opened.release.database, client)


async def faults(session: Session, call: Call, import_id: UUID) -> AsyncIterator[RowFault]:
    """Return all faults of an import as they are asked for, or raise ImportNotFound."""
    await _seen(session, call, import_id)
    return _faults(session, import_id)


async def _faults(session: Session, import_id: UUID) -> AsyncIterator[RowFault]:
    last = -1
    while found := await store.faults(session, import_id, last, _PAGE):
        for fault in found:
            yield fault
        last = found[-1].place


async def cancel(session: Session, call: Call, import_id: UUID) -> None:
    """End an import; what it has taken in stays. One that has ended stays as it is."""
    found = await _seen(session, call, import_id)
    if await store.end(session, found.id, State.CANCELLED, datetime.now(UTC)):
        await jobs.enqueue(session, RUN, found.id.bytes)  # destroys what is kept of the file


async def wait(lender: Lender, import_id: UUID, seconds: float) -> None:
    """Return when an import has ended, or after some seconds."""
    until, pause = time.monotonic() + seconds, _LOOKS
    while time.monotonic() < until:
        found = await store.find(Reading(lender), import_id)
        if found is None or found.state.has_ended:
            return
        await asyncio.sleep(min(pause, max(until - time.monotonic(), 0)))
        pause = min(2 * pause, 1.0)


async def _seen(session: Session, call: Call, import_id: UUID) -> Import:
    opened = await records.open_for(session, call, Action.IMPORT)
    found = await store.find(session, import_id)
    is_ours = call.caller.is_owner or (found and found.client == call.caller.client)
    if found is None or found.database != opened.release.database or not is_ours:
        raise ImportNotFound("there is no such import in this database")
    return found


async def _get(session: Session, import_id: UUID) -> Import:
    found = await store.find(session, import_id)
    if found is None:
        raise ImportNotFound("there is no such import")
    return found


async def all_of(*tasks: Awaitable[Any]) -> list[Any]:
    """Return what tasks that run side by side return; raise the first one's error once all ended.

    So nothing goes on in a transaction, or in a file, that its user has left.
    """
    done = await asyncio.gather(*tasks, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return done


# -- what is done in the background --------------------------------------------------------------


async def prepare(tools: Tools, import_id: UUID) -> tuple[Import, Call, DataKey] | None:
    """Return an import that is to be taken in, and in whose name; None when nothing is left to do.

    What is left of a file whose import has ended, or whose upload was forgotten, is destroyed.
    """
    found = await store.find(Reading(tools.lender), import_id)
    if found is None:
        return None
    if found.is_forgotten(datetime.now(UTC)):
        async with Transaction(tools.lender) as session:
            await store.end(session, import_id, State.FAILED, datetime.now(UTC), _BROKEN_OFF)
        found = replace(found, state=State.FAILED)
    if found.state.has_ended:
        await drop(tools.lender, import_id)
    if found.state not in {State.WAITING, State.RUNNING}:
        return None
    assert found.wrapped is not None  # noqa: S101  its key is destroyed when it ends
    assert found.caller is not None  # noqa: S101  as above
    key = tools.keyring.unwrap(found.wrapped)
    caller, said = models.caller_from(key.open(found.caller, import_id.bytes))
    return found, Call(caller, said["registry"], said["version"], said["legalBasis"]), key


async def part(tools: Tools, import_id: UUID, key: DataKey, number: int) -> bytes:
    """Return a piece of an import's file, nothing behind its end."""
    sealed = await store.find_part(Reading(tools.lender), import_id, number)
    return b"" if sealed is None else key.open(sealed, place_of(import_id, number))


async def take(tools: Tools, found: Import, call: Call, rows: Sequence[Placed]) -> Import | None:
    """Take the next rows of a file in, and keep that this was done, in one transaction.

    Return how far the import is then; None when it was ended, or somebody else is further.
    """
    report = Report()
    if found.options.dry_run:
        report = await _write_all(tools, call, found.options, rows)
    async with store.Shared(tools.lender) as session:
        now = await store.find(session, found.id, lock=True)
        if now is None or now.state.has_ended or now.tally != found.tally:
            return None
        if not found.options.dry_run:
            opened = await records.open_for_change(session, call, Action.IMPORT)
            report = await write(Work(session, tools.ledger, opened), found.options, rows)
        done = now.tally + report.tally
        await store.add_faults(session, found.id, report)
        await store.go_on(session, found.id, done, datetime.now(UTC))
        return replace(now, tally=done, state=State.RUNNING)


async def end(tools: Tools, import_id: UUID, problem: Problem | None) -> None:
    """End an import, and destroy what is kept of its file."""
    said: dict[str, Any] | None = None
    if problem is not None:
        errors = [{"pointer": e.pointer, "reason": e.reason} for e in problem.errors]
        said = {"title": problem.title, "detail": problem.detail, "errors": errors}
    state = State.DONE if problem is None else State.FAILED
    async with Transaction(tools.lender) as session:
        await store.end(session, import_id, state, datetime.now(UTC), said)
    await drop(tools.lender, import_id)
