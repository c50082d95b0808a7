"""What a caller can ask of lists of records."""

import json
from dataclasses import replace

from kit.database import Session
from kit.evidence import Ledger
from kit.problems import Problem
from registry.counters import service as counters
from registry.databases import service as databases
from registry.decisions.models import ConsentRequired
from registry.listing import models, store
from registry.listing.models import ArchivedHidden, Frame, Listing, Page, Rows
from registry.records import service as records
from registry.records.models import Record
from registry.records.service import Call, Opened
from registry.rights import service as rights
from registry.rights.models import FULL, Action
from registry.usage import service as usage
from registry.usage.models import READ, Look


async def page(session: Session, ledger: Ledger, call: Call, listing: Listing) -> Page:
    """Return a page of records; what it shows of people is written down before it is answered.

    Raise as ``records.service.open_for`` and ``Listing.selection`` do, and ConsentRequired where
    reads need each person's consent: that is for a record.
    """
    found, rows = await _at_once(session, call, listing) or await _in_two(session, call, listing)
    counters.count_search(found.release, listing.named, texts=listing.looks_into_texts)
    if found.personal:
        looks = [look(found, record, listing.fields) for record in rows.records]
        await usage.note_rows(ledger, call.caller, READ, looks, found.purpose("list"))
    results = [shown(found, record, listing.fields) for record in rows.records]
    return Page(rows.count, results, *rows.neighbours(listing.after))


async def _in_two(session: Session, call: Call, listing: Listing) -> tuple[Opened, Rows]:
    """Return what a list holds: first what its path names is looked for, then its records."""
    opened = await records.open_for(session, call, Action.LIST)
    release = opened.release
    for name in listing.fields or ():
        release.path.schema.get(name)
    return await find(session, opened, listing, Frame(release.path.schema))


async def _at_once(session: Session, call: Call, listing: Listing) -> tuple[Opened, Rows] | None:
    """Return what a list holds by one statement, if its path names what it named last.

    It is looked for as for a caller who may see everything. Whatever may be wrong, or is not what
    it was, is left to ``_in_two``: nothing is said or counted by what was known before.
    """
    last = records.found_last(call)
    if last is None or listing.with_archived:
        return None
    try:
        release = await databases.release(session, last.named)
        if not rights.sees_all(release, call.caller):
            return None
        schema = release.path.schema
        for name in listing.fields or ():
            schema.get(name)
        selection = listing.selection(Frame(schema), FULL, release.database, call.as_of)
    except Problem:
        return None
    if selection.has_pattern:
        return None
    rows = await store.page_of(session, selection, release)
    if rows is None:
        return None
    opened = await records.opened_as(session, call, Action.LIST, release)
    sees_all = opened.grant.is_full and not opened.grant.consents
    return (opened, rows) if sees_all else None


async def find(
    session: Session, opened: Opened, listing: Listing, frame: Frame
) -> tuple[Opened, Rows]:
    """Return the records of a page, with what their caller may see of them.

    Who shows them writes down that it did.
    """
    caller = opened.call.caller
    found = replace(opened, grant=opened.grant.without_consents())
    if not found.grant.terms:
        raise ConsentRequired("reads need each person's consent: read one record at a time")
    if listing.with_archived and not (caller.is_owner and caller.may("databases:read")):
        raise ArchivedHidden("includeArchived is for the owner's applications with databases:read")
    selection = listing.selection(frame, found.grant, found.release.database, opened.call.as_of)
    return found, await store.page(session, selection)


def look(found: Opened, record: Record, names: frozenset[str] | None) -> Look:
    """Return what the log keeps of a record of which only the named fields are shown."""
    if names is None:
        return found.look(record)
    shown = (name for name in found.personal_of(record) if models.is_named(name, names))
    return found.look(record, tuple(shown))


def shown(found: Opened, record: Record, names: frozenset[str] | None) -> str:
    """Return the JSON text of what shows of a record, or of its named fields."""
    if names is None:
        return found.shown(record)
    return json.dumps(models.narrowed(found.values(record), names), ensure_ascii=False)
