"""What a caller can ask about templates."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kit.access import Caller, ScopeMissing
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from registry.databases import service as databases
from registry.databases.models import DatabaseNotFound, Definition, Version
from registry.databases.service import Asked, Described
from registry.rights import service as rights
from registry.rights.models import Rights
from registry.services import service as services
from registry.services.models import NAME as SERVICES
from registry.templates import store
from registry.templates.models import (
    RIGHTS,
    Bundle,
    CodeTaken,
    Template,
    TemplateNotFound,
    TemplateOfAnother,
    carried,
)
from registry.versions import service as versions
from registry.views import service as views
from registry.views.models import SETTING as VIEWS


@dataclass(frozen=True, slots=True)
class New:
    """What a caller says of a new template."""

    code: str
    name: str
    description: str
    domain: str | None
    is_shared: bool


async def page(
    session: Session, tenant: str, code: str | None, domain: str | None
) -> list[Template]:
    """Return the templates a member may use: the newest version of each, all of one code's."""
    shipped = [
        each
        for each in store.shipped()
        if code in (None, each.code) and domain in (None, each.domain)
    ]
    found = await store.page(session, tenant, code, domain)
    if code is None:
        newest = {(each.tenant, each.code): each for each in reversed(found)}
        found = [each for each in found if newest[each.tenant, each.code] is each]
    return [*shipped, *found]


async def get(session: Session, tenant: str, template_id: UUID) -> Template:
    """Return a template the member may use, or raise TemplateNotFound."""
    for each in store.shipped():
        if each.id == template_id:
            return each
    found = await store.find(session, tenant, template_id)
    if found is None:
        raise TemplateNotFound(f"there is no template {template_id}")
    return found


async def bundle_of(session: Session, caller: Caller, database_id: int) -> Bundle:
    """Return what a database is as a bundle, or raise DatabaseNotFound.

    Its rights are part of it for a caller who may read them.
    """
    found = await databases.get(session, caller.tenant, database_id)
    settings = await databases.settings(session, database_id)
    with_rights = caller.may("rights:read") or caller.may("rights:write")
    return Bundle(found.version.definition, carried(settings, with_rights=with_rights))


async def create(
    session: Session, ledger: Ledger, caller: Caller, new: New, bundle: Bundle
) -> Template:
    """Make a template, or the next version of it; the same again makes nothing.

    Raise SchemaInvalid, TemplateInvalid or what a feature says of its settings.
    """
    bundle.check()
    if new.is_shared:
        bundle.check_shared()
    now = datetime.now(UTC)
    by = caller.person_name or caller.client
    Version(new_id(), 0, 1, bundle.definition, now, by).compile()
    await store.hold_code(session, caller.tenant, new.code)
    newest, last = await store.newest(session, caller.tenant, new.code)
    made = Template(
        new_id(),
        caller.tenant,
        new.code,
        last + 1,
        new.name,
        new.description,
        new.domain,
        new.is_shared,
        bundle,
        now,
        by,
    )
    if newest is not None and newest.says_what(made):
        return newest
    await store.insert_template(session, made)
    await _record(session, ledger, caller, "template.created", made)
    return made


async def delete(session: Session, ledger: Ledger, caller: Caller, template_id: UUID) -> None:
    """Take one version of a template away; one that is gone already, or never was, stays gone.

    Raise TemplateOfAnother for what another member shares or what comes with the registry.
    """
    if any(each.id == template_id for each in store.shipped()):
        raise TemplateOfAnother("it comes with the registry")
    found = await store.find(session, caller.tenant, template_id)
    if found is None:
        return
    if found.tenant != caller.tenant:
        raise TemplateOfAnother("another member made it and shares it")
    await store.delete(session, found.id, datetime.now(UTC))
    await _record(session, ledger, caller, "template.deleted", found)


async def instantiate(
    session: Session,
    ledger: Ledger,
    caller: Caller,
    template_id: UUID,
    asked: Mapping[str, Any],
) -> Described:
    """Make a database of a template: ``code``, and ``name`` and ``publish`` when they are given.

    The same again finds what it made. Raise TemplateNotFound or CodeTaken, ScopeMissing where the
    template holds rights, or what a feature says of its part.
    """
    found = await get(session, caller.tenant, template_id)
    given = dict(found.bundle.definition.document)
    if asked.get("name"):
        given["name"] = asked["name"]
    await _check_free(session, caller.tenant, asked["code"], Definition(given))
    made = await databases.modify(session, ledger, caller, Asked(asked["code"], given))
    await _furnish(session, ledger, caller, made.database.id, found.bundle)
    if asked.get("publish"):
        published = await versions.publish(session, ledger, caller, made.database.id)
        made = replace(made, version=published.version)
    return made


async def _furnish(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, bundle: Bundle
) -> None:
    """Give a database what a template holds besides its definition, each by its own feature."""
    settings = bundle.settings
    if SERVICES in settings:
        await services.adopt(session, ledger, caller, database_id, settings[SERVICES])
    for view in settings.get(VIEWS, {}).values():
        await views.put(session, ledger, caller, database_id, view)
    if RIGHTS in settings:
        if not caller.may("rights:write"):
            raise ScopeMissing("the template holds rights: the scope rights:write is missing")
        await rights.put(session, ledger, caller, database_id, Rights(settings[RIGHTS]))


async def _check_free(session: Session, tenant: str, code: str, wanted: Definition) -> None:
    try:
        found = await databases.find_named(session, tenant, code)
    except DatabaseNotFound:
        return
    described = await databases.get(session, tenant, found.id)
    if found.code.lower() == code.lower() and described.version.definition != wanted:
        raise CodeTaken(f"the code belongs to the database with id {found.id}")


async def _record(
    session: Session, ledger: Ledger, caller: Caller, kind: str, about: Template
) -> None:
    facts = {
        "code": about.code,
        "version": about.label,
        "shared": about.is_shared,
        "bundle": hashlib.sha256(_written(about)).hexdigest(),
        "requestId": caller.request_id,
    }
    said = f"template:{about.id}"
    await ledger.record(
        session, Entry(kind, caller.client, said, facts=facts, tenant=caller.tenant)
    )


def _written(about: Template) -> bytes:
    return json.dumps(about.document, sort_keys=True).encode()
