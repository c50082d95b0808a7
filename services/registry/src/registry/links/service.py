"""Keeping links true: when a version is published, when records change, when they are deleted.

A record that is referred to strictly is locked until the change that refers to it is committed, and
a deletion locks what it deletes first: of the two, one sees the other's work.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from registry.databases import service as databases
from registry.databases.models import Database, Named, Release, Rules
from registry.fields.models import Field, Schema
from registry.links import models, store
from registry.links.models import (
    CASCADE,
    FIRST,
    LINKED_FROM,
    LINKS,
    MOST_FALLEN,
    Difference,
    Edge,
    Fallen,
    LinkBroken,
    RecordsNotLinked,
    StillLinked,
    Tie,
)
from registry.places import refuse
from registry.policies.models import Action
from registry.rights import service as rights
from registry.rights.models import LoginNeeded, NotAllowed

Content = Mapping[str, Any]
_STEP = 500


@dataclass(frozen=True, slots=True)
class Changed:
    """A record before and after a change; a new one was nothing before."""

    record: UUID
    before: Content
    after: Content


# -- publishing ------------------------------------------------------------------------------------


async def published(session: Session, caller: Caller, database: Database, rules: Rules) -> None:
    """Bring links in line with a database's newest version, in the transaction that published it.

    ``database`` is as it was before, ``rules`` are the version's; nothing of it is remembered, as
    it may be rolled back.

    Raise SchemaInvalid naming the link that leads nowhere or to what is not open to the member,
    RecordsNotLinked when records refer to what is not there, DatabaseLinked when the version
    lacks what others refer to.
    """
    schema, settings = rules.schema, database.settings
    models.check_kept(models.ties(settings, LINKED_FROM), schema)
    before = models.ties(settings, LINKS)
    after = [await _tie(session, caller, (database.id, schema), each) for each in schema.links]
    if list(before) == after:
        return
    await store.lock_databases(session, {each.target for each in (*before, *after)})
    for gone in before:
        if gone not in after:
            await store.forget_field(session, gone.source, gone.field)
    await _announce(session, database.id, before, after)
    for new in after:
        if new not in before:
            await _index(session, new, schema)


async def _tie(session: Session, caller: Caller, own: tuple[int, Schema], linking: Field) -> Tie:
    """Return the tie of a field that links, or raise SchemaInvalid naming the place."""
    link = linking.link
    if link is None:
        refuse(linking.place, "is no link")
    name = "database" if link.database is not None else "databaseId"
    place = (*linking.place, "x-link", name)
    named = link.database, link.database_id
    found = await store.find_database(session, caller.tenant, *named)
    if found is None:
        refuse(place, "is no published database")
    ends = own[0], found.database
    if found.database == own[0]:
        return models.tie(linking, ends, own[1])
    target = await databases.release(session, found)
    if found.tenant != caller.tenant and not await opens(session, target, caller):
        refuse(place, "is no published database")  # whether there is one is its owner's affair
    return models.tie(linking, ends, target.current.schema)


async def opens(session: Session, target: Release, caller: Caller) -> bool:
    """Tell whether another member's database lets this caller link to it: its rights must say so.

    The mediator's right, which suffices where there are no rights, was for another service.
    """
    if target.settings.get(rights.NAME) is None:
        return False
    try:
        await rights.grant(session, target, replace(caller, tenant=target.tenant), Action.LINKS)
    except (NotAllowed, LoginNeeded):
        return False
    return True


async def _announce(
    session: Session, database: int, before: Iterable[Tie], after: Sequence[Tie]
) -> None:
    """Keep the links in the settings of both ends."""
    targets = {each.target for each in before} | {each.target for each in after}
    kept = await store.settings_of(session, targets, LINKED_FROM)
    for target in sorted(targets):
        others = [one for one in kept.get(target, []) if one["source"] != database]
        own = [each.document for each in after if each.target == target]
        await databases.configure(session, target, LINKED_FROM, [*others, *own] or None)
    documents = [each.document for each in after]
    await databases.configure(session, database, LINKS, documents or None)


async def _index(session: Session, new: Tie, own: Schema) -> None:
    """Write down what the records that are there refer to through a new link."""
    after = FIRST
    while found := await store.contents(session, new.source, new.path, after, _STEP):
        after = found[-1][0]
        changed = [Changed(record, {}, json.loads(content)) for record, content in found]
        try:
            await _keep(session, new, changed, own if new.source == new.target else None)
        except LinkBroken as error:
            raise RecordsNotLinked(f"records refer by {new.field} to what is not there") from error


# -- changes ---------------------------------------------------------------------------------------


async def check(session: Session, release: Release, changed: Sequence[Changed]) -> None:
    """Keep links in line with changes of records, in their transaction, after they are written.

    Raise LinkBroken naming the field that refers to what is not there, StillLinked when a value is
    taken away that other records refer to, LinksBusy. Only what a change adds is looked at: who
    was left an orphan may still be changed.
    """
    for each in models.ties(release.settings, LINKS):
        await _keep(session, each, changed)
    linked = models.ties(release.settings, LINKED_FROM)
    losing = {
        one.record: lost
        for one in changed
        if one.before and (lost := models.released_keys(linked, one.before, one.after))
    }
    if losing:
        await _refuse_losing(session, losing)


async def _keep(
    session: Session, tie: Tie, changed: Sequence[Changed], schema: Schema | None = None
) -> None:
    """Keep one link in line; ``schema`` is the target's where that is not committed yet."""
    found = [(one, models.difference(tie, one.before, one.after)) for one in changed]
    gone = [(one.record, value) for one, said in found for value in said.removed]
    if gone:
        await store.drop(session, tie, gone)
    values = list(dict.fromkeys(value for _, said in found for value in said.added))
    if not values:
        return
    targets = await _targets(session, tie, values, schema)
    if not tie.is_loose:
        _refuse_missing(tie, found, targets)
    rows = [(one.record, v, targets.get(v)) for one, said in found for v in said.added]
    await store.keep(session, tie, rows)


async def _targets(
    session: Session, tie: Tie, values: Sequence[str], schema: Schema | None
) -> dict[str, UUID]:
    """Return the records meant, locked where they must be there; a soft link is looked up later."""
    if tie.is_loose:
        return {} if tie.key is not None else {value: UUID(value) for value in values}
    wanted = models.wanted(tie, schema or await schema_of(session, tie.target), values)
    return await store.find_targets(session, tie, wanted, lock=True)


async def schema_of(session: Session, database: int) -> Schema:
    """Return the newest published schema of a database, which a link leads to."""
    named = await _find(session, database)
    return (await databases.rules_of(session, named.current_version)).schema


def _refuse_missing(
    tie: Tie, found: Sequence[tuple[Changed, Difference]], targets: Mapping[str, UUID]
) -> None:
    missing = [one.record for one, said in found if any(v not in targets for v in said.added)]
    if missing:
        refusal = models.broken([tie], "refers to a record that is not there")
        refusal.records = tuple(missing)
        raise refusal


async def _refuse_losing(session: Session, losing: Mapping[UUID, Sequence[Tie]]) -> None:
    """Refuse to take away values that records refer to: they would refer to nothing."""
    edges = await store.edges_to(session, list(losing))
    fields = {(tie.source, tie.field) for lost in losing.values() for tie in lost}
    kept: dict[int, int] = {}
    for each in edges:
        if (each.source_database, each.field) in fields:
            kept[each.source_database] = kept.get(each.source_database, 0) + 1
    if kept:
        raise models.still_linked(kept, await store.codes(session, kept))


# -- deletion --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Fall:
    """What one deletion takes with it, as far as it is known."""

    falling: dict[UUID, Fallen | None]
    edges: list[Edge] = field(default_factory=list[Edge])
    rules: dict[tuple[int, str], str] = field(default_factory=dict[tuple[int, str], str])


async def falling(session: Session, release: Release, record: UUID) -> list[Fallen]:
    """Return the records that go when one goes, each after its cause, locked (DRS-2.c).

    The record itself is locked already. Raise StillLinked when records that stay refer to any of
    them, or when more than 1000 would go; LinksBusy.
    """
    if not release.settings.get(LINKED_FROM):
        if release.settings.get(LINKS):
            await store.forget(session, [record])
        return []
    fall, level = _Fall({record: None}), {record: release.database}
    while level:
        level = await _next(session, fall, level)
    kept = models.kept_by(fall.edges, fall.rules, fall.falling)
    if kept:
        raise models.still_linked(kept, await store.codes(session, kept))
    await store.forget(session, list(fall.falling))
    return [each for each in fall.falling.values() if each is not None]


async def _next(session: Session, fall: _Fall, level: Mapping[UUID, int]) -> dict[UUID, int]:
    """Return the records that go because those of one level go, by their databases."""
    kept = await store.settings_of(session, set(level.values()), LINKED_FROM)
    ties = [Tie.read(said) for each in kept.values() for said in each]
    fall.rules |= models.rules(ties)
    edges = await store.edges_to(session, list(level))
    fall.edges += edges
    found = [
        each
        for each in edges
        if fall.rules.get((each.source_database, each.field)) == CASCADE
        and each.source not in fall.falling
    ]
    going = await _lock(session, found, level)
    for each in going:
        if each.target is not None:
            cause = Fallen(each.source_database, each.source, each.target, level[each.target])
            fall.falling.setdefault(each.source, cause)
    if len(fall.falling) > MOST_FALLEN:
        raise StillLinked(f"more than {MOST_FALLEN} records would be deleted with it")
    return {each.source: each.source_database for each in going}


async def _lock(session: Session, found: Sequence[Edge], level: Mapping[UUID, int]) -> list[Edge]:
    """Lock the records that refer to those of a level; return the edges that still stand then."""
    if not found:
        return []
    there = await store.lock(session, [each.source for each in found])
    standing = set(await store.edges_to(session, list(level)))
    return [each for each in found if each.source in there and each in standing]


async def release_for(session: Session, fallen: Fallen) -> Release:
    """Return the newest version of the database of a record that falls."""
    return await databases.release(session, (await _find(session, fallen.database)))


async def _find(session: Session, database: int) -> Named:
    return (await store.find_databases(session, [database]))[database]
