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
)
from consent.tracing import trace
from kit.evidence import Entry
from kit.identifiers import new_id
from kit.sealing import Keyring


async def get(desk: Desk, individual_id: str, *, lock: str = "") -> Individual:
    """Return an individual the caller may act for: their own member's, or themselves anywhere.

    Raises IndividualNotFound, or IndividualNotYours for a person who names anybody else.
    """
    found = await store.find(desk.session, desk.keyring, individual_id, lock=lock)
    if desk.person is not None:
        if found is None or found.identity.external_id != desk.person:
            raise IndividualNotYours("a signed-in person acts for nobody else")
        return found
    if found is None or found.tenant != desk.caller.tenant:
        raise IndividualNotFound("no individual with this id")
    return found


async def acting(
    desk: Desk, header: str | None, query: str | None = None, *, lock: str = ""
) -> Individual:
    """Return the individual a request is for, named by header or query.

    Raises IndividualMissing, IndividualNotFound or IndividualNotYours.
    """
    named = header or query
    if not named:
        raise IndividualMissing("send the header X-ConsentBB-IndividualId")
    if query and query != named:
        raise IndividualMissing("header and query name two individuals")
    return await get(desk, named, lock=lock)


async def acting_for_all(desk: Desk, header: str | None) -> list[Individual]:
    """Return whom a list is for: a person who names nobody is all they are to any member."""
    if desk.person is not None and not header:
        return await store.page(desk.session, desk.keyring, Filter(external_id=desk.person))
    return [await acting(desk, header)]


async def get_many(desk: Desk, ids: Iterable[str]) -> dict[str, Individual]:
    """Return individuals by id that other rows refer to, whoever's they are."""
    return await store.find_many(desk.session, desk.keyring, sorted(set(ids)))


def digests(
    keyring: Keyring, external_id: str, external_id_type: str | None
) -> tuple[bytes | None, bytes | None]:
    """Return the digest that finds a person of any type (None), or that of type and id together."""
    wanted = Filter(external_id=external_id, external_id_type=external_id_type)
    return store.digests(keyring, wanted)


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
        if wanted.external_id not in {None, desk.person}:
            raise IndividualNotYours("a signed-in person acts for nobody else")
        wanted = replace(wanted, tenant=None, external_id=desk.person)
    found = await store.page(desk.session, desk.keyring, wanted)
    await _note(desk, found)
    return found


async def create(desk: Desk, identity: Identity, given_id: str | None) -> Individual:
    """Keep a new individual, or raise IndividualTaken or IndividualNotYours.

    Only an administrator's id is taken; giving it twice with equal content changes nothing.
    """
    caller = desk.caller
    if desk.person is not None and identity.external_id != desk.person:
        raise IndividualNotYours("a signed-in person acts for nobody else")
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
    if desk.person is not None and identity.external_id != desk.person:
        raise IndividualNotYours("a signed-in person acts for nobody else")
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


def _trace(kind: str, desk: Desk, individual: Individual) -> Entry:
    return trace(kind, desk.caller, individual.thing, subject=individual.identity.external_id)


async def _note(desk: Desk, found: Sequence[Individual]) -> None:
    await asyncio.gather(
        *(desk.ledger.note(_trace("individual.viewed", desk, one)) for one in found)
    )
