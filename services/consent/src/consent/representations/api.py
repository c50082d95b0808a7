"""Routes for who acts for whom."""

from typing import Annotated

from fastapi import Query

from consent.agreements.models import AgreementNotFound
from consent.door import BothSpellings, HeaderId, Office
from consent.individuals import service as individuals
from consent.individuals.models import IndividualMissing, IndividualNotFound, IndividualNotYours
from consent.representations import schemas, service
from consent.representations.models import RepresentationInvalid, RepresentationNotFound
from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Reading, Transaction, leads_to, may_answer

router = BothSpellings(tags=["representations"])

Reader = Annotated[Caller, requires("consents:read")]
Writer = Annotated[Caller, requires("consents:write")]
Clerk = Annotated[Caller, requires("representations:read")]
Registrar = Annotated[Caller, requires("representations:write")]
_WHOSE = (IndividualNotFound, IndividualNotYours)
_MADE = (*_WHOSE, AgreementNotFound, RepresentationInvalid)
_KNOWN = may_answer(RepresentationNotFound, IndividualNotYours)


@router.get(
    "/service/individual/representations/",
    operation_id="serviceIndividualRepresentationList",
    responses=may_answer(IndividualMissing, *_WHOSE),
)
async def service_individual_representation_list(
    session: Reading, office: Office, caller: Reader, page: Paged, header: HeaderId = None
) -> schemas.Representations:
    """List by whom an individual is represented and whom they represent, over and standing.

    A signed-in person who sends no header sees all of theirs, with every member.
    """
    desk = office.desk(session, caller)
    persons = await individuals.acting_for_all(desk, header)
    found = await service.page_of(desk, persons, (page.offset, page.limit))
    return schemas.Representations(
        representations=[schemas.Representation.of(each) for each in found]
    )


@router.post(
    "/service/individual/representations/",
    operation_id="serviceIndividualRepresentationCreate",
    responses={
        **may_answer(IndividualMissing, *_MADE),
        **leads_to(
            200,
            "serviceIndividualRepresentationDelete",
            representationId="$response.body#/representation/id",
        ),
    },
)
async def service_individual_representation_create(
    session: Transaction,
    office: Office,
    caller: Writer,
    body: schemas.NewDelegateBody,
    header: HeaderId = None,
) -> schemas.RepresentationAnswer:
    """Let another individual of the same member act, or pass on what the caller acts by.

    What is passed on covers no more, ends no later and goes through fewer hands. The same again
    changes nothing.
    """
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, by_agreement=True)
    made = await service.delegate(desk, individual, body.representation.wish())
    return schemas.RepresentationAnswer.of(made)


@router.delete(
    "/service/individual/representations/{representationId}/",
    operation_id="serviceIndividualRepresentationDelete",
    responses=may_answer(IndividualMissing, *_WHOSE, RepresentationNotFound),
)
async def service_individual_representation_delete(
    session: Transaction,
    office: Office,
    caller: Writer,
    representationId: str,  # noqa: N803  as other ids are spelled
    header: HeaderId = None,
) -> schemas.RepresentationAnswer:
    """End a representation, and all that were passed on from it, as one of those concerned."""
    desk = office.desk(session, caller)
    persons = await individuals.acting_for_all(desk, header)
    return schemas.RepresentationAnswer.of(await service.end(desk, persons, representationId))


@router.get(
    "/config/representations/",
    operation_id="configRepresentationList",
    responses=may_answer(IndividualNotYours),
)
async def config_representation_list(
    session: Reading,
    office: Office,
    caller: Clerk,
    page: Paged,
    individualId: Annotated[  # noqa: N803
        str | None, Query(description="Of this individual only, on either side")
    ] = None,
) -> schemas.Representations:
    """List a member's representations."""
    desk = office.desk(session, caller)
    found = await service.page(desk, individualId, (page.offset, page.limit))
    return schemas.Representations(
        representations=[schemas.Representation.of(each) for each in found]
    )


@router.post(
    "/config/representation/",
    operation_id="configRepresentationCreate",
    responses={
        **may_answer(*_MADE),
        **leads_to(
            200,
            "configRepresentationRead",
            "configRepresentationDelete",
            representationId="$response.body#/representation/id",
        ),
    },
)
async def config_representation_create(
    session: Transaction,
    office: Office,
    caller: Registrar,
    body: schemas.NewRepresentationBody,
) -> schemas.RepresentationAnswer:
    """Make an individual another's guardian, or delegate; the same again changes nothing."""
    desk = office.desk(session, caller)
    sent = body.representation
    return schemas.RepresentationAnswer.of(
        await service.appoint(desk, sent.individual.id, sent.wish())
    )


@router.get(
    "/config/representation/{representationId}/",
    operation_id="configRepresentationRead",
    responses=_KNOWN,
)
async def config_representation_read(
    session: Reading,
    office: Office,
    caller: Clerk,
    representationId: str,  # noqa: N803
) -> schemas.RepresentationAnswer:
    """Read a representation, with what a guardian is one by."""
    desk = office.desk(session, caller)
    return schemas.RepresentationAnswer.of(await service.view(desk, representationId))


@router.delete(
    "/config/representation/{representationId}/",
    operation_id="configRepresentationDelete",
    responses=_KNOWN,
)
async def config_representation_delete(
    session: Transaction,
    office: Office,
    caller: Registrar,
    representationId: str,  # noqa: N803
) -> schemas.RepresentationAnswer:
    """End a representation, and all that were passed on from it, by administration."""
    desk = office.desk(session, caller)
    return schemas.RepresentationAnswer.of(await service.dismiss(desk, representationId))
