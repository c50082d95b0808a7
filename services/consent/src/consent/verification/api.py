"""Routes for those who use data."""

from typing import Annotated

from fastapi import Query

from consent.agreements import service as agreements
from consent.agreements.models import Filter as AgreementFilter
from consent.agreements.schemas import Agreements
from consent.consents import service as consents
from consent.consents.models import Filter, RecordNotFound
from consent.consents.schemas import RecordAnswer, Records
from consent.door import BothSpellings, Office
from kit.access import Caller, requires
from kit.paging import CursorInvalid, Keyed
from kit.web import Reading, may_answer

router = BothSpellings(tags=["verification"])

Verifier = Annotated[Caller, requires("verification:read")]


@router.get(
    "/service/verification/data-agreements/",
    operation_id="serviceVerificationDataAgreementList",
    responses=may_answer(CursorInvalid),
)
async def service_verification_data_agreement_list(
    session: Reading,
    caller: Verifier,
    book: Keyed,
    individualId: Annotated[  # noqa: N803  GovStack's spelling
        str | None, Query(description="Under which this individual has a record")
    ] = None,
    dataAgreementId: Annotated[str | None, Query(description="This agreement")] = None,  # noqa: N803
) -> Agreements:
    """List the agreements of a member."""
    page = book.of(caller.tenant)
    wanted = AgreementFilter(
        caller.tenant,
        dataAgreementId,
        individualId,
        offset=page.offset,
        limit=page.limit,
        after=page.stop,
    )
    found = await agreements.page(session, wanted)
    return Agreements.of(found, page.follow(found.stop))


@router.get(
    "/service/verification/consent-records/",
    operation_id="serviceVerificationConsentRecordList",
    responses=may_answer(CursorInvalid),
)
async def service_verification_consent_record_list(  # noqa: PLR0913, PLR0917  the filters
    session: Reading,
    office: Office,
    caller: Verifier,
    book: Keyed,
    individualId: Annotated[str | None, Query(description="Of this individual")] = None,  # noqa: N803
    dataAgreementId: Annotated[str | None, Query(description="Under this agreement")] = None,  # noqa: N803
    optIn: Annotated[bool | None, Query(description="Opted in, or out")] = None,  # noqa: N803
) -> Records:
    """List current records, one for each individual and agreement (CON-4.1.2, CON-4.3.1)."""
    page = book.of(caller.tenant)
    wanted = Filter(
        tenant=caller.tenant,
        individual_ids=None if individualId is None else [individualId],
        agreement_id=dataAgreementId,
        opt_in=optIn,
        offset=page.offset,
        limit=page.limit,
        after=page.stop,
    )
    found = await consents.page(office.desk(session, caller), "verification.read", wanted)
    return Records.of(found, page.follow(found.stop))


@router.get(
    "/service/verification/consent-record/{consentRecordId}/",
    operation_id="serviceVerificationConsentRecordRead",
    responses=may_answer(RecordNotFound),
)
async def service_verification_consent_record_read(
    session: Reading,
    office: Office,
    caller: Verifier,
    consentRecordId: str,  # noqa: N803
) -> RecordAnswer:
    """Read a record and its newest revision."""
    desk = office.desk(session, caller)
    kept = await consents.view(desk, "verification.read", caller.tenant, consentRecordId)
    return RecordAnswer.of(kept)
