"""What a caller can ask about a database's key."""

from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from registry.databases import service as databases
from registry.fields.models import Schema
from registry.secrets import models, store
from registry.secrets.models import NAME, Encryption, KeyInvalid, KeyTaken
from registry.secrets.store import Table

_FIRST = UUID(int=0), 0
_TABLES: tuple[Table, ...] = ("record", "history")


async def get(session: Session, caller: Caller, database_id: int) -> Encryption | None:
    """Return a database's key pair, None when it has none; raise DatabaseNotFound."""
    found = await databases.get(session, caller.tenant, database_id)
    return await store.find(session, found.database.id)


async def published(session: Session, database_id: int, before: Schema, after: Schema) -> None:
    """Seal what records hold and held in the clear of fields that a new version makes secret.

    Raise KeyMissing when there is such content and the database has no key.
    """
    paths = [models.json_path(name) for name in models.became_secret(before, after)]
    if not paths:
        return
    kept = await store.find(session, database_id)
    for table in _TABLES:
        last = _FIRST
        while found := await store.next_clear(session, table, database_id, last, paths):
            sealed = {
                each.place: models.sealed(
                    after.secrets, each.content, (database_id, each.number), kept
                )
                for each in found
            }
            await store.seal(session, table, sealed)
            last = found[-1].place


async def put(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, keys: tuple[str, str | None]
) -> Encryption:
    """Set or change a database's key: ``keys`` are the new one and the one until now, as text.

    What is sealed stays readable with the new key. The same key again changes nothing. Raise
    KeyInvalid, KeyWrong, KeyTaken or DatabaseNotFound.
    """
    key, before = models.read_key(keys[0]), keys[1]
    found = await databases.get(session, caller.tenant, database_id)
    number = found.database.id
    kept = await store.find(session, number, lock=True)
    key_id = ledger.pseudonym(f"database key {keys[0]}").hex()[:32]
    if kept is not None and kept.key_id == key_id:
        kept.unwrap(number, key)
        return kept
    if await store.is_taken(session, number, key_id):
        raise KeyTaken("choose another: two databases never share a key")
    if kept is None:
        made = models.first(number, key, key_id)
    elif before is None:
        raise KeyInvalid("#/currentKey: the database has a key: present it to change it")
    else:
        made = models.rotated(kept, number, (models.read_key(before), key), key_id)
    await databases.configure(session, number, NAME, made.document)
    entry = Entry(
        "database.key-changed",
        caller.client,
        f"database:{number}/encryption-key",
        facts={"requestId": caller.request_id, "isFirst": kept is None},
        tenant=caller.tenant,
    )
    await ledger.record(session, entry)
    return made
