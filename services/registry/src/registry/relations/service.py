"""Jumping from a record to those it is linked with, and linking records by edges (DRS-2.a, 2.b)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from kit.database import Session
from kit.evidence import Entry, Ledger
from registry.changes import models as changes
from registry.databases import service as databases
from registry.databases.models import Named
from registry.decisions.models import ConsentRequired
from registry.fields.models import FieldUnknown
from registry.links import models as links
from registry.links import service as linking
from registry.links import store as kept
from registry.links.models import EDGE, LINKED_FROM, LINKS, LinkInContent, LinkUnknown, Tie, Window
from registry.paths import value_at, with_value
from registry.policies.models import Action
from registry.records import service as records
from registry.records.models import (
    Found,
    LegalBasisMissing,
    Record,
    RecordNotFound,
    RegistryArchived,
)
from registry.records.service import Call, Opened
from registry.relations import store
from registry.relations.models import MOST_ROUNDS, Asked, Direction, Group, Related, Side
from registry.rights import service as rights
from registry.rights.models import LoginNeeded, NotAllowed
from registry.usage import service as usage
from registry.usage.models import READ

ADDED, REMOVED = "link.added", "link.removed"


@dataclass(slots=True)
class _View:
    """What a look at a record's links works with; the databases they lead to, once opened."""

    session: Session
    opened: Opened
    record: Record
    others: dict[int, Opened | None] = field(default_factory=dict[int, Opened | None])


async def around(
    session: Session, ledger: Ledger, call: Call, record_id: UUID, asked: Asked
) -> list[Group]:
    """Return the records that one is linked with, by link; what shows of them is noted as read.

    In another database a caller is shown what its rights show them, and nothing tells of the rest.
    Raise RecordNotFound.
    """
    opened = _unasked(await records.open_for(session, call, Action.LINKS))
    record = await store.find_record(session, opened.release.database, record_id)
    if record is None or not opened.covers(record):
        raise RecordNotFound
    view = _View(session, opened, record)
    found: list[Group] = []
    for side in _sides(view):
        group = await _group(ledger, view, side, asked) if asked.wants(side) else None
        if group is not None and group.records:
            found.append(group)
    return found


def _unasked(opened: Opened) -> Opened:
    """Return what shows without asking anybody for consent, or raise ConsentRequired."""
    left = replace(opened, grant=opened.grant.without_consents())
    if not left.grant.terms:
        raise ConsentRequired("reads need each person's consent: read one record at a time")
    return left


def _sides(view: _View) -> list[Side]:
    """Return the links of a record that show to the caller, those it has itself first."""
    settings, schema = view.opened.release.settings, view.opened.release.path.schema
    out = [
        Side(Direction.OUT, tie)
        for tie in links.ties(settings, LINKS)
        if schema.find(tie.field) is not None and _shows(view.opened, view.record, tie.field)
    ]
    return [*out, *(Side(Direction.IN, tie) for tie in links.ties(settings, LINKED_FROM))]


def _shows(opened: Opened, record: Record, name: str) -> bool:
    """Tell whether a field of a record shows as it is."""
    if opened.grant.is_full:
        return True
    sight = opened.grant.sight(json.loads(record.content))
    return sight.shows(name) and name not in sight.masks


async def _group(ledger: Ledger, view: _View, side: Side, asked: Asked) -> Group | None:
    """Return a page of what is at the other end of a link, None when nothing there is open."""
    if side.other not in view.others:
        view.others[side.other] = await _open(view, side.other)
    other = view.others[side.other]
    if other is None:
        return None
    found = await _visible(view, side, other, asked)
    page, more = found[: asked.size], len(found) > asked.size
    looks = [other.look(record) for record in page]
    await usage.note_rows(ledger, other.call.caller, READ, looks, other.purpose("links"))
    related = tuple(Related(record, other.shown(record)) for record in page)
    release = other.release
    version = f"{release.path.number}.0"
    return Group(side, release.code, version, related, page[-1].id if more else None)


async def _open(view: _View, database: int) -> Opened | None:
    """Return what the caller may see of another database's newest version; None: nothing."""
    named = (await kept.find_databases(view.session, [database])).get(database)
    if named is None:
        return None
    call, caller = view.opened.call, view.opened.call.caller
    if named.tenant != caller.tenant and not await _has_rights(view.session, named):
        return None
    caller = replace(caller, tenant=named.tenant)
    there = replace(call, caller=caller, registry=named.code, version="1.0")
    try:
        return _unasked(await records.opened(view.session, there, Action.READ, Found(named)))
    except (NotAllowed, LoginNeeded, ConsentRequired, LegalBasisMissing):
        return None


async def _has_rights(session: Session, named: Named) -> bool:
    release = await databases.release(session, named)
    return release.settings.get(rights.NAME) is not None


async def _visible(view: _View, side: Side, other: Opened, asked: Asked) -> list[Record]:
    """Return a page of linked records that show, and one more if there is one."""
    found: list[Record] = []
    after = asked.after
    for _ in range(MOST_ROUNDS):
        window = Window(asked.size + 1, after)
        rows = await _rows(view, side, other, window)
        found += [row for row in rows if _is_visible(side, other, row)]
        if len(rows) < window.size or len(found) >= window.size:
            break
        after = rows[-1].id
    return found[: asked.size + 1]


def _is_visible(side: Side, other: Opened, record: Record) -> bool:
    if not other.covers(record):
        return False
    return side.direction is Direction.OUT or _shows(other, record, side.tie.field)


async def _rows(view: _View, side: Side, other: Opened, window: Window) -> list[Record]:
    session, tie, record = view.session, side.tie, view.record
    shown = None if other.grant.is_full else other.grant.where
    by_value = tie.is_loose and tie.key is not None
    if side.direction is Direction.IN:
        end = record.id, _key_of(tie, record) if by_value else None
        return await store.incoming(session, tie, end, window, shown)
    if by_value:
        values = await store.values_of(session, record.id, tie.field)
        wanted = links.wanted(tie, await linking.schema_of(session, tie.target), values)
        ids = (await kept.find_targets(session, tie, wanted)).values()
        return await store.among(session, ids, window, shown)
    return await store.outgoing(session, tie, record.id, window, shown)


def _key_of(tie: Tie, record: Record) -> str:
    """Return what the field a link goes by says of a record; empty, as no link does, if nothing."""
    content: Mapping[str, Any] = json.loads(record.content)
    value = None if tie.key is None else value_at(content, tuple(tie.key.split(".")))
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class End:
    """What an edge begins with: a record and the field that has edges; and where it shall lead."""

    record: UUID
    field: str
    target: UUID


async def add(session: Session, ledger: Ledger, call: Call, end: End) -> None:
    """Link a record with another by an edge, beside its content; a second time changes nothing.

    Raise RecordNotFound, LinkUnknown, FieldUnknown, or FieldHidden.
    """
    opened, record, tie = await _opened(session, call, end)
    target = await _target(_View(session, opened, record), tie, end.target)
    value = str(target.id) if tie.key is None else _key_of(tie, target)
    if not value:
        raise LinkUnknown(f"the record has no {tie.key}, which the field refers to")
    if await store.add(session, end.record, tie, value, end.target):
        await _record(session, ledger, ADDED, opened, (record, tie, end))


async def remove(session: Session, ledger: Ledger, call: Call, end: End) -> None:
    """Take away an edge that was added beside the content; one that is gone stays gone.

    Raise LinkInContent when the record's own field says it, RecordNotFound, or FieldUnknown.
    """
    opened, record, tie = await _opened(session, call, end)
    in_content = await store.find(session, end.record, end.field, end.target)
    if in_content is None:
        return
    if in_content:
        raise LinkInContent("change the field: the link stands in it")
    await store.remove(session, end.record, end.field, end.target)
    await _record(session, ledger, REMOVED, opened, (record, tie, end))


async def _opened(session: Session, call: Call, end: End) -> tuple[Opened, Record, Tie]:
    """Return what a change of a record's edges works with."""
    opened = await records.open_for_change(session, call, Action.UPDATE)
    if opened.release.is_archived:
        raise RegistryArchived
    known = links.ties(opened.release.settings, LINKS)
    tie = next((each for each in known if each.field == end.field and each.type == EDGE), None)
    if tie is None:
        raise FieldUnknown(f"{end.field}: is not a field of edges")
    named = with_value({}, tie.path, str(end.target))
    changes.check_writable(opened.grant, opened.release.path.schema, named)
    record = await store.find_record(session, opened.release.database, end.record)
    if record is None or not opened.covers(record):
        raise RecordNotFound
    if not await kept.lock(session, [record.id]):
        raise RecordNotFound
    return opened, record, tie


async def _target(view: _View, tie: Tie, target: UUID) -> Record:
    """Return the record an edge shall lead to, locked; who may not see it is told it is not there.

    Raise LinkUnknown.
    """
    wanted = links.Wanted((str(target),))
    there = await kept.find_targets(view.session, replace(tie, key=None), wanted, lock=True)
    found = await store.find_record(view.session, tie.target, target) if there else None
    other = await _open(view, tie.target)
    if found is None or other is None or not other.covers(found):
        raise LinkUnknown("there is no such record in the database it would lead to")
    return found


async def _record(
    session: Session,
    ledger: Ledger,
    kind: str,
    opened: Opened,
    about: tuple[Record, Tie, End],
) -> None:
    record, tie, end = about
    caller = opened.call.caller
    entry = Entry(
        kind,
        caller.client,
        f"database:{opened.release.database}/record:{record.id}",
        subject=next((subject for subject in record.subjects if subject), None),
        facts={
            "field": tie.field,
            "target": f"database:{tie.target}/record:{end.target}",
            "recordNumber": record.number,
            "requestId": caller.request_id,
        },
        tenant=caller.tenant,
    )
    if entry.subject is not None:
        entry = replace(entry, detail=usage.reader(caller))
    await ledger.record(session, usage.with_basis(entry, opened.call.legal_basis))
