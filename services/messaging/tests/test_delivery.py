"""Messages on their way to a real SMTP server, and what stays of them."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import SecretStr

from kit.database import Database, Transaction
from kit.evidence import Ledger, Search
from kit.sealing import new_sealing_key
from kit.testing import CLIENT
from messaging.messages import jobs, service
from messaging.messages.models import Outcome, RetryPolicy, State


def email(address="mother@example.org", **more):
    return {
        "senderInfo": {"organisationName": "Clinic", "replyTo": "desk@example.org"},
        "recipientInfo": {"email": address, "name": "Ana"},
        "emailContent": {"encoding": "UTF-8", "title": "Hello", "content": "A text"},
        **more,
    }


def in_base64(*addresses):
    items = [{"recipientInfo": {"email": address}} for address in addresses]
    return base64.b64encode(json.dumps(items).encode()).decode()


def batch(*addresses, **more):
    return email(recipientInfo={"batchEmailAsBase64": in_base64(*addresses)}, **more)


async def test_title_and_text_arrive_as_they_were_written(house, mail):
    title = "Ваш ребёнок зарегистрирован: Ülle 🎉 " + "слово " * 20 + "!"
    text = "Қош келдіңіз!\n.\nA line that begins with a dot\n" + "ä" * 3000 + "\n"
    uid = await house.send(
        email(
            "mother@пример.example",
            senderInfo={
                "name": 'Dr. "X" Õunapuu',
                "organisationName": "Клиника",
                "email": "x@y.org",
            },
            emailContent={"title": title, "content": text},
        )
    )
    async with house.jobs():
        await house.until(uid, {"delivered": 1})
    ((recipients, message, content),) = mail.received
    assert recipients == ["mother@xn--e1afmkfd.example"]
    assert message["subject"] == title
    assert message.get_content().replace("\r\n", "\n") == text
    assert content.isascii()
    assert message["from"].addresses[0].display_name == 'Dr. "X" Õunapuu, Клиника'
    assert message["from"].addresses[0].addr_spec == "no-reply@localhost.localdomain"
    assert message["reply-to"] == "x@y.org"
    assert message["message-id"].endswith("@localhost.localdomain>")


async def test_copies_go_out_and_the_blind_one_is_not_named(house, mail):
    recipient = {"email": "a@b.org", "emailCC": "c@b.org", "emailBCC": "hidden@b.org"}
    uid = await house.send(email(recipientInfo=recipient))
    async with house.jobs():
        await house.until(uid, {"delivered": 1})
    ((recipients, message, content),) = mail.received
    assert recipients == ["a@b.org", "c@b.org", "hidden@b.org"]
    assert message["cc"] == "c@b.org"
    assert b"hidden" not in content


async def test_a_refused_copy_does_not_stop_the_message(house, mail):
    mail.answers["c@b.org"] = "550 unknown"
    uid = await house.send(email(recipientInfo={"email": "a@b.org", "emailCC": "c@b.org"}))
    async with house.jobs():
        await house.until(uid, {"delivered": 1})
    assert mail.received[0][0] == ["a@b.org"]


async def test_an_address_in_utf8_needs_a_server_that_takes_it(house, mail):
    uid = await house.send(email("jõe@b.org"))
    async with house.jobs():
        await house.until(uid, {"delivered": 1})
    assert mail.received[0][0] == ["jõe@b.org"]
    await mail.stop()
    mail.utf8 = False
    await mail.start()
    uid = await house.send(email("jõe@b.org"))
    async with house.jobs():
        await house.until(uid, {"bounced": 1})


async def test_a_message_waits_for_a_server_that_is_down(house, mail):
    await mail.stop()
    uid = await house.send(email())
    assert await house.counts(uid) == {"scheduled": 1}
    async with house.jobs():
        await house.until(uid, {"deferred": 1})
        await mail.start()
        await house.until(uid, {"delivered": 1})
    assert len(mail.received) == 1


async def test_a_server_that_is_busy_is_asked_again(house, mail):
    mail.data = ["451 later", "452 later"]
    uid = await house.send(email())
    async with house.jobs():
        await house.until(uid, {"delivered": 1})
    events = await house.fetch("SELECT state, attempt, code FROM message_event ORDER BY number")
    assert [tuple(event) for event in events] == [
        ("scheduled", 0, ""),
        ("processing", 1, ""),
        ("deferred", 1, "451"),
        ("processing", 2, ""),
        ("deferred", 2, "452"),
        ("processing", 3, ""),
        ("delivered", 3, "250"),
    ]


async def test_a_message_is_given_up_at_the_deadline(house, mail):
    await mail.stop()
    uid = await house.send(email())
    async with house.jobs(give_up_after=0.5):
        await house.until(uid, {"notSent": 1})
    assert await house.fetch("SELECT FROM message_content") == []


async def test_a_recipient_refused_for_good_bounces(house, mail):
    mail.answers["mother@example.org"] = "550 no such user"
    uid = await house.send(email())
    async with house.jobs():
        await house.until(uid, {"bounced": 1})
    assert mail.received == []


async def test_a_refused_sender_is_our_fault_and_waits(house, mail):
    mail.senders["no-reply@localhost.localdomain"] = "550 not from here"
    uid = await house.send(email())
    async with house.jobs():
        await house.until(uid, {"deferred": 1})
        mail.senders.clear()
        await house.until(uid, {"delivered": 1})


async def test_a_slow_server_does_not_hold_a_message_for_ever(house, mail):
    mail.pause = 0.5
    uid = await house.send(email())
    async with house.jobs(smtp_timeout=0.1):
        await house.until(uid, {"deferred": 1})


async def test_a_batch_adds_up_with_one_that_is_refused_and_one_that_is_none(house, mail):
    mail.answers["p7@example.org"] = "550 no such user"
    addresses = [f"p{n}@example.org" for n in range(199)]
    uid = await house.send(batch(*addresses, "nobody"), "/send/email/batch")
    async with house.jobs():
        counts = await house.until(uid, {"delivered": 198, "bounced": 1, "notSent": 1}, 20, 0.2)
    assert sum(counts.values()) == 200
    assert [to for (to,), _, _ in mail.received] == [a for a in addresses if a != "p7@example.org"]
    assert mail.sessions < 10


async def test_an_emergency_goes_first_and_the_others_in_order(house, mail):
    for title in ("one", "two", "three"):
        await house.send(email(emailContent={"title": title, "content": "x"}))
    await house.send(email(priority=9, emailContent={"title": "nine", "content": "x"}))
    uid = await house.send(
        email(messageType="emergency", emailContent={"title": "fire", "content": "x"})
    )
    last = await house.send(email(emailContent={"title": "four", "content": "x"}))
    async with house.jobs():
        await house.until(uid, {"delivered": 1})
        await house.until(last, {"delivered": 1})
    assert mail.subjects == ["fire", "nine", "one", "two", "three", "four"]


async def test_no_address_and_no_text_can_be_read_before_or_after(house, mail):
    secret = {"title": "Diagnosis", "content": "Quarantine at once"}
    body = email(
        "anna@karenina.example", transactionId="anna@karenina.example", emailContent=secret
    )
    words = ("karenina", "Diagnosis", "Quarantine", "desk@example.org", "Ana")
    mail.data = ["451 anna@karenina.example Quarantine"]
    mail.answers["other@karenina.example"] = "550 other@karenina.example unknown"
    uid = await house.send(body)
    other = await house.send(email("other@karenina.example"))
    before = await house.dump()
    async with house.jobs():
        await house.until(other, {"bounced": 1})
        await house.until(uid, {"delivered": 1})
    after = await house.dump()
    for word in words:
        assert word not in before
        assert word not in after
    for table in ("message_content", "request_content"):
        assert await house.fetch(f"SELECT FROM {table}") == []


async def test_nothing_readable_is_logged(house, mail, caplog):
    mail.data = ["451 anna@karenina.example"]
    caplog.set_level(10)
    uid = await house.send(email("anna@karenina.example"))
    async with house.jobs():
        await house.until(uid, {"delivered": 1})
    ours = [record.getMessage() for record in caplog.records if record.name != "mail.log"]
    assert "karenina" not in "\n".join(ours)


async def test_the_role_that_serves_can_only_add(house):
    for statement in (
        "UPDATE request SET uid = uid",
        "UPDATE message SET position = position",
        "UPDATE message_event SET state = state",
        "UPDATE message_content SET sealed = sealed",
        "DELETE FROM request",
        "DELETE FROM message",
        "DELETE FROM message_event",
        "TRUNCATE message_event",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await house.fetch(statement)


async def test_every_transition_is_in_the_ledger_without_a_person(house, mail):
    mail.data = ["451 later"]
    mail.answers["gone@example.org"] = "550 gone"
    uid = await house.send(batch("mother@example.org", "gone@example.org", "nobody"))
    async with house.jobs():
        await house.until(uid, {"delivered": 1, "bounced": 1, "notSent": 1})
    database = Database(house.app.state.urls.runtime, 1)
    found = await Ledger("messaging", house.app.state.keyring, database).search(
        Search(object_prefix=uid)
    )
    await database.close()
    kinds = sorted(each.kind for each in found)
    assert kinds == [
        "message.accepted",
        "message.bounced",
        "message.deferred",
        "message.failed",
        "message.sent",
    ]
    assert {each.tenant for each in found} == {CLIENT.rpartition("/")[0]}
    assert await house.fetch("SELECT FROM evidence_entry WHERE subject IS NOT NULL") == []


class Courier:
    """A courier of the test's own, to meet a job half-way."""

    def __init__(self, *outcomes):
        self.outcomes, self.taken = list(outcomes), 0
        self.may_go = asyncio.Event()
        self.begun = asyncio.Event()

    async def deliver(self, _parcel):
        self.taken += 1
        self.begun.set()
        await self.may_go.wait()
        return self.outcomes.pop(0) if self.outcomes else Outcome(State.DELIVERED, "250")


@pytest.fixture
async def context(house):
    state = house.app.state
    return jobs.Context(
        database=state.database,
        ledger=state.ledger,
        keyring=state.keyring,
        courier=Courier(),
        policy=RetryPolicy(timedelta(seconds=60), 2, timedelta(hours=1), timedelta(days=1)),
        lease=timedelta(seconds=30),
        actor="test",
    )


async def only_message(house):
    return (await house.fetch("SELECT id FROM message"))[0]["id"]


async def test_a_job_that_runs_twice_sends_once(house, context):
    await house.send(email())
    message = await only_message(house)
    context.courier.may_go.set()
    assert await jobs.deliver(context, message) is None
    assert await jobs.deliver(context, message) is None
    assert context.courier.taken == 1


async def test_two_jobs_at_once_send_once(house, context):
    uid = await house.send(email())
    message = await only_message(house)
    first = asyncio.create_task(jobs.deliver(context, message))
    await context.courier.begun.wait()
    again = await jobs.deliver(context, message)
    assert again > datetime.now(UTC)
    context.courier.may_go.set()
    assert await first is None
    assert await jobs.deliver(context, message) is None
    assert context.courier.taken == 1
    assert await house.counts(uid) == {"delivered": 1}


async def test_two_jobs_that_begin_in_the_same_moment_send_once(house, context):
    await house.send(email())
    message = await only_message(house)
    context.courier.may_go.set()
    await asyncio.gather(*(jobs.deliver(context, message) for _ in range(4)))
    assert context.courier.taken == 1


async def test_a_deferred_message_is_not_tried_before_its_time(house, context):
    await house.send(email())
    message = await only_message(house)
    context.courier.outcomes = [Outcome(State.DEFERRED, "451")]
    context.courier.may_go.set()
    due = await jobs.deliver(context, message)
    assert await jobs.deliver(context, message) == due
    assert context.courier.taken == 1


async def test_an_outcome_survives_that_postgresql_goes_away_meanwhile(house, context):
    uid = await house.send(email())
    message = await only_message(house)
    sending = asyncio.create_task(jobs.deliver(context, message))
    await context.courier.begun.wait()
    await house.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user "
        "AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    context.courier.may_go.set()
    assert await sending is None
    assert await house.counts(uid) == {"delivered": 1}


async def test_an_outcome_that_comes_after_the_lease_changes_nothing(house, context):
    await house.send(email())
    message = await only_message(house)
    state = house.app.state
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    async with Transaction(state.database) as session:
        late = await service.begin(session, state.keyring, message, long_ago, context.lease)
    context.courier.may_go.set()
    assert await jobs.deliver(context, message) is None
    async with Transaction(state.database) as session:
        kept = await service.end(
            session,
            state.ledger,
            "test",
            attempt=late,
            outcome=Outcome(State.BOUNCED, "550"),
            policy=context.policy,
            now=datetime.now(UTC),
        )
    assert kept is None
    newest = await house.fetch("SELECT state FROM message_event ORDER BY number DESC LIMIT 1")
    assert newest[0]["state"] == "delivered"


async def test_a_message_sealed_with_another_key_waits_for_it(house, mail):
    uid = await house.send(email())
    async with house.jobs(sealing_key=SecretStr(new_sealing_key())):
        await house.until(uid, {"deferred": 1})
    async with house.jobs():
        await house.until(uid, {"delivered": 1})


async def test_closing_the_jobs_half_way_loses_nothing_and_repeats_nothing(house, mail):
    uid = await house.send(batch(*(f"p{n}@example.org" for n in range(30))))
    reached = asyncio.Event()
    mail.on_data = lambda: len(mail.received) < 10 or reached.set()
    async with house.jobs():
        await asyncio.wait_for(reached.wait(), 10)
    assert (await house.counts(uid))["scheduled"] > 0
    async with house.jobs():
        await house.until(uid, {"delivered": 30})
    assert len(mail.received) == 30


async def test_the_same_request_at_the_same_moment_is_one(house):
    body = email(transactionId="once")
    assert len(set(await asyncio.gather(*(house.send(body) for _ in range(6))))) == 1
    assert len(await house.fetch("SELECT FROM message")) == 1


async def test_a_transaction_is_new_again_after_a_day(house):
    body = email(transactionId="daily")
    first = await house.send(body)
    earlier = "UPDATE request SET created_at = created_at - interval '24 hours'"
    await house.fetch(earlier, owner=True)
    assert await house.send(body) != first
