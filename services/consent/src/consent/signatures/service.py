"""What other features can ask about signatures."""

from dataclasses import replace

from consent.signatures import store
from consent.signatures.models import Content, Signature, SignatureNotBegun
from kit.database import Session
from kit.identifiers import new_id
from kit.sealing import DataKey


async def find(session: Session, key: DataKey, revision_id: str) -> Signature | None:
    """Return the signature of a revision, if there is one; ``key`` is the individual's."""
    return await store.find(session, key, revision_id)


async def get_begun(session: Session, key: DataKey, revision_id: str) -> Signature:
    """Return the signature of a revision, or raise SignatureNotBegun."""
    found = await store.find(session, key, revision_id)
    if found is None:
        raise SignatureNotBegun("ask for the signature first: POST to the same path")
    return found


async def keep(
    session: Session, key: DataKey, *, record_id: str, revision_id: str, content: Content
) -> Signature:
    """Keep a complete signature of a revision."""
    return await _save(
        session, key, Signature(str(new_id()), record_id, revision_id, content, complete=True)
    )


async def begin(
    session: Session, key: DataKey, *, record_id: str, revision_id: str, content: Content
) -> Signature:
    """Return the signature of a revision that waits to be signed, making it if there is none."""
    found = await store.find(session, key, revision_id)
    if found is not None:
        return found
    return await _save(
        session, key, Signature(str(new_id()), record_id, revision_id, content, complete=False)
    )


async def finish(
    session: Session, key: DataKey, signature: Signature, content: Content
) -> Signature:
    """Keep a signature as complete."""
    return await _save(session, key, replace(signature, content=content, complete=True))


async def _save(session: Session, key: DataKey, signature: Signature) -> Signature:
    await store.save(session, key, signature)
    return signature
