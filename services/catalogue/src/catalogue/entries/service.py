"""What a caller can ask about entries."""

from collections.abc import Collection
from datetime import UTC, datetime

from catalogue.entries import store
from catalogue.entries.models import (
    Content,
    Entry,
    EntryNotFound,
    EntryTaken,
    Found,
    Search,
)
from kit import evidence
from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from kit.identifiers import new_id


async def page(session: Session, search: Search) -> Found:
    """Return one page of the entries that fit a search."""
    return await store.page(session, search)


async def get(session: Session, entry_id: str) -> Entry:
    """Return an entry, or raise EntryNotFound."""
    found = await store.find(session, entry_id)
    if found is None or found.is_deleted:
        raise EntryNotFound("no entry carries this id")
    return found


async def existing(session: Session, entry_ids: Collection[str]) -> frozenset[str]:
    """Return those of the ids that belong to entries."""
    return await store.existing(session, entry_ids)


async def publish(
    session: Session, ledger: Ledger, caller: Caller, entry_id: str | None, content: Content
) -> Entry:
    """Put a new entry in the catalogue, or raise EntryRefused or EntryTaken."""
    content.check()
    new = _new(caller, entry_id or str(new_id()), content)
    if not await store.insert(session, new):
        raise EntryTaken("an entry carries this id already; PUT replaces your own")
    await _record(session, ledger, caller, "entry.created", new)
    return new


async def put(
    session: Session, ledger: Ledger, caller: Caller, entry_id: str, content: Content
) -> tuple[Entry, bool]:
    """Create or replace an entry; say whether it is new. The same content changes nothing.

    Raise EntryRefused, or EntryOfAnother when another member published it.
    """
    content.check()
    new = _new(caller, entry_id, content)
    if await store.insert(session, new):
        await _record(session, ledger, caller, "entry.created", new)
        return new, True
    current = await _locked(session, entry_id)
    current.check_publisher(caller.tenant)
    changed = current.replaced(content, datetime.now(UTC))
    if changed is not current:
        kind = "entry.created" if current.is_deleted else "entry.updated"
        await store.save(session, changed)
        await _record(session, ledger, caller, kind, changed)
    return changed, current.is_deleted


async def delete(session: Session, ledger: Ledger, caller: Caller, entry_id: str) -> None:
    """Take an entry out of the catalogue; nothing happens when that was done before.

    Raise EntryNotFound when there never was one, EntryOfAnother when it is not the caller's.
    """
    current = await _locked(session, entry_id)
    current.check_publisher(caller.tenant)
    changed = current.deleted(datetime.now(UTC))
    if changed is not current:
        await store.save(session, changed)
        await _record(session, ledger, caller, "entry.deleted", changed)


def _new(caller: Caller, entry_id: str, content: Content) -> Entry:
    now = datetime.now(UTC)
    return Entry(entry_id, caller.tenant, content, created_at=now, updated_at=now)


async def _locked(session: Session, entry_id: str) -> Entry:
    found = await store.find(session, entry_id, lock=True)
    if found is None:
        raise EntryNotFound("no entry carries this id")
    return found


async def _record(
    session: Session, ledger: Ledger, caller: Caller, kind: str, changed: Entry
) -> None:
    facts = {**changed.facts, "requestId": caller.request_id}
    said = evidence.Entry(
        kind, caller.client, f"entries/{changed.id}", facts=facts, tenant=changed.publisher
    )
    await ledger.record(session, said)
