"""What a caller can ask about versions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from registry.announcements import service as announcements
from registry.databases import service as databases
from registry.databases import store
from registry.databases.models import (
    Database,
    DatabaseArchived,
    RecordsNotUnique,
    Version,
    VersionNotFound,
)
from registry.databases.service import Described
from registry.fields.models import Schema
from registry.impact import service as impact
from registry.impact.models import Impact
from registry.indexes import service as indexes
from registry.links import service as links
from registry.secrets import service as secrets
from registry.versions import models
from registry.versions.models import (
    Deprecation,
    Kept,
    OnlyVersion,
    Published,
    SunsetInvalid,
    VersionIsDraft,
    VersionProtects,
)


@dataclass(frozen=True, slots=True)
class Farewell:
    """What a caller says of a version that is given up; now when ``deprecated_at`` is None."""

    deprecated_at: datetime | None
    sunset_at: datetime
    guidance: str


async def page(session: Session, tenant: str, database_id: int) -> list[Kept]:
    """Return all versions of a database, newest first, or raise DatabaseNotFound."""
    found = await databases.get(session, tenant, database_id)
    deprecated = models.deprecations(found.database.settings)
    kept = await databases.versions(session, tenant, database_id)
    return [Kept(each, deprecated.get(each.label)) for each in kept]


async def get(session: Session, tenant: str, database_id: int, label: str) -> Kept:
    """Return one version, draft or not; raise DatabaseNotFound or VersionNotFound."""
    return _named(label, await page(session, tenant, database_id))


def _named(label: str, kept: Sequence[Kept]) -> Kept:
    found = next((each for each in kept if each.version.label == label), None)
    if found is None:
        raise VersionNotFound(f"there is no version {label}")
    return found


async def publish(session: Session, ledger: Ledger, caller: Caller, database_id: int) -> Published:
    """Publish the draft of a database, if it has one; return the newest published version.

    Raise DatabaseNotFound, DatabaseArchived, RecordsNotUnique, KeyMissing, or what
    ``links.published`` raises.
    """
    found = await databases.locked(session, caller, database_id)
    if found.archived_at is not None:
        raise DatabaseArchived("it has no new versions")
    newest = (await store.newest(session, [found.id]))[found.id]
    if not newest.is_draft:
        return Published(newest, Impact())
    published = replace(newest, published_at=datetime.now(UTC))
    changes = await _impact(session, found, published)
    await store.save_version(session, published)
    await store.make_current(session, published)
    await _bring_in_line(session, found, published)
    await links.published(session, caller, found, published.compile())
    about = Described(found, published)
    await databases.record(session, ledger, caller, "database.published", about)
    await announcements.announce_published(session, caller.tenant, found.id)
    return Published(published, changes)


async def _impact(session: Session, database: Database, published: Version) -> Impact:
    if database.current_version is None:
        return Impact()
    before = await databases.version(session, database.current_version)
    return await impact.between(session, before, published)


async def _bring_in_line(session: Session, database: Database, version: Version) -> None:
    """Apply new identifiers and uniqueness rules to the records there are, or raise."""
    if database.current_version is None:
        return
    before: Schema = (await databases.rules_of(session, database.current_version)).schema
    schema = version.definition.schema()
    await secrets.published(session, database.id, before, schema)
    await indexes.publish(session, database.id, before, schema)
    if schema.identity == before.identity:
        return
    broken = await store.apply_rules(session, database.id, schema)
    if broken:
        raise RecordsNotUnique("records have the same values in " + ", ".join(broken))


async def delete(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, label: str
) -> None:
    """Delete one version: its data paths are gone at once, its records stay with the others.

    Without the newest, the one before it decides. One that is gone already stays gone. Raise
    DatabaseNotFound, OnlyVersion, VersionProtects or RecordsNotUnique.
    """
    found = await databases.locked(session, caller, database_id)
    kept = await store.versions(session, found.id)
    gone = next((each for each in kept if each.label == label), None)
    if gone is None:
        return
    left = [each for each in kept if each is not gone and not each.is_draft]
    if (not left and not gone.is_draft) or len(kept) == 1:
        raise OnlyVersion("delete the database, or publish another version first")
    if gone.id == found.current_version:
        await _fall_back(session, caller, found, (gone, left[0]))
    await store.delete_version(session, gone, datetime.now(UTC))
    await databases.record(session, ledger, caller, "version.deleted", Described(found, gone))


async def _fall_back(
    session: Session, caller: Caller, database: Database, between: tuple[Version, Version]
) -> None:
    """Let the version before decide, if it protects no less and the records keep its rules."""
    gone, to = between
    lost = models.losses(gone.definition, to.definition)
    if lost:
        said = ", ".join(lost)
        raise VersionProtects(f"version {to.label} does not have what {gone.label} has: {said}")
    await store.make_current(session, to)
    await _bring_in_line(session, database, to)
    await links.published(session, caller, database, to.compile())


async def deprecate(
    session: Session,
    ledger: Ledger,
    caller: Caller,
    where: tuple[int, str],
    said: Farewell,
) -> Kept:
    """Say that a version shall not be used any more; ``where`` is a database and a version.

    The same again changes nothing. Raise DatabaseNotFound, VersionNotFound, VersionIsDraft or
    SunsetInvalid.
    """
    database_id, label = where
    found = await databases.locked(session, caller, database_id)
    kept = _named(label, await page(session, caller.tenant, database_id))
    if kept.version.is_draft:
        raise VersionIsDraft("delete it, or publish it first")
    before = kept.deprecation
    since = said.deprecated_at or (before.deprecated_at if before else datetime.now(UTC))
    if said.sunset_at < since:
        raise SunsetInvalid("sunsetAt is not before deprecatedAt")
    new = Deprecation(since, said.sunset_at, said.guidance)
    if new == before:
        return kept
    settings = {**found.settings.get(models.NAME, {}), label: new.document}
    await databases.configure(session, found.id, models.NAME, settings)
    about = Described(found, kept.version)
    await databases.record(session, ledger, caller, "version.deprecated", about)
    return Kept(kept.version, new)
