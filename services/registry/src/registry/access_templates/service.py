"""What a caller can ask about access templates and roles."""

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from registry.access_templates import store
from registry.access_templates.models import (
    Kind,
    NamedPolicies,
    TemplateInUse,
    TemplateNotFound,
    check_name,
)
from registry.databases import service as databases
from registry.policies import models as policies

_CHANGED = {Kind.ROLE: "access-role.changed", Kind.TEMPLATE: "access-template.changed"}
_DELETED = {Kind.ROLE: "access-role.deleted", Kind.TEMPLATE: "access-template.deleted"}


async def page(session: Session, caller: Caller, kind: Kind) -> list[NamedPolicies]:
    """Return all of the member's, by name."""
    return await store.page(session, caller.tenant, kind)


async def get(session: Session, caller: Caller, kind: Kind, name: str) -> NamedPolicies:
    """Return one, or raise TemplateNotFound."""
    found = await store.find(session, caller.tenant, kind, name)
    if found is None:
        raise TemplateNotFound(f"the member has no {kind} of this name")
    return found


async def put(session: Session, ledger: Ledger, caller: Caller, given: NamedPolicies) -> None:
    """Set what stands under a name; databases where it counts decide by it from now on.

    Raise NameInvalid, RightsInvalid or ConditionInvalid; the same again changes nothing.
    """
    check_name(given.name)
    needs_subject = given.kind is Kind.TEMPLATE
    policies.parse_all(given.policies, ("policies",), None, needs_subject=needs_subject)
    if await store.find(session, caller.tenant, given.kind, given.name) == given:
        return
    await store.save(session, caller.tenant, given)
    await _changed(session, ledger, caller, _CHANGED[given.kind], given.name)


async def delete(session: Session, ledger: Ledger, caller: Caller, kind: Kind, name: str) -> None:
    """Take a name's policies away, or raise TemplateInUse; what is gone stays gone."""
    if await store.find(session, caller.tenant, kind, name) is None:
        return
    users = await store.used_by(session, caller.tenant, name) if kind is Kind.TEMPLATE else []
    if users:
        raise TemplateInUse("it is taken over by " + ", ".join(users))
    await store.remove(session, caller.tenant, kind, name)
    await _changed(session, ledger, caller, _DELETED[kind], name)


async def _changed(session: Session, ledger: Ledger, caller: Caller, kind: str, name: str) -> None:
    await databases.touch_all(session, caller.tenant)
    facts = {"requestId": caller.request_id}
    entry = Entry(kind, caller.client, f"access:{name}", facts=facts, tenant=caller.tenant)
    await ledger.record(session, entry)
