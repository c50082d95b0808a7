"""Who keeps decisions is told what to forget, each for itself, for a day at most."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consent.announcements.jobs import Keeper, calling_back
from consent.announcements.service import CALL_BACK
from consent.main import BLOCK, create_jobs
from kit.database import Database, Transaction
from kit.jobs import Job, RetryRequested, enqueue
from kit.mediator import Mediator
from kit.testing import clients_of

NAMES = [{"name": "firstName"}, {"name": "lastName"}]


class Gateway:
    """The way to keepers, of which some hang and some are away for a while."""

    def __init__(self):
        self.url, self.away, self.hanging, self.told = "", {}, asyncio.Event(), []

    async def token(self, _request: Request) -> Response:
        return JSONResponse({"access_token": "t", "expires_in": 600})

    async def keeper(self, request: Request) -> Response:
        path, body = request.url.path, await request.json()
        if path == "/hangs":
            await self.hanging.wait()
        if self.away.get(path, 0):
            self.away[path] -= 1
            return Response(status_code=503)
        self.told.append((path, body, time.monotonic()))
        return Response(status_code=204)

    def app(self) -> Starlette:
        routes = [("/oauth2/token", self.token), ("/{keeper}", self.keeper)]
        return Starlette(routes=[Route(*each, methods=["POST"]) for each in routes])

    async def until(self, path, *bodies):
        """Return when a keeper was told the first of these; wait for each of them."""
        async with asyncio.timeout(8):
            while True:
                found = [each[1:] for each in self.told if each[0] == path]
                if all(body in [said for said, _ in found] for body in bodies):
                    return min(at for said, at in found if said == bodies[0])
                await asyncio.sleep(0.01)


@pytest.fixture
async def gateway():
    made = Gateway()
    config = uvicorn.Config(made.app(), port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn tells by a flag
        await asyncio.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield made
    made.hanging.set()
    server.should_exit = True
    await task


@pytest.fixture
async def mediator(committed, gateway):
    made = Mediator(committed.state.settings.model_copy(update={"gateway_url": gateway.url}))
    yield made
    await made.close()


@asynccontextmanager
async def calling(committed, mediator, gateway, *keepers):
    database = Database(committed.state.urls.runtime, 3)
    async with calling_back(committed.state.urls.runtime, database, mediator, keepers):
        await asyncio.sleep(0.5)  # the workers listen
        async with Transaction(database) as session:
            payload = json.dumps({"consentRecordId": "c-1"}).encode()
            await enqueue(session, CALL_BACK, payload, priority=1)
        yield time.monotonic()
        gateway.hanging.set()
    await database.close()


async def test_a_keeper_that_hangs_holds_up_no_other(committed, mediator, gateway):
    async with calling(committed, mediator, gateway, "/hangs", "/quick") as began:
        assert await gateway.until("/quick", {"consentRecordId": "c-1"}) - began < 1
        assert not [each for each in gateway.told if each[0] == "/hangs"]


async def test_a_keeper_that_is_away_is_told_when_it_is_back(committed, mediator, gateway):
    gateway.away["/back"] = 2
    async with calling(committed, mediator, gateway, "/back") as began:
        at = await gateway.until("/back", {"consentRecordId": "c-1"})
        assert at - began >= 3  # after 1 s and 2 s
    connection = await asyncpg.connect(committed.state.urls.runtime)
    assert await connection.fetchval("SELECT count(*) FROM pgqueuer") == 0
    await connection.close()


@pytest.mark.parametrize(
    ("attempts", "age", "pause"),
    [(0, 0, 1), (1, 0, 2), (4, 0, 16), (40, 0, 300), (40, 86_000, 300), (40, 86_200, None)],
)
async def test_it_is_tried_again_until_no_decision_is_as_old(
    mediator, gateway, attempts, age, pause
):
    gateway.away["/gone"] = 1
    created = datetime.now(UTC) - timedelta(seconds=age)
    job = Job(
        id=1,
        priority=1,
        created=created,
        updated=created,
        heartbeat=created,
        execute_after=created,
        status="picked",
        entrypoint=CALL_BACK,
        payload=b"{}",
        queue_manager_id=uuid4(),
        attempts=attempts,
        headers=None,
    )
    telling = Keeper("/gone", mediator).tell(job)
    if pause is None:
        await telling
    else:
        with pytest.raises(RetryRequested) as asked:
            await telling
        assert asked.value.delay == timedelta(seconds=pause)


# -- what is called back --------------------------------------------------------------------


@pytest.fixture
async def house(committed, house_type, gateway):
    """Return a block that calls decisions back at ``/keeper``."""
    own = {"gateway_url": gateway.url, "decision_keepers": ("/keeper",)}
    async with (
        create_jobs(committed.state.settings.model_copy(update=own)),
        clients_of(committed, BLOCK)(scopes={"*"}) as client,
    ):
        yield house_type(client)


def records(gateway):
    """Return the records whose decisions were called back."""
    return {said["consentRecordId"] for _, said, _ in gateway.told if "consentRecordId" in said}


async def _revised(house, agreement):
    """Replace an agreement by a new revision that says more."""
    body = {"dataAgreement": house.agreement_body(dataAttributes=NAMES, purpose="Register twins")}
    place = f"/config/data-agreement/{agreement['id']}/"
    assert (await house.client.put(place, json=body)).status_code == 200


async def test_a_withdrawal_calls_permits_by_an_older_record_back(house, gateway):
    agreement, whose = await house.agreement(dataAttributes=NAMES), await house.individual()
    older = (await house.sign(whose, agreement["id"]))["consentRecord"]["id"]
    await _revised(house, agreement)
    await gateway.until("/keeper", {"dataAgreementId": agreement["id"]})
    newer = (await house.sign(whose, agreement["id"]))["consentRecord"]["id"]
    assert newer != older
    await gateway.until("/keeper", {"consentRecordId": older}, {"consentRecordId": newer})
    gateway.told.clear()
    await house.opt(whose, newer, opt_in=False)
    await gateway.until("/keeper", {"consentRecordId": older}, {"consentRecordId": newer})


async def test_a_choice_that_narrows_the_one_before_calls_its_permits_back(house, gateway):
    agreement, whose = await house.agreement(dataAttributes=NAMES), await house.individual()
    first = (await house.sign(whose, agreement["id"]))["consentRecord"]["id"]
    await asyncio.sleep(0.5)
    assert not records(gateway), "before the first choice nobody keeps any permit"
    again = (await house.sign(whose, agreement["id"], attributes=["firstName"]))["consentRecord"]
    assert again["id"] == first
    await gateway.until("/keeper", {"consentRecordId": first})


async def test_a_choice_under_a_new_revision_calls_permits_by_the_old_one_back(house, gateway):
    agreement, whose = await house.agreement(dataAttributes=NAMES), await house.individual()
    older = (await house.sign(whose, agreement["id"]))["consentRecord"]["id"]
    await _revised(house, agreement)
    newer = await house.sign(whose, agreement["id"], attributes=["firstName"])
    await gateway.until("/keeper", {"consentRecordId": older})
    assert newer["consentRecord"]["id"] != older
