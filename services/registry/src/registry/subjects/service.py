"""Giving a person everything that is held about them (DR-CFR-data#4)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.evidence import Ledger
from registry.databases import service as databases
from registry.fields.models import Schema
from registry.subjects import store
from registry.subjects.models import MOST, Copy, Database, Export, Framework, Held, State, shown
from registry.usage import service as usage
from registry.usage.models import EXPORTED, Look, PersonInvalid, PersonUnknown, Usage, check_person
from registry.usage.service import Purpose


async def export(
    session: Session, ledger: Ledger, caller: Caller, asked: str | None, legal_basis: str | None
) -> Export:
    """Return everything that the member's databases hold about a person, and who looked at it.

    For the person signed in, for whom they represent, or for an application of the owner. It is
    written down as one entry for each database before this returns. Raise NotYourData before
    anything is looked up, PersonInvalid or PersonUnknown.
    """
    person = asked or caller.speaks_for
    if person is None:
        raise PersonInvalid("nobody is signed in: personalDataId says whose data is asked for")
    usage.check_entitled(caller, check_person(person))
    found = await store.records(session, caller.tenant, person, MOST + 1)
    if not found:
        raise PersonUnknown("no database of this member holds a record about this person")
    held = found[:MOST]
    states = await store.states(session, [one.id for one in held], MOST + 1)
    uses, all_uses = await usage.looks(session, ledger, caller.tenant, person, MOST)
    made = await _databases(session, person, (held, states[:MOST], uses))
    await _note(ledger, caller, made, person, legal_basis)
    is_complete = len(found) <= MOST and len(states) <= MOST and all_uses
    return Export(person, caller.tenant, datetime.now(UTC), made, is_complete)


async def _databases(
    session: Session,
    person: str,
    found: tuple[Sequence[Held], Sequence[State], Sequence[Usage]],
) -> list[Database]:
    held, states, uses = found
    frameworks = await store.frameworks(session, [one.database for one in held])
    made: list[Database] = []
    for framework in frameworks:
        schema = (await databases.rules_of(session, framework.version)).schema
        own = [one for one in held if one.database == framework.id]
        looked = [one for one in uses if one.database == framework.id]
        made.append(_database(framework, schema, person, (own, _by_record(states), looked)))
    return made


def _by_record(states: Sequence[State]) -> Mapping[UUID, list[State]]:
    found: dict[UUID, list[State]] = {}
    for state in states:
        found.setdefault(state.record, []).append(state)
    return found


def _database(
    framework: Framework,
    schema: Schema,
    person: str,
    found: tuple[Sequence[Held], Mapping[UUID, list[State]], Sequence[Usage]],
) -> Database:
    held, states, uses = found
    copies: list[Copy] = []
    for one in held:
        content, withheld = shown(schema, one.content, person)
        earlier = [
            State(
                s.record, s.revision, s.valid_from, s.valid_to, shown(schema, s.content, person)[0]
            )
            for s in states.get(one.id, [])
        ]
        copies.append(Copy(one, content, withheld, earlier))
    identifiers = [field.name for field in schema.identifiers]
    return Database(framework, identifiers, schema.personal, copies, uses)


async def _note(
    ledger: Ledger,
    caller: Caller,
    made: Sequence[Database],
    person: str,
    legal_basis: str | None,
) -> None:
    purpose = Purpose("export", legal_basis)
    await asyncio.gather(
        *(usage.note_rows(ledger, caller, EXPORTED, _looks(one, person), purpose) for one in made)
    )


def _looks(database: Database, person: str) -> list[Look]:
    return [
        Look(
            copy.held.database,
            copy.held.id,
            copy.held.number,
            copy.held.primary_key,
            [person],
            [name for name in database.personal if name not in copy.withheld],
        )
        for copy in database.records
    ]
