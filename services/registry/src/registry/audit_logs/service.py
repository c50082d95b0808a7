"""Reading the log of all that was done, which is itself written down (DRS-7, DRS-8.d)."""

from collections.abc import Sequence

from kit.access import Caller
from kit.database import Session
from kit.evidence import WHOLE, Ledger, Search, Written
from registry.audit_logs import store
from registry.audit_logs.models import (
    Asked,
    Log,
    LogNotYours,
    RecordUnknown,
    kinds_of,
    read_cursor,
)
from registry.databases import service as databases
from registry.usage import service as usage
from registry.usage.models import LOGGED, Look
from registry.usage.service import Purpose


async def page(
    session: Session, ledger: Ledger, caller: Caller, asked: Asked
) -> tuple[list[Log], str | None]:
    """Return actions, newest first, and the cursor of the next page.

    For applications of the member whose databases they are, with nobody signed in. A bulk operation
    is one entry; with a record, what it did to that. Whose records were shown learns of it. Raise
    LogNotYours, QuestionInvalid, DatabaseNotFound or RecordUnknown.
    """
    if caller.person is not None or not caller.is_owner:
        raise LogNotYours("an application of the owner asks, with nobody signed in")
    found = await ledger.search(await _search(session, caller, asked))
    logs = [_log(entry) for entry in found]
    await _note(session, ledger, caller, logs)
    return logs, found[-1].mark.text if len(found) == asked.limit else None


async def _search(session: Session, caller: Caller, asked: Asked) -> Search:
    within, about = None, None
    if asked.database is not None:
        named = await databases.find_named(session, caller.tenant, asked.database)
        within = f"database:{named.id}"
    if asked.record is not None:
        database = await store.find_database(session, caller.tenant, asked.record)
        if database is None:
            raise RecordUnknown("no record of this member has this id")
        about = f"database:{database}/record:{asked.record}"
    return Search(
        kinds_of(asked.actions),
        actor=asked.actor,
        tenant=caller.tenant,
        object=about,
        within=within,
        since=asked.since,
        until=asked.until,
        before=read_cursor(asked.cursor),
        limit=asked.limit,
    )


async def _note(session: Session, ledger: Ledger, caller: Caller, logs: Sequence[Log]) -> None:
    """Write down, for each person, that the log of their records was shown; once a page."""
    shown = {log.record: log for log in logs if log.is_personal and log.record}
    about = await store.about(session, list(shown)) if shown else {}
    looks: dict[int, list[Look]] = {}
    for record, one in about.items():
        fields = shown[record].facts.get("fields") or ["log"]
        look = Look(one.database, record, one.number, one.primary_key, one.subjects, fields)
        looks.setdefault(one.database, []).append(look)
    for each in looks.values():
        await usage.note_rows(ledger, caller, LOGGED, each, Purpose("log"))


def _log(entry: Written) -> Log:
    return Log(
        entry.id,
        entry.at,
        entry.kind,
        entry.actor,
        entry.object,
        entry.facts,
        entry.detail or {},
        None if entry.place == WHOLE else entry.place,
    )
