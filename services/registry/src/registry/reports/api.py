"""Routes for reports."""

from typing import Annotated

from fastapi import APIRouter, Header

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Text, Transaction, may_answer
from registry.databases.models import DatabaseNotFound
from registry.databases.schemas import ChosenDatabase
from registry.fields.models import FieldUnknown
from registry.filters.models import FilterInvalid
from registry.reports import service
from registry.reports.models import ReportNotFound, ReportTaken
from registry.reports.schemas import ChosenReport, ReportDefinition, ReportInfo
from registry.rights.models import FieldHidden
from registry.statistics.models import REFUSALS, QuestionInvalid, TooRevealing
from registry.statistics.schemas import StatisticsAnswer

router = APIRouter(prefix="/database/{id}/reports", tags=["statistics"])
one = APIRouter(prefix="/database/{id}/reports/{reportId}", tags=["statistics"])

Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]
Reader = Annotated[Caller, requires("records:read")]
LegalBasis = Annotated[
    Text | None,
    Header(
        alias="X-Legal-Basis",
        max_length=200,
        description="Law or decision this is done under; it is written in the log",
    ),
]
_refusals = (
    DatabaseNotFound,
    ReportTaken,
    FieldUnknown,
    FieldHidden,
    FilterInvalid,
    QuestionInvalid,
    TooRevealing,
)


@router.get("", responses=may_answer(DatabaseNotFound))
async def reports(session: Reading, caller: Viewer, chosen: ChosenDatabase) -> list[ReportInfo]:
    """Return the reports of a database, by name."""
    return [ReportInfo.of(each) for each in await service.page(session, caller, chosen.id)]


@router.post("", responses=may_answer(*_refusals))
async def create_report(
    session: Transaction,
    ledger: Evidence,
    caller: Analyst,
    chosen: ChosenDatabase,
    new: ReportDefinition,
) -> ReportInfo:
    """Keep a question; the same again is the report there is."""
    return ReportInfo.of(await service.create(session, ledger, caller, chosen.id, new.wanted()))


@one.get("", responses=may_answer(ReportNotFound))
async def report(session: Reading, caller: Viewer, chosen: ChosenReport) -> ReportInfo:
    """Return what a report asks."""
    return ReportInfo.of(await service.get(session, caller, chosen.where))


@one.put("", responses=may_answer(ReportNotFound, *_refusals))
async def change_report(
    session: Transaction,
    ledger: Evidence,
    caller: Analyst,
    chosen: ChosenReport,
    changed: ReportDefinition,
) -> ReportInfo:
    """Change what a report asks."""
    made = await service.change(session, ledger, caller, chosen.where, changed.wanted())
    return ReportInfo.of(made)


@one.delete("", status_code=204, responses=may_answer(DatabaseNotFound))
async def delete_report(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenReport
) -> None:
    """Take a report away; one that is gone stays gone."""
    await service.delete(session, ledger, caller, chosen.where)


@one.get("/run", responses=may_answer(ReportNotFound, *REFUSALS))
async def run_report(
    session: Reading,
    ledger: Evidence,
    caller: Reader,
    chosen: ChosenReport,
    legal_basis: LegalBasis = None,
) -> StatisticsAnswer:
    """Answer a report's question from the records that the caller may see, as they are now."""
    return StatisticsAnswer.of(
        await service.run(session, ledger, caller, chosen.where, legal_basis)
    )
