"""What a caller can ask to be changed; the same again changes nothing and leaves no entry."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.problems import FieldError
from registry.changes import models, store
from registry.changes.models import PLACE, Draft, NotUnique
from registry.databases import service as databases
from registry.databases.models import Release
from registry.fields.models import pointer
from registry.records import service as records
from registry.records.models import QueryInvalid, Record, RecordNotFound
from registry.records.service import Call
from registry.triggers.models import value_at
from registry.usage import service as usage
from registry.usage.service import Purpose, reader
from registry.validation.models import clean

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which record to change, and what to write in it."""

    content: Content
    query: Content | None = None

    @property
    def outcome(self) -> dict[str, Any]:
        """Return what the record will match when this is done."""
        return models.merge(self.query or {}, self.content)


@dataclass(frozen=True, slots=True)
class Work:
    """What a change works with: the session, the ledger, the call and its release."""

    session: Session
    ledger: Ledger
    call: Call
    release: Release


async def create(session: Session, ledger: Ledger, call: Call, content: Content) -> str:
    """Create a record; return the JSON text of what it is now.

    Raise ContentInvalid, or NotUnique naming the fields.
    """
    work = Work(session, ledger, call, await records.open_for_change(session, call))
    return (await _create(work, clean(content, *PLACE))).shown(work.release)


async def update(session: Session, ledger: Ledger, call: Call, asked: Asked) -> None:
    """Merge content into the record that matches the query, or raise RecordNotFound.

    A repeated request whose query no longer matches finds the record it changed before.
    """
    work, asked = await _open(session, ledger, call, asked)
    if asked.query is None:
        reference = _key(work.release, asked.content)
        if reference is None:
            raise QueryInvalid("say which record: query.content, or the primary key in the content")
        found = await store.lock_referred(session, work.release.database, reference)
    else:
        found = await _matching(work, asked)
    if found is None:
        raise RecordNotFound
    await _change(work, found, asked.content)


async def update_or_create(session: Session, ledger: Ledger, call: Call, asked: Asked) -> str:
    """Change the record that matches, or create one; return the JSON text of what it is now.

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
        done = await _create(work, models.merge(query, asked.content))
    else:
        done = await _change(work, found, asked.content)
    guarded = release.current.consent is not None and not call.caller.is_owner
    if guarded or (found is not None and not call.caller.may("records:read")):
        return json.dumps(asked.content, ensure_ascii=False)
    await _account(work, done, asked.outcome)
    return done.shown(release)


async def delete(session: Session, ledger: Ledger, call: Call, reference: str) -> None:
    """Delete the record with this primary key or id; one that is gone stays gone."""
    work = Work(session, ledger, call, await records.open_for_change(session, call))
    found = await store.lock_referred(session, work.release.database, reference)
    if found is None:
        return
    await store.delete(session, found.id, datetime.now(UTC))
    await store.free_values(session, found.id)
    await _record(work, "record.deleted", found, (json.loads(found.content), {}))


async def _open(session: Session, ledger: Ledger, call: Call, asked: Asked) -> tuple[Work, Asked]:
    work = Work(session, ledger, call, await records.open_for_change(session, call))
    content = clean(asked.content, *PLACE)
    if asked.query is None:
        return work, Asked(content)
    query = clean(asked.query, "query", "content")
    if not query:
        raise QueryInvalid("query.content names at least one field")
    work.release.path.schema.check_known(query, "query", "content")
    work.release.path.schema.check_known(content, *PLACE)
    return work, Asked(content, query)


async def _matching(work: Work, asked: Asked) -> Record | None:
    """Return the record the query means, or the one this request has changed already."""
    database = work.release.database
    found = await store.lock_matching(work.session, database, asked.query or {})
    if found is None and asked.outcome:
        found = await store.lock_matching(work.session, database, asked.outcome)
    return found


async def _account(work: Work, done: Record, sent: Content) -> None:
    """Write down which personal data the answer shows that the request did not hold."""
    release, values = work.release, done.values(work.release)
    shown = [
        name
        for name in release.personal
        for path in [release.path.schema.get(name).path]
        if (value := value_at(values, path)) is not None and value_at(sent, path) != value
    ]
    if shown:
        look = records.look(release, done, shown)
        basis = Purpose("updateOrCreate", work.call.legal_basis)
        await usage.record(work.session, work.ledger, work.call.caller, look, basis)


def _key(release: Release, content: Content) -> str | None:
    key = release.current.schema.primary_key
    value = None if key is None else value_at(content, key.path)
    return None if value is None else str(value)


async def _create(work: Work, content: Content) -> Record:
    release, session = work.release, work.session
    number = await store.next_number(session, release.database)
    draft = models.create(release, content, number)
    new = new_id(), number, release.path.version
    made = await store.insert(session, release.database, new, draft, datetime.now(UTC))
    record = await _unique(work, made)
    await _record(work, "record.created", record, ({}, draft.content))
    return record


async def _change(work: Work, found: Record, change: Content) -> Record:
    before: dict[str, Any] = json.loads(found.content)
    draft = models.update(work.release, before, change)
    if models.same(before, draft.content):
        return found
    version = work.release.path.version if draft.is_exact else None
    made = await store.save(work.session, found.id, version, draft, datetime.now(UTC))
    if _touches_unique(work.release, before, draft):
        await store.free_values(work.session, found.id)
        await _unique(work, made)
    record = found if made is None else made
    await _record(work, "record.updated", record, (before, draft.content))
    return record


def _touches_unique(release: Release, before: Content, draft: Draft) -> bool:
    names = {name for group in release.current.schema.uniques for name in group}
    paths = [tuple(name.split(".")) for name in names]
    return any(
        not models.same(value_at(before, path), value_at(draft.content, path)) for path in paths
    )


async def _unique(work: Work, made: Record | None) -> Record:
    """Claim the values of a record that must be unique, or raise NotUnique."""
    if made is None:
        raise RecordNotFound
    broken = await databases.keep_unique(work.session, work.release, made.id)
    if broken:
        names: list[str] = [name for rule in broken for name in json.loads(rule)]
        errors = [
            FieldError(pointer(*PLACE, *name.split(".")), "another record has this value")
            for name in dict.fromkeys(names)
        ]
        raise NotUnique("another record has the same " + ", ".join(names), errors=errors)
    return made


async def _record(work: Work, kind: str, record: Record, change: tuple[Content, Content]) -> None:
    """Write a change down: values sealed for those entitled, or digests when it names nobody."""
    before, after = change
    names = models.changed(work.release, before, after)
    person = next((subject for subject in record.subjects if subject), None)
    entry = Entry(
        kind,
        work.call.caller.client,
        f"database:{work.release.database}/record:{record.id}",
        subject=person,
        facts=_facts(work, record, names),
        tenant=work.call.caller.tenant,
    )
    if person is None:
        digests = {"before": _digest(before), "after": _digest(after)}
        entry = replace(entry, facts={**entry.facts, **digests})
    else:
        detail = {
            **reader(work.call.caller),
            "reference": record.primary_key,
            "before": models.values(before, names),
            "after": models.values(after, names),
        }
        entry = replace(entry, detail=detail)
    await work.ledger.record(work.session, usage.with_basis(entry, work.call.legal_basis))


def _facts(work: Work, record: Record, names: list[str]) -> dict[str, Any]:
    return {
        "fields": names,
        "recordNumber": record.number,
        "version": work.call.version,
        "requestId": work.call.caller.request_id,
    }


def _digest(content: Content) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
