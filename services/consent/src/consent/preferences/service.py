"""What can be asked about preferences: see them, and say them."""

from typing import Any

from consent.desk import Desk
from consent.individuals.models import Individual
from consent.preferences import store
from consent.preferences.models import Preference
from consent.tracing import trace
from kit.database import Session
from kit.evidence import Entry
from kit.sealing import Keyring


async def view(desk: Desk, individual: Individual) -> Preference:
    """Return what an individual wants, and log the look."""
    await desk.ledger.note(_told("notification-preferences.viewed", desk, individual))
    return await find(desk.session, desk.keyring, individual)


async def change(desk: Desk, individual: Individual, wanted: Preference) -> Preference:
    """Keep what an individual wants (CON-6.2.5), or raise PreferenceUnusable.

    The same again changes nothing.
    """
    wanted.check()
    if await find(desk.session, desk.keyring, individual) == wanted:
        return wanted
    key = desk.keyring.unwrap(individual.wrapped)
    await store.save(desk.session, key, individual.id, wanted)
    entry = _told("notification-preferences.changed", desk, individual, enabled=wanted.enabled)
    await desk.ledger.record(desk.session, entry)
    return wanted


async def find(session: Session, keyring: Keyring, individual: Individual) -> Preference:
    """Return what an individual wants; nothing is logged."""
    key = keyring.unwrap(individual.wrapped)
    return await store.find(session, key, individual.id) or Preference()


def _told(kind: str, desk: Desk, individual: Individual, **facts: Any) -> Entry:
    return trace(
        kind,
        desk.caller,
        individual.thing,
        subject=individual.identity.external_id,
        by=desk.person if individual.hands else None,
        tenant=individual.tenant,
        **facts,
    )
