"""What the owner of a database can ask of its automations (DRS-19)."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from kit import deliveries
from kit.access import Caller
from kit.database import Session
from kit.deliveries import AddressRefused, Networks, Secret
from kit.deliveries import Target as Endpoint
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.sealing import Keyring
from registry.automations import models, store
from registry.automations.models import (
    MOST,
    NEEDED,
    Automation,
    AutomationNotFound,
    AutomationsFull,
    RightsLacking,
    Target,
    refuse,
)
from registry.databases import service as databases
from registry.fields.models import Schema
from registry.records import service as records
from registry.records.service import Call
from registry.rights import service as rights
from registry.rights.models import Action


@dataclass(frozen=True, slots=True)
class Work:
    """What a request about automations works with."""

    session: Session
    ledger: Ledger
    keyring: Keyring
    networks: Networks
    caller: Caller


@dataclass(frozen=True, slots=True)
class Asked:
    """What an automation shall be: its document without address, and the address if it has one."""

    document: Mapping[str, Any]
    is_active: bool
    seconds: int | None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """An automation with what its document lacks; token and secret only when they are new."""

    automation: Automation
    url: str = ""
    token: str | None = None
    secret: str | None = None


async def add(work: Work, database_id: int, asked: Asked) -> Shown:
    """Make an automation; raise what is wrong with it, AutomationsFull or RightsLacking."""
    await _check(work, database_id, asked)
    await store.hold(work.session, database_id)
    if await store.count(work.session, database_id) >= MOST:
        raise AutomationsFull(f"a database has {MOST} automations at most")
    now = datetime.now(UTC)
    bare = Automation(
        new_id(),
        database_id,
        work.caller.tenant,
        work.caller.client,
        work.caller.scopes,
        {},
        asked.is_active,
        None,
        None,
        None,
        None,
        now,
        now,
    )
    shown = await _fitted(work, Shown(bare), asked)
    await store.add(work.session, shown.automation)
    await _record(work, "automation.created", shown.automation)
    return shown


async def replace_with(work: Work, database_id: int, automation_id: UUID, asked: Asked) -> Shown:
    """Make another thing of an automation; the same again changes nothing."""
    found = await _find(work, database_id, automation_id, lock=True)
    await _check(work, database_id, asked)
    shown = await _shown(work, found)
    same = found.document == asked.document and found.is_active == asked.is_active
    if same and found.seconds == asked.seconds and shown.url == asked.url:
        return shown
    taken = replace(
        found, client=work.caller.client, scopes=work.caller.scopes, is_active=asked.is_active
    )
    changed = await _fitted(work, replace(shown, automation=taken), asked)
    await store.save(work.session, changed.automation)
    await _record(work, "automation.changed", changed.automation)
    return changed


async def _fitted(work: Work, before: Shown, asked: Asked) -> Shown:
    """Return an automation as asked for, with a token, an endpoint and a next time where needed."""
    found, now = before.automation, datetime.now(UTC)
    token = secret = None
    kept = found.token
    if asked.seconds is not None:
        kept = None
    elif kept is None:
        token = secrets.token_urlsafe(32)
        kept = token_digest(token)
    endpoint_id = found.endpoint_id
    if asked.url != before.url:
        endpoint_id, secret = await _endpoint(work, endpoint_id, asked.url)
    next_at = None if asked.seconds is None else now + timedelta(seconds=asked.seconds)
    if asked.seconds is not None and found.seconds == asked.seconds:
        next_at = found.next_at
    made = replace(
        found,
        document=asked.document,
        seconds=asked.seconds,
        next_at=next_at,
        token=kept,
        endpoint_id=endpoint_id,
        changed_at=now,
    )
    return Shown(made, asked.url, token, secret)


async def _endpoint(work: Work, before: UUID | None, url: str) -> tuple[UUID | None, str | None]:
    """Keep an address, sealed, in place of another one; return the secret if it is new."""
    if before is not None and url:
        target = await deliveries.target_of(work.session, work.keyring, before)
        moved = replace(target or Endpoint(), url=url)
        await deliveries.change_endpoint(work.session, work.keyring, before, moved)
        return before, None
    if before is not None:
        await deliveries.remove_endpoint(work.session, before)
    if not url:
        return None, None
    secret = deliveries.new_secret()
    target = Endpoint(url, (Secret(secret),))
    return await deliveries.add_endpoint(work.session, work.keyring, target), secret


def token_digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def get(work: Work, database_id: int, automation_id: UUID) -> Shown:
    """Return an automation, or raise AutomationNotFound."""
    return await _shown(work, await _find(work, database_id, automation_id))


async def page(work: Work, database_id: int) -> list[Shown]:
    """Return all automations of a database; raise DatabaseNotFound or RightsLacking."""
    _check_owner(work.caller)
    await databases.get(work.session, work.caller.tenant, database_id)
    return [await _shown(work, each) for each in await store.page(work.session, database_id)]


async def delete(work: Work, database_id: int, automation_id: UUID) -> None:
    """Delete an automation; a run under way ends after the record it is at."""
    _check_owner(work.caller)
    await databases.get(work.session, work.caller.tenant, database_id)
    found = await store.find(work.session, database_id, automation_id, lock=True)
    if found is None:
        return
    await store.delete(work.session, found.id, datetime.now(UTC))
    if found.endpoint_id is not None:
        await deliveries.remove_endpoint(work.session, found.endpoint_id)
    await _record(work, "automation.deleted", found)


async def find(
    session: Session, caller: Caller, database_id: int, automation_id: UUID
) -> Automation:
    """Return an automation of the caller's member, or raise AutomationNotFound or RightsLacking."""
    _check_owner(caller)
    found = await store.find(session, database_id, automation_id)
    if found is None or found.tenant != caller.tenant:
        raise AutomationNotFound("the database has no automation with this id")
    return found


async def find_by_id(session: Session, automation_id: UUID) -> Automation | None:
    """Return an automation of any member, if it is there."""
    return await store.find_by_id(session, automation_id)


async def find_by_token(session: Session, token: str) -> Automation | None:
    """Return the automation that a token begins, if there is one."""
    return await store.find_by_token(session, token_digest(token))


async def claim_due(session: Session, limit: int) -> list[Automation]:
    """Return automations whose time has come, each to one asker only, and set their next time."""
    return await store.claim_due(session, limit)


async def _find(
    work: Work, database_id: int, automation_id: UUID, *, lock: bool = False
) -> Automation:
    _check_owner(work.caller)
    found = await store.find(work.session, database_id, automation_id, lock=lock)
    if found is None or found.tenant != work.caller.tenant:
        raise AutomationNotFound("the database has no automation with this id")
    return found


async def _shown(work: Work, found: Automation) -> Shown:
    if found.endpoint_id is None:
        return Shown(found)
    target = await deliveries.target_of(work.session, work.keyring, found.endpoint_id)
    return Shown(found, target.url if target else "")


def _check_owner(caller: Caller) -> None:
    if not caller.is_owner:
        raise RightsLacking("automations belong to the member whose database it is")


async def _check(work: Work, database_id: int, asked: Asked) -> None:
    """Refuse what cannot be done, or not with the caller's rights."""
    _check_owner(work.caller)
    lacking = sorted(scope for scope in NEEDED if not work.caller.may(scope))
    if lacking:
        raise RightsLacking("an automation needs " + " and ".join(lacking))
    release = await databases.release_of(work.session, work.caller.tenant, database_id)
    target, outcome = models.target_of(asked.document), None
    if target.is_database == bool(asked.url):
        raise refuse("target", "has a database or a url")
    if asked.url:
        try:
            work.networks.check(asked.url)
        except AddressRefused as error:
            raise refuse("target/url", error.detail) from error
    else:
        if target.code.lower() == release.code.lower() and not target.member:
            raise refuse("target/database", "is another database than the one it reads")
        outcome = await _outcome(work, target)
    models.read(asked.document, release.path.schema, outcome)


async def _outcome(work: Work, target: Target) -> Schema:
    """Return the schema of the database that is written, or raise what opening it raises."""
    caller = replace(work.caller, tenant=target.member or work.caller.tenant)
    opened = await open_target(work.session, caller, target)
    if not target.match:
        key = opened.release.current.schema.primary_key
        if key is None:
            raise refuse("target/match", "names the fields by which a record is found")
    return opened.release.path.schema


async def open_target(session: Session, caller: Caller, target: Target) -> records.Opened:
    """Return what a target opens for the caller; another member's only by its rights document."""
    call = Call(caller, target.code, target.version)
    opened = await records.open_for(session, call, Action.UPDATE)
    if not caller.is_owner and opened.release.settings.get(rights.NAME) is None:
        raise RightsLacking("that member's rights document says nothing of you")
    return opened


async def _record(work: Work, kind: str, found: Automation) -> None:
    said = models.target_of(found.document)
    facts: dict[str, Any] = {
        "trigger": "call" if found.seconds is None else "interval",
        "target": "database" if said.is_database else "address",
        "active": found.is_active,
        "requestId": work.caller.request_id,
    }
    about = f"database:{found.database}/automation:{found.id}"
    entry = Entry(kind, work.caller.client, about, facts=facts, tenant=found.tenant)
    await work.ledger.record(work.session, entry)
