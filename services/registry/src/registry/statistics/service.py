"""Making statistics of what a caller may see, and keeping back what is too small."""

from dataclasses import replace
from typing import Any

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from registry.counters import service as counters
from registry.databases import service as databases
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.records import service as records
from registry.records.service import Call, Opened
from registry.rights.models import Action
from registry.statistics import models, store
from registry.statistics.models import NAME, Plan, Question, Statistics
from registry.usage import service as usage

MADE = "statistics.made"


async def make(session: Session, ledger: Ledger, call: Call, asked: Question) -> Statistics:
    """Return the answer to a question about a registry, from the records the caller may see.

    A call without a version is of the newest. What uses personal data is written down. Raise as
    ``records.service.open_for``, ``Question.plan`` and ``store.groups`` do; ConsentRequired where
    reads need each person's consent.
    """
    if not call.version:
        call = replace(call, version=await _newest(session, call))
    opened = await records.open_for(session, call, Action.STATISTICS)
    grant = opened.grant.without_consents()
    if not grant.terms:
        raise ConsentRequired("reads need each person's consent, and statistics ask nobody")
    schema, caller = opened.release.path.schema, call.caller
    plan = asked.plan(schema, grant, is_owner=caller.is_owner)
    models.check_date(plan)
    counters.count_as(opened.release, caller.client, NAME)
    found = await store.groups(session, opened.release.database, plan)
    await _note(ledger, opened, plan)
    made = Statistics(asked, call.version, found)
    if not plan.is_protected:
        return made
    return models.protected(made, models.smallest_group(opened.release.settings))


async def settings(session: Session, caller: Caller, database_id: int) -> int:
    """Return how many records a group has at least, or raise DatabaseNotFound."""
    found = await databases.get(session, caller.tenant, database_id)
    return models.smallest_group(found.database.settings)


async def settle(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, smallest: int
) -> int:
    """Say how many records a group has at least; raise DatabaseNotFound."""
    found = await databases.locked(session, caller, database_id)
    before = models.smallest_group(found.settings)
    if before != smallest:
        said: dict[str, Any] = {"smallestGroup": smallest}
        await databases.configure(session, found.id, NAME, said)
        facts = {"requestId": caller.request_id, "before": before, "after": smallest}
        about = f"database:{found.id}"
        entry = Entry("statistics.settled", caller.client, about, None, facts, tenant=caller.tenant)
        await ledger.record(session, entry)
    return smallest


async def _newest(session: Session, call: Call) -> str:
    """Return the label of the newest published version of the registry a call names."""
    found = await databases.find_named(session, call.caller.tenant, call.registry)
    if found.code.casefold() != call.registry.casefold():
        raise RegistryNotFound("there is no registry with this code")
    release = await databases.release_of(session, call.caller.tenant, found.id)
    return f"{release.path.number}.0"


async def _note(ledger: Ledger, opened: Opened, plan: Plan) -> None:
    """Write down that statistics were made of personal data; nobody is in them."""
    used = [name for name in plan.question.named if name in opened.release.personal]
    if not used:
        return
    caller = opened.call.caller
    facts = {
        "operation": plan.question.metric.value,
        "fields": used,
        "requestId": caller.request_id,
    }
    about = f"database:{opened.release.database}/statistics"
    entry = Entry(MADE, caller.client, about, None, facts, tenant=caller.tenant)
    await ledger.note(usage.with_basis(entry, opened.call.legal_basis))
