"""What a caller can ask to be changed; the same again changes nothing and leaves no entry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from registry.changes import models, store
from registry.changes.models import PLACE, Draft, ReasonMissing
from registry.databases import service as databases
from registry.databases.models import Release
from registry.effects import models as effects
from registry.effects import service as following
from registry.effects.models import Effect
from registry.files import store as files
from registry.indexes import service as indexes
from registry.links import service as links
from registry.links.models import Fallen
from registry.paths import value_at
from registry.records import service as records
from registry.records.models import QueryInvalid, Record, RecordNotFound, Shown
from registry.records.service import Call, Opened
from registry.rights.models import Action, NotAllowed
from registry.secrets import models as secrets
from registry.usage import service as usage
from registry.usage.service import reader
from registry.validation.models import clean

Content = Mapping[str, Any]

NUMBER = "recordNumber"
"""The fact of an entry that is the record's number."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which record to change, what to write in it, and the tags it must have one of, if any."""

    content: Content
    query: Content | None = None
    tags: models.Tags = models.ANY_TAG

    @property
    def outcome(self) -> dict[str, Any]:
        """Return what the record will match when this is done."""
        return models.merge(self.query or {}, self.content)


@dataclass(frozen=True, slots=True)
class Work:
    """What a change works with: the session, the ledger, and what the call opens.

    ``cause`` is the record whose deletion makes this change, in the ledger's words.
    """

    session: Session
    ledger: Ledger
    opened: Opened
    cause: str | None = None

    @property
    def release(self) -> Release:
        """Return the version that the call names."""
        return self.opened.release

    @property
    def call(self) -> Call:
        """Return the call."""
        return self.opened.call


async def create(session: Session, ledger: Ledger, call: Call, content: Content) -> Shown:
    """Create a record; raise ContentInvalid, or NotUnique naming the fields."""
    work = await open_work(session, ledger, call, Action.CREATE)
    made = await _create(work, clean(content, *PLACE))
    return Shown(work.opened.shown(made), made.tag, made.id)


async def update(session: Session, ledger: Ledger, call: Call, asked: Asked) -> str:
    """Merge content into the record that matches the query; return its tag.

    A repeated request whose query no longer matches finds the record it changed before. Raise
    RecordNotFound, or RecordChanged when it has none of the tags that are asked for.
    """
    work, asked = await _open(session, ledger, call, asked)
    if asked.query is None:
        reference = _key(work.release, asked.content)
        if reference is None:
            raise QueryInvalid("say which record: query.content, or the primary key in the content")
        found = await store.lock_referred(session, work.release.database, reference)
    else:
        found = await _matching(work, asked)
    return (await _change(work, _seen(work, found), asked)).tag


async def update_referred(
    session: Session, ledger: Ledger, call: Call, reference: str, content: Content
) -> str:
    """Merge content into the record with this primary key or id; return its tag."""
    work = await open_work(session, ledger, call, Action.UPDATE)
    found = _seen(work, await store.lock_referred(session, work.release.database, reference))
    return (await _change(work, found, Asked(clean(content, *PLACE)))).tag


async def update_or_create(session: Session, ledger: Ledger, call: Call, asked: Asked) -> Shown:
    """Change the record that matches, or create one; return what it is now.

    It is found by the query, by its primary key, or as what this request made of it before. Who may
    not read is shown only what they wrote, and so is another member where reads need the person's
    consent; who is shown more personal data than they sent has read it, and that is written down.
    """
    work, asked = await _open(session, ledger, call, asked)
    release = work.release
    reference = _key(release, asked.content) or _key(release, asked.query or {})
    what = reference or json.dumps(asked.outcome, sort_keys=True)
    await store.hold(session, f"{release.database} {what}")
    found = await _matching(work, asked) if asked.query else None
    if found is None and reference is not None:
        found = await store.lock_referred(session, release.database, reference)
    if found is None:
        query = models.without_read_only(release.path.schema, asked.query or {})
        creating = await open_work(session, ledger, call, Action.CREATE)
        done = await _create(creating, models.merge(query, asked.content))
    else:
        done = await _change(work, _seen(work, found), asked)
    text = await _answered(work, done, asked, is_new=found is None)
    return Shown(text, done.tag, done.id)


async def delete(
    session: Session, ledger: Ledger, call: Call, reference: str, tags: models.Tags
) -> None:
    """Delete the record with this primary key or id; one that is gone stays gone."""
    work = await open_work(session, ledger, call, Action.DELETE)
    found = await store.lock_referred(session, work.release.database, reference)
    if found is None or not work.opened.covers(found):
        return
    tags.check(found)
    fallen = await links.falling(session, work.release, found.id)
    await _gone(work, found)
    for each in fallen:
        await _fall(work, each)


async def _gone(work: Work, found: Record) -> None:
    await store.delete(work.session, found.id, datetime.now(UTC))
    await store.free_values(work.session, found.id)
    await _record(work, "record.deleted", found, (json.loads(found.content), {}))


async def _fall(work: Work, fallen: Fallen) -> None:
    """Delete a record because one it refers to goes, as its own schema says."""
    release = await links.release_for(work.session, fallen)
    found = await store.lock_referred(work.session, release.database, str(fallen.record))
    caller = replace(work.call.caller, tenant=release.tenant)
    version = f"{release.path.number}.0"
    call = replace(work.call, caller=caller, registry=release.code, version=version)
    cause = f"database:{fallen.cause_database}/record:{fallen.cause}"
    if found is not None:
        await _gone(Work(work.session, work.ledger, Opened(call, release), cause), found)


async def destroy(session: Session, ledger: Ledger, call: Call, reference: str) -> None:
    """Destroy what a record holds and held, so that nobody can restore it; its number stays.

    Only the owner may, by a law that the call names (DR-CFR-data#7); raise ReasonMissing or
    NotAllowed.
    """
    if call.legal_basis is None:
        raise ReasonMissing("say by what law in the header X-Legal-Basis")
    work = await open_work(session, ledger, call, Action.DELETE)
    if not call.caller.is_owner:
        raise NotAllowed("only the owner of the database destroys records")
    now = datetime.now(UTC)
    gone = await store.destroy(session, work.release.database, reference, now)
    if gone is None:
        return
    for each in await links.falling(session, work.release, gone.id):
        await _fall(work, each)
    await files.destroy(session, gone.id)
    await indexes.forget(session, gone.id)
    await store.free_values(session, gone.id)
    await _record(work, effects.DESTROYED, gone, ({}, {}))


async def archive(
    session: Session, ledger: Ledger, call: Call, reference: str, asked: models.Archival
) -> str:
    """Take a record out of normal results, or bring it back; return its tag (DRS-5.c)."""
    work = await open_work(session, ledger, call, Action.ARCHIVE)
    found = _seen(work, await store.lock_referred(session, work.release.database, reference))
    asked.tags.check(found)
    if found.is_archived == asked.archived:
        return found.tag
    made = await store.archive(session, found.id, datetime.now(UTC), archived=asked.archived)
    kind = effects.ARCHIVED if asked.archived else effects.RESTORED
    content: dict[str, Any] = json.loads(found.content)
    await _record(work, kind, made, (content, content))
    return made.tag


async def open_work(session: Session, ledger: Ledger, call: Call, action: Action) -> Work:
    """Return what a change works with; raise as ``records.service.open_for`` does."""
    return Work(session, ledger, await records.open_for_change(session, call, action))


async def _open(session: Session, ledger: Ledger, call: Call, asked: Asked) -> tuple[Work, Asked]:
    work = await open_work(session, ledger, call, Action.UPDATE)
    content = clean(asked.content, *PLACE)
    if asked.query is None:
        return work, replace(asked, content=content)
    query = query_of(work, asked.query)
    work.release.path.schema.check_known(content, *PLACE)
    return work, replace(asked, content=content, query=query)


def query_of(work: Work, query: Content) -> Content:
    """Return a query that can be used, or raise QueryInvalid or FieldUnknown."""
    if not query:
        raise QueryInvalid("query.content names at least one field")
    query = clean(query, "query", "content")
    work.release.path.schema.check_known(query, "query", "content")
    return query


def _seen(work: Work, found: Record | None) -> Record:
    """Return a record that is there and that the caller's rights cover, or raise RecordNotFound."""
    if found is None or not work.opened.covers(found):
        raise RecordNotFound
    return found


async def _matching(work: Work, asked: Asked) -> Record | None:
    """Return the record the query means, or the one this request has changed already."""
    database = work.release.database
    found = await store.lock_matching(work.session, database, asked.query or {})
    if found is None and asked.outcome:
        found = await store.lock_matching(work.session, database, asked.outcome)
    return found


async def _answered(work: Work, done: Record, asked: Asked, *, is_new: bool) -> str:
    """Return what an upsert's answer shows, and write down what it shows of others' data."""
    opened, caller = work.opened, work.call.caller
    if opened.grant.consents or (not is_new and not caller.may("records:read")):
        return json.dumps(asked.content, ensure_ascii=False)
    values = opened.values(done)
    shown = tuple(
        name
        for name in opened.personal
        for path in [work.release.path.schema.get(name).path]
        if (value := value_at(values, path)) is not None and value_at(asked.outcome, path) != value
    )
    if shown:
        purpose = opened.purpose("updateOrCreate")
        look = opened.look(done, shown)
        await usage.record(work.session, work.ledger, caller, look, purpose)
    return opened.shown(done)


def _key(release: Release, content: Content) -> str | None:
    key = release.current.schema.primary_key
    value = None if key is None else value_at(content, key.path)
    return None if value is None else str(value)


async def _create(work: Work, content: Content) -> Record:
    release, session = work.release, work.session
    models.check_writable(work.opened.grant, release.path.schema, content)
    number = await store.next_number(session, release.database)
    counted = dict.fromkeys(models.counted(release, content), 1)
    gapless = await store.count(session, release.database, counted) if counted else None
    draft = models.create(release, content, number, gapless)
    new = new_id(), number, release.path.version
    made = await store.insert(session, release.database, new, draft, datetime.now(UTC))
    record = await _unique(work, made)
    await _record(work, effects.CREATED, record, ({}, draft.content))
    return record


async def _change(work: Work, found: Record, asked: Asked) -> Record:
    asked.tags.check(found)
    before: dict[str, Any] = json.loads(found.content)
    content, schema = asked.content, work.release.path.schema
    models.check_writable(work.opened.grant, schema, content)
    if work.release.secrets and work.opened.private is not None:
        values = work.opened.values(found)
        content = secrets.unchanged(work.release.secrets, content, before, values)
    return await write(work, found, models.update(work.release, before, content, found.number))


async def write(work: Work, found: Record, draft: Draft) -> Record:
    """Keep what a change makes of a locked record, with all that goes with a change."""
    before: dict[str, Any] = json.loads(found.content)
    if models.same(before, draft.content):
        return found
    version = work.release.path.version if draft.is_exact else None
    made = await store.save(work.session, found.id, version, draft, datetime.now(UTC))
    if models.touches_unique(work.release, before, draft.content):
        await store.free_values(work.session, found.id)
        await _unique(work, made)
    record = found if made is None else made
    await _record(work, effects.UPDATED, record, (before, draft.content))
    return record


async def _unique(work: Work, made: Record | None) -> Record:
    """Claim the values of a record that must be unique, or raise NotUnique."""
    if made is None:
        raise RecordNotFound
    broken = await databases.keep_unique(work.session, work.release, made.id)
    if broken:
        raise models.not_unique(broken, *PLACE)
    return made


async def _record(work: Work, kind: str, record: Record, change: tuple[Content, Content]) -> None:
    """Write a change down, and do what follows from it."""
    entry = entry_of(work, kind, record, change)
    await work.ledger.record(work.session, entry)
    effect = Effect(kind, record, *change, entry.facts["fields"])
    await following.follow(work.session, work.release, [effect])


def entry_of(work: Work, kind: str, record: Record, change: tuple[Content, Content]) -> Entry:
    """Return what the ledger is told of a change.

    Values are sealed for those entitled; of a record that names nobody there are digests.
    """
    before, after = change
    names = models.changed(work.release, before, after)
    person = next((subject for subject in record.subjects if subject), None)
    facts, detail = _facts(work, record, names), None
    if person is None:
        facts |= {"before": models.digest(before), "after": models.digest(after)}
    else:
        detail = {
            **reader(work.call.caller),
            "reference": record.primary_key,
            "before": models.values(before, names),
            "after": models.values(after, names),
        }
    entry = Entry(
        kind,
        work.call.caller.client,
        f"database:{work.release.database}/record:{record.id}",
        person,
        facts,
        detail,
        work.call.caller.tenant,
    )
    return usage.with_basis(entry, work.call.legal_basis)


def _facts(work: Work, record: Record, names: list[str]) -> dict[str, Any]:
    return {
        "fields": names,
        NUMBER: record.number,
        "version": work.call.version,
        "requestId": work.call.caller.request_id,
        **({} if work.cause is None else {"cause": work.cause}),
    }
