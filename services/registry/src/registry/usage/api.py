"""Routes for the report of who read a person's data."""

from typing import Annotated

from fastapi import APIRouter, Query

from kit.access import Caller, requires
from kit.web import Evidence, Reading, may_answer
from registry.databases.models import DatabaseNotFound
from registry.usage import service
from registry.usage.models import NotYourData, PersonInvalid, PersonUnknown, Usage
from registry.usage.schemas import PersonalDataUsage, Reference, UsageQuery

router = APIRouter(prefix="/data", tags=["usage"])

Reporter = Annotated[Caller, requires("usage:read")]
UserId = Annotated[str, Query(alias="userId", description="The person's identifier")]
DatabaseId = Annotated[str, Query(alias="databaseId", description="Code or id of the database")]
_answers = may_answer(PersonInvalid, NotYourData, PersonUnknown, DatabaseNotFound)


@router.get("/mypersonalDataUsage", include_in_schema=False, response_model_exclude_none=True)
@router.get(
    "/myPersonalDataUsage",
    operation_id="DPU",
    responses=_answers,
    response_model_exclude_none=True,
)
async def usage(
    session: Reading, ledger: Evidence, caller: Reporter, user_id: UserId, database_id: DatabaseId
) -> list[PersonalDataUsage]:
    """Tell a person who looked at their data, newest first; asking is itself written down."""
    found = await service.report(session, ledger, caller, user_id, database_id)
    return [_shown(entry) for entry in found]


@router.post("/personalDataUsage", responses=_answers, response_model_exclude_none=True)
async def personal_data_usage(
    session: Reading, ledger: Evidence, caller: Reporter, asked: UsageQuery
) -> list[PersonalDataUsage]:
    """Answer as myPersonalDataUsage does, with the identifier in the body."""
    found = await service.report(session, ledger, caller, asked.userId, asked.databaseId)
    return [_shown(entry) for entry in found]


def _shown(entry: Usage) -> PersonalDataUsage:
    reference = entry.reference
    detail, facts = entry.detail, entry.facts
    return PersonalDataUsage(
        id=str(entry.id),
        readerId=detail.get("readerId"),
        readerInitials=entry.initials,
        readerInstitutionId=entry.application.rpartition("/")[0],
        readerInstitutionName=detail.get("institutionName"),
        readerApplicationName=detail.get("applicationName") or entry.application,
        searchDateTime=entry.at.isoformat().replace("+00:00", "Z"),
        refrences=[Reference(ReferenceID=reference)] if reference else [],
        recordId=entry.record,
        fields=facts.get("fields", []),
        operation=facts["operation"],
        legalBasis=detail.get("legalBasis"),
        consentRecordId=facts.get("consentRecordId"),
    )
