"""Routes for auditors."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query

from consent.agreements.models import AgreementNotFound
from consent.agreements.models import Filter as AgreementFilter
from consent.agreements.models import State as AgreementState
from consent.agreements.schemas import AgreementOnly, Agreements, DataAgreement
from consent.audit import schemas, service
from consent.audit.models import Extent
from consent.consents import service as consents
from consent.consents.models import Filter, RecordNotFound, State
from consent.consents.schemas import ConsentRecord, RecordOnly, Records
from consent.door import BothSpellings, Office
from consent.revisions.models import Search, Sort
from consent.revisions.schemas import Revision
from kit.access import Caller, requires
from kit.evidence import Search as LogSearch
from kit.paging import CursorInvalid, Keyed, Paged, Pages, Stop
from kit.web import Evidence, Moment, Reading, may_answer

router = BothSpellings(tags=["audit"])

Auditor = Annotated[Caller, requires("audit:read")]
OfIndividual = Annotated[str | None, Query(description="Of this individual")]
UnderAgreement = Annotated[str | None, Query(description="Of or under this agreement")]


@router.get(
    "/audit/consent-records/",
    operation_id="auditConsentRecordList",
    responses=may_answer(CursorInvalid),
)
async def audit_consent_record_list(  # noqa: PLR0913, PLR0917  the filters
    session: Reading,
    office: Office,
    caller: Auditor,
    book: Keyed,
    individualId: OfIndividual = None,  # noqa: N803  GovStack's spelling
    dataAgreementId: UnderAgreement = None,  # noqa: N803
    optIn: Annotated[bool | None, Query(description="Opted in, or out")] = None,  # noqa: N803
    state: Annotated[State | None, Query(description="Signed or not")] = None,
) -> Records:
    """List records, superseded ones too (CON-6.3.4)."""
    tenant = service.reach(caller)
    page = book.of(tenant)
    wanted = Filter(
        tenant,
        individual_ids=None if individualId is None else [individualId],
        agreement_id=dataAgreementId,
        opt_in=optIn,
        state=state,
        current=False,
        offset=page.offset,
        limit=page.limit,
        after=page.stop,
    )
    found = await service.page_records(office.desk(session, caller), wanted)
    return Records.of(found, page.follow(found.stop))


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


@router.get(
    "/audit/data-agreements/",
    operation_id="auditDataAgreementList",
    responses=may_answer(CursorInvalid),
)
async def audit_data_agreement_list(  # noqa: PLR0913, PLR0917  the filters
    session: Reading,
    office: Office,
    caller: Auditor,
    book: Keyed,
    individualId: OfIndividual = None,  # noqa: N803
    dataAgreementId: UnderAgreement = None,  # noqa: N803
    state: Annotated[AgreementState | None, Query(description="Whether it takes consent")] = None,
) -> Agreements:
    """List agreements, ended ones too (CON-6.3.4)."""
    tenant = service.reach(caller)
    page = book.of(tenant)
    wanted = AgreementFilter(
        tenant,
        dataAgreementId,
        individualId,
        state,
        with_deleted=True,
        offset=page.offset,
        limit=page.limit,
        after=page.stop,
    )
    found = await service.page_agreements(office.desk(session, caller), wanted)
    return Agreements.of(found, page.follow(found.stop))


@router.get(
    "/audit/data-agreement/{dataAgreementId}/",
    operation_id="auditDataAgreementRead",
    responses=may_answer(AgreementNotFound),
)
async def audit_data_agreement_read(
    session: Reading,
    office: Office,
    caller: Auditor,
    dataAgreementId: str,  # noqa: N803
) -> AgreementOnly:
    """Read an agreement, an ended one too."""
    found = await service.get_agreement(office.desk(session, caller), dataAgreementId)
    return AgreementOnly(dataAgreement=DataAgreement.of(found))


@router.get(
    "/audit/revisions/",
    operation_id="auditRevisionList",
    responses=may_answer(CursorInvalid),
)
async def audit_revision_list(  # noqa: PLR0913, PLR0917  the filters of CON-6.3.4
    session: Reading,
    office: Office,
    caller: Auditor,
    book: Keyed,
    schemaName: Annotated[str | None, Query(description="Of this kind of object")] = None,  # noqa: N803
    objectId: Annotated[str | None, Query(description="Of this object")] = None,  # noqa: N803
    authorizedBy: Annotated[  # noqa: N803
        str | None, Query(description="Decided by this individual or application")
    ] = None,
    individualId: OfIndividual = None,  # noqa: N803
    dataAgreementId: Annotated[  # noqa: N803
        str | None, Query(description="Of this agreement, or of records under it")
    ] = None,
    since: Annotated[Moment | None, Query(description="Written then or later")] = None,
    until: Annotated[Moment | None, Query(description="Written before")] = None,
    sort: Annotated[
        Sort, Query(description="Oldest or newest first, or by object along its chain")
    ] = "timestamp",
) -> schemas.Revisions:
    """Search the revisions of all objects (CON-6.3.4)."""
    tenant = service.reach(caller)
    page = book.of(tenant)
    search = Search(
        tenant,
        schemaName,
        objectId,
        since,
        until,
        sort,
        page.offset,
        page.limit,
        authorizedBy,
        individualId,
        dataAgreementId,
        _place(page, sort),
    )
    found = await service.page_revisions(office.desk(session, caller), search)
    said = [Revision.of(each) for each in found.revisions]
    return schemas.Revisions(revisions=said, next=page.follow(_said(found.stop)))


def _place(page: Pages, sort: Sort) -> tuple[datetime, str] | tuple[str, int] | None:
    if sort == "objectId":
        return None if page.place is None else (page.place[0], page.place[1])
    stop = page.stop
    return None if stop is None else (stop.at, stop.id)


def _said(place: tuple[datetime, str] | tuple[str, int] | None) -> Stop | list[Any] | None:
    if place is None or isinstance(place[0], str):
        return None if place is None else list(place)
    return Stop(place[0], str(place[1]))


@router.post("/audit/verify/", operation_id="auditVerify")
async def audit_verify(
    session: Reading, office: Office, caller: Auditor, body: schemas.ToVerify
) -> schemas.Verdict:
    """Check a revision that somebody holds, and its signature (CON-6.3.2, CON-6.3.3)."""
    sent = None if body.signature is None else body.signature.content()
    desk = office.desk(session, caller)
    said = body.revision.said()
    return schemas.Verdict.of(await service.verify(desk, body.revision.id, said, sent))


@router.get(
    "/audit/verify/",
    operation_id="auditVerifyAll",
    responses=may_answer(CursorInvalid),
)
async def audit_verify_all(  # noqa: PLR0913, PLR0917  what to walk through
    session: Reading,
    office: Office,
    caller: Auditor,
    book: Keyed,
    objectId: Annotated[str | None, Query(description="Of this object")] = None,  # noqa: N803
    since: Annotated[
        Moment | None, Query(alias="from", description="Written then or later")
    ] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Written before")] = None,
) -> schemas.Walk:
    """Walk through what is kept and name what was changed (CON-6.1.5, CON-6.3.1).

    A page checks as many revisions as `limit` says, and `next` goes on; at the end stand the
    ledger's entries. `offset` is not read.
    """
    tenant = service.reach(caller)
    page = book.of(tenant)
    place = page.place
    after: Stop | str | None = None if place is None or len(place) == 1 else page.stop
    if place is not None and len(place) == 1:  # at an entry
        after = str(place[0])
    extent = Extent(tenant, objectId, since, until, page.limit, after)
    walk = await service.walk(office.desk(session, caller), extent)
    stop = [walk.stop] if isinstance(walk.stop, str) else walk.stop
    return schemas.Walk.of(walk, page.follow(stop))


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
