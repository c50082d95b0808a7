"""What a caller can ask about reports; a report is answered with the rights of who runs it."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from kit.access import Caller
from kit.database import Session
from kit.evidence import Entry, Ledger
from kit.identifiers import new_id
from registry.databases import service as databases
from registry.records.service import Call
from registry.reports import store
from registry.reports.models import Report, ReportNotFound, ReportTaken, Wanted
from registry.rights.models import FULL
from registry.statistics import models as statistics_models
from registry.statistics import service as statistics
from registry.statistics.models import Statistics


async def page(session: Session, caller: Caller, database_id: int) -> list[Report]:
    """Return the reports of a database, by name; raise DatabaseNotFound."""
    found = await databases.get(session, caller.tenant, database_id)
    return await store.page(session, found.database.id)


async def get(session: Session, caller: Caller, where: tuple[int, UUID]) -> Report:
    """Return a report; ``where`` is its database and its id. Raise ReportNotFound."""
    found = await databases.get(session, caller.tenant, where[0])
    report = await store.find(session, found.database.id, where[1])
    if report is None:
        raise ReportNotFound("the database has no report with this id")
    return report


async def create(
    session: Session, ledger: Ledger, caller: Caller, database_id: int, wanted: Wanted
) -> Report:
    """Keep a question under a name; the same again is the report there is.

    Raise DatabaseNotFound, ReportTaken, or what is wrong with the question.
    """
    found = await databases.locked(session, caller, database_id)
    await _check(session, caller, database_id, wanted)
    taken = await store.find_called(session, found.id, wanted.name)
    if taken is not None:
        if taken.wanted == wanted:
            return taken
        raise ReportTaken("another report of this database has this name")
    made = Report(new_id(), found.id, wanted, datetime.now(UTC), caller.client)
    await store.save(session, made)
    await _record(session, ledger, caller, "report.created", made)
    return made


async def change(
    session: Session, ledger: Ledger, caller: Caller, where: tuple[int, UUID], wanted: Wanted
) -> Report:
    """Ask something else under a report's id; raise as ``create``, and ReportNotFound."""
    await databases.locked(session, caller, where[0])
    before = await get(session, caller, where)
    await _check(session, caller, where[0], wanted)
    if before.wanted == wanted:
        return before
    taken = await store.find_called(session, before.database, wanted.name)
    if taken is not None and taken.id != before.id:
        raise ReportTaken("another report of this database has this name")
    made = replace(before, wanted=wanted, changed_at=datetime.now(UTC), changed_by=caller.client)
    await store.save(session, made)
    await _record(session, ledger, caller, "report.changed", made)
    return made


async def delete(session: Session, ledger: Ledger, caller: Caller, where: tuple[int, UUID]) -> None:
    """Take a report away; one that is gone stays gone. Raise DatabaseNotFound."""
    found = await databases.locked(session, caller, where[0])
    report = await store.find(session, found.id, where[1])
    if report is not None:
        await store.delete(session, report.id)
        await _record(session, ledger, caller, "report.deleted", report)


async def run(
    session: Session,
    ledger: Ledger,
    caller: Caller,
    where: tuple[int, UUID],
    legal_basis: str | None,
) -> Statistics:
    """Answer a report's question from what this caller may see; raise as ``statistics.make``."""
    report = await get(session, caller, where)
    found = await databases.get(session, caller.tenant, report.database)
    call = Call(caller, found.database.code, report.wanted.version or "", legal_basis)
    return await statistics.make(session, ledger, call, report.wanted.question)


async def _check(session: Session, caller: Caller, database_id: int, wanted: Wanted) -> None:
    """Raise what is wrong with a question, as the newest version of the database stands."""
    found = await databases.get(session, caller.tenant, database_id)
    schema = found.version.definition.schema()
    statistics_models.check_date(wanted.question.plan(schema, FULL, is_owner=True))


async def _record(
    session: Session, ledger: Ledger, caller: Caller, kind: str, report: Report
) -> None:
    question = json.dumps(report.wanted.document, sort_keys=True)
    facts = {
        "question": hashlib.sha256(question.encode()).hexdigest(),
        "requestId": caller.request_id,
    }
    about = f"database:{report.database}/report:{report.id}"
    entry = Entry(kind, caller.client, about, None, facts, tenant=caller.tenant)
    await ledger.record(session, entry)
