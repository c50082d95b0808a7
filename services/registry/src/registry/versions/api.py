"""Routes for versions."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.databases.models import (
    DatabaseArchived,
    DatabaseNotFound,
    RecordsNotUnique,
    VersionNotFound,
)
from registry.databases.schemas import ChosenDatabase
from registry.impact.schemas import written
from registry.links.models import DatabaseLinked, RecordsNotLinked
from registry.versions import service
from registry.versions.models import (
    Kept,
    OnlyVersion,
    SunsetInvalid,
    VersionIsDraft,
    VersionProtects,
)
from registry.versions.schemas import ChosenVersion, Deprecate, PublishedVersion, VersionInfo
from registry.versions.service import Farewell

router = APIRouter(prefix="/database/{id}", tags=["versions"])

Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]


@router.post(
    "/publish",
    responses=may_answer(
        DatabaseNotFound, DatabaseArchived, RecordsNotUnique, RecordsNotLinked, DatabaseLinked
    ),
)
async def publish(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenDatabase
) -> PublishedVersion:
    """Publish the draft: its version answers under /data. Without a draft nothing changes."""
    found = await service.publish(session, ledger, caller, chosen.id)
    return PublishedVersion(version=found.version.label, **written(found.impact))


@router.get("/versions", responses=may_answer(DatabaseNotFound))
async def versions(session: Reading, caller: Viewer, chosen: ChosenDatabase) -> list[VersionInfo]:
    """Return all versions of a database, newest first."""
    return [_info(each) for each in await service.page(session, caller.tenant, chosen.id)]


@router.get("/versions/{versionNumber}", responses=may_answer(DatabaseNotFound, VersionNotFound))  # noqa: FAST003  ChosenVersion has it
async def version(session: Reading, caller: Viewer, chosen: ChosenVersion) -> VersionInfo:
    """Return one version of a database with its schema, however old."""
    return _info(await service.get(session, caller.tenant, chosen.id, chosen.version))


@router.delete(
    "/versions/{versionNumber}",  # noqa: FAST003  ChosenVersion has it
    status_code=HTTPStatus.NO_CONTENT,
    responses=may_answer(
        DatabaseNotFound, OnlyVersion, VersionProtects, RecordsNotUnique, DatabaseLinked
    ),
)
async def delete_version(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenVersion
) -> None:
    """Delete one version: its services are gone at once, records stay usable by the others.

    Without the newest version the one before decides, where it protects no less. Deleting one
    that is gone is a success.
    """
    await service.delete(session, ledger, caller, chosen.id, chosen.version)


@router.post(
    "/versions/{versionNumber}/deprecate",  # noqa: FAST003  ChosenVersion has it
    responses=may_answer(DatabaseNotFound, VersionNotFound, VersionIsDraft, SunsetInvalid),
)
async def deprecate(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenVersion, said: Deprecate
) -> VersionInfo:
    """Say that a version shall not be used any more; its answers then say so in their headers."""
    farewell = Farewell(said.deprecatedAt, said.sunsetAt, said.guidance)
    where = chosen.id, chosen.version
    return _info(await service.deprecate(session, ledger, caller, where, farewell))


def _info(kept: Kept) -> VersionInfo:
    version, gone = kept.version, kept.deprecation
    return VersionInfo(
        version=version.label,
        isDraft=version.is_draft,
        publishedAt=version.published_at and _stamp(version.published_at),
        modifiedAt=_stamp(version.changed_at),
        byUserName=version.changed_by,
        deprecatedAt=gone and _stamp(gone.deprecated_at),
        sunsetAt=gone and _stamp(gone.sunset_at),
        guidance=gone and gone.guidance,
        schema=version.definition["schema"],
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
