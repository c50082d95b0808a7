"""What a caller can ask about databases."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from registry.databases import store
from registry.databases.models import (
    Database,
    DatabaseArchived,
    DatabaseNotFound,
    DatabaseTaken,
    Definition,
    Named,
    NotPublished,
    RegistryNotFound,
    Release,
    Rules,
    State,
    Version,
    VersionNotFound,
)
from registry.links import store as links
from registry.links.models import LINKED_FROM, DatabaseLinked, ties

_KEPT = 512
_Key = TypeVar("_Key")
_Made = TypeVar("_Made")
_rules: OrderedDict[UUID, Rules] = OrderedDict()
_releases: OrderedDict[Named, Release] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Described:
    """A database with the version that describes it: the newest, draft or not."""

    database: Database
    version: Version


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants a database to be; what is not in ``given`` stays as it is."""

    code: str
    given: Mapping[str, Any]
    id: int | None = None


async def modify(session: Session, ledger: Ledger, caller: Caller, asked: Asked) -> Described:
    """Create a database or change it; the same again changes nothing.

    A change of a published version makes a draft of the next one.
    """
    await store.hold_code(session, caller.tenant, asked.code)
    found = await store.find_by_code(session, caller.tenant, asked.code, lock=True)
    if found is None:
        return await _create(session, ledger, caller, asked)
    if asked.id not in (None, found.id):
        raise DatabaseTaken(f"the code belongs to the database with id {found.id}")
    newest = (await store.newest(session, [found.id]))[found.id]
    wanted = newest.definition.replaced(asked.given)
    if wanted == newest.definition:
        return Described(found, newest)
    if found.archived_at is not None:
        raise DatabaseArchived("its definition stays as it is")
    last = await store.last_version_number(session, found.id)
    changed = _changed(newest, wanted, caller, last)
    changed.compile()
    if newest.is_draft:
        await store.save_version(session, changed)
    else:
        await store.insert_version(session, changed)
    await record(session, ledger, caller, "database.changed", Described(found, changed))
    return Described(found, changed)


def _changed(newest: Version, wanted: Definition, caller: Caller, last: int) -> Version:
    now, by = datetime.now(UTC), _name(caller)
    if newest.is_draft:
        return replace(newest, definition=wanted, changed_at=now, changed_by=by)
    return Version(new_id(), newest.database, last + 1, wanted, now, by)


async def _create(session: Session, ledger: Ledger, caller: Caller, asked: Asked) -> Described:
    if asked.id is not None:
        await _check_free(session, caller, asked.id)
    now = datetime.now(UTC)
    version = Version(new_id(), 0, 1, Definition(dict(asked.given)), now, _name(caller))
    version.compile()
    made = await store.insert_database(session, caller.tenant, asked.code, now, asked.id)
    if made is None:
        raise DatabaseTaken("the id belongs to another database")
    version = replace(version, database=made)
    await store.create_numbers(session, made, _increment(version.definition))
    await store.insert_version(session, version)
    described = Described(Database(made, caller.tenant, asked.code, None, 0), version)
    await record(session, ledger, caller, "database.created", described)
    return described


async def _check_free(session: Session, caller: Caller, database_id: int) -> None:
    """Refuse an id that names another database; only an administrator chooses a new one."""
    if await store.find(session, caller.tenant, database_id) is not None:
        raise DatabaseTaken("the id belongs to a database with another code; a code never changes")
    if not caller.is_administrator:
        raise DatabaseNotFound(f"there is no database {database_id}")


def _increment(definition: Definition) -> int:
    """Return the last number used before the registry came, ``incrementIndex``."""
    given = definition["schema"].get("incrementIndex", 0)
    fits = isinstance(given, int) and not isinstance(given, bool) and 0 <= given < 1 << 53
    return given if fits else 0


async def get(session: Session, tenant: str, database_id: int) -> Described:
    """Return a database with its newest version, or raise DatabaseNotFound."""
    found = await store.find(session, tenant, database_id)
    if found is None:
        raise DatabaseNotFound(f"there is no database {database_id}")
    return Described(found, (await store.newest(session, [found.id]))[found.id])


async def find_named(session: Session, tenant: str, name: str) -> Database:
    """Return a database by its code or else its id, or raise DatabaseNotFound."""
    found = await store.find_by_code(session, tenant, name)
    if found is None and name.isdecimal() and int(name) < 1 << 63:
        found = await store.find(session, tenant, int(name))
    if found is None:
        raise DatabaseNotFound("there is no database with this code or id")
    return found


async def page(session: Session, tenant: str) -> list[Described]:
    """Return all databases of a member, oldest first."""
    found = await store.page(session, tenant)
    newest = await store.newest(session, [database.id for database in found])
    return [Described(database, newest[database.id]) for database in found]


async def versions(session: Session, tenant: str, database_id: int) -> list[Version]:
    """Return all versions of a database, newest first, or raise DatabaseNotFound."""
    found = await store.find(session, tenant, database_id)
    if found is None:
        raise DatabaseNotFound(f"there is no database {database_id}")
    return await store.versions(session, found.id)


async def version(session: Session, version_id: UUID) -> Version:
    """Return a version by its id, or raise VersionNotFound."""
    found = await store.find_version(session, version_id)
    if found is None:
        raise VersionNotFound("the version is not here any more")
    return found


async def settings(session: Session, database_id: int) -> Mapping[str, Any]:
    """Return what features keep of a database, by their names."""
    kept = await store.find_kept(session, database_id)
    return {} if kept is None else kept[1]


async def locked(session: Session, caller: Caller, database_id: int) -> Database:
    """Return a database that nobody else changes until the transaction ends.

    Raise DatabaseNotFound.
    """
    found = await store.find(session, caller.tenant, database_id, lock=True)
    if found is None:
        raise DatabaseNotFound(f"there is no database {database_id}")
    return found


async def archive(session: Session, ledger: Ledger, caller: Caller, database_id: int) -> Described:
    """Archive a published database: its records are read and not written any more (DRS-1.b).

    One that is archived already stays so. Raise DatabaseNotFound or NotPublished.
    """
    found = await locked(session, caller, database_id)
    newest = (await store.newest(session, [found.id]))[found.id]
    if found.archived_at is not None:
        return Described(found, newest)
    if found.state is State.DRAFT:
        raise NotPublished("publish it first, or delete it")
    now = datetime.now(UTC)
    await store.archive(session, found.id, now)
    archived = Described(replace(found, archived_at=now), newest)
    await record(session, ledger, caller, "database.archived", archived)
    return archived


async def delete(session: Session, ledger: Ledger, caller: Caller, database_id: int) -> None:
    """Delete a database; one that is gone already, or never was, stays gone.

    Raise DatabaseLinked, naming them, when other databases link to it.
    """
    found = await store.find(session, caller.tenant, database_id, lock=True)
    if found is None:
        return
    others = {each.source for each in ties(found.settings, LINKED_FROM)} - {found.id}
    codes = await links.codes(session, others)
    if codes:
        raise DatabaseLinked("databases link to it: " + ", ".join(sorted(codes.values())))
    await links.unlink(session, found.id)
    newest = (await store.newest(session, [found.id]))[found.id]
    await store.delete_database(session, found.id, datetime.now(UTC))
    await record(session, ledger, caller, "database.deleted", Described(found, newest))


async def release(session: Session, named: Named) -> Release:
    """Return what a data path means: the version it names, and the newest published one."""
    if named not in _releases:
        kept = await store.find_kept(session, named.database)
        if kept is None:
            raise RegistryNotFound("the database is not here any more")
        path, current = [await rules_of(session, version_id) for version_id in named.versions]
        made = Release(named.database, named.code, path, current, named.tenant, *kept)
        _remember(_releases, named, made)
    _releases.move_to_end(named)
    return _releases[named]


async def release_of(
    session: Session, tenant: str, database_id: int, number: int | None = None
) -> Release:
    """Return a published version of a database by its id, the newest when none is named.

    Raise RegistryNotFound.
    """
    named = await store.find_named(session, tenant, database_id, number)
    if named is None:
        raise RegistryNotFound("there is no such published version of a database with this id")
    return await release(session, named)


async def configure(session: Session, database_id: int, name: str, value: Any) -> None:
    """Keep what a feature settles for a database; None takes it away. It counts at once."""
    await store.configure(session, database_id, name, value)


async def touch(session: Session, database_id: int) -> None:
    """Say that something about a database changed: what was made of it is made anew."""
    await store.touch(session, database_id)


async def touch_all(session: Session, tenant: str) -> None:
    """Say that something about all databases of a member changed."""
    await store.touch_all(session, tenant)


async def rules_of(session: Session, version_id: UUID) -> Rules:
    """Return a published version made ready; it never changes, so it is kept."""
    kept = _rules.get(version_id)
    if kept is not None:
        _rules.move_to_end(version_id)
        return kept
    found = await store.find_version(session, version_id)
    if found is None:
        raise RegistryNotFound("the version is not here any more")
    made = found.compile()
    _remember(_rules, version_id, made)
    return made


def _remember(kept: OrderedDict[_Key, _Made], key: _Key, made: _Made) -> None:
    kept[key] = made
    while len(kept) > _KEPT:
        kept.popitem(last=False)


async def keep_unique(session: Session, release: Release, record_id: UUID) -> list[str]:
    """Write down a record's values that must be unique; return the rules others' values break."""
    schema = release.current.schema
    if not schema.uniques:
        return []
    return await store.keep_unique(session, release.database, schema, record_id)


def _name(caller: Caller) -> str:
    return caller.person_name or caller.client


async def record(
    session: Session, ledger: Ledger, caller: Caller, kind: str, described: Described
) -> None:
    """Write down what was done to a database; the entry holds its definition's digest."""
    definition = json.dumps(described.version.definition.document, sort_keys=True)
    facts = {
        "code": described.database.code,
        "version": described.version.label,
        "definition": hashlib.sha256(definition.encode()).hexdigest(),
        "requestId": caller.request_id,
    }
    said = f"database:{described.database.id}"
    entry = Entry(kind, caller.client, said, facts=facts, tenant=caller.tenant)
    await ledger.record(session, entry)
