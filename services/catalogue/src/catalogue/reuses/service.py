"""What a caller can ask about reuses."""

from datetime import UTC, datetime

from catalogue.entries import service as entries
from catalogue.entries.models import Entry
from catalogue.reuses import store
from catalogue.reuses.models import (
    LISTED,
    Chain,
    Claim,
    Direction,
    Found,
    Neighbours,
    Reuse,
    ReuseNotFound,
    ReuseTaken,
    Search,
)
from kit import evidence
from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from kit.identifiers import new_id


async def page(session: Session, search: Search) -> Found:
    """Return one page of the reuses that fit a search."""
    return await store.page(session, search)


async def get(session: Session, reuse_id: str) -> Reuse:
    """Return a reuse, or raise ReuseNotFound."""
    found = await store.find(session, reuse_id)
    if found is None:
        raise ReuseNotFound("no reuse carries this id, or an entry it names was deleted")
    return found


async def around(session: Session, entry_id: str) -> tuple[Entry, Neighbours]:
    """Return an entry with who reuses it and what it reuses, or raise EntryNotFound."""
    entry = await entries.get(session, entry_id)
    reused_by = await store.page(session, Search(reused=entry_id, limit=LISTED))
    reuses = await store.page(session, Search(by_entry=entry_id, limit=LISTED))
    counted = await store.count_by_status(session, entry_id)
    return entry, Neighbours(reused_by.reuses, reuses.reuses, counted)


async def chain(
    session: Session, entry_id: str, direction: Direction, depth: int
) -> tuple[Entry, Chain]:
    """Return an entry with all that follows from it in ``depth`` steps, or raise EntryNotFound."""
    entry = await entries.get(session, entry_id)
    found = await store.follow(session, entry_id, direction, depth + 1)
    links = tuple(link for link in found[:LISTED] if link.depth <= depth)
    return entry, Chain(links, complete=len(links) == len(found))


async def publish(
    session: Session, ledger: Ledger, caller: Caller, reuse_id: str | None, claim: Claim
) -> Reuse:
    """Put a new reuse in the catalogue, or raise ReuseRefused or ReuseTaken."""
    await _check(session, claim)
    new = _new(caller, reuse_id or str(new_id()), claim)
    if not await store.insert(session, new):
        raise ReuseTaken("a reuse carries this id already; PUT replaces your own")
    await _record(session, ledger, caller, "reuse.created", new)
    return await get(session, new.id)


async def put(
    session: Session, ledger: Ledger, caller: Caller, reuse_id: str, claim: Claim
) -> tuple[Reuse, bool]:
    """Create or replace a reuse; say whether it is new. The same claim changes nothing.

    Raise ReuseRefused, or ReuseOfAnother when another member published it.
    """
    await _check(session, claim)
    new = _new(caller, reuse_id, claim)
    if await store.insert(session, new):
        await _record(session, ledger, caller, "reuse.created", new)
        return await get(session, reuse_id), True
    current = await _locked(session, reuse_id)
    current.check_publisher(caller.tenant)
    changed = current.replaced(claim, datetime.now(UTC))
    if changed is not current:
        kind = "reuse.created" if current.is_deleted else "reuse.updated"
        await store.save(session, changed)
        await _record(session, ledger, caller, kind, changed)
    return await get(session, reuse_id), current.is_deleted


async def delete(session: Session, ledger: Ledger, caller: Caller, reuse_id: str) -> None:
    """Take a reuse out of the catalogue; nothing happens when that was done before.

    Raise ReuseNotFound when there never was one, ReuseOfAnother when it is not the caller's.
    """
    current = await _locked(session, reuse_id)
    current.check_publisher(caller.tenant)
    changed = current.deleted(datetime.now(UTC))
    if changed is not current:
        await store.save(session, changed)
        await _record(session, ledger, caller, "reuse.deleted", changed)


async def _check(session: Session, claim: Claim) -> None:
    claim.check(await entries.existing(session, claim.entries))


def _new(caller: Caller, reuse_id: str, claim: Claim) -> Reuse:
    now = datetime.now(UTC)
    return Reuse(reuse_id, caller.tenant, claim, created_at=now, updated_at=now)


async def _locked(session: Session, reuse_id: str) -> Reuse:
    found = await store.lock(session, reuse_id)
    if found is None:
        raise ReuseNotFound("no reuse carries this id")
    return found


async def _record(
    session: Session, ledger: Ledger, caller: Caller, kind: str, changed: Reuse
) -> None:
    facts = {**changed.facts, "requestId": caller.request_id}
    said = evidence.Entry(
        kind, caller.client, f"reuses/{changed.id}", facts=facts, tenant=changed.publisher
    )
    await ledger.record(session, said)
