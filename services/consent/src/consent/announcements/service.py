"""How what happened is written down and told: with one call, in one transaction."""

import json
from typing import Any

from consent.announcements.models import CLOSING, EVENTS, event
from consent.desk import Desk
from consent.webhooks import service as webhooks
from kit import deliveries, jobs
from kit.evidence import Entry

CALL_BACK = "call decisions back"
"""The job that tells those who keep decisions to forget some; its payload is JSON,
``{"consentRecordId": …}`` or ``{"dataAgreementId": …}``."""

_CALLED_BACK = {"consent-record": "consentRecordId", "data-agreement": "dataAgreementId"}


async def record(desk: Desk, entry: Entry, **data: Any) -> None:
    """Write an entry, and tell it to the webhooks that asked for its kind.

    ``data`` is said to them beside the entry's facts. What makes decisions wrong calls those back
    that others keep.
    """
    await desk.ledger.record(desk.session, entry)
    if entry.kind in EVENTS:
        await tell(desk, entry, **data)
    if entry.kind in CLOSING:
        _, name, object_id = entry.object.rsplit("/", 2)
        payload = json.dumps({_CALLED_BACK[name]: object_id}).encode()
        await jobs.enqueue(desk.session, CALL_BACK, payload, priority=1)


async def tell(desk: Desk, entry: Entry, **data: Any) -> None:
    """Tell an entry to the webhooks of the member it concerns that asked for its kind."""
    tenant = entry.object.rsplit("/", 2)[0]
    endpoints = await webhooks.endpoints_for(desk.session, tenant, entry.kind)
    if endpoints:
        told = event(entry, data)
        await deliveries.deliver(desk.session, desk.keyring, [(each, told) for each in endpoints])
