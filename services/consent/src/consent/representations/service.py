"""What can be asked about representations: make one, pass it on, end it, and look."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from consent.agreements import service as agreements
from consent.announcements import service as announcements
from consent.desk import Desk
from consent.individuals import service as individuals
from consent.individuals.models import Individual, IndividualNotFound, IndividualNotYours
from consent.representations import store
from consent.representations.models import (
    EndedBy,
    Filter,
    Representation,
    RepresentationInvalid,
    RepresentationNotFound,
    Wish,
    check,
    check_passed_on,
)
from consent.tracing import trace
from kit.evidence import Entry
from kit.identifiers import new_id

# -- by administration ----------------------------------------------------------------------


async def appoint(desk: Desk, individual_id: str, wish: Wish) -> Representation:
    """Make somebody another's guardian or delegate, in the name of the member that knows both.

    Raises IndividualNotFound, IndividualNotYours, AgreementNotFound or RepresentationInvalid.
    """
    _check_office(desk)
    return await _make(desk, await individuals.get(desk, individual_id), wish)


async def view(desk: Desk, representation_id: str) -> Representation:
    """Return a representation of the caller's member; it is logged for both persons."""
    found = await _of_member(desk, representation_id)
    await _note(desk, [found])
    return (await _opened(desk, [found]))[0]


async def page(
    desk: Desk, individual_id: str | None, window: tuple[int, int]
) -> Sequence[Representation]:
    """Return the representations of the caller's member, newest first, or those of one of its own.

    Raises IndividualNotYours.
    """
    _check_office(desk)
    ids = None if individual_id is None else [individual_id]
    found = await store.page(desk.session, Filter(desk.caller.tenant, ids, *window))
    await _note(desk, found)
    return await _opened(desk, found)


async def dismiss(desk: Desk, representation_id: str) -> Representation:
    """End a representation by administration; ending it again changes nothing."""
    return await _end(desk, await _of_member(desk, representation_id), "administration")


def _check_office(desk: Desk) -> None:
    if desk.person is not None:
        raise IndividualNotYours("a member's administration does this, not a signed-in person")


async def _of_member(desk: Desk, representation_id: str) -> Representation:
    _check_office(desk)
    found = await store.find(desk.session, representation_id)
    if found is None or found.tenant != desk.caller.tenant:
        raise RepresentationNotFound("no representation with this id")
    return found


# -- by individuals -------------------------------------------------------------------------


async def delegate(desk: Desk, individual: Individual, wish: Wish) -> Representation:
    """Let another act for an individual, or pass on what the caller acts for them by.

    Raises IndividualNotFound, IndividualNotYours, AgreementNotFound or RepresentationInvalid.
    """
    if desk.caller.represents is not None:
        raise IndividualNotYours("who speaks for another by a token passes nothing on")
    held = {hand.representation_id for hand in individual.hands}
    if individual.hands and wish.parent_id not in held:
        raise RepresentationInvalid("name in parentId what you act for the individual by")
    if not individual.hands and wish.parent_id is not None:
        raise RepresentationInvalid("only who acts by a representation passes it on")
    return await _make(desk, individual, wish)


async def page_of(
    desk: Desk, persons: Sequence[Individual], window: tuple[int, int]
) -> Sequence[Representation]:
    """Return by whom individuals are represented and whom they represent, newest first."""
    ids = [one.id for one in persons]
    found = await store.page(desk.session, Filter(None, ids, *window))
    await _note(desk, found)
    return found


async def end(desk: Desk, persons: Sequence[Individual], representation_id: str) -> Representation:
    """End a representation: by the represented, the representative, or who passed it on.

    Ending it again changes nothing. Raises RepresentationNotFound, or IndividualNotYours for who
    acts as a representative (it is not theirs to end another's) or has a guardian.
    """
    if any(one.hands for one in persons):
        raise IndividualNotYours("end what you act by as yourself, without another's id")
    found = await store.find(desk.session, representation_id)
    chain = await store.chain(desk.session, representation_id)
    mine, holders = {one.id for one in persons}, {each.representative_id for each in chain}
    if found is None or not mine & {found.individual_id, *holders}:
        raise RepresentationNotFound("no representation of yours with this id")
    own = found.individual_id in mine
    if own and found.kind == "guardian":
        raise IndividualNotYours("a guardian is one by law: the administration ends it")
    return await _end(desk, found, "represented" if own else "representative")


# -- both -----------------------------------------------------------------------------------


async def _make(desk: Desk, individual: Individual, wish: Wish) -> Representation:
    now = datetime.now(UTC)
    check(wish, individual.id, now)
    await store.lock(desk.session, individual.tenant)
    await _check_known(desk, individual, wish)
    await _check_place(desk, individual, wish, now)
    key = desk.keyring.unwrap(individual.wrapped)
    pair = await store.of_pair(
        desk.session, individual.id, wish.representative_id, {individual.id: key}
    )
    for each in pair:
        if not each.is_over(now) and each.says(wish):
            return each
    made = Representation(
        id=str(new_id()),
        tenant=individual.tenant,
        individual_id=individual.id,
        representative_id=wish.representative_id,
        kind=wish.kind,
        agreements=wish.agreements,
        depth=wish.depth,
        parent_id=wish.parent_id,
        evidence=wish.evidence,
        starts_at=wish.starts_at or now,
        ends_at=wish.ends_at,
        created_at=now,
    )
    await store.insert(desk.session, made, key)
    await _tell(desk, "representation.created", [made])
    return made


async def _check_known(desk: Desk, individual: Individual, wish: Wish) -> None:
    other = (await individuals.get_many(desk, [wish.representative_id])).get(wish.representative_id)
    if other is None or other.tenant != individual.tenant:
        raise IndividualNotFound("the representative is another individual of the same member")
    for agreement_id in wish.agreements or ():
        await agreements.get(desk.session, individual.tenant, agreement_id)


async def _check_place(desk: Desk, individual: Individual, wish: Wish, now: datetime) -> None:
    """Raise RepresentationInvalid for more than what is passed on, and for a circle."""
    if wish.parent_id is not None:
        chain = await store.chain(desk.session, wish.parent_id)
        parent = next(each for each in chain if each.id == wish.parent_id)
        if parent.is_over(now):
            raise RepresentationInvalid("what is passed on has ended")
        check_passed_on(wish, parent, chain, now)
    if await store.reaches(desk.session, individual.id, wish.representative_id, now):
        raise RepresentationInvalid("the individual represents the other: nobody does both")


async def _end(desk: Desk, found: Representation, ended_by: EndedBy) -> Representation:
    await store.lock(desk.session, found.tenant)
    ended = await store.end(desk.session, found.id, datetime.now(UTC), ended_by)
    await _tell(desk, "representation.ended", ended)
    return next((each for each in ended if each.id == found.id), found)


async def _opened(desk: Desk, found: Sequence[Representation]) -> list[Representation]:
    """Return representations with what guardians are ones by."""
    whose = await individuals.get_many(desk, (each.individual_id for each in found))
    keys = {name: desk.keyring.unwrap(one.wrapped) for name, one in whose.items()}
    ids = [each.id for each in found]
    evidence = {each.id: each.evidence for each in await store.find_many(desk.session, ids, keys)}
    return [replace(each, evidence=evidence[each.id]) for each in found]


async def _tell(desk: Desk, kind: str, found: Sequence[Representation]) -> None:
    for entry in await _entries(desk, kind, found):
        await announcements.record(desk, entry)


async def _note(desk: Desk, found: Sequence[Representation]) -> None:
    entries = await _entries(desk, "representation.viewed", found)
    await asyncio.gather(*(desk.ledger.note(each) for each in entries))


async def _entries(desk: Desk, kind: str, found: Sequence[Representation]) -> list[Entry]:
    """Return an entry for each representation, which both persons find in their logs."""
    ids = [one for each in found for one in (each.individual_id, each.representative_id)]
    whose = await individuals.get_many(desk, ids)
    return [
        trace(
            kind,
            desk.caller,
            each.thing,
            subject=whose[each.individual_id].identity.external_id,
            by=whose[each.representative_id].identity.external_id,
            tenant=each.tenant,
            **_facts(each),
        )
        for each in found
    ]


def _facts(each: Representation) -> dict[str, Any]:
    said = {
        "individual": each.individual_id,
        "representative": each.representative_id,
        "role": each.kind,
    }
    return said if each.ended_by is None else {**said, "endedBy": each.ended_by}
