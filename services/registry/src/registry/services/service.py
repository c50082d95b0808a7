"""What a caller can ask about services, and what a call under /data may ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from registry import notices
from registry.databases import service as databases
from registry.databases.models import Database, Release
from registry.notices import Asked
from registry.services import models
from registry.services.models import OWN, Generic, Own, ServiceHidden, Services
from registry.versions.models import deprecations

_VIEWS = "views"
_NAME_AT = 1
"""Which part of a path names a copy or a view."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What a database offers, the database, and the names of its newest version's fields."""

    database: Database
    services: Services


def admit(release: Release) -> tuple[str, ...] | None:
    """See whether the request that opens a release asks for something the database offers.

    Say in the answer's headers when the version is deprecated. Return the fields that a copied
    service is for, None for all. Raise ServiceHidden.
    """
    asked = notices.asked()
    if asked is None or not release.settings:
        return None
    _tell_deprecation(release, asked)
    services = Services.parse(release.settings)
    if len(asked.parts) > _NAME_AT and asked.parts[0] == OWN:
        return services.copy_of(asked.parts[_NAME_AT], asked.method).fields
    if len(asked.parts) > _NAME_AT and asked.parts[0] == _VIEWS:
        _check_view(services, asked.parts[_NAME_AT])
    services.check(models.asked_for(asked.method, asked.parts))
    return None


def _check_view(services: Services, name: str) -> None:
    made = [each for each in services.own if each.type == "view" and each.of == name]
    if made and not any(each.is_visible for each in made):
        raise ServiceHidden("the view is not offered here")


def _tell_deprecation(release: Release, asked: Asked) -> None:
    label = f"{release.path.number}.0"
    said = deprecations(release.settings).get(label)
    if said is None:
        return
    guide = asked.relative(f"{label}/openapi.json")
    links = [f'<{guide}>; rel="deprecation"']
    if release.current.number != release.path.number:
        newest = asked.relative(f"{release.current.number}.0")
        links.append(f'<{newest}>; rel="successor-version"')
    asked.tell({**said.headers, "Link": ", ".join(links)})


async def get(session: Session, tenant: str, database_id: int) -> Offered:
    """Return what a database offers, or raise DatabaseNotFound."""
    found = (await databases.get(session, tenant, database_id)).database
    return Offered(found, Services.parse(found.settings))


async def replaced(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, shown: Mapping[int, bool]
) -> Offered:
    """Let a database offer the numbered services, visible or not, and no others.

    Generated services that were deleted come back when they are named. Raise DatabaseNotFound or
    ServiceNotFound.
    """
    before = await _locked(session, caller, database_id)
    known = {each.number for each in (*models.GENERIC, *before.services.own)}
    services = replace(before.services, deleted=frozenset())
    for number in known - set(shown):
        services = services.without(number)
    for number, is_visible in shown.items():
        services = services.shown(number, is_visible=is_visible)
    return await _keep(session, ledger, caller, before, services)


async def adopt(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, said: Mapping[str, Any]
) -> Offered:
    """Let a database offer what a document of services says, as a template brings it.

    Raise DatabaseNotFound or ServiceRefused.
    """
    before = await _locked(session, caller, database_id)
    return await _keep(session, ledger, caller, before, Services.read(said))


async def change(
    session: Session, ledger: Ledger, caller: Caller, where: tuple[int, int], *, is_visible: bool
) -> Offered:
    """Show or hide a service; ``where`` is a database and the number of one of its services.

    Raise DatabaseNotFound or ServiceNotFound.
    """
    before = await _locked(session, caller, where[0])
    services = before.services.shown(where[1], is_visible=is_visible)
    return await _keep(session, ledger, caller, before, services)


async def delete(session: Session, ledger: Ledger, caller: Caller, where: tuple[int, int]) -> None:
    """Take a service away; one that is gone already stays gone. Raise DatabaseNotFound."""
    before = await _locked(session, caller, where[0])
    await _keep(session, ledger, caller, before, before.services.without(where[1]))


async def copy(
    session: Session, ledger: Ledger, caller: Caller, where: tuple[int, int], wanted: Own
) -> tuple[Offered, Own]:
    """Offer a generated service, or a copy of it, under another name; the same again is the same.

    ``wanted`` has the name, the fields and the description. Raise DatabaseNotFound,
    ServiceNotFound, ServiceRefused or ServiceTaken.
    """
    before = await _locked(session, caller, where[0])
    copied = before.services.find(where[1])
    of = copied.name if isinstance(copied, Generic) else copied.of
    kind = "copy" if isinstance(copied, Generic) else copied.type
    fields = copied.fields if isinstance(copied, Own) and wanted.fields is None else wanted.fields
    made = replace(wanted, of=of, type=kind, fields=fields)
    return await _added(session, ledger, caller, before, made)


async def add(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, wanted: Own
) -> tuple[Offered, Own]:
    """Offer a view as a service; raise as ``copy`` does, ServiceRefused where there is no view."""
    before = await _locked(session, caller, database_id)
    if wanted.of not in before.database.settings.get(_VIEWS, {}):
        models.refuse(("viewName",), "the database has no view with this name")
    return await _added(session, ledger, caller, before, wanted)


async def _added(
    session: Session, ledger: Ledger, caller: Caller, before: Offered, wanted: Own
) -> tuple[Offered, Own]:
    found = await databases.get(session, caller.tenant, before.database.id)
    names = [each.name for each in found.version.definition.schema().every]
    services, made = before.services.added(models.checked(wanted, names))
    return await _keep(session, ledger, caller, before, services), made


async def _locked(session: Session, caller: Caller, database_id: int) -> Offered:
    found = await databases.locked(session, caller, database_id)
    return Offered(found, Services.parse(found.settings))


async def _keep(
    session: Session, ledger: Ledger, caller: Caller, before: Offered, services: Services
) -> Offered:
    """Keep what a database offers from now on, if that is something else than before."""
    if services == before.services:
        return before
    await databases.configure(session, before.database.id, models.NAME, services.document)
    found = await databases.get(session, caller.tenant, before.database.id)
    await databases.record(session, ledger, caller, "services.changed", found)
    return Offered(before.database, services)


def listed(services: Services) -> Sequence[Generic | Own]:
    """Return all services that are not deleted."""
    return (*services.generic, *services.own)
