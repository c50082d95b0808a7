"""Routes for what an individual gives, changes and sees."""

from typing import Annotated

from fastapi import Query

from consent.agreements.models import AgreementInactive, AgreementNotFound
from consent.consents import schemas, service
from consent.consents.models import (
    DraftOutdated,
    ExpiryInvalid,
    ExtensionRefused,
    Filter,
    RecordNotFound,
    RecordSuperseded,
    RevisionOutdated,
)
from consent.desk import ALONE
from consent.door import BothSpellings, HeaderId, Office, QueryId
from consent.individuals import service as individuals
from consent.individuals.models import IndividualMissing, IndividualNotFound, IndividualNotYours
from kit.access import Caller, requires
from kit.paging import CursorInvalid, Keyed
from kit.web import Reading, Transaction, may_answer

router = BothSpellings(tags=["consents"])

Reader = Annotated[Caller, requires("consents:read")]
Writer = Annotated[Caller, requires("consents:write")]
_WHOSE = (IndividualMissing, IndividualNotFound, IndividualNotYours)


@router.post(
    "/service/individual/record/data-agreement/{dataAgreementId}/",
    operation_id="serviceIndividualConsentRecordCreate",
    responses=may_answer(
        *_WHOSE, AgreementNotFound, AgreementInactive, RevisionOutdated, DraftOutdated
    ),
)
async def service_individual_consent_record_create(  # noqa: PLR0913, PLR0917  the published parameters
    session: Transaction,
    office: Office,
    caller: Writer,
    dataAgreementId: str,  # noqa: N803  GovStack's spelling
    header: HeaderId = None,
    query: QueryId = None,
    revisionId: Annotated[  # noqa: N803
        str | None, Query(description="The agreement's revision that was shown")
    ] = None,
    optIn: Annotated[bool, Query(description="False to record a refusal")] = True,  # noqa: FBT002, N803
) -> schemas.RecordAnswer:
    """Record a consent, or a refusal, that is not signed (CON-6.2.2)."""
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, query, lock=ALONE, by_agreement=True)
    return schemas.RecordAnswer.of(
        await service.give(desk, individual, dataAgreementId, revisionId, opt_in=optIn)
    )


@router.get(
    "/service/individual/record/data-agreement/{dataAgreementId}/",
    operation_id="serviceIndividualConsentRecordRead",
    responses=may_answer(*_WHOSE, RecordNotFound),
)
async def service_individual_consent_record_read(
    session: Reading,
    office: Office,
    caller: Reader,
    dataAgreementId: str,  # noqa: N803
    header: HeaderId = None,
) -> schemas.RecordOnly:
    """Read the one record of an individual under an agreement, with its signature (CON-9.4)."""
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, by_agreement=True)
    kept = await service.view_current(desk, individual, dataAgreementId)
    return schemas.RecordOnly(consentRecord=schemas.ConsentRecord.of(kept))


@router.get(
    "/service/individual/record/consent-record/",
    operation_id="serviceIndividualConsentRecordList",
    responses=may_answer(*_WHOSE, CursorInvalid),
)
async def service_individual_consent_record_list(
    session: Reading, office: Office, caller: Reader, book: Keyed, header: HeaderId = None
) -> schemas.Records:
    """List an individual's records, one for each agreement.

    A signed-in person who sends no header sees all of theirs, whoever keeps them.
    """
    desk = office.desk(session, caller)
    persons = await individuals.acting_for_all(desk, header, by_agreement=True)
    page = book.of(",".join(one.id for one in persons))
    wanted = Filter(offset=page.offset, limit=page.limit, after=page.stop)
    found = await service.page_of(desk, persons, wanted)
    return schemas.Records.of(found, page.follow(found.stop))


@router.get(
    "/service/individual/record/data-agreement/{dataAgreementId}/all/",
    operation_id="serviceIndividualDataAgreementConsentRecordList",
    responses=may_answer(*_WHOSE, CursorInvalid),
)
async def service_individual_data_agreement_consent_record_list(  # noqa: PLR0913, PLR0917  published
    session: Reading,
    office: Office,
    caller: Reader,
    dataAgreementId: str,  # noqa: N803
    book: Keyed,
    header: HeaderId = None,
) -> schemas.Records:
    """List all of an individual's records under an agreement, of earlier revisions too."""
    desk = office.desk(session, caller)
    persons = await individuals.acting_for_all(desk, header, by_agreement=True)
    page = book.of(",".join(one.id for one in persons))
    wanted = Filter(
        agreement_id=dataAgreementId,
        current=False,
        offset=page.offset,
        limit=page.limit,
        after=page.stop,
    )
    found = await service.page_of(desk, persons, wanted)
    return schemas.Records.of(found, page.follow(found.stop))


@router.put(
    "/service/individual/record/consent-record/{consentRecordId}/",
    operation_id="serviceIndividualConsentRecordUpdate",
    responses=may_answer(
        *_WHOSE,
        RecordNotFound,
        RecordSuperseded,
        RevisionOutdated,
        AgreementNotFound,
        AgreementInactive,
        ExpiryInvalid,
        ExtensionRefused,
    ),
)
async def service_individual_consent_record_update(  # noqa: PLR0913, PLR0917  published
    session: Transaction,
    office: Office,
    caller: Writer,
    consentRecordId: str,  # noqa: N803
    body: schemas.ChangedRecordBody,
    header: HeaderId = None,
) -> schemas.RecordAnswer:
    """Withdraw a consent, opt in again (CON-6.2.3), or choose another end (CON-7.events).

    Earlier signatures do not count, but for an earlier end.
    """
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, lock=ALONE, by_agreement=True)
    sent = body.consentRecord
    return schemas.RecordAnswer.of(
        await service.change(
            desk,
            individual,
            consentRecordId,
            opt_in=sent.optIn,
            revision_hash=sent.dataAgreementRevisionHash,
            expires_at=sent.expiresAt,
        )
    )


@router.delete(
    "/service/individual/record/",
    operation_id="serviceIndividualConsentRecordDeleteAll",
    responses=may_answer(*_WHOSE),
)
async def service_individual_consent_record_delete_all(
    session: Transaction, office: Office, caller: Writer, header: HeaderId = None
) -> schemas.Forgotten:
    """Delete what need not stay: under forgettable agreements, or begun and never signed."""
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, lock=ALONE)
    gone = await service.forget(desk, individual)
    return schemas.Forgotten(deleted=[record.id for record in gone])
