"""Routes for auditors."""

from typing import Annotated, Literal

from fastapi import Query

from consent.agreements.models import AgreementNotFound
from consent.agreements.schemas import AgreementOnly, Agreements, DataAgreement
from consent.audit import schemas, service
from consent.consents import service as consents
from consent.consents.models import Filter, RecordNotFound
from consent.consents.schemas import ConsentRecord, RecordOnly, Records
from consent.door import BothSpellings, Office
from consent.revisions.models import Search
from consent.revisions.schemas import Moment, Revision
from kit.access import Caller, requires
from kit.evidence import Search as LogSearch
from kit.paging import Paged
from kit.web import Evidence, Reading, may_answer

router = BothSpellings(tags=["audit"])

Auditor = Annotated[Caller, requires("audit:read")]


@router.get("/audit/consent-records/", operation_id="auditConsentRecordList")
async def audit_consent_record_list(
    session: Reading, office: Office, caller: Auditor, page: Paged
) -> Records:
    """List records, superseded ones too."""
    wanted = Filter(service.reach(caller), current=False, offset=page.offset, limit=page.limit)
    return Records.of(await consents.page(office.desk(session, caller), "audit.read", wanted))


@router.get(
    "/audit/consent-record/{consentRecordId}/",
    operation_id="auditConsentRecordRead",
    responses=may_answer(RecordNotFound),
)
async def audit_consent_record_read(
    session: Reading,
    office: Office,
    caller: Auditor,
    consentRecordId: str,  # noqa: N803  GovStack's spelling
) -> RecordOnly:
    """Read a record with its signature (CON-6.3.2)."""
    desk = office.desk(session, caller)
    kept = await consents.view(desk, "audit.read", service.reach(caller), consentRecordId)
    return RecordOnly(consentRecord=ConsentRecord.of(kept))


@router.get("/audit/data-agreements/", operation_id="auditDataAgreementList")
async def audit_data_agreement_list(session: Reading, caller: Auditor, page: Paged) -> Agreements:
    """List agreements, ended ones too."""
    found = await service.page_agreements(session, caller, page.offset, page.limit)
    return Agreements(dataAgreements=[DataAgreement.of(each) for each in found])


@router.get(
    "/audit/data-agreement/{dataAgreementId}/",
    operation_id="auditDataAgreementRead",
    responses=may_answer(AgreementNotFound),
)
async def audit_data_agreement_read(
    session: Reading,
    caller: Auditor,
    dataAgreementId: str,  # noqa: N803
) -> AgreementOnly:
    """Read an agreement, an ended one too."""
    found = await service.get_agreement(session, caller, dataAgreementId)
    return AgreementOnly(dataAgreement=DataAgreement.of(found))


@router.get("/audit/revisions/", operation_id="auditRevisionList")
async def audit_revision_list(  # noqa: PLR0913, PLR0917  the filters of CON-6.3.4
    session: Reading,
    caller: Auditor,
    page: Paged,
    schemaName: Annotated[str | None, Query(description="Of this kind of object")] = None,  # noqa: N803
    objectId: Annotated[str | None, Query(description="Of this object")] = None,  # noqa: N803
    since: Annotated[Moment | None, Query(description="Written then or later")] = None,
    until: Annotated[Moment | None, Query(description="Written before")] = None,
    sort: Annotated[
        Literal["timestamp", "-timestamp"], Query(description="Oldest or newest first")
    ] = "timestamp",
) -> schemas.Revisions:
    """Search the revisions of all objects (CON-6.3.4)."""
    search = Search(
        service.reach(caller),
        schemaName,
        objectId,
        since,
        until,
        newest_first=sort == "-timestamp",
        offset=page.offset,
        limit=page.limit,
    )
    found = await service.page_revisions(session, search)
    return schemas.Revisions(revisions=[Revision.of(each) for each in found])


@router.get("/audit/logs/", operation_id="auditLogList")
async def audit_log_list(  # noqa: PLR0913, PLR0917  the filters of CON-6.1.8
    ledger: Evidence,
    caller: Auditor,
    page: Paged,
    actor: Annotated[str | None, Query(description="By this application")] = None,
    action: Annotated[str | None, Query(description="Of this kind")] = None,
    since: Annotated[Moment | None, Query(description="Then or later")] = None,
    until: Annotated[Moment | None, Query(description="Before")] = None,
) -> schemas.Log:
    """Search what was done and looked at (CON-6.1.8, CON-6.2.4)."""
    search = LogSearch(
        kinds=[] if action is None else [action],
        actor=actor,
        since=since,
        until=until,
        limit=page.limit,
        offset=page.offset,
    )
    found = await service.page_log(ledger, caller, search)
    return schemas.Log(entries=[schemas.LogEntry.of(entry) for entry in found])
