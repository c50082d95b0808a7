"""Routes for the log of all that was done, and for what proves it."""

from typing import Annotated

from fastapi import APIRouter, Query

from kit.access import Caller, requires
from kit.audit import api as evidence
from kit.audit import schemas as proofs
from kit.audit import service as ledgers
from kit.web import Evidence, Reading, may_answer
from registry.audit_logs import service
from registry.audit_logs.models import Asked, Log, LogNotYours, QuestionInvalid, RecordUnknown
from registry.audit_logs.schemas import AuditLog, AuditLogs, LogAsked
from registry.databases.models import DatabaseNotFound

router = APIRouter(prefix="/audit", tags=["audit"])

Analyst = Annotated[Caller, requires("evidence:read")]

router.get("/verify", name="audit_verify")(evidence.verify_evidence)
"""``/evidence/verify``, where the requirements look for it (DRS-7.c)."""


@router.get(
    "/logs",
    responses=may_answer(LogNotYours, QuestionInvalid, DatabaseNotFound, RecordUnknown),
    response_model_exclude_none=True,
)
async def audit_logs(
    session: Reading, ledger: Evidence, caller: Analyst, asked: LogAsked
) -> AuditLogs:
    """List what was done, newest first: one entry for each action, with values before and after."""
    wanted = Asked(
        asked.database,
        asked.record,
        asked.actor,
        asked.action or (),
        asked.since,
        asked.until,
        asked.cursor,
        asked.page_size,
    )
    logs, following = await service.page(session, ledger, caller, wanted)
    return AuditLogs(logs=[_shown(log) for log in logs], next=following)


@router.get("/anchors")
async def audit_anchors(
    session: Reading,
    _caller: evidence.Anyone,
    page: Annotated[int, Query(ge=1, le=1_000_000, description="From 1")] = 1,
    page_size: Annotated[int, Query(alias="pageSize", ge=1, le=1000)] = 100,
) -> proofs.Checkpoints:
    """List the checkpoints that somebody outside holds this ledger to, newest first (DRS-7.d)."""
    found = await ledgers.anchored(session, page_size, (page - 1) * page_size)
    return proofs.Checkpoints(checkpoints=[proofs.Checkpoint.of(one) for one in found])


def _shown(log: Log) -> AuditLog:
    facts = {name: value for name, value in log.facts.items() if name != "fields"}
    return AuditLog(
        id=log.id,
        part=log.place,
        at=log.at,
        action=log.action,
        actor=log.actor,
        databaseId=log.database,
        recordId=log.record,
        object=log.object,
        fields=log.facts.get("fields", []),
        readerId=log.detail.get("readerId"),
        readerName=log.detail.get("readerName"),
        legalBasis=log.detail.get("legalBasis"),
        facts=facts,
        **log.values,
    )
