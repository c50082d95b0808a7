"""What a caller can ask of views."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kit.access import ANONYMOUS, Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from registry.databases import service as databases
from registry.databases.models import DatabaseNotFound, RegistryNotFound, Release
from registry.listing import models as lists
from registry.listing import service as listing
from registry.listing.models import Listing, Page
from registry.records.models import LegalBasisMissing, Record
from registry.records.service import Call, Opened
from registry.rights import service as rights
from registry.rights.models import Action, Grant, LoginNeeded, NotAllowed, grant_of
from registry.services import service as services
from registry.usage import service as usage
from registry.usage.models import READ
from registry.views import models
from registry.views.models import (
    MOST_VIEWS,
    SETTING,
    PoliciesRefused,
    View,
    ViewBroken,
    ViewInvalid,
    ViewNotFound,
    ViewTaken,
)

Document = Mapping[str, Any]


async def page(session: Session, caller: Caller, database_id: int) -> list[Document]:
    """Return a database's views by name, or raise DatabaseNotFound."""
    found = await databases.get(session, caller.tenant, database_id)
    kept = await _kept(session, found.database.id)
    return [kept[name] for name in sorted(kept)]


async def get(session: Session, caller: Caller, database_id: int, name: str) -> Document:
    """Return a view, or raise DatabaseNotFound or ViewNotFound."""
    found = await databases.get(session, caller.tenant, database_id)
    kept = await _kept(session, found.database.id)
    if name not in kept:
        raise ViewNotFound("the database has no view with this name")
    return kept[name]


async def create(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, asked: Document
) -> None:
    """Make a view; the same again changes nothing. Raise as ``put`` does, or ViewTaken."""
    database = await databases.locked(session, caller, database_id)
    kept = await _kept(session, database.id)
    if kept.get(asked["name"], asked) != asked:
        raise ViewTaken("change it with PUT")
    await put(session, ledger, caller, database_id, asked)


async def put(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, asked: Document
) -> None:
    """Make or change a view; the same again changes nothing.

    Raise ViewInvalid, ConditionInvalid or RightsInvalid naming the place, PoliciesRefused, or
    DatabaseNotFound.
    """
    database = await databases.locked(session, caller, database_id)
    found = await databases.get(session, caller.tenant, database.id)
    kept = await _kept(session, database.id)
    name, before = asked["name"], kept.get(asked["name"])
    models.parse(asked, found.version.definition.schema())
    if (before or {}).get("policies") != asked.get("policies") and not caller.may("rights:write"):
        raise PoliciesRefused("who may read a view is said with the scope rights:write")
    if before == asked:
        return
    if before is None and len(kept) >= MOST_VIEWS:
        raise ViewInvalid(f"a database has {MOST_VIEWS} views at most")
    await databases.configure(session, database.id, SETTING, {**kept, name: asked})
    await _record(session, ledger, caller, ("view.changed", database.id, name), asked)


async def delete(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, name: str
) -> None:
    """Take a view away; one that is gone stays gone. Raise DatabaseNotFound."""
    database = await databases.locked(session, caller, database_id)
    kept = dict(await _kept(session, database.id))
    if kept.pop(name, None) is not None:
        await databases.configure(session, database.id, SETTING, kept)
        await _record(session, ledger, caller, ("view.deleted", database.id, name), None)


async def show(session: Session, ledger: Ledger, call: Call, name: str, asked: Listing) -> Page:
    """Return a page of what a view shows; what it shows of people is written down.

    Raise RegistryNotFound, ViewNotFound, ServiceHidden, ViewBroken, NotAllowed, LoginNeeded, and
    what ``listing.service.find`` raises.
    """
    release = await _release(session, call)
    view = _view(release, name)
    opened = await _open(session, call, release, view)
    for column in asked.fields or ():
        view.frame(release.path.schema).get(column)
    found, rows = await listing.find(session, opened, asked, view.frame(release.path.schema))
    columns = [each for each in view.columns if asked.fields is None or each in asked.fields]
    shown = [each for each in columns if _shows(found, view.columns[each])]
    fields = {view.columns[each] for each in shown}
    if any(lists.is_named(each, fields) for each in found.personal):
        looks = [found.look(record, _personal(found, record, fields)) for record in rows.records]
        await usage.note_rows(ledger, call.caller, READ, looks, found.purpose("view"))
    results = [
        json.dumps(view.row(found.values(record), shown), ensure_ascii=False)
        for record in rows.records
    ]
    return Page(rows.count, results, *rows.neighbours(asked.after))


def _shows(found: Opened, name: str) -> bool:
    return any(found.grant.shows(each.name) for each in found.release.path.schema.get(name).walk())


def _personal(found: Opened, record: Record, fields: set[str]) -> tuple[str, ...]:
    return tuple(name for name in found.personal_of(record) if lists.is_named(name, fields))


async def _release(session: Session, call: Call) -> Release:
    tenant, registry, number = call.where
    try:
        database = await databases.find_named(session, tenant, registry)
    except DatabaseNotFound as error:
        raise RegistryNotFound("there is no such registry") from error
    if database.code.casefold() != registry.casefold():
        raise RegistryNotFound("there is no such registry")
    release = await databases.release_of(session, tenant, database.id, number)
    services.admit(release)
    return release


def _view(release: Release, name: str) -> View:
    document = release.settings.get(SETTING, {}).get(name)
    if document is None:
        raise ViewNotFound("the database has no view with this name")
    broken = models.broken_by({name: document}, release.path.schema)
    if broken:
        raise ViewBroken(", ".join(broken[name]))
    return models.parse(document, release.path.schema)


async def _open(session: Session, call: Call, release: Release, view: View) -> Opened:
    """Return what a view opens to a caller: its own policies decide, or else the database's."""
    grant = await _grant(session, call.caller, release, view)
    needs_basis = release.current.needs_legal_basis or grant.needs_legal_basis
    if needs_basis and call.legal_basis is None:
        raise LegalBasisMissing("say by what law in the header X-Legal-Basis")
    return Opened(call, release, grant.narrowed(release.path.schema, view.fields))


async def _grant(session: Session, caller: Caller, release: Release, view: View) -> Grant:
    if view.policies is None or caller.is_owner:
        return await rights.grant(session, release, caller, Action.LIST)
    party, now = await rights.party_of(session, release, caller), datetime.now(UTC)
    fitting = [p for p in view.policies if p.mismatch(party, Action.LIST, now) is None]
    grant = grant_of(release.path.schema, fitting, party)
    if grant is None:
        refusal = LoginNeeded if caller.client == ANONYMOUS else NotAllowed
        raise refusal("no policy of the view allows you to read it")
    rule = release.current.consent
    if rule is None or not view.is_personal(release):
        return grant
    return Grant(tuple(replace(each, consent=rule) for each in grant.terms), grant.denials)


async def _kept(session: Session, database_id: int) -> dict[str, Document]:
    return (await databases.settings(session, database_id)).get(SETTING, {})


async def _record(
    session: Session,
    ledger: Ledger,
    caller: Caller,
    what: tuple[str, int, str],
    document: Document | None,
) -> None:
    kind, database_id, name = what
    facts: dict[str, Any] = {"view": name, "requestId": caller.request_id}
    if document is not None:
        text = json.dumps(document, sort_keys=True)
        facts["definition"] = hashlib.sha256(text.encode()).hexdigest()
    entry = Entry(
        kind, caller.client, f"database:{database_id}/views", facts=facts, tenant=caller.tenant
    )
    await ledger.record(session, entry)
