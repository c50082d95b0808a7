"""Keeping what the gateway reports, and showing it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from consent.desk import Desk
from consent.individuals import service as individuals
from consent.individuals.models import Individual
from consent.tracing import trace
from consent.transmissions import store
from consent.transmissions.models import (
    Exchange,
    Filter,
    Page,
    Place,
    Refused,
    Transmission,
    stated,
)
from kit.database import Session
from kit.evidence import Part
from kit.evidence.models import moment

REPORTED = "transmission.reported"
VIEWED = "transmission.viewed"


async def report(desk: Desk, exchanges: Sequence[Exchange]) -> list[Refused]:
    """Keep exchanges, each of them once however often it is reported; return what is not kept.

    What is new has one entry, with a part for each individual's: the exchange is an entry in the
    gateway's ledger, which does not know whose data it was.
    """
    named = {item.record_id for one in exchanges for item in one.items}
    known = await store.find_known(desk.session, named)
    new = await store.insert(desk.session, stated(exchanges, known))
    if new:
        await _prove(desk, new)
    return [
        Refused(one.id, item.record_id)
        for one in exchanges
        for item in one.items
        if item.record_id not in known
    ]


async def _prove(desk: Desk, new: Sequence[Transmission]) -> None:
    whose = await individuals.get_many(desk, (one.individual_id or "" for one in new))
    parts = [_part(one, whose[one.individual_id or ""]) for one in new]
    entry = trace(REPORTED, desk.caller, "transmissions")
    written = await desk.ledger.record(desk.session, replace(entry, parts=parts))
    await store.prove(desk.session, written, [one.id for one in new])


def _part(one: Transmission, individual: Individual) -> Part:
    """Return what the report says of an individual: names that a provider chose are sealed."""
    return Part(
        f"{one.tenant}/consent-record/{one.record_id}",
        individual.identity.external_id,
        {
            "exchange": str(one.exchange_id),
            "at": moment(one.at),
            "client": one.client,
            "dataSource": one.data_source,
            "service": one.service,
            "confirmed": one.confirmed,
        },
        None if one.attributes is None else {"attributes": list(one.attributes)},
    )


async def forget(session: Session, record_ids: Sequence[str]) -> None:
    """Take the individual out of what was sent under records that are forgotten."""
    await store.forget(session, record_ids)


async def page_of(desk: Desk, persons: Sequence[Individual], wanted: Filter) -> Page:
    """Return what was sent of those acted for; a look by anybody but themselves is logged."""
    reach = persons[0].reach if len(persons) == 1 else None
    whose = [one.id for one in persons]
    found = await _page(desk, replace(wanted, individual_ids=whose, agreement_ids=reach))
    alone = desk.person is not None and desk.caller.represents is None
    await _note(desk, [one for one in persons if one.hands or not alone], found.found)
    return found


async def page(desk: Desk, wanted: Filter) -> Page:
    """Return what was sent under a member's agreements, or any (None), and log the look."""
    found = await _page(desk, wanted)
    named = {one.individual_id for one in found.found if one.individual_id is not None}
    whose = await individuals.get_many(desk, named)
    await _note(desk, list(whose.values()), found.found)
    return found


async def _page(desk: Desk, wanted: Filter) -> Page:
    found = await store.page(desk.session, replace(wanted, limit=wanted.limit + 1))
    shown = found[: wanted.limit]
    more = len(found) > wanted.limit
    return Page(shown, Place(shown[-1].at, shown[-1].id) if more else None)


async def _note(desk: Desk, whose: Sequence[Individual], found: Sequence[Transmission]) -> None:
    seen: dict[str | None, set[str]] = {}
    for one in found:
        seen.setdefault(one.individual_id, set()).add(one.record_id)
    await asyncio.gather(
        *(
            desk.ledger.note(
                trace(
                    VIEWED,
                    desk.caller,
                    one.thing,
                    subject=one.identity.external_id,
                    by=desk.person if one.hands else None,
                    tenant=one.tenant,
                    records=sorted(seen.get(one.id, ())),
                )
            )
            for one in whose
        )
    )
