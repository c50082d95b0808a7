"""What auditors can ask; a tenant of None means every member."""

from consent.agreements import service as agreements
from consent.agreements.models import Agreement, AgreementNotFound
from consent.revisions import service as revisions
from consent.revisions.models import Revision, Search
from kit.access import Caller
from kit.database import Session


def reach(caller: Caller) -> str | None:
    """Return the member an auditor sees; None for all, with the scope ``audit:all``."""
    return None if caller.may("audit:all") else caller.tenant


async def get_agreement(session: Session, caller: Caller, agreement_id: str) -> Agreement:
    """Return an agreement, an ended one too, or raise AgreementNotFound."""
    found = await agreements.find(session, agreement_id)
    if found is None or reach(caller) not in {None, found.tenant}:
        raise AgreementNotFound("no data agreement with this id")
    return found


async def page_agreements(
    session: Session, caller: Caller, offset: int, limit: int
) -> list[Agreement]:
    """Return agreements, ended ones too, oldest first."""
    return await agreements.page_for_audit(session, reach(caller), offset, limit)


async def page_revisions(session: Session, search: Search) -> list[Revision]:
    """Return the revisions of all objects that a search finds."""
    return await revisions.page(session, search)
