"""Writing the records of a list to a file as it is read: a page at a time, nothing held between.

Each page is a statement of its own behind the last record of the one before, so no transaction and
no connection is held while the client reads. What a page shows of people is written down before any
of it leaves.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kit.database import Session
from kit.evidence import Ledger
from registry.columns.models import columns
from registry.exports import models
from registry.exports.models import File, Shown, Source
from registry.listing import service as listings
from registry.listing.models import Frame, Listing, Rows, is_named, narrowed
from registry.records import service as records
from registry.records.models import Record
from registry.records.service import Call, Opened
from registry.rights.models import Action
from registry.rows.models import Format
from registry.usage import service as usage
from registry.usage.models import READ


@dataclass(frozen=True, slots=True)
class Export:
    """A file on its way: what it says of itself, and its pieces as they are read."""

    source: Source
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class _Work:
    session: Session
    ledger: Ledger
    opened: Opened
    listing: Listing


async def export(
    session: Session,
    ledger: Ledger,
    call: Call,
    listing: Listing,
    wanted: tuple[Format, Mapping[str, str]],
) -> Export:
    """Return the records of a list as a file; ``wanted`` is its format and what it says was asked.

    The first page is read at once, so that whatever ``listing.service.page`` raises is raised here.
    """
    kind, asked = wanted
    opened = await records.open_for(session, call, Action.EXPORT)
    schema = opened.release.path.schema
    names = listing.fields
    for name in names or ():
        schema.get(name)
    listing = replace(listing, page=None, page_size=models.page_size(listing), counted=False)
    work = _Work(session, ledger, opened, listing)
    found, rows = await _page(work)

    def shows(name: str) -> bool:
        return found.grant.shows(name) and (names is None or is_named(name, names))

    release, at = opened.release, datetime.now(UTC)
    source = Source(call.caller.tenant, release.code, call.version, at, asked)
    file = models.file_of(kind, source, columns(schema, shows))
    return Export(source, _pieces(work, file, found, rows))


async def _page(work: _Work) -> tuple[Opened, Rows]:
    """Return the next page, and what may be seen of it, once that is written down."""
    frame = Frame(work.opened.release.path.schema)
    found, rows = await listings.find(work.session, work.opened, work.listing, frame)
    if found.personal:
        looks = [listings.look(found, record, work.listing.fields) for record in rows.records]
        caller, purpose = work.opened.call.caller, found.purpose("export")
        await usage.note_rows(work.ledger, caller, READ, looks, purpose)
    return found, rows


async def _pieces(work: _Work, file: File, found: Opened, rows: Rows) -> AsyncIterator[bytes]:
    names = work.listing.fields
    while True:
        piece = file.page([_shown(file, found, record, names) for record in rows.records])
        if piece:
            yield piece
        following, _ = rows.neighbours(work.listing.after)
        if following is None:
            break
        work = replace(work, listing=replace(work.listing, after=following))
        found, rows = await _page(work)
    if last := file.end():
        yield last


def _shown(file: File, found: Opened, record: Record, names: frozenset[str] | None) -> Shown:
    if not file.takes_values:
        return Shown(listings.shown(found, record, names))
    values = found.values(record)
    return Shown(values=values if names is None else narrowed(values, names))
