"""Who keeps decisions is told what to forget, each for itself, for a day at most."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import asyncpg
import pytest
from httpx import Response

from consent.announcements.jobs import Keeper, calling_back
from consent.announcements.service import CALL_BACK
from kit.database import Database, Transaction
from kit.jobs import RetryRequested, enqueue
from kit.mediator import Mediator, NeighbourUnavailable


class Way(Mediator):
    """The way to keepers, of which some hang and some are away for a while."""

    def __init__(self):
        self.away, self.hanging, self.told = {}, asyncio.Event(), []

    async def call(self, method, path, *, body=None, request_id=""):
        del method, request_id
        if path == "/hangs":
            await self.hanging.wait()
        if self.away.get(path, 0):
            self.away[path] -= 1
            raise NeighbourUnavailable
        self.told.append((path, body, time.monotonic()))
        return Response(204)


@asynccontextmanager
async def calling(committed, way, *keepers):
    database = Database(committed.state.urls.runtime, 3)
    async with calling_back(committed.state.urls.runtime, database, way, keepers):
        await asyncio.sleep(0.5)  # the workers listen
        async with Transaction(database) as session:
            payload = json.dumps({"consentRecordId": "c-1"}).encode()
            await enqueue(session, CALL_BACK, payload, priority=1)
        yield time.monotonic()
        way.hanging.set()
    await database.close()


async def _told(way, path):
    async with asyncio.timeout(8):
        while not (found := [each for each in way.told if each[0] == path]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found[0]


async def test_a_keeper_that_hangs_holds_up_no_other(committed):
    way = Way()
    async with calling(committed, way, "/hangs", "/quick") as began:
        _, body, at = await _told(way, "/quick")
        assert (body, at - began < 1) == ({"consentRecordId": "c-1"}, True)
        assert not [each for each in way.told if each[0] == "/hangs"]


async def test_a_keeper_that_is_away_is_told_when_it_is_back(committed):
    way = Way()
    way.away["/back"] = 2
    async with calling(committed, way, "/back") as began:
        _, body, at = await _told(way, "/back")
        assert body == {"consentRecordId": "c-1"}
        assert at - began >= 3  # after 1 s and 2 s
    connection = await asyncpg.connect(committed.state.urls.runtime)
    assert await connection.fetchval("SELECT count(*) FROM pgqueuer") == 0
    await connection.close()


@pytest.mark.parametrize(
    ("attempts", "age", "pause"),
    [(0, 0, 1), (1, 0, 2), (4, 0, 16), (40, 0, 300), (40, 86_000, 300), (40, 86_200, None)],
)
async def test_it_is_tried_again_until_no_decision_is_as_old(attempts, age, pause):
    way = Way()
    way.away["/gone"] = 1
    created = datetime.now(UTC) - timedelta(seconds=age)
    job = SimpleNamespace(payload=b"{}", attempts=attempts, created=created)
    telling = Keeper("/gone", way).tell(job)
    if pause is None:
        await telling
    else:
        with pytest.raises(RetryRequested) as asked:
            await telling
        assert asked.value.delay == timedelta(seconds=pause)
