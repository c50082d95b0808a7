"""Routes for databases."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer
from registry.counters import service as counters
from registry.databases import service
from registry.databases.models import (
    DatabaseArchived,
    DatabaseNotFound,
    DatabaseTaken,
    NotPublished,
    State,
    Version,
    flags,
    group_number,
    number_format,
)
from registry.databases.schemas import (
    ChosenDatabase,
    DatabaseInfo,
    Databases,
    Modify,
    SchemaAnswer,
)
from registry.databases.service import Asked, Described
from registry.links.models import DatabaseLinked
from registry.services.models import Generic, Own, Services

router = APIRouter(tags=["databases"])
one = APIRouter(prefix="/database/{id}", tags=["databases"])

Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]
Used = Mapping[int, Mapping[str, int]]
_NOT_PART = {"id", "code"}


@router.post(
    "/database/modify",
    responses={
        **may_answer(DatabaseNotFound, DatabaseTaken, DatabaseArchived),
        **leads_to(
            200, "publish", "database", "versions", "delete_database", id="$response.body#/id"
        ),
    },
)
async def modify(
    session: Transaction, ledger: Evidence, caller: Analyst, new: Modify
) -> SchemaAnswer:
    """Create a database, or change it; a change of a published one makes a draft."""
    asked = Asked(new.code, given(new), new.id)
    return schema_answer(await service.modify(session, ledger, caller, asked))


def given(new: Modify) -> dict[str, Any]:
    """Return what a request says of a definition, and nothing it does not say."""
    return new.model_dump(by_alias=True, exclude_unset=True, exclude=_NOT_PART)


def schema_answer(found: Described) -> SchemaAnswer:
    """Return the schema as kept, with what names its database."""
    schema: dict[str, Any] = found.version.definition["schema"]
    kept = {"id": found.database.id, "code": found.database.code, "version": found.version.label}
    return SchemaAnswer.model_validate({**schema, **kept})


@router.get("/databases")
async def databases(session: Reading, caller: Viewer) -> Databases:
    """Return all databases of the member, drafts too."""
    found = await service.page(session, caller.tenant)
    used = await counters.used(session, [each.database.id for each in found])
    number = group_number(caller.tenant)
    return Databases(
        id=number,
        name=caller.tenant,
        code=caller.tenant.rpartition("/")[2],
        databases=[_info(each, used) for each in found],
        groupId=number,
        order=0,
        dataIndexIncrement=sum(each.database.last_number for each in found),
    )


@one.get("", responses=may_answer(DatabaseNotFound))
async def database(session: Reading, caller: Viewer, chosen: ChosenDatabase) -> DatabaseInfo:
    """Return a database with its newest version, draft or not."""
    found = await service.get(session, caller.tenant, chosen.id)
    return _info(found, await counters.used(session, [chosen.id]))


@one.delete("", responses=may_answer(DatabaseLinked))
async def delete_database(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenDatabase
) -> str:
    """Delete a database; its code is free again. Deleting one that is gone is a success."""
    await service.delete(session, ledger, caller, chosen.id)
    return "Success"


@one.post("/archive", responses=may_answer(DatabaseNotFound, NotPublished))
async def archive_database(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenDatabase
) -> DatabaseInfo:
    """Archive a published database: from now on records are read and not written any more."""
    found = await service.archive(session, ledger, caller, chosen.id)
    return _info(found, await counters.used(session, [chosen.id]))


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _info(found: Described, used: Used) -> DatabaseInfo:
    definition, schema = found.version.definition, found.version.definition.schema()
    said = {
        name: definition[name]
        for name in ("groupName", "catalogName", "schema", "metadata", "access")
    }
    tags = [
        {"name": field.path[-1], "path": "/" + "/".join(field.path), "isFulltext": True}
        for field in schema.texts
    ]
    return DatabaseInfo.model_validate(
        {
            **said,
            **_named(found, used.get(found.database.id, {})),
            **_changed(found.version),
            "schemaTags": tags,
            "schemaFlags": flags(schema),
            "fieldsUniques": schema.uniques,
            "storageProfile": schema.storage_profile,
            "indexes": schema.indexed,
        }
    )


def _named(found: Described, used: Mapping[str, int]) -> dict[str, Any]:
    definition = found.version.definition
    return {
        "id": found.database.id,
        "code": found.database.code,
        "name": definition["name"] or found.database.code,
        "description": definition["description"] or "",
        "institution": definition["institution"] or found.database.tenant,
        "dataIndexIncrement": found.database.last_number,
        "genericServices": _services(Services.parse(found.database.settings), used),
        "hasLogo": False,
        "isArchived": found.database.state is State.ARCHIVED,
        "lifecycle": found.database.state,
        "archivedAt": found.database.archived_at and _stamp(found.database.archived_at),
    }


def _services(services: Services, used: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return what a database offers, what is generated and its own, and how often it is used."""
    return [
        {
            "serviceId": each.number,
            "name": each.name,
            "isVisible": each.is_visible if isinstance(each, Own) else services.offers(each),
            "usedCount": used.get(_counted_as(each), 0),
        }
        for each in (*services.generic, *services.own)
    ]


def _counted_as(service: Generic | Own) -> str:
    if isinstance(service, Generic):
        return service.name
    return f"views/{service.of}" if service.type == "view" else f"services/{service.name}"


def _changed(version: Version) -> dict[str, Any]:
    return {
        "version": version.label,
        "numberFormat": number_format(version),
        "isDraft": version.is_draft,
        "isDisabled": False,
        "modifiedAt": _stamp(version.changed_at),
        "byUserName": version.changed_by,
        "byUserAuthId": 0,
        "byOnBehalfOfUserAuthId": 0,
    }
