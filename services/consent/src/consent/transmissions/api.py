"""Routes for who reports what was sent, and for those who may see it."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Query

from consent.audit import service as audit
from consent.door import BothSpellings, HeaderId, Office
from consent.individuals import service as individuals
from consent.individuals.models import IndividualMissing, IndividualNotFound, IndividualNotYours
from consent.transmissions import schemas, service
from consent.transmissions.models import Filter, Page, Place
from kit.access import Caller, requires
from kit.paging import CursorInvalid, Keyed, Pages, Stop
from kit.web import Moment, Reading, Text, Transaction, gathered, may_answer

router = BothSpellings(tags=["transmissions"])

Reporter = Annotated[Caller, requires("transmissions:report")]
Reader = Annotated[Caller, requires("consents:read")]
Verifier = Annotated[Caller, requires("verification:read")]
Auditor = Annotated[Caller, requires("audit:read")]


@dataclass(frozen=True)
class _Asked:
    """What a list of transmissions is limited by."""

    agreement: Annotated[
        Text | None, Query(alias="dataAgreementId", description="Under this agreement")
    ] = None
    record: Annotated[
        Text | None, Query(alias="consentRecordId", description="Under this consent record")
    ] = None
    client: Annotated[
        Text | None, Query(description="To this application, or this member's applications")
    ] = None
    since: Annotated[Moment | None, Query(alias="from", description="Then or later")] = None
    until: Annotated[Moment | None, Query(alias="to", description="Before")] = None

    def filter(self, pages: Pages, tenant: str | None = None) -> Filter:
        """Return the filter for a page of a member's transmissions, or of all (None)."""
        stop = pages.stop
        return Filter(
            tenant=tenant,
            agreement_id=self.agreement,
            record_id=self.record,
            client=self.client,
            since=self.since,
            until=self.until,
            after=None if stop is None else Place(stop.at, UUID(stop.id)),
            offset=pages.offset,
            limit=pages.limit,
        )


Asked = Annotated[_Asked, gathered(_Asked)]


def _answer(pages: Pages, page: Page) -> schemas.Transmissions:
    end = page.next
    stop = None if end is None else Stop(end.at, str(end.id))
    return schemas.Transmissions.of(page, pages.follow(stop))


@router.post("/service/transmissions/", operation_id="serviceTransmissionReport")
async def service_transmission_report(
    session: Transaction,
    office: Office,
    caller: Reporter,
    body: schemas.Report,
) -> schemas.Reported:
    """Report exchanges under consents; the same again changes nothing."""
    desk = office.desk(session, caller)
    refused = await service.report(desk, [one.exchange() for one in body.transmissions])
    return schemas.Reported(refused=[schemas.Refused.of(one) for one in refused])


@router.get(
    "/service/individual/transmissions/",
    operation_id="serviceIndividualTransmissionList",
    responses=may_answer(IndividualMissing, IndividualNotFound, IndividualNotYours, CursorInvalid),
)
async def service_individual_transmission_list(  # noqa: PLR0913, PLR0917  whose, which, and where
    session: Reading,
    office: Office,
    caller: Reader,
    asked: Asked,
    book: Keyed,
    header: HeaderId = None,
) -> schemas.Transmissions:
    """List which of an individual's data went to whom, newest first.

    A signed-in person who sends no header sees all of theirs, whoever keeps their consents.
    """
    desk = office.desk(session, caller)
    persons = await individuals.acting_for_all(desk, header, by_agreement=True)
    pages = book.of(header or desk.person)
    return _answer(pages, await service.page_of(desk, persons, asked.filter(pages)))


@router.get(
    "/service/verification/transmissions/",
    operation_id="serviceVerificationTransmissionList",
    responses=may_answer(CursorInvalid),
)
async def service_verification_transmission_list(
    session: Reading, office: Office, caller: Verifier, asked: Asked, book: Keyed
) -> schemas.Transmissions:
    """List what was sent under a member's agreements, newest first."""
    desk, pages = office.desk(session, caller), book.of(caller.tenant)
    return _answer(pages, await service.page(desk, asked.filter(pages, caller.tenant)))


@router.get(
    "/audit/transmissions/",
    operation_id="auditTransmissionList",
    responses=may_answer(CursorInvalid),
)
async def audit_transmission_list(
    session: Reading, office: Office, caller: Auditor, asked: Asked, book: Keyed
) -> schemas.Transmissions:
    """List what was sent under a member's agreements, or everybody's, newest first."""
    tenant = audit.reach(caller)
    desk, pages = office.desk(session, caller), book.of(tenant)
    return _answer(pages, await service.page(desk, asked.filter(pages, tenant)))
