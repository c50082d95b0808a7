"""Telling that the time of consents is over (CON-7.events)."""

import logging
from collections.abc import Iterable
from datetime import UTC, timedelta

from consent.announcements import service as announcements
from consent.desk import Desk
from consent.expiry import store
from consent.expiry.models import Ended
from consent.individuals import service as individuals
from kit.access import Caller
from kit.database import Lender, Session, Transaction
from kit.evidence import Entry, Ledger
from kit.sealing import Keyring, SealBrokenError

_TOGETHER = 100  # records in one transaction
_log = logging.getLogger("consent.expiry")


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
    subjects = await _subjects(session, keyring, {one.individual_id for one in stood})
    for one in stood:
        application = f"{one.tenant}/consent"
        # nobody asks, and nothing is drafted: what says so of a desk is not used
        desk = Desk(session, keyring, ledger, Caller(application, one.tenant), "", timedelta())
        entry = _entry(application, one, subjects.get(one.individual_id))
        await announcements.record(desk, entry, individualId=one.individual_id)
    return len(ended)


async def _subjects(
    session: Session, keyring: Keyring, individual_ids: Iterable[str]
) -> dict[str, str]:
    """Return individuals' external ids by the ids made here, as far as seals can be opened.

    Where one cannot, the end is told all the same, and its entry concerns nobody by name: it must
    not hold up the others.
    """
    found: dict[str, str] = {}
    for each in individual_ids:
        try:
            loaded = await individuals.load(session, keyring, [each])
        except SealBrokenError:
            _log.error("the seal of an individual whose consent has ended cannot be opened")
        else:
            found |= {key: one.identity.external_id for key, one in loaded.items()}
    return found


def _entry(application: str, ended: Ended, subject: str | None) -> Entry:
    return Entry(
        "consent.expired",
        application,
        f"{ended.tenant}/consent-record/{ended.record_id}",
        subject=subject,
        facts={
            "agreement": ended.agreement_id,
            "expiresAt": ended.expires_at.astimezone(UTC).isoformat(),
        },
        tenant=ended.tenant,
    )
