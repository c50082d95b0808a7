"""What can be asked of runs, and how one goes through the records: one at a time (DRS-19.a).

A record is worked on in a transaction of its own, in which it is written down that it was: a run
that is stopped goes on behind it, and no run does it again unless it has changed. Calls to outside
are made without a transaction and may come twice, with the same ``webhook-id``.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid5

from kit import deliveries, jobs
from kit.access import Caller
from kit.database import Lender, Reading, Session, Transaction
from kit.deliveries import Outside, UnreachableError, signing
from kit.deliveries import Target as Endpoint
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from kit.problems import Problem, Unavailable
from kit.sealing import Keyring
from registry.automations import service as automations
from registry.automations.models import Automation, AutomationNotFound, Target
from registry.changes import service as changes
from registry.changes.service import Asked
from registry.databases import service as databases
from registry.mappings.models import Mapper, MappingFailedError
from registry.records import service as records
from registry.records.models import Record
from registry.records.service import Call, Opened
from registry.rights.models import Action
from registry.runs import store
from registry.runs.models import Failure, Run, RunNotFound, State, TriggerNotFound, reason_of
from registry.usage import service as usage
from registry.usage.models import READ

RUN = "run automation"
"""The job that works on a run; its payload is the run's id, 16 bytes."""

_TURN = 20.0  # seconds of one job: others wait for their turn
_AT_ONCE = 50  # records that are read together
_MOST_FAILURES = 1000


@dataclass(frozen=True, slots=True)
class Context:
    """What runs work with."""

    database: Lender
    ledger: Ledger
    keyring: Keyring
    outside: Outside


async def begin(session: Session, caller: Caller, database_id: int, automation_id: UUID) -> Run:
    """Begin a run, or return the one that is running; raise AutomationNotFound."""
    found = await automations.find(session, caller, database_id, automation_id)
    return await _begin(session, found, "caller")


async def begin_by_token(session: Session, token: str) -> Run:
    """Begin a run of the automation that a token begins, or raise TriggerNotFound."""
    found = await automations.find_by_token(session, token)
    if found is None or not found.is_active:
        raise TriggerNotFound("the address is not known, or not any more")
    return await _begin(session, found, "call")


async def begin_due(session: Session) -> int:
    """Begin runs of the automations whose time has come; return how many there were."""
    due = await automations.claim_due(session, _AT_ONCE)
    for each in due:
        await _begin(session, each, "interval")
    return len(due)


async def clear(session: Session, before: datetime, most: int) -> int:
    """Delete runs that ended before a time, ``most`` at most; return how many there were."""
    return await store.clear(session, before, most)


async def _begin(session: Session, automation: Automation, began_by: str) -> Run:
    made = await store.begin(session, new_id(), automation.id, began_by, datetime.now(UTC))
    if made is not None:
        await jobs.enqueue(session, RUN, made.id.bytes)
        return made
    running = await store.find_running(session, automation.id)
    if running is None:  # it ended between the two statements
        return await _begin(session, automation, began_by)
    return running


async def page(
    session: Session,
    caller: Caller,
    database_id: int,
    automation_id: UUID,
    window: tuple[int, int],
) -> list[Run]:
    """Return an automation's runs, newest first."""
    found = await automations.find(session, caller, database_id, automation_id)
    return await store.page(session, found.id, *window)


async def get(
    session: Session, caller: Caller, database_id: int, automation_id: UUID, run_id: UUID
) -> Run:
    """Return a run with what failed in it, or raise RunNotFound."""
    automation = await automations.find(session, caller, database_id, automation_id)
    found = await store.find(session, run_id)
    if found is None or found.automation_id != automation.id:
        raise RunNotFound("the automation has no run with this id")
    return await store.with_failures(session, found, _MOST_FAILURES)


# -- work ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Work:
    """One run while it is worked on."""

    context: Context
    run: Run
    automation: Automation
    source: Opened
    endpoint: Endpoint | None

    @property
    def mapping(self) -> Mapper:
        return self.automation.plan.query

    @property
    def target(self) -> Target:
        return self.automation.plan.target


async def go_on(context: Context, run_id: UUID) -> bool:
    """Work on a run for a while; tell whether it has to be gone on with."""
    reading = Reading(context.database)
    found = await store.find(reading, run_id)
    if found is None or found.state is not State.RUNNING:
        return False
    async with store.alone(context.database, found.automation_id) as is_alone:
        if not is_alone:
            return True
        try:
            work = await _open(context, found)
        except Unavailable:
            raise
        except Problem as error:
            await _end(context, found, State.FAILED, reason_of(error))
            return False
        return await _work(work)


async def _open(context: Context, run: Run) -> _Work:
    """Return what a run works with, or raise why it cannot be worked on at all."""
    session = Reading(context.database)
    automation = await automations.find_by_id(session, run.automation_id)
    if automation is None or not automation.is_active:
        raise AutomationNotFound
    release = await databases.release_of(session, automation.tenant, automation.database)
    basis: str | None = automation.document.get("legalBasis")
    call = Call(automation.caller(), release.code, f"{release.path.number}.0", basis)
    source = await records.open_for(session, call, Action.LIST)
    source = replace(source, grant=source.grant.without_consents())
    condition = automation.plan.condition
    if condition is not None:
        source.grant.check_named(condition.fields)
    endpoint, target = None, automation.plan.target
    if target.is_database:
        caller = automation.caller(target.member or None)
        await automations.open_target(session, caller, target)
    elif automation.endpoint_id is not None:
        endpoint = await deliveries.target_of(session, context.keyring, automation.endpoint_id)
    return _Work(context, run, automation, source, endpoint)


async def _work(work: _Work) -> bool:
    """Go through records until there are none left or others shall have a turn."""
    ends, after = time.monotonic() + _TURN, work.run.after
    session = Reading(work.context.database)
    while True:
        found, after = await store.next_records(
            session, work.automation, after, work.automation.plan.condition, _AT_ONCE
        )
        if after is None:
            await _end(work.context, work.run, State.DONE, None)
            return False
        for record in found:
            if work.source.covers(record) and await store.is_current(session, record):
                await _one(work, record)
            if time.monotonic() > ends:
                return True
        if not await _is_wanted(session, work.automation):
            await _end(work.context, work.run, State.FAILED, AutomationNotFound.title)
            return False


async def _is_wanted(session: Session, automation: Automation) -> bool:
    found = await automations.find_by_id(session, automation.id)
    return found is not None and found.is_active


async def _one(work: _Work, record: Record) -> None:
    """Work on one record; what fails is written down, and the others go on."""
    try:
        values = work.source.values(record)
        made = work.mapping.apply(values)
        await _note(work, record)
        if work.target.is_database:
            await _to_database(work, record, made)
        else:
            await _to_outside(work, record, made)
    except MappingFailedError as error:
        await _keep_failed(work, record, f"mapping: {error.place} {error.reason}")
    except UnreachableError as error:
        await _keep_failed(work, record, error.reason)
    except Unavailable:  # it is no fault of the record
        raise
    except Problem as error:
        await _keep_failed(work, record, reason_of(error))


async def _note(work: _Work, record: Record) -> None:
    """Write down which personal data of a record the automation looks at."""
    used = work.mapping.sources
    names = tuple(name for name in work.source.personal_of(record) if name in used)
    if names:
        looks = [work.source.look(record, names)]
        caller, purpose = work.automation.caller(), work.source.purpose("automation")
        await usage.note(work.context.ledger, caller, READ, looks, purpose)


async def _to_database(work: _Work, record: Record, made: Mapping[str, Any]) -> None:
    """Change or create the record it is about in another database, and take its answer."""
    target, context = work.target, work.context
    call = Call(work.automation.caller(target.member or None), target.code, target.version)
    query = _picked(made, target.match)
    async with Transaction(context.database) as session:
        asked = Asked(made, query or None)
        done = await changes.update_or_create(session, context.ledger, call, asked)
        await _keep_done(work, session, record, json.loads(done.text))


def _picked(made: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the part of an outcome by which its record is found; all of it must have values."""
    picked: dict[str, Any] = {}
    for name in names:
        head, _, rest = name.partition(".")
        if head not in made:
            raise MappingFailedError(name, "has no value to find the record by")
        if not rest:
            picked[head] = made[head]
            continue
        inside = _picked(cast("dict[str, Any]", made[head]), (rest,))
        picked[head] = {**picked.get(head, {}), **inside}
    return picked


async def _to_outside(work: _Work, record: Record, made: Mapping[str, Any]) -> None:
    """Send the outcome to the automation's address, signed, and take the answer."""
    endpoint, context = work.endpoint, work.context
    if endpoint is None:
        raise UnreachableError("no-address")
    body = json.dumps(made, ensure_ascii=False).encode()
    call_id = uuid5(work.automation.id, f"{record.id} {record.revision}")
    signed = signing.headers(call_id, datetime.now(UTC), body, endpoint.secrets)
    headers = {"content-type": "application/json", "user-agent": "GovBlocks", **signed}
    answer = await context.outside.call(work.target.method, endpoint.url, body, headers)
    if answer.status // 100 != 2:  # noqa: PLR2004  the class of statuses
        raise UnreachableError(f"refused with {answer.status}")
    said: Any = {}
    if work.automation.plan.answer.names:
        said = _json(answer)
    async with Transaction(context.database) as session:
        await _keep_done(work, session, record, said)


def _json(answer: deliveries.Answer) -> Any:
    """Return an answer's JSON object, or raise UnreachableError."""
    try:
        said = json.loads(answer.body) if answer.is_whole else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise UnreachableError("the answer is no JSON object of 64 KiB at most")
    return cast("dict[str, Any]", said)


async def _keep_done(work: _Work, session: Session, record: Record, answer: Any) -> None:
    """Write an answer's part in the source's record, and that the record is done."""
    revision, mapping = record.revision, work.automation.plan.answer
    content = mapping.apply(answer) if mapping.names else {}
    if content:
        tag = await changes.update_referred(
            session, work.context.ledger, work.source.call, str(record.id), content
        )
        revision = int(tag.strip('"'))
    await store.keep_done(session, work.run, record.id, revision)


async def _keep_failed(work: _Work, record: Record, reason: str) -> None:
    failure = Failure(record.id, record.number, datetime.now(UTC), reason[:1000])
    async with Transaction(work.context.database) as session:
        await store.keep_failed(session, work.run, failure)


async def _end(context: Context, run: Run, state: State, reason: str | None) -> None:
    """End a run and write down how many records it was done for."""
    async with Transaction(context.database) as session:
        ended = await store.end(session, run.id, state, datetime.now(UTC), reason)
        automation = await automations.find_by_id(session, run.automation_id)
        if ended is None or automation is None:
            return
        facts = {
            "run": str(run.id),
            "state": state.value,
            "done": ended.done,
            "failed": ended.failed,
        }
        said = f"database:{automation.database}/automation:{automation.id}"
        entry = Entry("automation.ran", automation.client, said, facts=facts)
        await context.ledger.record(session, replace(entry, tenant=automation.tenant))
