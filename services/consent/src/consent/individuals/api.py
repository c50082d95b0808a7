"""Routes for individuals."""

from typing import Annotated

from fastapi import Query

from consent.door import BothSpellings, Office
from consent.individuals import schemas, service
from consent.individuals.models import (
    Filter,
    FilterUnusable,
    Individual,
    IndividualNotFound,
    IndividualNotYours,
    IndividualTaken,
)
from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Reading, Transaction, leads_to, may_answer

router = BothSpellings(tags=["individuals"])

Reader = Annotated[Caller, requires("individuals:read")]
Writer = Annotated[Caller, requires("individuals:write")]
_UNKNOWN = may_answer(IndividualNotFound, IndividualNotYours)
_CHANGED = may_answer(IndividualNotFound, IndividualNotYours, IndividualTaken)
_CREATED = {
    **may_answer(IndividualNotYours, IndividualTaken),
    **leads_to(
        200,
        "configIndividualRead",
        "serviceIndividualRead",
        "serviceIndividualUpdate",
        individualId="$response.body#/individual/id",
    ),
}


def _answer(individual: Individual) -> schemas.IndividualAnswer:
    return schemas.IndividualAnswer(individual=schemas.Individual.of(individual))


@router.post("/config/individual/", operation_id="configIndividualCreate", responses=_CREATED)
async def config_individual_create(
    session: Transaction,
    office: Office,
    caller: Writer,
    body: schemas.IndividualBody,
) -> schemas.IndividualAnswer:
    """Make an individual known."""
    desk = office.desk(session, caller)
    sent = body.individual
    return _answer(await service.create(desk, sent.identity(), sent.id))


@router.get(
    "/config/individual/{individualId}/",
    operation_id="configIndividualRead",
    responses=_UNKNOWN,
)
async def config_individual_read(
    session: Reading,
    office: Office,
    caller: Reader,
    individualId: str,  # noqa: N803  GovStack's spelling
) -> schemas.IndividualAnswer:
    """Read an individual."""
    desk = office.desk(session, caller)
    return _answer(await service.view(desk, individualId))


@router.get("/config/individuals/", operation_id="configIndividualList")
async def config_individual_list(
    session: Reading, office: Office, caller: Reader, page: Paged
) -> schemas.Individuals:
    """List individuals."""
    desk = office.desk(session, caller)
    wanted = Filter(caller.tenant, offset=page.offset, limit=page.limit)
    found = await service.page(desk, wanted)
    return schemas.Individuals(individuals=[schemas.Individual.of(each) for each in found])


@router.post("/service/individual/", operation_id="serviceIndividualCreate", responses=_CREATED)
async def service_individual_create(
    session: Transaction,
    office: Office,
    caller: Writer,
    body: schemas.IndividualBody,
) -> schemas.IndividualAnswer:
    """Make an individual known; a second one with the same external id is refused (CON-9.2.b)."""
    desk = office.desk(session, caller)
    sent = body.individual
    return _answer(await service.create(desk, sent.identity(), sent.id))


@router.get(
    "/service/individual/{individualId}/",
    operation_id="serviceIndividualRead",
    responses=_UNKNOWN,
)
async def service_individual_read(
    session: Reading,
    office: Office,
    caller: Reader,
    individualId: str,  # noqa: N803
) -> schemas.IndividualAnswer:
    """Read an individual."""
    desk = office.desk(session, caller)
    return _answer(await service.view(desk, individualId))


@router.put(
    "/service/individual/{individualId}/",
    operation_id="serviceIndividualUpdate",
    responses=_CHANGED,
)
async def service_individual_update(
    session: Transaction,
    office: Office,
    caller: Writer,
    individualId: str,  # noqa: N803
    body: schemas.IndividualBody,
) -> schemas.IndividualAnswer:
    """Change what identifies an individual."""
    desk = office.desk(session, caller)
    return _answer(await service.update(desk, individualId, body.individual.identity()))


@router.get(
    "/service/individuals/",
    operation_id="serviceIndividualList",
    responses=may_answer(FilterUnusable, IndividualNotYours),
)
async def service_individual_list(  # noqa: PLR0913, PLR0917  the published parameters
    session: Reading,
    office: Office,
    caller: Reader,
    page: Paged,
    externalId: Annotated[  # noqa: N803
        str | None, Query(description="Prefer the search, which keeps it out of addresses")
    ] = None,
    externalIdType: Annotated[  # noqa: N803
        str | None, Query(description="The type of that id; any when not given")
    ] = None,
) -> schemas.Individuals:
    """List individuals, or find one by an external id."""
    desk = office.desk(session, caller)
    wanted = Filter(caller.tenant, externalId, externalIdType, page.offset, page.limit)
    found = await service.page(desk, wanted)
    return schemas.Individuals(individuals=[schemas.Individual.of(each) for each in found])


@router.post(
    "/service/individuals/search/",
    operation_id="serviceIndividualSearch",
    responses=may_answer(IndividualNotYours),
)
async def service_individual_search(
    session: Reading,
    office: Office,
    caller: Reader,
    page: Paged,
    body: schemas.IndividualSearch,
) -> schemas.Individuals:
    """Find individuals by an external id that stays out of the address."""
    desk = office.desk(session, caller)
    wanted = Filter(caller.tenant, body.externalId, body.externalIdType, page.offset, page.limit)
    found = await service.page(desk, wanted)
    return schemas.Individuals(individuals=[schemas.Individual.of(each) for each in found])
