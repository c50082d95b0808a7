"""Routes from a draft to a signature."""

from typing import Annotated

from fastapi import Query

from consent.agreements.models import AgreementInactive, AgreementNotFound
from consent.consents.models import (
    AttributesInvalid,
    DraftOutdated,
    ExpiryInvalid,
    RecordNotFound,
    RecordSuperseded,
    RevisionOutdated,
)
from consent.desk import ALONE
from consent.door import BothSpellings, HeaderId, Office, QueryId
from consent.individuals import service as individuals
from consent.individuals.models import IndividualMissing, IndividualNotFound, IndividualNotYours
from consent.keys.models import SignatureInvalid
from consent.policies.schemas import Line
from consent.signatures.models import (
    PayloadMismatch,
    SignatureIncomplete,
    SignatureNotBegun,
    SignaturesEnough,
)
from consent.signatures.schemas import Signature, SignatureAnswer, SignatureBody
from consent.submissions import schemas, service
from consent.submissions.models import Wish
from kit.access import Caller, requires
from kit.web import Moment, Reading, Transaction, may_answer

router = BothSpellings(tags=["submissions"])

Writer = Annotated[Caller, requires("consents:write")]
_WHOSE = (IndividualMissing, IndividualNotFound, IndividualNotYours)
_OPEN = (AgreementNotFound, AgreementInactive, RevisionOutdated)
_SIGNED = (PayloadMismatch, SignatureIncomplete, SignatureInvalid)


@router.post(
    "/service/individual/record/consent-record/draft/",
    operation_id="serviceIndividualConsentRecordDraftCreate",
    responses=may_answer(*_WHOSE, *_OPEN, ExpiryInvalid, AttributesInvalid),
)
async def service_individual_consent_record_draft_create(  # noqa: PLR0913, PLR0917  published
    session: Reading,
    office: Office,
    caller: Writer,
    dataAgreementId: Annotated[str, Query(description="What to consent to")],  # noqa: N803
    header: HeaderId = None,
    query: QueryId = None,
    revisionId: Annotated[  # noqa: N803
        str | None, Query(description="The agreement's revision that was shown")
    ] = None,
    optIn: Annotated[bool, Query(description="False to sign a refusal")] = True,  # noqa: FBT002, N803
    expiresAt: Annotated[  # noqa: N803
        Moment | None, Query(description="An end before the agreement's own")
    ] = None,
    attributes: Annotated[
        list[Line] | None, Query(description="What of the agreement's attributes; all by default")
    ] = None,
) -> schemas.DraftAnswer:
    """Return a record and a signature to be signed; nothing is kept (CON-9.2.a)."""
    desk = office.desk(session, caller)
    whose = individuals.named(header, query)
    wish = Wish(dataAgreementId, revisionId, optIn, expiresAt, attributes)
    return schemas.DraftAnswer.of(await service.draft(desk, whose, wish))


@router.post(
    "/service/individual/record/consent-record/",
    operation_id="serviceIndividualConsentRecordSignatureCreate",
    responses=may_answer(
        *_WHOSE, *_OPEN, *_SIGNED, DraftOutdated, ExpiryInvalid, AttributesInvalid
    ),
)
async def service_individual_consent_record_signature_create(  # noqa: PLR0913, PLR0917  published
    reading: Reading,
    session: Transaction,
    office: Office,
    caller: Writer,
    body: schemas.SubmissionBody,
    header: HeaderId = None,
    query: QueryId = None,
) -> schemas.SubmissionAnswer:
    """Keep a signed record: record, revision and signature, or nothing (CON-9.2.c).

    Sending the same again answers the same, with its old time.
    """
    looking = office.desk(reading, caller)
    whose = individuals.named(header, query)
    kept = await service.submit(looking, session, whose, body.submission())
    return schemas.SubmissionAnswer.of(kept)


@router.post(
    "/service/individual/record/consent-record/{consentRecordId}/signature/",
    operation_id="serviceIndividualSignatureCreate",
    responses=may_answer(*_WHOSE, *_OPEN, RecordNotFound, RecordSuperseded, SignaturesEnough),
)
async def service_individual_signature_create(
    session: Transaction,
    office: Office,
    caller: Writer,
    consentRecordId: str,  # noqa: N803  GovStack's spelling
    _body: SignatureBody | None = None,
    header: HeaderId = None,
) -> SignatureAnswer:
    """Return a record's next signature with a payload ready for signing; what is sent is not used.

    On a signed record it is a further one, which signs the one before it.
    """
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, lock=ALONE, by_agreement=True)
    begun = await service.begin(desk, individual, consentRecordId)
    return SignatureAnswer(signature=Signature.of(begun))


@router.put(
    "/service/individual/record/consent-record/{consentRecordId}/signature/",
    operation_id="serviceIndividualSignatureUpdate",
    responses=may_answer(
        *_WHOSE, *_OPEN, *_SIGNED, RecordNotFound, RecordSuperseded, SignatureNotBegun
    ),
)
async def service_individual_signature_update(  # noqa: PLR0913, PLR0917  published
    session: Transaction,
    office: Office,
    caller: Writer,
    consentRecordId: str,  # noqa: N803
    body: SignatureBody,
    header: HeaderId = None,
) -> SignatureAnswer:
    """Sign a record whose signature was begun; the same again is answered as it stands."""
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, lock=ALONE, by_agreement=True)
    signed = await service.finish(desk, individual, consentRecordId, body.signature.content())
    return SignatureAnswer(signature=Signature.of(signed))
