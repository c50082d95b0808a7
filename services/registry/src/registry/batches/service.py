"""Many records at once: all of them or none, or each that can be; one entry in the ledger."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.problems import Conflict, Problem
from registry.batches import models, store
from registry.batches.models import MOST, Fault, Made, Outcome
from registry.changes import models as changes
from registry.changes import service as single
from registry.changes import store as counters
from registry.changes.models import PLACE, NotUnique
from registry.changes.service import Asked, Work
from registry.effects import models as effects
from registry.effects import service as following
from registry.effects.models import Effect
from registry.paths import value_at
from registry.records.models import Record, RecordNotFound
from registry.records.service import Call
from registry.rights.models import Action
from registry.secrets import models as secrets
from registry.usage import service as usage
from registry.validation.models import clean

Content = Mapping[str, Any]
Entries = Sequence[tuple[int, Content]]


class ChangedTwice(Conflict):
    """Two entries of one batch change the same record, in no order."""

    title = "Two entries change the same record"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one entry: what shows of its record, or why it was not kept."""

    row: int
    shown: str | None = None
    fault: Fault | None = None


# -- what a caller can ask -----------------------------------------------------------------------


async def create_entries(
    session: Session, ledger: Ledger, call: Call, entries: Sequence[Content], *, each: bool
) -> list[Row]:
    """Create a record of each entry; return what became of each, in their order.

    Unless ``each`` is kept by itself, one that cannot be kept refuses all, naming the first 20
    faults by entry. Raise BatchTooLarge, ContentInvalid or NotUnique.
    """
    models.check_size(len(entries), "entries of one batch")
    work = await single.open_work(session, ledger, call, Action.CREATE)
    outcome = await create(work, list(enumerate(entries)), "createEntries", each=each)
    return _rows(work, outcome)


async def update_matching(session: Session, ledger: Ledger, call: Call, asked: Asked) -> int:
    """Merge content into all records that match the query; return how many those are.

    A repeated request whose query no longer matches finds the records it changed before. Raise
    RecordNotFound when there are none, BatchTooLarge when they are too many.
    """
    work = await single.open_work(session, ledger, call, Action.UPDATE)
    content, query = clean(asked.content, *PLACE), single.query_of(work, asked.query or {})
    found = await _matching(work, query)
    outcome = changes.merge(query, content)
    if not found and outcome:
        found = await _matching(work, outcome)
    if not found:
        raise RecordNotFound
    pairs = [(row, (record, content)) for row, record in enumerate(found)]
    made, faults = models.try_each(pairs, lambda row, pair: _changed(work, row, *pair))
    for fault in faults:  # the request said the same for all
        raise fault.problem
    await _update(work, made, "updateEntries", each=False)
    return len(found)


async def update_entries(
    session: Session, ledger: Ledger, call: Call, asked: Sequence[Asked], *, each: bool
) -> Outcome:
    """Change the one record that each entry means; otherwise as ``create_entries``."""
    models.check_size(len(asked), "entries of one batch")
    work = await single.open_work(session, ledger, call, Action.UPDATE)
    found = await _chosen(work, asked)
    taken: set[object] = set()

    def change(row: int, one: Asked) -> Made:
        record = found.get(row)
        if record is None:
            raise RecordNotFound("no record matches")
        if record.id in taken:
            raise ChangedTwice("another entry of this batch changes the same record")
        taken.add(record.id)
        return _changed(work, row, record, clean(one.content, *PLACE))

    made, faults = models.try_each(enumerate(asked), change)
    return await _update(work, made, "updateEntries", each=each, faults=faults)


async def delete_matching(session: Session, ledger: Ledger, call: Call, query: Content) -> None:
    """Delete all records that match the query; raise BatchTooLarge when they are too many."""
    work = await single.open_work(session, ledger, call, Action.DELETE)
    await _delete(work, await _matching(work, single.query_of(work, query)))


async def delete_entries(
    session: Session, ledger: Ledger, call: Call, references: Sequence[str]
) -> None:
    """Delete the records with these primary keys or ids; those that are gone stay gone."""
    models.check_size(len(references), "entries of one batch")
    work = await single.open_work(session, ledger, call, Action.DELETE)
    found = await store.lock_referred(session, work.release.database, references)
    seen = {record.id: record for record in found.values() if work.opened.covers(record)}
    await _delete(work, list(seen.values()))


# -- what imports ask too ------------------------------------------------------------------------


async def create(
    work: Work, entries: Entries, operation: str, *, each: bool, faults: Sequence[Fault] = ()
) -> Outcome:
    """Create records from entries with their rows; ``faults`` are what was wrong before."""
    release, opened = work.release, work.opened
    if not entries:
        return Outcome((), faults)
    if each and models.depends(release):
        return await _one_by_one(work, entries, operation)
    numbers = await store.next_numbers(work.session, release.database, len(entries))
    given = dict(zip((row for row, _ in entries), numbers, strict=True))
    counted = await _count(work, entries)

    def make(row: int, entry: Content) -> Made:
        content = clean(entry, *PLACE)
        changes.check_writable(opened.grant, release.path.schema, content)
        draft = changes.create(release, content, given[row], counted.get(row))
        record = models.record_of(release, (new_id(), given[row]), draft)
        return Made(row, record, {}, draft.content, draft)

    made, found = models.try_each(entries, make)
    faults = [*faults, *found]
    if not each:
        models.refuse(faults)
    await store.insert(work.session, release.database, made, datetime.now(UTC))
    kept, broken = await _claim(work, made, each=each)
    if broken:
        await store.take_back(work.session, [one.record.id for one, _ in broken])
        faults += [Fault(one.row, problem) for one, problem in broken]
    await _record(work, effects.CREATED, operation, kept)
    return Outcome(kept, faults)


async def upsert(
    work: Work, entries: Sequence[tuple[int, tuple[Content, Content]]], operation: str
) -> Outcome:
    """Change the record that has an entry's key, or create one; each entry by itself.

    An entry is its key and its content; no two have the same key.
    """
    await store.hold(work.session, f"{work.release.database} batch")
    found = await _keyed(work, [key for _, (key, _) in entries])
    news: list[tuple[int, Content]] = []
    olds: list[tuple[int, tuple[Record, Content]]] = []
    for place, (row, (_, content)) in enumerate(entries):
        if place in found:
            olds.append((row, (found[place], content)))
        else:
            news.append((row, as_new(work, content)))
    made, faults = models.try_each(olds, lambda row, pair: _changed(work, row, *pair))
    updated = await _update(work, made, operation, each=True, faults=faults)
    created = await create(work, news, operation, each=True)
    return Outcome([*updated.made, *created.made], [*updated.faults, *created.faults])


async def _keyed(work: Work, keys: Sequence[Content]) -> dict[int, Record]:
    """Return the record that has each key, locked, by the key's place.

    All have the same fields; those that are unique together are looked up as such.
    """
    database, schema = work.release.database, work.release.current.schema
    for names in schema.uniques:
        paths = [tuple(name.split(".")) for name in names]
        values = [[value_at(key, path) for path in paths] for key in keys]
        if models.is_whole(keys[0], paths, values[0]):
            return await store.lock_unique(work.session, database, names, values)
    return await store.lock_chosen(work.session, database, keys)


def as_new(work: Work, content: Content) -> Content:
    """Return content that may have been another record's as a new one may have it.

    What nobody may write is left to the triggers, and what is null is left out.
    """
    kept = changes.without_read_only(work.release.path.schema, content)
    return changes.merge({}, kept)


# -- how it is done ------------------------------------------------------------------------------


async def _count(work: Work, entries: Entries) -> dict[int, dict[str, int]]:
    """Return the gapless numbers that each entry takes, by its row; most schemas ask for none."""
    if not any(trigger.counter for trigger in work.release.path.triggers):
        return {}
    taken = {row: changes.counted(work.release, entry) for row, entry in entries}
    wanted = Counter(name for names in taken.values() for name in names)
    following = await counters.count(work.session, work.release.database, wanted)
    given: dict[int, dict[str, int]] = {}
    for row, names in taken.items():
        given[row] = {name: following[name] for name in names}
        for name in names:
            following[name] += 1
    return given


async def _one_by_one(work: Work, entries: Entries, operation: str) -> Outcome:
    """Create a record of each entry by itself: what one of them takes is given back if it fails."""
    made: list[Made] = []
    faults: list[Fault] = []
    for row, entry in entries:
        try:
            async with store.tried(work.session):
                made += (await create(work, [(row, entry)], operation, each=False)).made
        except Problem as problem:
            faults.append(Fault(row, problem))
    return Outcome(made, faults)


async def _one_by_one_updated(
    work: Work, made: Sequence[Made], operation: str, faults: Sequence[Fault]
) -> Outcome:
    """Keep each change by itself, as above."""
    kept, faults = list[Made](), list(faults)
    for one in made:
        try:
            async with store.tried(work.session):
                kept += (await _update(work, [one], operation, each=False)).made
        except Problem as problem:
            faults.append(Fault(one.row, problem))
    return Outcome(kept, faults)


async def _matching(work: Work, query: Content) -> list[Record]:
    """Return the records that match and that the caller's rights cover, locked."""
    found = await store.lock_matching(work.session, work.release.database, query, MOST + 1)
    models.check_size(len(found), "records that match")
    return [record for record in found if work.opened.covers(record)]


async def _chosen(work: Work, asked: Sequence[Asked]) -> dict[int, Record]:
    """Return the record that each entry means, by its row: by query, outcome or primary key."""
    key, database = work.release.current.schema.primary_key, work.release.database
    found: dict[int, Record] = {}
    by_query = [row for row, one in enumerate(asked) if one.query]
    for queries in ([one.query or {} for one in asked], [one.outcome for one in asked]):
        left = [row for row in by_query if row not in found]
        chosen = await store.lock_chosen(work.session, database, [queries[row] for row in left])
        found |= {left[place]: record for place, record in chosen.items()}
    named = [
        (row, str(value))
        for row, one in enumerate(asked)
        if not one.query and key and (value := value_at(one.content, key.path)) is not None
    ]
    chosen = await store.lock_referred(work.session, database, [name for _, name in named])
    found |= {named[place][0]: record for place, record in chosen.items()}
    return {row: record for row, record in found.items() if work.opened.covers(record)}


def _changed(work: Work, row: int, record: Record, content: Content) -> Made:
    """Return what a change makes of a record; without a draft when it changes nothing."""
    release, schema = work.release, work.release.path.schema
    before: dict[str, Any] = json.loads(record.content)
    changes.check_writable(work.opened.grant, schema, content)
    if release.secrets and work.opened.private is not None:
        values = work.opened.values(record)
        content = secrets.unchanged(release.secrets, content, before, values)
    draft = changes.update(release, before, content, record.number)
    if changes.same(before, draft.content):
        return Made(row, record, before, before)
    after = models.changed_by(release, record, draft)
    return Made(row, after, before, draft.content, draft)


async def _update(
    work: Work, made: Sequence[Made], operation: str, *, each: bool, faults: Sequence[Fault] = ()
) -> Outcome:
    """Keep what changed; return all of it, what did not change too."""
    faults = list(faults)
    if not each:
        models.refuse(faults)
    elif made and models.depends(work.release):
        return await _one_by_one_updated(work, made, operation, faults)
    changed = [one for one in made if one.is_changed]
    touching = [
        one for one in changed if changes.touches_unique(work.release, one.before, one.after)
    ]
    await store.free_values(work.session, [one.record.id for one in touching])
    await store.save(work.session, changed, datetime.now(UTC))
    _, broken = await _claim(work, touching, each=each)
    if broken:
        rows = {one.row for one, _ in broken}
        faults += [Fault(one.row, problem) for one, problem in broken]
        await store.restore(work.session, [one.record.id for one, _ in broken])
        await _claim(work, [one for one, _ in broken], each=False)
        made = [one for one in made if one.row not in rows]
        changed = [one for one in changed if one.row not in rows]
    await _record(work, effects.UPDATED, operation, changed)
    return Outcome(made, faults)


async def _claim(
    work: Work, made: Sequence[Made], *, each: bool
) -> tuple[list[Made], list[tuple[Made, NotUnique]]]:
    """Claim the values that must be unique; return what may stay, and what may not and why.

    Of two entries that exclude each other the first stays. Raise NotUnique unless ``each`` is kept
    by itself.
    """
    schema = work.release.current.schema
    if not schema.uniques or not made:
        return list(made), []
    said = await store.claim(work.session, schema, [one.record.id for one in made])
    problems = {record: changes.not_unique(rules) for record, rules in said.items()}
    broken = [(one, problems[one.record.id]) for one in made if one.record.id in problems]
    if not each:
        models.refuse([Fault(one.row, problem) for one, problem in broken])
    return [one for one in made if one.record.id not in problems], broken


async def _delete(work: Work, found: Sequence[Record]) -> None:
    if not found:
        return
    if models.is_linked(work.release):  # what refers to them may fall too, or forbid it
        for record in found:
            call, reference = work.call, str(record.id)
            await single.delete(work.session, work.ledger, call, reference, changes.ANY_TAG)
        return
    await store.delete(work.session, [record.id for record in found], datetime.now(UTC))
    gone = [Made(row, one, json.loads(one.content), {}) for row, one in enumerate(found)]
    await _record(work, effects.DELETED, "deleteEntries", gone)


async def _record(work: Work, kind: str, operation: str, made: Sequence[Made]) -> None:
    """Do what follows from changes of one kind, and write them down as one entry with its parts."""
    if not made:
        return
    call, release = work.call, work.release
    found = models.effects_of(release, kind, made)
    await _follow(work, [one.row for one in made], found)
    facts = {
        "operation": operation,
        "version": call.version,
        "requestId": call.caller.request_id,
    }
    entry = Entry(
        kind,
        call.caller.client,
        f"database:{release.database}/bulk",
        subject=call.caller.tenant,
        facts=facts,
        detail=usage.reader(call.caller),
        tenant=call.caller.tenant,
        parts=[models.part_of(release, effect) for effect in found],
    )
    await work.ledger.record(work.session, usage.with_basis(entry, call.legal_basis))


async def _follow(work: Work, rows: Sequence[int], found: Sequence[Effect]) -> None:
    """Do what follows; where links can refuse an entry, entry by entry, so that it is named."""
    if not models.is_linked(work.release):
        await following.follow(work.session, work.release, found)
        return
    for row, effect in zip(rows, found, strict=True):
        try:
            await following.follow(work.session, work.release, [effect])
        except Problem as problem:
            models.refuse([Fault(row, problem)])


def _rows(work: Work, outcome: Outcome) -> list[Row]:
    """Return what became of each entry, in their order, as the caller may see it."""
    rows = [Row(one.row, shown=work.opened.shown(one.record)) for one in outcome.made]
    rows += [Row(fault.row, fault=fault) for fault in outcome.faults]
    return sorted(rows, key=lambda row: row.row)
