"""Routes for whether an individual is told of changes."""

from typing import Annotated

from consent.desk import ALONE
from consent.door import BothSpellings, HeaderId, Office
from consent.individuals import service as individuals
from consent.individuals.models import IndividualMissing, IndividualNotFound, IndividualNotYours
from consent.preferences import schemas, service
from consent.preferences.models import PreferenceUnusable
from kit.access import Caller, requires
from kit.web import Reading, Transaction, may_answer

router = BothSpellings(tags=["preferences"])

Reader = Annotated[Caller, requires("consents:read")]
Writer = Annotated[Caller, requires("consents:write")]
_WHOSE = (IndividualMissing, IndividualNotFound, IndividualNotYours)


@router.get(
    "/service/individual/notification-preferences/",
    operation_id="serviceIndividualNotificationPreferencesRead",
    responses=may_answer(*_WHOSE),
)
async def service_individual_notification_preferences_read(
    session: Reading, office: Office, caller: Reader, header: HeaderId = None
) -> schemas.PreferenceAnswer:
    """Tell whether an individual wants to be told of changes; nobody does by default."""
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header)
    return schemas.PreferenceAnswer.of(await service.view(desk, individual))


@router.put(
    "/service/individual/notification-preferences/",
    operation_id="serviceIndividualNotificationPreferencesUpdate",
    responses=may_answer(*_WHOSE, PreferenceUnusable),
)
async def service_individual_notification_preferences_update(
    session: Transaction,
    office: Office,
    caller: Writer,
    body: schemas.PreferenceBody,
    header: HeaderId = None,
) -> schemas.PreferenceAnswer:
    """Switch on or off that an individual is told of changes (CON-6.2.5)."""
    desk = office.desk(session, caller)
    individual = await individuals.acting(desk, header, lock=ALONE)
    wanted = body.notificationPreferences.preference()
    return schemas.PreferenceAnswer.of(await service.change(desk, individual, wanted))
