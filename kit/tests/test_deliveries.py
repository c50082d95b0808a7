"""What deliveries promise: signed, retried, logged, and never into a network that is not public."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import deliveries, jobs
from kit.database import Database, Reading, Transaction
from kit.deliveries import (
    Couriers,
    DeliveryNotFound,
    Event,
    Networks,
    Outcome,
    Outside,
    PayloadDestroyed,
    Schedule,
    Secret,
    State,
    Target,
)
from kit.identifiers import new_id
from kit.mediator import Mediator
from kit.receivers import answer, receiving
from kit.sealing import Keyring, new_sealing_key
from kit.settings import BlockSettings
from kit.testing import copy_of_template

LOOPBACK = Networks(["127.0.0.0/8", "::1/128"])
SOON = timedelta(milliseconds=50)
QUICK = Schedule(first=SOON, ceiling=SOON, rest=0.05)
RUN = {"poll": timedelta(milliseconds=50), "stale_after": timedelta(seconds=1), "together": 16}
SEALING_KEY = new_sealing_key()


class House:
    """A database with deliveries, and what works on them."""

    def __init__(self, urls):
        self.urls = urls
        self.keyring = Keyring(SEALING_KEY)
        self.database = Database(urls.runtime, 4)

    async def endpoint(self, url, *secrets, **more):
        target = Target(url, secrets or (Secret(deliveries.new_secret()),), **more)
        async with Transaction(self.database) as session:
            return await deliveries.add_endpoint(session, self.keyring, target)

    async def deliver(self, endpoint, *events, schedule=QUICK):
        async with Transaction(self.database) as session:
            sent = [(endpoint, event) for event in events]
            await deliveries.deliver(session, self.keyring, sent, schedule)

    async def log(self, endpoint):
        return await deliveries.page(Reading(self.database), endpoint, 0, 100)

    async def until(self, endpoint, state, *, tried=False):
        async with asyncio.timeout(8):
            while True:
                found = await self.log(endpoint)
                if any(each.state is state and (each.attempts or not tried) for each in found):
                    return found
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def working(self, networks=LOOPBACK, within=0.5, schedule=QUICK, **more):
        mediator = Mediator(settings(self.urls))
        courier = Couriers(Outside(networks, within), mediator)
        context = deliveries.Context(self.database, self.keyring, courier, within, schedule, **more)
        try:
            async with jobs.running(self.urls.runtime, deliveries.handlers(context), **RUN):
                yield
        finally:
            await mediator.close()


def settings(urls, **more):
    return BlockSettings(
        database_url=urls.runtime, sealing_key=SEALING_KEY, evidence_keys="{}", **more
    )


@pytest.fixture
async def house(block):
    async with copy_of_template(block) as urls:
        made = House(urls)
        yield made
        await made.database.close()


def event(**more):
    return Event("test.thing.changed", "/things", {"thing": "t-1"}, subject="t-1", **more)


async def test_an_event_arrives_signed_and_is_destroyed(house):
    secret = deliveries.new_secret()
    said = event()
    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url, Secret(secret))
        await house.deliver(endpoint, said)
        async with house.working():
            (done,) = await house.until(endpoint, State.DELIVERED)
    (got,) = receiver.received
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert got.event == {
        "specversion": "1.0",
        "id": str(said.id),
        "source": "/things",
        "type": "test.thing.changed",
        "subject": "t-1",
        "time": said.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {"thing": "t-1"},
    }
    assert got.headers["webhook-id"] == got.event["id"]
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 10
    assert got.headers["webhook-signature"] == by_openssl(secret, got)
    assert [(each.number, each.reason, each.status) for each in done.attempts] == [
        (1, "accepted", 204)
    ]
    assert await kept(house) == [None]


def by_openssl(secret, got):
    """Sign again with another implementation of HMAC-SHA256."""
    key = base64.b64decode(secret.removeprefix("whsec_")).hex()
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{key}", "-binary"]
    made = subprocess.run(command, input=signed, capture_output=True, check=True).stdout
    return "v1," + base64.b64encode(made).decode()


async def kept(house):
    rows = await Reading(house.database).fetch("SELECT sealed FROM delivery")
    return [row["sealed"] for row in rows]


async def test_an_event_of_a_change_that_is_rolled_back_never_leaves(house):
    endpoint = await house.endpoint("https://192.0.32.7/")
    with suppress(ZeroDivisionError):
        async with Transaction(house.database) as session:
            await deliveries.deliver(session, house.keyring, [(endpoint, event())])
            raise ZeroDivisionError
    assert await house.log(endpoint) == []
    assert await Reading(house.database).fetch("SELECT FROM pgqueuer") == []


async def test_many_events_for_an_endpoint_are_one_job_and_none_is_forgotten(house):
    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event(), event())
        await house.deliver(endpoint, event())
        assert len(await Reading(house.database).fetch("SELECT FROM pgqueuer")) == 1
        async with Transaction(house.database) as session:
            await deliveries.deliver(session, house.keyring, [(endpoint, event())], QUICK)
            async with house.working():  # it may not begin before this is committed
                await asyncio.sleep(0.3)
                assert receiver.received == []
        async with house.working():
            await receiver.until(4)


async def test_the_same_event_goes_to_an_endpoint_once(house):
    said = event()
    endpoint = await house.endpoint("https://192.0.32.7/")
    await house.deliver(endpoint, said)
    await house.deliver(endpoint, said)
    assert len(await house.log(endpoint)) == 1


async def test_an_answer_of_500_is_tried_again(house):
    async with receiving() as receiver:
        receiver.answers = [answer(500), answer(200)]
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event())
        async with house.working():
            (done,) = await house.until(endpoint, State.DELIVERED)
    assert [(each.reason, each.status) for each in done.attempts] == [
        ("refused", 500),
        ("accepted", 200),
    ]
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_a_receiver_says_how_long_to_wait(house):
    async with receiving() as receiver:
        receiver.answers = [answer(429, "retry-after: 1")]
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event())
        began = time.monotonic()
        async with house.working():
            (done,) = await house.until(endpoint, State.DELIVERED)
        assert time.monotonic() - began > 1
    assert [each.status for each in done.attempts] == [429, 204]


async def test_what_is_given_up_can_be_delivered_again_until_it_is_dead(house):
    short = Schedule(
        SOON, 1, SOON, give_up_after=timedelta(0), keep=timedelta(seconds=60), rest=0.01
    )
    async with receiving() as receiver:
        receiver.answers = [answer(500)]
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event(), schedule=short)
        async with house.working(schedule=short):
            (failed,) = await house.until(endpoint, State.FAILED)
            assert await kept(house) != [None]
            async with Transaction(house.database) as session:
                again = await deliveries.deliver_again(session, endpoint, failed.id)
            assert again.state is State.WAITING
            (done,) = await house.until(endpoint, State.DELIVERED)
    assert [each.status for each in done.attempts] == [500, 204]
    with pytest.raises(PayloadDestroyed):
        async with Transaction(house.database) as session:
            await deliveries.deliver_again(session, endpoint, failed.id)
    with pytest.raises(DeliveryNotFound):
        async with Transaction(house.database) as session:
            await deliveries.deliver_again(session, endpoint, new_id())


async def test_what_was_given_up_is_destroyed_in_time(house, monkeypatch):
    monkeypatch.setattr("kit.deliveries.work._SPARE", timedelta(0))
    short = Schedule(SOON, 1, SOON, give_up_after=timedelta(0), keep=timedelta(0))
    async with receiving() as receiver:
        receiver.answers = [answer(500)]
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event(), schedule=short)
        async with house.working(schedule=short):
            await house.until(endpoint, State.DEAD)
    assert await kept(house) == [None]


async def test_the_log_is_cleared_of_what_ended_and_of_nothing_else(house):
    async with receiving() as receiver:
        receiver.answers = [answer(204), answer(410)]
        endpoint = await house.endpoint(receiver.url)
        for state in (State.DELIVERED, State.FAILED):
            await house.deliver(endpoint, event())
            async with house.working():
                await house.until(endpoint, state)
    await house.deliver(endpoint, event())

    async def clear(**after):
        async with Transaction(house.database) as session:
            return await deliveries.clear(session, datetime.now(UTC) + timedelta(**after), 10)

    assert await clear(minutes=-1) == 0
    assert [await clear(minutes=1) for _ in range(2)] == [1, 0]
    found = await house.log(endpoint)
    assert [each.state for each in found] == [State.WAITING, State.FAILED]
    assert len(await Reading(house.database).fetch("SELECT FROM delivery_attempt")) == 1


async def test_an_endpoint_that_is_gone_for_good_is_not_tried_again(house):
    async with receiving() as receiver:
        receiver.answers = [answer(410)]
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event())
        async with house.working():
            (done,) = await house.until(endpoint, State.FAILED)
    assert done.count == 1


async def test_an_endpoint_that_hangs_holds_up_nobody_and_rests(house):
    async with receiving() as slow, receiving() as quick:
        slow.hangs = True
        stuck = [await house.endpoint(slow.url) for _ in range(3)]
        for endpoint in stuck:
            await house.deliver(endpoint, *(event() for _ in range(20)))
        endpoint = await house.endpoint(quick.url)
        async with house.working(schedule=Schedule(rest=30)):
            await slow.until(1)
            began = time.monotonic()
            await house.deliver(endpoint, *(event() for _ in range(20)))
            await quick.until(20)
            took = time.monotonic() - began
            await asyncio.sleep(1.5)
        assert took < 1
        assert len(slow.received) <= 3 * 8, "one batch to each, then they rest"
        assert slow.most_at_once <= 3 * 4
    (tried, *_) = [each for each in await house.log(stuck[0]) if each.attempts]
    assert [each.reason for each in tried.attempts] == ["timeout"]


async def test_a_redirect_inward_is_not_followed(house):
    async with receiving() as inner, receiving() as outer:
        outer.answers = [answer(302, f"location: {inner.url}")]
        endpoint = await house.endpoint(outer.url)
        await house.deliver(endpoint, event())
        async with house.working():
            (done,) = await house.until(endpoint, State.DELIVERED)
    assert [each.status for each in done.attempts] == [302, 204]
    assert inner.received == []


async def test_a_gigabyte_of_answer_is_not_read(house):
    async with receiving() as receiver:
        receiver.streams = True
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event())
        async with house.working():
            await house.until(endpoint, State.DELIVERED)
        assert receiver.sent < 16 << 20  # what the sockets hold on the way


async def test_nothing_leaves_for_an_address_that_is_not_listed(house):
    async with receiving() as receiver:
        endpoint = await house.endpoint(f"http://localhost:{receiver.port}/")
        await house.deliver(endpoint, event())
        async with house.working(networks=Networks(["10.0.0.0/8"])):
            (delivery,) = await house.until(endpoint, State.WAITING, tried=True)
        assert receiver.received == []
    (attempt, *_) = delivery.attempts
    assert (attempt.reason, attempt.status) == ("address-refused", None)


async def test_both_secrets_sign_while_one_takes_the_others_place(house):
    old = deliveries.new_secret()
    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url, Secret(old))
        async with Transaction(house.database) as session:
            new = await deliveries.rotate(session, house.keyring, endpoint, timedelta(hours=1))
        await house.deliver(endpoint, event())
        async with house.working():
            await receiver.until(1)
    (got,) = receiver.received
    assert got.headers["webhook-signature"] == f"{by_openssl(new, got)} {by_openssl(old, got)}"


def test_an_old_secret_ends():
    now = datetime.now(UTC)
    target = Target("https://example.org/", (Secret("one"),))
    twice = target.rotated("two", now, timedelta(hours=1)).rotated(
        "three", now + timedelta(hours=2), timedelta(hours=1)
    )
    assert [each.value for each in twice.secrets] == ["three", "two"]
    assert not twice.secrets[1].signs(now + timedelta(hours=3))
    assert Target.load(twice.dump()) == twice


async def test_what_is_on_its_way_to_an_endpoint_that_is_removed_is_destroyed(house):
    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event())
        async with Transaction(house.database) as session:
            await deliveries.remove_endpoint(session, endpoint)
        await house.deliver(endpoint, event())
        async with house.working():
            await asyncio.sleep(0.3)
        assert receiver.received == []
    (dead,) = await house.log(endpoint)
    assert dead.state is State.DEAD
    assert await kept(house) == [None]
    assert await deliveries.target_of(Reading(house.database), house.keyring, endpoint) is None


async def test_an_endpoint_is_removed_while_an_attempt_is_kept_and_neither_fails(house):
    owner = await asyncpg.connect(house.urls.owner)
    await owner.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END$$; "
        "CREATE TRIGGER slow AFTER UPDATE ON delivery FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    await owner.close()
    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event())
        async with house.working():
            await receiver.until(1)
            await asyncio.sleep(0.1)
            async with Transaction(house.database) as session:
                await deliveries.remove_endpoint(session, endpoint)
    (done,) = await house.log(endpoint)
    assert done.state is State.DELIVERED
    assert await kept(house) == [None]


async def test_an_event_may_be_held_back_when_it_is_about_to_leave(house):
    async def prepare(_endpoint, said):
        return said.carrying({"more": 1}) if said.subject == "t-1" else None

    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event(), Event("test.thing.changed", "/things", {}))
        async with house.working(prepare=prepare):
            await house.until(endpoint, State.DELIVERED)
            found = await house.until(endpoint, State.FAILED)
    assert [got.event["data"] for got in receiver.received] == [{"more": 1}]
    assert sorted(each.attempts[0].reason for each in found) == ["accepted", "withheld"]


async def test_an_event_that_cannot_be_handed_over_holds_up_no_other(house, caplog):
    async def prepare(_endpoint, said):
        if said.subject is None:
            raise ZeroDivisionError("anna")
        return said

    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, Event("test.thing.changed", "/things", {}), event())
        async with house.working(prepare=prepare):
            found = await house.until(endpoint, State.DELIVERED)
    assert {each.attempts[0].reason for each in found} == {"error", "accepted"}
    assert "ZeroDivisionError" in caplog.text
    assert "anna" not in caplog.text


async def test_nothing_that_was_sent_or_where_to_stands_in_the_tables_or_the_log(house, caplog):
    caplog.set_level("DEBUG")
    async with receiving() as receiver:
        receiver.answers = [answer(500, body=b"anna@example.org")]
        endpoint = await house.endpoint(f"{receiver.url}?of=anna@example.org")
        await house.deliver(endpoint, Event("test.thing.changed", "/things", {"name": "anna"}))
        async with house.working():
            await receiver.until(1)
            rows = await everything(house)
            await house.until(endpoint, State.DELIVERED)
    assert "anna" not in rows + await everything(house) + caplog.text
    assert "test.thing.changed" in rows


async def everything(house):
    tables = ("delivery_endpoint", "delivery", "delivery_attempt", "pgqueuer", "pgqueuer_log")
    found = [await Reading(house.database).fetch(f"TABLE {table}") for table in tables]
    return str(found)


_WORKER = """
import asyncio, sys
from datetime import timedelta
from kit import deliveries, jobs
from kit.database import Database
from kit.sealing import Keyring

class Stuck:
    async def hand_over(self, target, event):
        import httpx
        async with httpx.AsyncClient() as client:
            await client.post(target.url, content=event.body())
        print("sent", flush=True)
        await asyncio.sleep(60)

async def main():
    url, key = sys.argv[1:]
    context = deliveries.Context(Database(url, 2), Keyring(key), Stuck(), 0.5)
    async with jobs.running(url, deliveries.handlers(context)):
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_worker_killed_on_the_way_delivers_again(house, monkeypatch):
    async with receiving() as receiver:
        endpoint = await house.endpoint(receiver.url)
        await house.deliver(endpoint, event())
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _WORKER,
            house.urls.runtime,
            SEALING_KEY,
            stdout=asyncio.subprocess.PIPE,
        )
        assert await worker.stdout.readline() == b"sent\n"
        os.kill(worker.pid, signal.SIGKILL)
        await worker.wait()
        async with house.working():
            await receiver.until(2, within=15)  # when the lease of the dead one has ended
            await house.until(endpoint, State.DELIVERED)
    assert receiver.received[0].body == receiver.received[1].body


async def test_an_event_is_published_in_a_room(house):
    async with receiving() as gateway:
        gateway.answers = [
            answer(
                200, "content-type: application/json", body=b'{"access_token":"t","expires_in":300}'
            ),
            answer(201),
        ]
        mediator = Mediator(
            settings(
                house.urls, gateway_url=f"http://127.0.0.1:{gateway.port}", client_id="A/B/1/c"
            )
        )
        said = event()
        outcome = await Couriers(Outside(LOOPBACK, 1), mediator).hand_over(
            Target(room="A/B/1/room", room_type="changed"), said
        )
        assert outcome == Outcome("accepted", 201)
        outcome = await Couriers(Outside(LOOPBACK, 1), Mediator(settings(house.urls))).hand_over(
            Target(room="A/B/1/room", room_type="changed"), said
        )
        assert outcome == Outcome("no-connection")
        await mediator.close()
    published = gateway.received[1]
    assert published.path == "/r1/A/B/1/room/pub/v1/changed"
    assert published.event["eventType"] == "changed"
    assert published.event["event"]["id"] == str(said.id)


@given(st.integers(1, 1000), st.floats(0, 1))
def test_waits_grow_to_a_ceiling_and_vary_by_a_tenth_each_way(attempt, jitter):
    schedule = Schedule()
    pause = schedule.pause(attempt, Outcome("timeout"), jitter)
    assert schedule.first * 0.9 <= pause <= schedule.ceiling * 1.1
    later = schedule.pause(attempt + 3, Outcome("timeout"), jitter)
    assert later >= pause
    asked = Outcome("refused", 503, timedelta(hours=5))
    assert schedule.pause(attempt, asked, jitter) >= timedelta(hours=5)


def test_a_delivery_is_tried_about_twenty_times_in_a_day():
    schedule, waited, attempts = Schedule(), timedelta(0), 1
    while waited + schedule.pause(attempts, Outcome("timeout"), 0.5) <= schedule.give_up_after:
        waited += schedule.pause(attempts, Outcome("timeout"), 0.5)
        attempts += 1
    assert 15 <= attempts <= 25
    assert waited > timedelta(hours=20)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("whsec_" + base64.b64encode(b"x" * 24).decode(), True),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), False),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), False),
        ("whsec_%%%", False),
        ("secret", False),
    ],
)
def test_a_secret_is_24_to_64_bytes(text, is_one):
    assert deliveries.is_secret(text) is is_one
    assert deliveries.is_secret(deliveries.new_secret())
