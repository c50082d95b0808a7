"""Decisions that are kept: how long, of which questions, and how surely they are called back."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import asyncpg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from test_mediator import mediator_of, served

from kit.database import Database, Transaction
from kit.decisions import LONGEST, Decision, DecisionMissing, Decisions, Question
from kit.mediator import NeighbourUnavailable
from kit.testing import copy_of_template

QUESTION = Question("a-1", "EE1", "personal-code", "A/B/C/app", "A/B/D", ("name", "born"))
PERMITTED = {"permitted": True, "reason": "permitted", "consentRecordId": "c-1"}
PERMIT = Decision(True, "permitted", "c-1", "d-1")


class ConsentBlock:
    """Decides as it is told, and counts how often it is asked."""

    def __init__(self):
        self.said = {**PERMITTED, "decisionId": "d-1", "maxAgeSeconds": 60}
        self.asked = 0
        self.keys = []
        self.lost = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def token(self, _request: Request) -> Response:
        return JSONResponse({"access_token": "t", "expires_in": 600})

    async def decide(self, request: Request) -> Response:
        self.asked += 1
        self.keys.append(request.headers.get("idempotency-key"))
        said = self.said
        if self.lost:
            self.lost -= 1
            return Response(status_code=502)
        await self.answers.wait()
        return JSONResponse(said)

    def app(self) -> Starlette:
        path = "/consent/service/verification/decision"
        routes = [("/oauth2/token", self.token), (path, self.decide)]
        return Starlette(routes=[Route(*each, methods=["POST"]) for each in routes])


class House:
    """A block's database, and workers that keep decisions."""

    def __init__(self, stack, mediator, consent, url):
        self._stack = stack
        self._mediator = mediator
        self.consent = consent
        self.url = url

    async def worker(self, url=None, **more):
        """Return a worker that hears what is called back."""
        made = Decisions(self._mediator, **more)
        await self._stack.enter_async_context(made.opened(url or self.url))
        await until(lambda: made.is_keeping)
        return made

    def deaf(self):
        return Decisions(self._mediator)

    async def call_back(self, worker, name, *, fails=False):
        async with AsyncExitStack() as stack:
            database = Database(self.url, 1)
            stack.push_async_callback(database.close)
            session = await stack.enter_async_context(Transaction(database))
            await worker.call_back(session, name)
            if fails:
                raise ZeroDivisionError

    async def cut(self):
        """End every connection to the database but this one."""
        connection = await asyncpg.connect(self.url)
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        await connection.close()

    async def asks(self, worker, question=QUESTION) -> bool:
        """Tell whether a worker has to ask for a decision."""
        before = self.consent.asked
        assert await worker.ask(question) == PERMIT
        return self.consent.asked > before


async def until(holds, seconds=3.0):
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.005)
    return time.monotonic() - began


@pytest.fixture
async def house(block):
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(copy_of_template(block))
        consent = ConsentBlock()
        mediator = mediator_of(await stack.enter_async_context(served(consent)))
        stack.push_async_callback(mediator.close)
        yield House(stack, mediator, consent, urls.runtime)


async def test_a_permit_is_kept_as_long_as_it_says_and_no_longer(house):
    house.consent.said["maxAgeSeconds"] = 1
    worker = await house.worker()
    began = time.monotonic()
    assert await house.asks(worker)
    assert not await house.asks(worker)
    while time.monotonic() - began < 0.9:
        assert not await house.asks(worker)
        await asyncio.sleep(0.05)
    await asyncio.sleep(began + 1 - time.monotonic())
    assert await house.asks(worker)
    assert len(worker) == 1


@pytest.mark.parametrize("age", [None, 0, -1, True, "60", 0.5, [60]])
async def test_what_allows_no_keeping_is_asked_each_time(house, age):
    house.consent.said["maxAgeSeconds"] = age
    worker = await house.worker()
    assert [await house.asks(worker), await house.asks(worker), len(worker)] == [True, True, 0]


async def test_a_denial_is_never_kept_and_neither_is_what_no_record_can_call_back(house):
    worker = await house.worker()
    denied = {**house.consent.said, "permitted": False, "reason": "opted-out"}
    nameless = {**house.consent.said, "consentRecordId": None}
    for house.consent.said in (denied, denied, nameless, nameless):
        await worker.ask(QUESTION)
    assert (house.consent.asked, len(worker)) == (4, 0)


async def test_a_permit_is_kept_for_a_day_at_most_whatever_it_says(house, monkeypatch):
    assert LONGEST == 24 * 60 * 60
    monkeypatch.setattr("kit.decisions.LONGEST", 1)
    house.consent.said["maxAgeSeconds"] = 10**9
    worker = await house.worker()
    assert [await house.asks(worker), await house.asks(worker)] == [True, False]
    await asyncio.sleep(1)
    assert await house.asks(worker)


@pytest.mark.parametrize(
    "change",
    [
        {"data_agreement_id": "a-2"},
        {"external_id": "EE2"},
        {"external_id_type": "passport"},
        {"client": "A/B/C/other"},
        {"data_source": "A/B/E"},
        {"attributes": ("name",)},
        {"attributes": ("name", "born", "income")},
        {"attributes": ("name,born",)},
        {"data_source": 'A/B/D","born', "attributes": ("name",)},
    ],
)
async def test_another_question_is_asked_for_itself(house, change):
    worker = await house.worker()
    assert await house.asks(worker)
    assert await house.asks(worker, replace(QUESTION, **change))
    assert not await house.asks(worker, replace(QUESTION, attributes=("born", "name", "born")))


@pytest.mark.parametrize("name", ["a-1", "c-1"])
async def test_every_worker_drops_what_is_called_back(house, name):
    one, two = await house.worker(), await house.worker()
    house.consent.said["consentRecordId"] = "c-2"
    kept = replace(QUESTION, data_agreement_id="a-2")
    await two.ask(kept)
    house.consent.said["consentRecordId"] = "c-1"
    for worker in (one, two):
        await worker.ask(QUESTION)
    await house.call_back(one, name)
    assert len(one) == 0
    assert await until(lambda: len(two) == 1) < 1
    asked = house.consent.asked
    assert (await two.ask(kept)).consent_record_id == "c-2"
    assert house.consent.asked == asked
    assert await house.asks(two)
    assert await house.asks(one)


async def test_what_was_rolled_back_calls_nothing_back_elsewhere(house):
    one, two = await house.worker(), await house.worker()
    await two.ask(QUESTION)
    with pytest.raises(ZeroDivisionError):
        await house.call_back(one, "c-1", fails=True)
    await house.call_back(one, "c-9")
    await asyncio.sleep(0.1)
    assert not await house.asks(two)


async def test_a_worker_that_hears_nothing_keeps_nothing(house):
    deaf = house.deaf()
    assert [await house.asks(deaf), await house.asks(deaf), len(deaf)] == [True, True, 0]


async def test_a_worker_that_loses_its_ears_forgets_and_keeps_nothing_until_it_hears(house):
    worker = await house.worker()
    await worker.ask(QUESTION)
    await house.cut()
    await until(lambda: not worker.is_keeping)
    assert len(worker) == 0
    assert [await house.asks(worker), await house.asks(worker)] == [True, True]
    await until(lambda: worker.is_keeping)
    assert [await house.asks(worker), await house.asks(worker)] == [True, False]


async def test_a_connection_that_falls_silent_is_not_trusted_after_a_second(house):
    async with silencing(house.url) as (url, silence):
        worker = await house.worker(url)
        await worker.ask(QUESTION)
        silence()
        await house.call_back(house.deaf(), "c-1")
        assert await until(lambda: not worker.is_keeping) < 1.1
        assert await house.asks(worker)
        assert await house.asks(worker)


@asynccontextmanager
async def silencing(url):
    """Put a wire before PostgreSQL that can stop carrying anything without breaking."""
    parts, silent, wires = urlsplit(url), asyncio.Event(), []
    where = dict(parse_qsl(parts.query))
    path = f"{where['host']}/.s.PGSQL.{where['port']}"

    async def carry(reader, writer):
        while data := await reader.read(65536):
            if not silent.is_set():
                writer.write(data)
        writer.close()

    async def accept(reader, writer):
        there = await asyncio.open_unix_connection(path)
        wires.append(writer)
        wires.append(there[1])
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    try:
        yield urlunsplit(parts._replace(netloc=netloc, query="")), silent.set
    finally:
        server.close()
        for wire in wires:
            wire.close()


@pytest.mark.parametrize("name", ["a-1", "c-1"])
async def test_what_is_called_back_while_it_is_asked_is_not_kept(house, name):
    one, two = await house.worker(), await house.worker()
    house.consent.answers.clear()
    asking = asyncio.create_task(two.ask(QUESTION))
    await until(lambda: house.consent.asked == 1)
    await house.call_back(one, name)
    await asyncio.sleep(0.1)  # two has heard
    house.consent.answers.set()
    assert await asking == PERMIT  # it was decided before
    assert len(two) == 0
    assert await house.asks(two)


async def test_what_is_asked_before_a_gap_and_arrives_after_it_is_not_kept(house):
    worker = await house.worker()
    house.consent.answers.clear()
    asking = asyncio.create_task(worker.ask(QUESTION))
    await until(lambda: house.consent.asked == 1)
    await house.cut()
    await until(lambda: not worker.is_keeping)
    await until(lambda: worker.is_keeping)
    house.consent.answers.set()
    await asking
    assert len(worker) == 0


async def test_no_more_is_kept_than_there_is_room_for(house):
    worker = await house.worker(most=3)
    questions = [replace(QUESTION, external_id=f"EE{number}") for number in range(5)]
    for question in questions:
        await worker.ask(question)
    assert len(worker) == 3
    assert [await house.asks(worker, each) for each in reversed(questions[2:])] == [False] * 3
    assert await house.asks(worker, questions[0])
    await house.call_back(worker, "a-1")
    assert (len(worker), worker._named) == (0, {})  # noqa: SLF001  no name is left over


async def test_what_is_kept_names_nobody_however_much_was_asked_for(house):
    worker = await house.worker()
    fields = tuple(f"field-{number}" for number in range(1000))
    await worker.ask(replace(QUESTION, attributes=fields))
    kept = str(vars(worker))
    assert len(kept) < 1000
    assert QUESTION.external_id not in kept


async def test_where_fetches_are_counted_a_lost_answer_is_asked_for_once_more(house):
    worker, consent = await house.worker(), house.consent
    consent.said |= {"maxAgeSeconds": 0, "fetchesLeft": 0}
    await worker.ask(QUESTION, "r-1")
    assert consent.keys.pop() is None, "nobody knows yet that they are counted"
    consent.lost = 1
    assert await worker.ask(QUESTION, "r-1") == PERMIT
    first, again = consent.keys
    assert first == again
    await worker.ask(QUESTION, "r-1")
    assert consent.keys.pop() not in {first, "r-1"}, "a reader's own id fetches no second time"
    consent.lost = 2
    with pytest.raises(NeighbourUnavailable):
        await worker.ask(QUESTION)
    consent.said |= {"permitted": False, "fetchesLeft": None}
    for _ in range(2):
        await worker.ask(QUESTION)
    assert consent.keys.pop(), "a refusal does not say that they are not counted"
    consent.said |= {"permitted": True}
    for _ in range(2):
        await worker.ask(QUESTION)
    assert consent.keys.pop() is None, "they are counted no more"


async def test_where_no_fetch_is_counted_no_key_is_sent_and_nothing_asked_twice(house):
    worker = await house.worker()
    house.consent.said["maxAgeSeconds"] = 0
    await worker.ask(QUESTION)
    house.consent.lost = 1
    with pytest.raises(NeighbourUnavailable):
        await worker.ask(QUESTION)
    assert house.consent.keys == [None, None]


@pytest.mark.parametrize("said", [{}, [], "no", None, {"permitted": "yes"}])
async def test_what_is_no_decision_is_none(house, said):
    house.consent.said = said
    with pytest.raises(DecisionMissing):
        await (await house.worker()).ask(QUESTION)
