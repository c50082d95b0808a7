"""Counting calls where they are made, and telling the owner of a database (DRS-12).

A call is counted in memory, which takes about a microsecond; what was counted is written every two
seconds (``jobs``). A process that is killed loses what it counted since: at most that.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar

from kit.access import Caller
from kit.database import Lender, Session, Transaction
from registry import notices
from registry.counters import store
from registry.counters.models import (
    MOST_FIELDS,
    TEXT,
    Between,
    Counted,
    CountsNotYours,
    GroupBy,
    service_of,
)
from registry.databases import service as databases
from registry.databases.models import Release

MOST = 1000
"""Groups and searches that one answer holds."""

_Key = TypeVar("_Key")
_MOST_KEPT = 50_000
_DAY = 86_400
_calls: dict[tuple[int, int, str, int, str], int] = {}
_searches: dict[tuple[int, int, str], int] = {}


def count(release: Release, client: str) -> None:
    """Count the call that is answered, for its database, version, service and client.

    It counts once for a database, however often it is opened on the way to an answer.
    """
    asked = notices.asked()
    if asked is None or release.database in asked.counted:  # a job's own work is no call
        return
    asked.counted.add(release.database)
    count_as(release, client, service_of(asked.method, asked.parts))


def count_as(release: Release, client: str, service: str) -> None:
    """Count a call of a service that is not asked for under /data."""
    key = release.database, int(time.time()) // _DAY, service, release.path.number, client
    if key in _calls:
        _calls[key] += 1
    elif len(_calls) < _MOST_KEPT:
        _calls[key] = 1


def count_search(release: Release, fields: Iterable[str], *, texts: bool = False) -> None:
    """Count by which fields records are looked for; no value is ever kept."""
    named = sorted(set(fields))[:MOST_FIELDS] + ([TEXT] if texts else [])
    if named and notices.asked() is not None:
        key = release.database, int(time.time()) // _DAY, ",".join(named)
        if key in _searches or len(_searches) < _MOST_KEPT:
            _searches[key] = _searches.get(key, 0) + 1


async def write(lender: Lender) -> None:
    """Write what was counted since the last time; what cannot be written is kept for the next."""
    calls, searches = dict(_calls), dict(_searches)
    _calls.clear()
    _searches.clear()
    try:
        async with Transaction(lender) as session:
            if calls:
                await store.add_calls(session, {_dated(k[:2]) + k[2:]: n for k, n in calls.items()})
            if searches:
                dated = {_dated(k[:2]) + k[2:]: n for k, n in searches.items()}
                await store.add_searches(session, dated)
    except BaseException:
        _keep(_calls, calls)
        _keep(_searches, searches)
        raise


def _dated(key: tuple[int, int]) -> tuple[int, date]:
    database, day = key
    return database, datetime.fromtimestamp(day * _DAY, UTC).date()


def _keep(counts: dict[_Key, int], more: Mapping[_Key, int]) -> None:
    for key, number in more.items():
        counts[key] = counts.get(key, 0) + number


async def counted(
    session: Session, caller: Caller, database_id: int, between: Between, by: Sequence[GroupBy]
) -> Counted:
    """Return how a database is used, for applications of its owner.

    Raise CountsNotYours or DatabaseNotFound.
    """
    if not caller.is_owner:
        raise CountsNotYours("who uses a database is its owner's to know")
    await databases.get(session, caller.tenant, database_id)
    return Counted(
        await store.total(session, database_id, between),
        await store.uses(session, database_id, between, by, MOST),
        await store.searches(session, database_id, between, MOST),
    )


async def used(session: Session, found: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    """Return how often each service of databases was called, by the service's name."""
    return await store.used(session, found)
