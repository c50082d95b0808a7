"""Routes for data agreements."""

from typing import Annotated

from consent.agreements import schemas, service
from consent.agreements.models import AgreementNotFound, AgreementTaken, Filter
from consent.door import BothSpellings, Office
from consent.policies.models import PolicyNotFound
from consent.revisions.models import RevisionNotFound
from consent.revisions.schemas import Revision, RevisionOnly
from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Reading, Transaction, leads_to, may_answer

router = BothSpellings(tags=["agreements"])

Reader = Annotated[Caller, requires("agreements:read")]
Writer = Annotated[Caller, requires("agreements:write")]
_UNKNOWN = may_answer(AgreementNotFound)


def _answer(kept: service.Kept) -> schemas.AgreementAnswer:
    agreement, revision = kept
    return schemas.AgreementAnswer(
        dataAgreement=schemas.DataAgreement.of(agreement), revision=Revision.of(revision)
    )


@router.post(
    "/config/data-agreement/",
    operation_id="configDataAgreementCreate",
    responses={
        **may_answer(AgreementTaken, PolicyNotFound, RevisionNotFound),
        **leads_to(
            200,
            "configDataAgreementRead",
            "configDataAgreementUpdate",
            "configDataAgreementDelete",
            "configDataAgreementRevisionsList",
            "serviceDataAgreementRead",
            "auditDataAgreementRead",
            dataAgreementId="$response.body#/dataAgreement/id",
        ),
    },
)
async def config_data_agreement_create(
    session: Transaction, office: Office, caller: Writer, body: schemas.AgreementBody
) -> schemas.AgreementAnswer:
    """Create an agreement under a policy (CON-6.1.1)."""
    sent = body.dataAgreement
    return _answer(await service.create(office.desk(session, caller), sent.content(), sent.id))


@router.get(
    "/config/data-agreement/{dataAgreementId}/",
    operation_id="configDataAgreementRead",
    responses=_UNKNOWN,
)
async def config_data_agreement_read(
    session: Reading,
    caller: Reader,
    dataAgreementId: str,  # noqa: N803  GovStack's spelling
) -> schemas.AgreementAnswer:
    """Read an agreement as it is now (CON-6.1.2)."""
    return _answer(await service.get(session, caller.tenant, dataAgreementId))


@router.put(
    "/config/data-agreement/{dataAgreementId}/",
    operation_id="configDataAgreementUpdate",
    responses=may_answer(AgreementNotFound, PolicyNotFound, RevisionNotFound),
)
async def config_data_agreement_update(
    session: Transaction,
    office: Office,
    caller: Writer,
    dataAgreementId: str,  # noqa: N803
    body: schemas.AgreementBody,
) -> schemas.AgreementAnswer:
    """Change an agreement; records keep the revision they were given under (CON-6.1.3)."""
    content = body.dataAgreement.content()
    return _answer(await service.update(office.desk(session, caller), dataAgreementId, content))


@router.delete(
    "/config/data-agreement/{dataAgreementId}/",
    operation_id="configDataAgreementDelete",
    responses=_UNKNOWN,
)
async def config_data_agreement_delete(
    session: Transaction,
    office: Office,
    caller: Writer,
    dataAgreementId: str,  # noqa: N803
) -> RevisionOnly:
    """End an agreement; its history stays (CON-6.1.4)."""
    revision = await service.delete(office.desk(session, caller), dataAgreementId)
    return RevisionOnly(revision=Revision.of(revision))


@router.get(
    "/config/data-agreement/{dataAgreementId}/revisions/",
    operation_id="configDataAgreementRevisionsList",
    responses=_UNKNOWN,
)
async def config_data_agreement_revisions_list(
    session: Reading,
    caller: Reader,
    dataAgreementId: str,  # noqa: N803
    page: Paged,
) -> schemas.AgreementRevisions:
    """List the states an agreement had, oldest first (CON-6.1.5)."""
    found = await service.page_revisions(
        session, caller.tenant, dataAgreementId, page.offset, page.limit
    )
    return schemas.AgreementRevisions(revisions=[Revision.of(each) for each in found])


@router.get("/config/data-agreements/", operation_id="configDataAgreementList")
async def config_data_agreement_list(
    session: Reading, caller: Reader, page: Paged
) -> schemas.AgreementPage:
    """List agreements."""
    found = await service.page(session, Filter(caller.tenant, offset=page.offset, limit=page.limit))
    said = [schemas.DataAgreement.of(each) for each in found.agreements]
    return schemas.AgreementPage(dataAgreement=said)


@router.get(
    "/service/data-agreement/{dataAgreementId}/",
    operation_id="serviceDataAgreementRead",
    responses=_UNKNOWN,
)
async def service_data_agreement_read(
    session: Reading,
    caller: Reader,
    dataAgreementId: str,  # noqa: N803
) -> schemas.AgreementAnswer:
    """Read the agreement an individual is shown (CON-6.2.1)."""
    return _answer(await service.get(session, caller.tenant, dataAgreementId))
