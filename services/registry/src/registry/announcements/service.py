"""How what happens is announced, and what of it leaves for whom (DRS-5.h).

An announcement is a job, enqueued in the change's own transaction: it holds ids and names of
fields, no content. What a subscriber may see is decided when an event is about to leave, by the
rights it has then.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kit import deliveries, jobs
from kit.database import Lender, Reading, Session
from kit.deliveries import Event
from kit.evidence import Ledger
from kit.problems import Forbidden, Invalid, NotFound
from kit.sealing import Keyring
from registry.databases import service as databases
from registry.databases.models import Release
from registry.records import service as records
from registry.records.service import Call, Opened
from registry.rights.models import Action
from registry.subscriptions import service as subscriptions
from registry.subscriptions.models import NAME, Happened, Kind, Present, Subscription, source_of
from registry.usage import service as usage
from registry.usage.models import READ

ANNOUNCE = "announce"
"""The job that sends what happened on its way to subscribers."""

_TOGETHER = 200  # events of one job
_CLOSED = (NotFound, Forbidden)


async def announce(session: Session, release: Release, happened: Sequence[Happened]) -> None:
    """Tell subscribers what happened, in the transaction in which it happens.

    Only what a database's ``settings["subscribed"]`` says there is somebody for need be announced.
    """
    if not release.settings.get(NAME):
        return
    every = await subscriptions.every(session, release.database)
    told = [
        _announcement(release, each, endpoints)
        for each in happened
        if (endpoints := [str(one.endpoint_id) for one in every if one.wants(each)])
    ]
    parts = [told[first : first + _TOGETHER] for first in range(0, len(told), _TOGETHER)]
    await jobs.enqueue_all(session, ANNOUNCE, [json.dumps(part).encode() for part in parts])


async def announce_published(session: Session, tenant: str, database_id: int) -> None:
    """Tell subscribers that a database has a new version, in the transaction that made it one."""
    release = await databases.release_of(session, tenant, database_id)
    await announce(session, release, [Happened(Kind.DATABASE_PUBLISHED)])


def _announcement(release: Release, happened: Happened, endpoints: Sequence[str]) -> dict[str, Any]:
    """Return an event and whom it goes to; references only."""
    data = {
        "databaseId": release.database,
        "registryName": release.code,
        "version": f"{release.path.number}.0",
        "recordId": happened.record_id and str(happened.record_id),
        "recordNumber": happened.number,
        "revision": happened.revision,
        "fields": list(happened.fields) if happened.record_id else None,
    }
    event = Event(
        happened.kind.type,
        source_of(release.tenant, release.database),
        {name: value for name, value in data.items() if value is not None},
        subject=None if happened.record_id is None else str(happened.record_id),
    )
    return {"to": list(endpoints), "event": event.body().decode()}


async def send(session: Session, keyring: Keyring, announced: bytes) -> None:
    """Send announced events on their way; what was announced before is passed over."""
    told: list[dict[str, Any]] = json.loads(announced)
    events = [
        (UUID(endpoint), Event.read(each["event"].encode()))
        for each in told
        for endpoint in each["to"]
    ]
    await deliveries.deliver(session, keyring, events)


@dataclass(frozen=True, slots=True)
class Desk:
    """What looks at events before they leave works with."""

    database: Lender
    ledger: Ledger

    async def prepare(self, endpoint_id: UUID, event: Event) -> Event | None:
        """Return an event with what its subscriber may see of it now; None: nothing of it.

        The owner member sees all. Others are told of what their rights cover, by the names of
        fields that show to them, and get content only where no consent need be asked for.
        """
        session = Reading(self.database)
        found = await subscriptions.find_of_endpoint(session, endpoint_id)
        if found is None:
            return None
        if event.subject is None or (found.is_owners and not found.with_content):
            return event
        try:
            return await self._looked_at(session, found, event)
        except _CLOSED:
            return None

    async def _looked_at(self, session: Session, found: Subscription, event: Event) -> Event | None:
        registry = event.data["registryName"]
        call = Call(found.caller, registry, found.label, found.legal_basis)
        try:
            opened = await records.open_for(session, call, Action.READ)
        except Invalid:  # a law that the subscription does not name is needed
            return event if found.is_owners else None
        if found.filter is not None:
            opened.grant.check_named(found.filter.fields)
        record = await subscriptions.find_record(session, found.database, UUID(event.subject or ""))
        if record is None or not opened.covers(record.kept):
            return None
        data = dict(event.data)
        data["fields"] = [name for name in data["fields"] if opened.grant.shows(name)]
        if found.with_content:
            data |= await self._content(found, opened, record)
        return event.carrying(data)

    async def _content(self, found: Subscription, opened: Opened, at: Present) -> Mapping[str, Any]:
        """Return what shows of the record as it is now, and write down that it was shown."""
        opened = replace(opened, grant=opened.grant.without_consents())
        record = at.kept
        if at.is_deleted or not opened.covers(record):
            return {}
        if opened.personal_of(record):
            looks = [opened.look(record)]
            await usage.note(self.ledger, found.caller, READ, looks, opened.purpose("event"))
        return {"content": opened.values(record), "revision": record.revision}
