"""Deciding what a caller may do with the records of a database: the one place where it is."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kit.access import ANONYMOUS, Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from registry.databases import service as databases
from registry.databases.models import ConsentRule, Release
from registry.fields.models import Schema
from registry.policies import models as policies
from registry.policies.models import Action, Party, Policy, Subject
from registry.rights import store
from registry.rights.models import (
    FULL,
    Grant,
    LoginNeeded,
    NotAllowed,
    Rights,
    grant_of,
    stranger_grant,
)

NAME = "rights"
_KEPT = 512
_compiled: OrderedDict[tuple[int, int, int], tuple[Policy, ...]] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Why:
    """Whether one policy says something about a call, and if not, what of it does not fit."""

    policy: str
    allows: bool
    mismatch: str | None


@dataclass(frozen=True, slots=True)
class Explained:
    """What is decided about a call, and how each policy came into it."""

    grant: Grant | None
    reason: str
    policies: tuple[Why, ...] = ()


async def grant(session: Session, release: Release, caller: Caller, action: Action) -> Grant:
    """Return what a caller may do with an action, or raise NotAllowed or LoginNeeded.

    The owner member may do everything. Without a rights document the mediator's right decides for
    others; with one, what no policy allows is denied.
    """
    if caller.is_owner and not _binds_owner(release):
        return FULL
    if release.settings.get(NAME) is None:
        if caller.client == ANONYMOUS:
            raise LoginNeeded("this database is open to callers with credentials only")
        return stranger_grant(release.path.schema, release.current.consent)
    found = await explain(session, release, await party_of(session, release, caller), action)
    if found.grant is None:
        if caller.client == ANONYMOUS:
            raise LoginNeeded(found.reason)
        raise NotAllowed(found.reason)
    if caller.is_owner:
        return found.grant
    return _with_consent(found.grant, release.current.consent)


def sees_all(release: Release, caller: Caller) -> bool:
    """Tell whether it takes nothing to look up or to ask to know that a caller may see all."""
    if caller.is_owner:
        return not _binds_owner(release)
    if release.settings.get(NAME) is not None or caller.client == ANONYMOUS:
        return False
    given = stranger_grant(release.path.schema, release.current.consent)
    return given.is_full and not given.consents


def _binds_owner(release: Release) -> bool:
    return bool((release.settings.get(NAME) or {}).get("bindsOwner"))


def _with_consent(given: Grant, rule: ConsentRule | None) -> Grant:
    """Return a grant whose terms all stand on the consent that the database asks for."""
    if rule is None:
        return given
    terms = tuple(t if t.consent else replace(t, consent=rule) for t in given.terms)
    return replace(given, terms=terms)


async def explain(session: Session, release: Release, party: Party, action: Action) -> Explained:
    """Return what the policies of a database decide about a party and an action, and how."""
    now = datetime.now(UTC)
    every = await _policies(session, release)
    told = tuple(Why(p.name, p.allows, p.mismatch(party, action, now)) for p in every)
    fitting = [p for p, why in zip(every, told, strict=True) if why.mismatch is None]
    found = grant_of(release.path.schema, fitting, party)
    if found is not None:
        return Explained(found, "allowed", told)
    denied = next((why.policy for why in told if not why.allows and why.mismatch is None), None)
    reason = f"no policy allows you to {action}"
    if denied is not None and any(p.allows for p in fitting):
        reason = f"the policy {denied} denies you to {action}"
    return Explained(None, reason, told)


async def party_of(session: Session, release: Release, caller: Caller) -> Party:
    """Return a caller with the roles, groups, attributes and delegations they hold now."""
    people = frozenset(each for each in (caller.speaks_for,) if each)
    known = Party(
        client=caller.client,
        member=caller.member,
        person=caller.person,
        people=people,
        service=caller.service,
        roles=caller.roles,
        is_anonymous=caller.client == ANONYMOUS,
    )
    held = await store.find_held(session, release.tenant, release.code, known)
    return replace(
        known,
        people=people | held.people,
        roles=caller.roles | held.roles,
        groups=held.groups,
        attributes=held.attributes,
    )


async def _policies(session: Session, release: Release) -> tuple[Policy, ...]:
    """Return all policies that a database's document, its templates and roles bring, read once."""
    key = (release.database, release.revision, release.path.number)
    if key not in _compiled:
        rights = await _rights(session, release)
        _compiled[key] = rights
        while len(_compiled) > _KEPT:
            _compiled.popitem(last=False)
    _compiled.move_to_end(key)
    return _compiled[key]


async def _rights(session: Session, release: Release) -> tuple[Policy, ...]:
    document: Mapping[str, Any] = release.settings.get(NAME) or {}
    own = policies.parse_all(document.get("policies", []), ("policies",), None)
    templates: Sequence[str] = document.get("templates", [])
    brought = await store.find_brought(session, release.tenant, templates)
    every = list(own)
    for each in brought:
        read = policies.parse_all(each.policies, (each.prefix,), None, needs_subject=False)
        for policy in read:
            subject = Subject(roles=(each.name,)) if each.is_role else policy.subject
            every.append(replace(policy, name=f"{each.prefix}/{policy.name}", subject=subject))
    return tuple(every)


async def get(session: Session, caller: Caller, database_id: int) -> Rights | None:
    """Return a database's rights document, None when it has none; raise DatabaseNotFound."""
    found = await databases.get(session, caller.tenant, database_id)
    settings = await store.find_document(session, found.database.id, NAME)
    return None if settings is None else Rights(settings)


async def put(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, asked: Rights | None
) -> None:
    """Set a database's rights document, or take it away; the same again changes nothing.

    Raise RightsInvalid or ConditionInvalid naming the place, or DatabaseNotFound.
    """
    found = await databases.get(session, caller.tenant, database_id)
    schema = found.version.definition.schema()
    if asked is not None:
        await _check(session, caller.tenant, asked, schema)
    before = await store.find_document(session, found.database.id, NAME, lock=True)
    after = None if asked is None else asked.document
    if before == after:
        return
    await databases.configure(session, found.database.id, NAME, after)
    entry = Entry(
        "database.rights-changed",
        caller.client,
        f"database:{found.database.id}/rights",
        facts={"requestId": caller.request_id, **digest_of(after)},
        tenant=caller.tenant,
        subject=caller.tenant,
        detail={"before": before, "after": after},
    )
    await ledger.record(session, entry)


def digest_of(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the ledger says of a document that may name people."""
    if document is None:
        return {}
    return {"policies": len(document.get("policies", []))}


async def _check(session: Session, tenant: str, asked: Rights, schema: Schema) -> None:
    policies.parse_all(asked.document.get("policies", []), ("policies",), schema)
    templates: Sequence[str] = asked.document.get("templates", [])
    known = await store.known_templates(session, tenant)
    for index, name in enumerate(templates):
        if name not in known:
            raise policies.refusal(("templates", index), "there is no access template of this name")


async def why(
    session: Session, caller: Caller, database_id: int, asked: tuple[Party, Action, int | None]
) -> Explained:
    """Explain what is decided about a party and an action; raise DatabaseNotFound."""
    party, action, version = asked
    release = await databases.release_of(session, caller.tenant, database_id, version)
    known = await store.find_held(session, release.tenant, release.code, party)
    held = replace(
        party,
        people=party.people | known.people,
        roles=party.roles | known.roles,
        groups=known.groups,
        attributes=known.attributes,
    )
    if party.member == release.tenant and not _binds_owner(release):
        return Explained(FULL, "the owner member may do everything")
    if release.settings.get(NAME) is None:
        given = None if party.is_anonymous else stranger_grant(release.path.schema, None)
        return Explained(given, "there is no rights document: the mediator's right decides")
    return await explain(session, release, held, action)
