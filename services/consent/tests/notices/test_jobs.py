"""Who wants to is told once that an agreement of theirs has changed, whatever fails meanwhile."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from consent.main import BLOCK, create_jobs
from consent.notices import service
from consent.notices.models import TEXTS, Task, message
from kit import jobs
from kit.database import Transaction
from kit.evidence import Search
from kit.testing import clients_of

MARI, JAAN, ANNE, PEETER = "EE49001010002", "EE38001010005", "EE48001010004", "EE37001010006"
PREFERENCES = "/service/individual/notification-preferences/"


@dataclass
class Messaging:
    """What a gateway with messaging behind it answers: a transaction that is repeated counts once.

    ``answers`` are statuses of the next requests; ``lost`` of them are taken and not confirmed.
    """

    url: str = ""
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: int = 0
    answers: list[int] = field(default_factory=list)
    lost: int = 0
    bad: str = ""

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/oauth2/token")
        async def token() -> dict[str, Any]:
            return {"access_token": "t", "expires_in": 300}

        @app.post("/registry/decisions/withdrawn")
        async def withdrawn() -> Response:
            return Response(status_code=204)

        @app.post("/messaging/send/email/single")
        async def send(request: Request) -> Response:
            self.requests += 1
            body = await request.json()
            if self.answers:
                return JSONResponse({}, self.answers.pop(0))
            known = self.taken.setdefault(body["transactionId"], body)
            if known != body or body["recipientInfo"]["email"] == self.bad:
                return JSONResponse({}, 405)
            if self.lost:
                self.lost -= 1
                return JSONResponse({}, 503)
            return JSONResponse({"requestUid": f"m-{len(self.taken)}"})

        return app

    def mails(self) -> list[tuple[str, str]]:
        """Return addresses and titles of what was taken."""
        return sorted(
            (each["recipientInfo"]["email"], each["emailContent"]["title"])
            for each in self.taken.values()
        )


@pytest.fixture
def messaging() -> Generator[Messaging]:
    """Return messaging as it answers over HTTP on the loopback."""
    made = Messaging()
    config = uvicorn.Config(made.app(), port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield made
    server.should_exit = True
    thread.join(5)


class People:
    """A member's individuals on a database of their own, and the jobs that tell them."""

    def __init__(self, app: FastAPI, house_type: Any, messaging: Messaging) -> None:
        self.app, self.messaging = app, messaging
        self.house = house_type(clients_of(app, BLOCK)(scopes={"*"}))
        changed = {"gateway_url": messaging.url, "client_id": "TEST/GOV/9/consent"}
        self.settings = app.state.settings.model_copy(update=changed)

    async def agreed(self, agreement: str, person: str, **preference: Any) -> str:
        """Make an individual who agreed and, with a preference, wants to be told."""
        individual = await self.house.individual(person)
        await self.house.sign(individual, agreement)
        if preference:
            address = f"{person.lower()}@example.org"
            wanted = {"enabled": True, "address": address, **preference}
            answer = await self.house.client.put(
                PREFERENCES,
                json={"notificationPreferences": wanted},
                headers=self.house.whose(individual),
            )
            assert answer.status_code == 200, answer.text
        return individual

    async def change(self, agreement: str, **more: Any) -> None:
        answer = await self.house.client.put(
            f"/config/data-agreement/{agreement}/",
            json={"dataAgreement": self.house.agreement_body(**more)},
        )
        assert answer.status_code == 200, answer.text

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        async with create_jobs(self.settings):
            yield

    async def until_told(self, count: int, within: float = 15) -> None:
        """Wait until so many are kept as told, and the queue is empty."""
        deadline = time.monotonic() + within
        while True:
            async with self.app.state.database.connection() as rows:
                told = await rows.driver.fetchval("SELECT count(*) FROM notice")
                waiting = await rows.driver.fetchval("SELECT count(*) FROM pgqueuer")
            if told >= count and not waiting:
                assert told == count
                return
            assert time.monotonic() < deadline, (told, waiting)
            await asyncio.sleep(0.05)


@pytest.fixture
async def people(committed, house_type, messaging) -> People:
    return People(committed, house_type, messaging)


async def test_who_agreed_and_wants_to_is_told_in_their_language_and_nobody_else(
    people, messaging, caplog
) -> None:
    house = people.house
    agreement = (await house.agreement())["id"]
    await people.agreed(agreement, MARI, language="et-EE")
    await people.agreed(agreement, JAAN, language="xx")
    await people.agreed(agreement, ANNE)
    peeter = await people.agreed(agreement, PEETER, language="en")
    record = (await house.records(peeter))[0]["id"]
    await house.opt(peeter, record, opt_in=False)
    await people.change(agreement, purpose="Register {a} newborn")

    async with people.working():
        await people.until_told(2)
    assert messaging.mails() == [
        (f"{JAAN.lower()}@example.org", TEXTS["en"]["changed"][0]),
        (f"{MARI.lower()}@example.org", TEXTS["et"]["changed"][0]),
    ]
    texts = [each["emailContent"]["content"] for each in messaging.taken.values()]
    assert all("Register {a} newborn" in text and "TEST/GOV/1001" in text for text in texts)
    found = await people.app.state.ledger.search(Search(kinds=["notice.sent"]))
    assert {entry.actor for entry in found} == {"TEST/GOV/9/consent"}
    own = await people.app.state.ledger.search(Search(subject=MARI, kinds=["notice.sent"]))
    assert [entry.object for entry in own] == [f"TEST/GOV/1001/data-agreement/{agreement}"]
    assert "example.org" not in caplog.text


async def test_messaging_that_fails_is_tried_again_and_nobody_is_told_twice(
    people, messaging
) -> None:
    agreement = (await people.house.agreement())["id"]
    for person in (MARI, JAAN, ANNE):
        await people.agreed(agreement, person, language="en")
    messaging.answers = [503, 403]
    messaging.lost = 1
    await people.change(agreement, purpose="Register a newborn")
    async with people.working():
        await people.until_told(3)
    assert len(messaging.mails()) == 3
    assert messaging.requests > 3
    asked = messaging.requests
    async with people.app.state.database.connection() as rows:
        revision = await rows.driver.fetchval("SELECT revision_id FROM notice LIMIT 1")
    task = Task(agreement, revision, "changed", "again")
    await _put(people, task)
    async with people.working():
        await people.until_told(3)
    assert messaging.requests == asked


async def test_a_long_list_is_told_page_by_page_each_once(people, messaging, monkeypatch) -> None:
    monkeypatch.setattr(service, "_PAGE", 2)
    agreement = (await people.house.agreement())["id"]
    for number in range(5):
        await people.agreed(agreement, f"EE4900101000{number}", language="en")
    await people.change(agreement, purpose="Register a newborn")
    async with people.working():
        await people.until_told(5)
    assert len({address for address, _ in messaging.mails()}) == 5
    assert messaging.requests == 5


async def test_an_address_that_messaging_does_not_take_holds_up_nobody(people, messaging) -> None:
    agreement = (await people.house.agreement())["id"]
    await people.agreed(agreement, MARI, language="en")
    await people.agreed(agreement, JAAN, language="en")
    messaging.bad = f"{MARI.lower()}@example.org"
    await people.change(agreement, purpose="Register a newborn")
    async with people.working():
        await people.until_told(2)
    found = await people.app.state.ledger.search(Search(kinds=["notice.sent", "notice.refused"]))
    assert sorted(entry.kind for entry in found) == ["notice.refused", "notice.sent"]


async def test_a_new_policy_and_an_end_are_said_as_what_they_are(people, messaging) -> None:
    house = people.house
    first, second = await house.policy(), await house.policy(version="2")
    agreement = (await house.agreement(policy={"id": first["id"]}))["id"]
    await people.agreed(agreement, MARI, language="fr")
    await people.change(agreement, policy={"id": second["id"]})
    gone = await house.client.delete(f"/config/data-agreement/{agreement}/")
    assert gone.status_code == 200
    async with people.working():
        await people.until_told(2)
    said = [TEXTS["fr"]["ended"][0], TEXTS["fr"]["policy"][0]]
    assert sorted(title for _, title in messaging.mails()) == sorted(said)


async def test_who_switches_it_off_is_not_told(people, messaging) -> None:
    agreement = (await people.house.agreement())["id"]
    individual = await people.agreed(agreement, MARI, language="en")
    await people.agreed(agreement, JAAN, language="en")
    off = await people.house.client.put(
        PREFERENCES,
        json={"notificationPreferences": {"enabled": False}},
        headers=people.house.whose(individual),
    )
    assert off.status_code == 200
    await people.change(agreement, purpose="Register a newborn")
    async with people.working():
        await people.until_told(1)
    assert [address for address, _ in messaging.mails()] == [f"{JAAN.lower()}@example.org"]


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_has_words_for_every_change(language) -> None:
    assert TEXTS[language].keys() == TEXTS["en"].keys()
    for change in TEXTS[language]:
        title, text = message(change, language, "Register {x}", "DEV/GOV/1")
        assert "\n" not in title
        assert "Register {x}" in text
        assert "DEV/GOV/1" in text


async def _put(people: People, task: Task) -> None:
    async with Transaction(people.app.state.database) as session:
        await jobs.enqueue(session, service.TELL, task.payload)
