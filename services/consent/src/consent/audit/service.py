"""What auditors can ask; a tenant of None means every member."""

from dataclasses import replace

from consent.agreements import service as agreements
from consent.agreements.models import Agreement, AgreementNotFound
from consent.revisions import service as revisions
from consent.revisions.models import Revision, Search
from consent.tracing import trace
from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger, Written
from kit.evidence import Search as LogSearch


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


async def page_log(ledger: Ledger, caller: Caller, search: LogSearch) -> list[Written]:
    """Return what was done and looked at, newest first; this look is logged too."""
    tenant = reach(caller)
    await ledger.note(trace("audit.log-read", caller, f"{tenant or '*'}/log"))
    within = None if tenant is None else f"{tenant}/"
    return await ledger.search(replace(search, object_prefix=within))
