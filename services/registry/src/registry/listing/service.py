"""What a caller can ask of lists of records."""

import json
from dataclasses import replace

from kit.database import Session
from kit.evidence import Ledger
from registry.counters import service as counters
from registry.decisions.models import ConsentRequired
from registry.listing import models, store
from registry.listing.models import ArchivedHidden, Frame, Listing, Page, Rows
from registry.records import service as records
from registry.records.models import Record
from registry.records.service import Call, Opened
from registry.rights.models import Action
from registry.usage import service as usage
from registry.usage.models import READ, Look


async def page(session: Session, ledger: Ledger, call: Call, listing: Listing) -> Page:
    """Return a page of records; what it shows of people is written down before it is answered.

    Raise as ``records.service.open_for`` and ``Listing.selection`` do, and ConsentRequired where
    reads need each person's consent: that is for a record.
    """
    opened = await records.open_for(session, call, Action.LIST)
    for name in listing.fields or ():
        opened.release.path.schema.get(name)
    found, rows = await find(session, opened, listing, Frame(opened.release.path.schema))
    counters.count_search(opened.release, listing.named, texts=listing.looks_into_texts)
    if found.personal:
        looks = [look(found, record, listing.fields) for record in rows.records]
        await usage.note_rows(ledger, call.caller, READ, looks, found.purpose("list"))
    results = [shown(found, record, listing.fields) for record in rows.records]
    return Page(rows.count, results, *rows.neighbours(listing.after))


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
