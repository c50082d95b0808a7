"""What a caller can ask about how a registry is used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.access import Caller
from kit.database import Session
from registry.databases import service as databases
from registry.databases.models import (
    DatabaseNotFound,
    RegistryNotFound,
    Release,
    State,
    Version,
    number_format,
    version_number,
)
from registry.databases.service import Described as Database
from registry.descriptions import store
from registry.descriptions.models import PLACEHOLDER, Described, visible
from registry.policies.models import Action
from registry.rights import service as rights
from registry.rights.models import LoginNeeded, NotAllowed
from registry.services import service as services
from registry.services.models import Services
from registry.versions.models import Deprecation, deprecations

_VIEWS = "views"


async def describe(session: Session, caller: Caller, registry: str, label: str) -> Described:
    """Return a version as the caller may see it.

    Raise RegistryNotFound, ServiceHidden, NotAllowed or LoginNeeded.
    """
    release = await _release(session, caller, registry, label)
    services.admit(release)
    grant = await rights.grant(session, release, caller, Action.READ)
    found = await databases.get(session, release.tenant, release.database)
    version = await databases.version(session, release.path.version)
    newest = None
    if caller.is_owner:  # an id tells others that there is a record, and since when
        newest = await store.newest_record(session, release.database)
    schema = release.path.schema
    return Described(
        release.code,
        version.label,
        version.definition,
        schema,
        schema.fields
        if grant.fields is None
        else visible(schema.fields, lambda field: grant.shows(field.name)),
        Services.parse(release.settings),
        _views(release.settings),
        deprecations(release.settings).get(version.label),
        release.is_archived,
        number_format(version),
        found.database.last_number + 1,
        PLACEHOLDER if newest is None else str(newest),
    )


async def _release(session: Session, caller: Caller, registry: str, label: str) -> Release:
    try:
        found = await databases.find_named(session, caller.tenant, registry)
    except DatabaseNotFound as error:
        raise RegistryNotFound("there is no such registry") from error
    number = version_number(label)
    return await databases.release_of(session, caller.tenant, found.id, number)


def _views(settings: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found = settings.get(_VIEWS, {})
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Listed:
    """A registry in the list: its newest definition, its published versions, what it offers."""

    database: Database
    versions: Sequence[tuple[Version, Deprecation | None]]
    services: Services
    views: Mapping[str, Any]


async def page(session: Session, caller: Caller) -> list[Listed]:
    """Return the published registries of a member that the caller may use, oldest first."""
    found: list[Listed] = []
    for each in await databases.page(session, caller.tenant):
        if each.database.state is State.DRAFT or not await _may_see(session, caller, each):
            continue
        settings = each.database.settings
        gone = deprecations(settings)
        kept = await databases.versions(session, caller.tenant, each.database.id)
        listed = [(version, gone.get(version.label)) for version in kept if not version.is_draft]
        found.append(Listed(each, listed, Services.parse(settings), _views(settings)))
    return found


async def _may_see(session: Session, caller: Caller, described: Database) -> bool:
    release = await databases.release_of(session, caller.tenant, described.database.id)
    try:
        await rights.grant(session, release, caller, Action.READ)
    except (NotAllowed, LoginNeeded):
        return False
    return True
