"""What a caller asks to be created."""

import json
from datetime import UTC, datetime

from kit.database import Reading, Statement, Transaction
from kit.evidence import Ledger
from kit.identifiers import new_id
from registry.changes import models as changes
from registry.changes import service as changing
from registry.changes.models import PLACE, Draft
from registry.changes.service import Content, Work
from registry.creations import store
from registry.databases.models import Release
from registry.effects import models as effects
from registry.indexes import service as indexes
from registry.links.models import LINKED_FROM, LINKS
from registry.records import service as records
from registry.records.models import Record, Shown
from registry.records.service import Call
from registry.rights.models import Action
from registry.subscriptions.models import NAME as SUBSCRIBED
from registry.validation.models import clean

_WITH_MORE = (LINKS, LINKED_FROM, SUBSCRIBED)
"""What a database may have that makes more follow from a creation than one statement does."""


async def create(
    reading: Reading, session: Transaction, ledger: Ledger, call: Call, content: Content
) -> Shown:
    """Create a record; raise ContentInvalid, or NotUnique naming the fields.

    Most records are written in one statement with all that goes with them. Where more follows, or
    that statement could not, it is done step by step, which also finds out why not.
    """
    content = clean(content, *PLACE)
    found = await store.find(reading, *call.where)
    named = found[0] if found else None
    opened = await records.opened(reading, call, Action.CREATE, named)
    work = Work(session, ledger, opened)
    if found is not None and not _more_follows(opened.release, content):
        made = await _at_once(session, work, content, found[1])
        if made is not None:
            return Shown(opened.shown(made), made.tag, made.id)
    number = found[1] if found else None
    return await changing.create(session, ledger, call, content, number=number)


def _more_follows(release: Release, content: Content) -> bool:
    if release.current.schema.indexed or any(release.settings.get(name) for name in _WITH_MORE):
        return True
    return bool(changes.counted(release, content))


async def _at_once(
    session: Transaction, work: Work, content: Content, number: int
) -> Record | None:
    """Write a record and what goes with it in one statement; None when that could not be."""
    release = work.release
    changes.check_writable(work.opened.grant, release.path.schema, content)
    draft = changes.create(release, content, number)
    record = _record(release, draft, number)
    entry = changing.entry_of(work, effects.CREATED, record, ({}, draft.content))
    sealed, statements = await work.ledger.prepare(entry, "made")
    words = indexes.statement(release, record, "made")
    more: list[Statement] = [*statements, *([words] if words else [])]
    held = release.database, release.revision
    new = record, datetime.now(UTC)
    if not await store.insert(session, held, new, (release.current.schema.rules, more)):
        return None
    work.ledger.written(sealed, session)
    return record


def _record(release: Release, draft: Draft, number: int) -> Record:
    content = json.dumps(draft.content, ensure_ascii=False)
    version = release.path.version
    return Record(new_id(), number, version, draft.primary_key, draft.subjects, content)
