"""Telling that the time of consents is over (CON-7.events)."""

from datetime import UTC, timedelta

from consent.announcements import service as announcements
from consent.desk import Desk
from consent.expiry import store
from consent.expiry.models import Ended
from consent.individuals import service as individuals
from consent.individuals.models import Individual
from kit.access import Caller
from kit.database import Lender, Session, Transaction
from kit.evidence import Entry, Ledger
from kit.sealing import Keyring

_TOGETHER = 100  # records in one transaction


async def tell(lender: Lender, keyring: Keyring, ledger: Ledger) -> None:
    """Write down and tell every consent whose end has come, each once.

    Entry, event and mark stand together or not at all: what a process was killed over, the next
    one tells.
    """
    told = _TOGETHER
    while told == _TOGETHER:
        async with Transaction(lender) as session:
            told = await _tell_some(session, keyring, ledger)


async def _tell_some(session: Session, keyring: Keyring, ledger: Ledger) -> int:
    ended = await store.take(session, _TOGETHER)
    stood = [one for one in ended if one.stood]
    whose = await individuals.load(session, keyring, (one.individual_id for one in stood))
    for one in stood:
        application = f"{one.tenant}/consent"
        # nobody asks, and nothing is drafted: what says so of a desk is not used
        desk = Desk(session, keyring, ledger, Caller(application, one.tenant), "", timedelta())
        entry = _entry(application, one, whose[one.individual_id])
        await announcements.record(desk, entry, individualId=one.individual_id)
    return len(ended)


def _entry(application: str, ended: Ended, individual: Individual) -> Entry:
    return Entry(
        "consent.expired",
        application,
        f"{ended.tenant}/consent-record/{ended.record_id}",
        subject=individual.identity.external_id,
        facts={
            "agreement": ended.agreement_id,
            "expiresAt": ended.expires_at.astimezone(UTC).isoformat(),
        },
        tenant=ended.tenant,
    )
