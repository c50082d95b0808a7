"""Routes for the report of who read a person's data."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from kit.access import Caller, requires
from kit.web import Evidence, Reading, may_answer
from registry.databases.models import DatabaseNotFound, RegistryNotFound
from registry.usage import service
from registry.usage.models import (
    Asked,
    CursorInvalid,
    NotYourData,
    PersonInvalid,
    PersonUnknown,
    Usage,
)
from registry.usage.schemas import (
    Cursor,
    PageSize,
    PersonalDataUsage,
    PersonQuery,
    Placed,
    UsageQuery,
)

router = APIRouter(prefix="/data", tags=["usage"])
of_registry = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["usage"])

NEXT = "X-Next-Cursor"
Reporter = Annotated[Caller, requires("usage:read")]
UserId = Annotated[str, Query(alias="userId", description="The person's identifier")]
DatabaseId = Annotated[
    str,
    Query(alias="databaseId", pattern="^[A-Za-z0-9]", description="Code or id of the database"),
]
_header: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            NEXT: {
                "description": "The cursor of the next page; absent on the last",
                "schema": {"type": "string"},
            }
        }
    }
}
_problems = may_answer(PersonInvalid, CursorInvalid, NotYourData, PersonUnknown, DatabaseNotFound)
_answers = _header | _problems
_of_registry = _answers | may_answer(RegistryNotFound)


@router.get("/mypersonalDataUsage", include_in_schema=False, response_model_exclude_none=True)
@router.get(
    "/myPersonalDataUsage",
    operation_id="DPU",
    responses=_answers,
    response_model_exclude_none=True,
)
async def usage(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    response: Response,
    caller: Reporter,
    user_id: UserId,
    database_id: DatabaseId,
    cursor: Annotated[Cursor, Query()] = None,
    page_size: Annotated[PageSize, Query(alias="pageSize")] = 1000,
) -> list[PersonalDataUsage]:
    """Tell a person who looked at their data, newest first; asking is itself written down."""
    asked = Asked(user_id, database_id, page_size, cursor)
    return _page(response, await service.report(session, ledger, caller, asked))


@router.post("/personalDataUsage", responses=_answers, response_model_exclude_none=True)
async def personal_data_usage(
    session: Reading, ledger: Evidence, response: Response, caller: Reporter, given: UsageQuery
) -> list[PersonalDataUsage]:
    """Answer as myPersonalDataUsage does, with the identifier in the body."""
    asked = Asked(given.userId, given.databaseId, given.pageSize, given.cursor)
    return _page(response, await service.report(session, ledger, caller, asked))


@of_registry.post("/personalDataUsage", responses=_of_registry, response_model_exclude_none=True)
async def personal_data_usage_of_registry(  # noqa: PLR0913, PLR0917  as above
    session: Reading,
    ledger: Evidence,
    response: Response,
    caller: Reporter,
    where: Placed,
    given: PersonQuery,
) -> list[PersonalDataUsage]:
    """Tell who looked at a person's data in one registry: the person signed in, or one named."""
    asked = Asked(given.userId or "", where.registry, given.pageSize, given.cursor)
    found = await service.report_of(session, ledger, caller, where.version, asked)
    return _page(response, found)


def _page(response: Response, found: tuple[list[Usage], str | None]) -> list[PersonalDataUsage]:
    entries, following = found
    if following is not None:
        response.headers[NEXT] = following
    return [PersonalDataUsage.told(entry) for entry in entries]
