"""How what happened is written down and told: with one call, in one transaction."""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from consent.announcements import store
from consent.announcements.models import CLOSING, EVENTS, OBJECTS, event
from consent.desk import Desk
from consent.webhooks import service as webhooks
from kit import deliveries, jobs
from kit.database import Connection, Session, Transaction
from kit.evidence import Entry

CALL_BACK = "call decisions back"
"""The job that tells those who keep decisions to forget some; its payload is JSON,
``{"consentRecordId": …}`` or ``{"dataAgreementId": …}``."""


@dataclass(frozen=True, slots=True)
class _Same:
    """Lends what a session works on: a transaction on it is the session's own where it has one."""

    session: Session

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend the session's connection."""
        return self.session.lend()


async def record(desk: Desk, entry: Entry, *, closes: bool = False, **data: Any) -> None:
    """Write an entry, and tell it to the webhooks that asked for its kind.

    ``data`` is said to them beside the entry's facts. What makes decisions wrong calls those back
    that others keep: some kinds always do, others where the caller says that it ``closes`` some.
    """
    await desk.ledger.record(desk.session, entry)
    if entry.kind in EVENTS:
        await tell(desk, entry, by=_by(desk, entry), **data)
    if closes or entry.kind in CLOSING:
        _, name, object_id = entry.object.rsplit("/", 2)
        payload = json.dumps({OBJECTS[name]: object_id}).encode()
        await jobs.enqueue(desk.session, CALL_BACK, payload, priority=1)


async def called_back(session: Session, named: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Return what a keeper is told, one thing at a time: an agreement, or an individual's records.

    A decision may have been made by what the individual said of an earlier revision, in a record of
    its own.
    """
    record_id = named.get("consentRecordId")
    if record_id is None:
        return [named]
    found = {record_id, *await store.beside(session, record_id)}
    return [{"consentRecordId": each} for each in sorted(found)]


async def note(desk: Desk, entry: Entry, **data: Any) -> None:
    """Write a look down, and tell it when an application had it and not the person.

    ``data`` as in ``record``. What is told is enqueued before the answer leaves.
    """
    await desk.ledger.note(entry)
    if entry.kind in EVENTS and desk.person is None:
        await tell(desk, entry, by=_by(desk, entry), **data)


async def tell(desk: Desk, entry: Entry, **data: Any) -> None:
    """Tell an entry to the webhooks of the member it concerns that asked for its kind."""
    tenant = entry.object.rsplit("/", 2)[0]
    endpoints = await webhooks.endpoints_for(desk.session, tenant, entry.kind)
    if endpoints:
        told = event(entry, data)
        async with Transaction(_Same(desk.session)) as session:
            await deliveries.deliver(session, desk.keyring, [(each, told) for each in endpoints])


def _by(desk: Desk, entry: Entry) -> str:
    """Return who acted: the ``person``, a ``representative``, or an ``application`` for them."""
    if desk.person is None:
        return "application"
    hands = desk.representative or entry.facts.get("representations")
    return "representative" if hands else "person"
