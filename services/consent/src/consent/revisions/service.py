"""What other features can ask about revisions."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from consent.revisions import store
from consent.revisions.models import (
    Listed,
    Revision,
    RevisionNotFound,
    RevisionTaken,
    Search,
    Snapshot,
    follow,
)
from kit.database import Session, Statement


async def append(  # noqa: PLR0913  a revision's place is these five things
    session: Session,
    snapshot: Snapshot,
    *,
    tenant: str,
    object_id: str,
    predecessor: Revision | None = None,
    predecessor_signature: str | None = None,
) -> Revision:
    """Keep a state behind its predecessor, or raise RevisionTaken."""
    revision = follow(snapshot, tenant, object_id, predecessor, predecessor_signature)
    if not await store.insert(session, revision):
        raise RevisionTaken("this state was written by another request")
    return revision


def insertion(revision: Revision, given: str) -> Statement:
    """Return what keeps a revision where the part ``given`` of a larger statement has a row."""
    return store.insertion(revision, given)


async def get(session: Session, revision_id: str) -> Revision:
    """Return a revision that a foreign key says is there, or raise RevisionNotFound."""
    return (await get_many(session, [revision_id]))[revision_id]


async def get_many(session: Session, ids: Iterable[str]) -> dict[str, Revision]:
    """Return revisions by id, or raise RevisionNotFound when one is missing."""
    wanted = set(ids)
    found = {r.id: r for r in await store.find(session, sorted(wanted))} if wanted else {}
    if found.keys() != wanted:
        raise RevisionNotFound("no revision with this id")
    return found


async def get_of(session: Session, revision_id: str, schema_name: str, object_id: str) -> Revision:
    """Return a revision if it is one of this object, or raise RevisionNotFound."""
    revision = await get(session, revision_id)
    if (revision.schema_name, revision.object_id) != (schema_name, object_id):
        raise RevisionNotFound("the revision belongs to another object")
    return revision


async def find_by_digest(session: Session, digest: str) -> Revision | None:
    """Return the revision whose serialization has this SHA-256, if there is one."""
    return await store.find_by_digest(session, digest)


async def newest_at(session: Session, individual_id: str, agreement_id: str) -> datetime | None:
    """Return when an individual last decided under an agreement, by what is left of it.

    Of records that were deleted, what a representative decided is not found.
    """
    return await store.newest_at(session, individual_id, agreement_id)


async def find_many(session: Session, ids: Iterable[str]) -> dict[str, Revision]:
    """Return revisions by id, those that exist."""
    return {each.id: each for each in await store.find(session, sorted(set(ids)))}


async def find_before(session: Session, found: Sequence[Revision]) -> dict[str, Revision]:
    """Return, by the id of each revision, the one before it in its chain, where there is one."""
    return await store.find_before(session, found) if found else {}


async def page(session: Session, search: Search) -> list[Revision]:
    """Return the revisions a search finds, one page."""
    return await store.page(session, search)


async def listed(session: Session, search: Search) -> Listed:
    """Return the revisions a search finds, one page and where it ended."""
    found = await store.page(session, replace(search, limit=search.limit + 1))
    kept = found[: search.limit]
    return Listed(kept, search.place(kept[-1]) if len(found) > len(kept) else None)
