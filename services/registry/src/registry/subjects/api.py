"""Routes for what is held about a person."""

from typing import Annotated

from fastapi import APIRouter, Header

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Text, may_answer
from registry.subjects import service
from registry.subjects.models import Copy, Database, Export, State
from registry.subjects.schemas import (
    EarlierState,
    LegalFramework,
    SubjectDatabase,
    SubjectExport,
    SubjectQuery,
    SubjectRecord,
)
from registry.usage.models import NotYourData, PersonInvalid, PersonUnknown
from registry.usage.schemas import PersonalDataUsage

router = APIRouter(prefix="/subjects", tags=["usage"])

Asker = Annotated[Caller, requires("usage:read")]
LegalBasis = Annotated[
    Text | None,
    Header(
        alias="X-Legal-Basis",
        max_length=200,
        description="Law or decision this is done under; it is written in the log",
    ),
]


@router.post("/export", responses=may_answer(PersonInvalid, NotYourData, PersonUnknown))
async def export_subject(
    session: Reading,
    ledger: Evidence,
    caller: Asker,
    asked: SubjectQuery,
    legal_basis: LegalBasis = None,
) -> SubjectExport:
    """Give a person everything that is held about them, who looked at it, and by what rules."""
    found = await service.export(session, ledger, caller, asked.personalDataId, legal_basis)
    return _export(found)


def _export(found: Export) -> SubjectExport:
    return SubjectExport(
        personalDataId=found.person,
        controller=found.controller,
        exportedAt=found.at,
        isComplete=found.is_complete,
        databases=[_database(one) for one in found.databases],
    )


def _database(found: Database) -> SubjectDatabase:
    framework = found.framework
    said = framework.definition
    return SubjectDatabase(
        id=framework.id,
        code=framework.code,
        version=f"{framework.number}.0",
        legalFramework=LegalFramework(metadata=said["metadata"], access=said["access"]),
        identifiers=list(found.identifiers),
        personalFields=list(found.personal),
        records=[_record(one) for one in found.records],
        uses=[PersonalDataUsage.told(one) for one in found.uses],
    )


def _record(found: Copy) -> SubjectRecord:
    held = found.held
    return SubjectRecord(
        id=held.id,
        number=held.number,
        primaryKey=held.primary_key,
        createdAt=held.created_at,
        changedAt=held.changed_at,
        archivedAt=held.archived_at,
        deletedAt=held.deleted_at,
        content=dict(found.content),
        withheld=list(found.withheld),
        earlier=[_earlier(one) for one in found.earlier],
    )


def _earlier(state: State) -> EarlierState:
    return EarlierState(
        revision=state.revision,
        validFrom=state.valid_from,
        validTo=state.valid_to,
        content=dict(state.content),
    )
