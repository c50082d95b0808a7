"""What a caller asks to be created."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from kit.database import Reading, Statement, Transaction
from kit.evidence import Ledger
from kit.identifiers import new_id
from kit.problems import Problem
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
    made = await _as_known(reading, session, ledger, call, content)
    if made is None:
        made = await changing.create(session, ledger, call, content)
    return made


async def _as_known(
    reading: Reading, session: Transaction, ledger: Ledger, call: Call, content: Content
) -> Shown | None:
    """Create a record by what is known of its database; None when that cannot be.

    The statement sees to it that nothing is written by what is not so any more. A refusal is
    looked at again: it stands when the database is still what it was taken for.
    """
    found = records.found_last(call) or await records.find(reading, call)
    try:
        opened = await records.opened(reading, call, Action.CREATE, found)
        if _more_follows(opened.release, content):
            return None
        record = await _at_once(reading, session, Work(session, ledger, opened), content)
    except Problem:
        if found == await records.find(reading, call):
            raise
        return None
    return None if record is None else Shown(opened.shown(record), record.tag, record.id)


def _more_follows(release: Release, content: Content) -> bool:
    if release.current.schema.indexed or any(release.settings.get(name) for name in _WITH_MORE):
        return True
    return bool(changes.counted(release, content))


async def _at_once(
    reading: Reading, session: Transaction, work: Work, content: Content
) -> Record | None:
    """Write a record and what goes with it in one statement; None when that could not be.

    The statement gives the record its number, unless something in its content is made of it.
    """
    release = work.release
    changes.check_writable(work.opened.grant, release.path.schema, content)
    number = None
    if release.path.triggers or release.secrets:
        number = await store.take_number(reading, release)
        if number is None:
            return None
    draft = changes.create(release, content, number or 0)
    record = _record(release, draft, number or 0)
    entry = changing.entry_of(work, effects.CREATED, record, ({}, draft.content))
    left, statements = await work.ledger.prepare_numbered(entry, "made", changing.NUMBER)
    words = indexes.statement(release, record, "made")
    more: list[Statement] = [*statements, *([words] if words else [])]
    given = await store.insert(session, release, (record, number, datetime.now(UTC)), more)
    if given is None:
        return None
    work.ledger.written(left.closed(given), session)
    return replace(record, number=given)


def _record(release: Release, draft: Draft, number: int) -> Record:
    content = json.dumps(draft.content, ensure_ascii=False)
    version = release.path.version
    return Record(new_id(), number, version, draft.primary_key, draft.subjects, content)
