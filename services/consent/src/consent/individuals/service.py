"""What a caller can ask about individuals, and for whom a caller acts."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from consent.desk import Desk
from consent.individuals import store
from consent.individuals.models import (
    Filter,
    FilterUnusable,
    Identity,
    Individual,
    IndividualMissing,
    IndividualNotFound,
    IndividualNotYours,
    IndividualTaken,
    Kept,
)
from consent.tracing import trace
from kit.database import Session
from kit.evidence import Entry
from kit.identifiers import new_id
from kit.sealing import Keyring


async def get(desk: Desk, individual_id: str, *, lock: str = "") -> Individual:
    """Return an individual the caller may act for: their own member's, or themselves anywhere.

    Raises IndividualNotFound, or IndividualNotYours for a person who names anybody else.
    """
    return _own(desk, await store.find(desk.session, desk.keyring, individual_id, lock=lock))


def _own(desk: Desk, found: Individual | None) -> Individual:
    if desk.person is not None:
        if found is None or not _is_self(desk, found.identity):
            raise IndividualNotYours("a signed-in person acts for nobody else")
        return found
    if found is None or found.tenant != desk.caller.tenant:
        raise IndividualNotFound("no individual with this id")
    return found


def named(header: str | None, query: str | None) -> str:
    """Return the id of the individual a request is for, or raise IndividualMissing."""
    if not (header or query):
        raise IndividualMissing("send the header X-ConsentBB-IndividualId")
    if header and query and query != header:
        raise IndividualMissing("header and query name two individuals")
    return header or query or ""


def acting_alone(desk: Desk, found: Individual | None) -> Individual | None:
    """Return an individual who was looked for if the caller acts for them, and as nobody's hand.

    None where ``acting`` has to see whether a signed-in person represents them. Raises
    IndividualNotFound or IndividualNotYours.
    """
    if found is not None and _hand(desk) is not None and not _is_self(desk, found.identity):
        return None
    return _own(desk, found)


async def acting(
    desk: Desk,
    header: str | None,
    query: str | None = None,
    *,
    lock: str = "",
    by_agreement: bool = False,
) -> Individual:
    """Return the individual a request is for, named by header or query.

    A signed-in person may name whom they represent now. A representation that covers some
    agreements only counts ``by_agreement``: what is done then asks ``Individual.hand`` or
    ``reach``. Raises IndividualMissing, IndividualNotFound or IndividualNotYours.
    """
    individual_id = named(header, query)
    found = await _represented(desk, individual_id, lock)
    if found is None:
        return await get(desk, individual_id, lock=lock)
    if not by_agreement:
        found.hand(None)
    return found


async def _represented(desk: Desk, individual_id: str, lock: str) -> Individual | None:
    """Return an individual whom the person represents now, with the hands they do it by."""
    if (person := _hand(desk)) is None:
        return None
    found = await store.find(desk.session, desk.keyring, individual_id, lock=lock)
    if found is None or _is_self(desk, found.identity):
        return found
    hands = await store.hands(
        desk.session,
        desk.keyring,
        found.id,
        Identity(person, desk.person_id_type),
        datetime.now(UTC),
        "FOR SHARE OF r" if lock else "",
    )
    return replace(found, hands=hands) if hands else None


def _hand(desk: Desk) -> str | None:
    """Return the signed-in person if they may act for whom they represent.

    Who speaks for somebody by their token does not speak for whom that person represents.
    """
    return desk.person if desk.caller.represents is None else None


async def acting_for_all(
    desk: Desk, header: str | None, *, by_agreement: bool = False
) -> list[Individual]:
    """Return whom a list is for: a person who names nobody is all they are to any member."""
    if desk.person is not None and not header:
        return await themselves(desk)
    return [await acting(desk, header, by_agreement=by_agreement)]


async def themselves(desk: Desk) -> list[Individual]:
    """Return all that a signed-in person is, to any member."""
    mine = Filter(external_id=desk.person, external_id_type=desk.person_id_type)
    return await store.page(desk.session, desk.keyring, mine)


async def get_many(desk: Desk, ids: Iterable[str]) -> dict[str, Individual]:
    """Return individuals by id that other rows refer to, whoever's they are."""
    return await load(desk.session, desk.keyring, ids)


async def load(session: Session, keyring: Keyring, ids: Iterable[str]) -> dict[str, Individual]:
    """Return individuals by id for work that nobody asks for, whoever's they are."""
    return await store.find_many(session, keyring, sorted(set(ids)))


def digests(
    keyring: Keyring, external_id: str, external_id_type: str | None
) -> tuple[bytes | None, bytes | None]:
    """Return the digest that finds a person of any type (None), or that of type and id together."""
    wanted = Filter(external_id=external_id, external_id_type=external_id_type)
    return store.digests(keyring, wanted)


def opened(keyring: Keyring, kept: Kept) -> Individual:
    """Return an individual from the columns of their row."""
    return store.opened(keyring, kept)


async def view(desk: Desk, individual_id: str) -> Individual:
    """Return an individual and log that they were looked at; raises as ``get``."""
    individual = await get(desk, individual_id)
    await _note(desk, [individual])
    return individual


async def page(desk: Desk, wanted: Filter) -> list[Individual]:
    """Return a member's individuals, or what a person is to any member, and log the look.

    Raises FilterUnusable or IndividualNotYours.
    """
    if wanted.external_id is None and wanted.external_id_type:
        raise FilterUnusable("send the externalId too")
    if desk.person is not None:
        asked = wanted.external_id or desk.person, wanted.external_id_type or desk.person_id_type
        if not _is_self(desk, Identity(*asked)):
            raise IndividualNotYours("a signed-in person acts for nobody else")
        wanted = replace(wanted, tenant=None, external_id=asked[0], external_id_type=asked[1])
    found = await store.page(desk.session, desk.keyring, wanted)
    await _note(desk, found)
    return found


async def create(desk: Desk, identity: Identity, given_id: str | None) -> Individual:
    """Keep a new individual, or raise IndividualTaken or IndividualNotYours.

    Only an administrator's id is taken; giving it twice with equal content changes nothing.
    """
    caller, identity = desk.caller, _allowed(desk, identity)
    own = given_id if given_id and caller.is_administrator else None
    existing = await store.find(desk.session, desk.keyring, own) if own else None
    if existing and (existing.tenant, existing.identity) == (caller.tenant, identity):
        return existing
    individual = Individual(
        own or str(new_id()), caller.tenant, identity, desk.keyring.new().wrapped, datetime.now(UTC)
    )
    if not await store.insert(desk.session, desk.keyring, individual):
        raise IndividualTaken("this member knows the individual already, or the id is taken")
    await desk.ledger.record(desk.session, _trace("individual.created", desk, individual))
    return individual


async def update(desk: Desk, individual_id: str, identity: Identity) -> Individual:
    """Change an individual's identity, or raise IndividualTaken or as ``get``.

    A signed-in person cannot become somebody else; equal content changes nothing.
    """
    individual = await get(desk, individual_id, lock="FOR UPDATE")
    identity = _allowed(desk, identity)
    if individual.identity == identity:
        return individual
    changed = replace(individual, identity=identity)
    if not await store.save(desk.session, desk.keyring, changed):
        raise IndividualTaken("this member knows another individual by this external id")
    # whoever they were and whoever they became: both find it in their log
    for one in {
        individual.identity.external_id: individual,
        identity.external_id: changed,
    }.values():
        await desk.ledger.record(desk.session, _trace("individual.updated", desk, one))
    return changed


def _is_self(desk: Desk, identity: Identity) -> bool:
    """Tell whether an identity is the signed-in person's: another kind of id is another person."""
    return (identity.external_id, identity.external_id_type) == (desk.person, desk.person_id_type)


def _allowed(desk: Desk, identity: Identity) -> Identity:
    """Return an identity the caller may give, or raise IndividualNotYours.

    A signed-in person gives only their own, and need not say of what type it is.
    """
    if desk.person is None:
        return identity
    typed = replace(identity, external_id_type=identity.external_id_type or desk.person_id_type)
    if not _is_self(desk, typed):
        raise IndividualNotYours("a signed-in person acts for nobody else")
    return typed


def _trace(kind: str, desk: Desk, individual: Individual) -> Entry:
    return trace(
        kind,
        desk.caller,
        individual.thing,
        subject=individual.identity.external_id,
        tenant=individual.tenant,
    )


async def _note(desk: Desk, found: Sequence[Individual]) -> None:
    await asyncio.gather(
        *(desk.ledger.note(_trace("individual.viewed", desk, one)) for one in found)
    )
