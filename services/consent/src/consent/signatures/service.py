"""What other features can ask about signatures."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from consent.revisions.models import Revision
from consent.signatures import store
from consent.signatures.models import (
    MOST,
    Content,
    Signature,
    SignaturesEnough,
    prepare,
    prepare_further,
)
from kit.database import Session, Statement
from kit.identifiers import new_id
from kit.sealing import DataKey


async def find_all(session: Session, key: DataKey, revision_id: str) -> Sequence[Signature]:
    """Return the signatures of a revision, each signing the one before; ``key`` unseals them."""
    return await store.find_all(session, key, revision_id)


async def digest(session: Session, key: DataKey, revision_id: str) -> str | None:
    """Return the digest of the last signature of a revision that somebody signed."""
    signed = [each for each in await find_all(session, key, revision_id) if each.complete]
    return signed[-1].digest if signed else None


async def keep(
    session: Session, key: DataKey, *, record_id: str, revision_id: str, content: Content
) -> Signature:
    """Keep a complete signature of a revision."""
    return await _save(session, key, _complete(record_id, revision_id, content))


def insertion(
    key: DataKey, record_id: str, revision_id: str, content: Content, given: str
) -> tuple[Signature, Statement]:
    """Return a complete signature, and what keeps it where ``given`` has a row.

    ``given`` is a part of the larger statement that this will be one of.
    """
    signature = _complete(record_id, revision_id, content)
    return signature, store.insertion(key, signature, given)


def _complete(record_id: str, revision_id: str, content: Content) -> Signature:
    return Signature(str(new_id()), record_id, revision_id, content, complete=True)


async def begin(session: Session, key: DataKey, record_id: str, revision: Revision) -> Signature:
    """Return the signature that waits to be signed, making it if there is none.

    The first signs the revision, a further one the one before it. Raises SignaturesEnough.
    """
    kept = await store.find_all(session, key, revision.id)
    if kept and not kept[-1].complete:
        return kept[-1]
    if len(kept) == MOST:
        raise SignaturesEnough(f"a record carries {MOST} signatures at most")
    at, number = datetime.now(UTC), len(kept) + 1
    content = prepare_further(kept[-1], at) if kept else prepare(revision.snapshot, at, revision.id)
    begun = Signature(str(new_id()), record_id, revision.id, content, complete=False, number=number)
    return await _save(session, key, begun)


async def finish(
    session: Session, key: DataKey, signature: Signature, content: Content
) -> Signature:
    """Keep a signature as complete."""
    return await _save(session, key, replace(signature, content=content, complete=True))


async def _save(session: Session, key: DataKey, signature: Signature) -> Signature:
    await store.save(session, key, signature)
    return signature
