"""Routes for those who use data."""

from typing import Annotated

from fastapi import Query

from consent.agreements import service as agreements
from consent.agreements.schemas import Agreements, DataAgreement
from consent.consents import service as consents
from consent.consents.models import Filter, RecordNotFound
from consent.consents.schemas import RecordAnswer, Records
from consent.door import BothSpellings, Office
from consent.verification import schemas, service
from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Reading, may_answer

router = BothSpellings(tags=["verification"])

Verifier = Annotated[Caller, requires("verification:read")]
Asker = Annotated[Caller, requires("verification:read", "decisions:host")]


@router.get(
    "/service/verification/data-agreements/",
    operation_id="serviceVerificationDataAgreementList",
)
async def service_verification_data_agreement_list(
    session: Reading, caller: Verifier, page: Paged
) -> Agreements:
    """List the agreements of a member."""
    found = await agreements.page(session, caller.tenant, page.offset, page.limit)
    return Agreements(dataAgreements=[DataAgreement.of(each) for each in found])


@router.get(
    "/service/verification/consent-records/",
    operation_id="serviceVerificationConsentRecordList",
)
async def service_verification_consent_record_list(  # noqa: PLR0913, PLR0917  the filters
    session: Reading,
    office: Office,
    caller: Verifier,
    page: Paged,
    individualId: Annotated[str | None, Query(description="Of this individual")] = None,  # noqa: N803
    dataAgreementId: Annotated[str | None, Query(description="Under this agreement")] = None,  # noqa: N803
    optIn: Annotated[bool | None, Query(description="Opted in, or out")] = None,  # noqa: N803
) -> Records:
    """List current records, one for each individual and agreement (CON-4.1.2, CON-4.3.1)."""
    wanted = Filter(
        tenant=caller.tenant,
        individual_ids=None if individualId is None else [individualId],
        agreement_id=dataAgreementId,
        opt_in=optIn,
        offset=page.offset,
        limit=page.limit,
    )
    return Records.of(
        await consents.page(office.desk(session, caller), "verification.read", wanted)
    )


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


@router.post("/service/verification/decision/", operation_id="serviceVerificationDecision")
async def service_verification_decision(
    session: Reading, office: Office, caller: Asker, body: schemas.Question
) -> schemas.Decision:
    """Decide whether a client may have a person's data now.

    ``decisions:host`` asks under any agreement; ``verification:read`` under those that the
    asker's member owns or is a data source of, others are unknown to it.
    """
    desk = office.desk(session, caller)
    return schemas.Decision.of(await service.decision(desk, body.question()))
