"""What arrives at webhooks, and what a bad one can do: nothing to anybody else."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from consent.agreements import service as agreements
from consent.desk import Desk
from consent.main import BLOCK, create_jobs
from kit.access import Caller
from kit.database import Reading, Transaction
from kit.receivers import answer, receiving
from kit.testing import clients_of

CLINIC, TENANT = "TEST/GOV/1001/clinic", "TEST/GOV/1001"
MOTHER = "EE49001010002"
TYPE = "global.govstack.consent."
HOME = {"delivery_networks": ["127.0.0.0/8"], "delivery_timeout": 1.0, "decision_keepers": ()}


class Told:
    """A block whose changes are committed, and a member's webhooks in it."""

    def __init__(self, app, house_type):
        self.app = app
        self.make = clients_of(app, BLOCK)
        self.client = self.make(scopes={"*"}, client=CLINIC)
        self.house = house_type(self.client)
        self.database = app.state.database

    async def webhook(self, receiver, *kinds, url="", **more):
        body = {"webhook": {"payloadUrl": url or receiver.url, **more}}
        made = await self.client.post("/config/webhook/", json=body)
        assert made.status_code == 200, made.text
        one = made.json()["webhook"]
        if kinds:
            asked = {"subscriptions": [{"webhookEventId": kind} for kind in kinds]}
            await self.client.put(f"/config/webhook/{one['id']}/subscriptions/", json=asked)
        return one

    async def log(self, one):
        said = await self.client.get(f"/config/webhook/{one['id']}/deliveries/")
        return said.json()["deliveries"]

    async def until(self, one, state, attempts=1):
        """Return the newest delivery to a webhook when it has come so far."""
        async with asyncio.timeout(8):
            while True:
                found = await self.log(one)
                if found and (found[0]["state"], len(found[0]["attempts"])) == (state, attempts):
                    return found[0]
                await asyncio.sleep(0.05)

    async def first_attempt(self, one):
        """Return the first attempt to deliver anything to a webhook, once it has been made."""
        async with asyncio.timeout(8):
            while True:
                made = [attempt for each in await self.log(one) for attempt in each["attempts"]]
                if made:
                    return made[0]
                await asyncio.sleep(0.05)

    async def redeliver(self, one, delivery):
        place = f"/config/webhook/{one['id']}/deliveries/{delivery['id']}/redeliver/"
        return await self.client.post(place)

    async def update(self, agreement, purpose="Something else"):
        body = {"dataAgreement": {"purpose": purpose, "lawfulBasis": "consent"}}
        place = f"/config/data-agreement/{agreement['id']}/"
        changed = await self.client.put(place, json=body)
        assert changed.status_code == 200, changed.text

    async def rows(self, *tables):
        reading = Reading(self.database)
        return [row for table in tables for row in await reading.fetch(f"TABLE {table}")]

    @asynccontextmanager
    async def desk(self):
        """Lend what a request works with; its change stands when this ends without an error."""
        state = self.app.state
        caller = Caller(CLINIC, TENANT, scopes=frozenset({"*"}))
        async with Transaction(state.database) as session:
            yield Desk(session, state.keyring, state.ledger, caller, "personal-code", None)

    async def end_and_fail(self, agreement):
        """End an agreement in a transaction that fails afterwards."""
        async with self.desk() as desk:
            await agreements.delete(desk, agreement["id"])
            raise RuntimeError("not, after all")


@pytest.fixture
async def still(committed, house_type):
    """Return a block whose background work does not run."""
    committed.state.settings = committed.state.settings.model_copy(update=HOME)
    made = Told(committed, house_type)
    yield made
    await made.client.aclose()


@pytest.fixture
async def told(still):
    async with create_jobs(still.app.state.settings):
        yield still


def happened(receiver):
    """Return the events a receiver got, in the order in which they happened."""
    return sorted((got.event for got in receiver.received), key=lambda event: event["time"])


def kinds(receiver):
    return [event["type"].removeprefix(TYPE) for event in happened(receiver)]


async def test_a_changed_agreement_is_told_signed_and_by_ids_alone(told):
    async with receiving() as receiver:
        webhook = await told.webhook(receiver, "agreement.updated")
        agreement = await told.house.agreement()
        await told.update(agreement)
        await receiver.until(1)
    (got,) = receiver.received
    assert got.headers["webhook-signature"] == got.signed_by(webhook["secretKey"])
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    event = got.event
    revision = event["data"].pop("revisionId")
    assert event["data"] == {
        "dataAgreementId": agreement["id"],
        "application": CLINIC,
        "by": "application",
    }
    assert (event["type"], event["source"]) == (f"{TYPE}agreement.updated", f"/{TENANT}/consent")
    assert event["subject"] == f"data-agreement/{agreement['id']}"
    newest = (await told.house.audit_revisions(agreement["id"]))[-1]
    assert revision == newest["id"]


async def test_the_life_of_a_consent_is_told_in_order_and_names_nobody(told):
    async with receiving() as receiver:
        given = "consent.given", "consent.signed", "consent.withdrawn", "consent.forgotten"
        await told.webhook(receiver, *given, contentType="application/json")
        agreement = await told.house.agreement(forgettable=True)
        mother = await told.house.individual(MOTHER)
        record = (await told.house.sign(mother, agreement["id"]))["consentRecord"]
        await told.house.opt(mother, record["id"], opt_in=False)
        whose = told.house.whose(mother)
        await told.client.delete("/service/individual/record/", headers=whose)
        await receiver.until(3)
    events = happened(receiver)
    assert kinds(receiver) == ["consent.given", "consent.withdrawn", "consent.forgotten"]
    assert [each["id"] for each in events] == sorted(each["id"] for each in events)
    for each in events:
        assert each["subject"] == f"consent-record/{record['id']}"
        assert each["data"]["consentRecordId"] == record["id"]
        assert each["data"]["individualId"] == mother
    assert events[0]["data"]["dataAgreementId"] == agreement["id"]
    assert [each["data"].get("state") for each in events] == ["signed", "unsigned", None]
    for got in receiver.received:
        assert MOTHER.encode() not in got.body
        assert got.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_change_that_is_rolled_back_is_told_to_nobody(still):
    async with receiving() as receiver:
        webhook = await still.webhook(receiver, "agreement.deleted")
        agreement = await still.house.agreement()
        with pytest.raises(Exception, match="after all"):
            await still.end_and_fail(agreement)
        assert await still.log(webhook) == []
        async with still.desk() as desk:
            await agreements.delete(desk, agreement["id"])
            assert await still.log(webhook) == []  # nobody sees it before the change stands
        assert [each["state"] for each in await still.log(webhook)] == ["waiting"]
        async with create_jobs(still.app.state.settings):
            await receiver.until(1)
    assert kinds(receiver) == ["agreement.deleted"]


async def test_who_is_not_subscribed_or_disabled_or_of_another_member_is_told_nothing(told):
    async with receiving() as wanted, receiving() as quiet:
        await told.webhook(wanted, "policy.created")
        await told.webhook(quiet, "policy.updated")
        await told.webhook(quiet, disabled=True)
        gone = await told.webhook(quiet)
        await told.client.delete(f"/config/webhook/{gone['id']}/")
        async with told.make(scopes={"*"}, client="TEST/GOV/2002/clinic") as other:
            body = {"webhook": {"payloadUrl": quiet.url}}
            await other.post("/config/webhook/", json=body)
            assert (await other.get("/config/webhooks/")).json()["webhooks"]
        await told.house.policy()
        assert len(await told.rows("delivery")) == 1
        await wanted.until(1)
    assert quiet.received == []


async def test_what_waits_for_one_that_is_disabled_stays_and_goes_when_asked_for(told):
    async with receiving() as receiver:
        receiver.answers = [answer(500)]
        webhook = await told.webhook(receiver, "policy.created")
        await told.house.policy()
        await told.until(webhook, "waiting")
        off = {"webhook": {"payloadUrl": receiver.url, "disabled": True}}
        await told.client.put(f"/config/webhook/{webhook['id']}/", json=off)
        await asyncio.sleep(1.2)  # the endpoint rests for a second
        await told.redeliver(webhook, (await told.log(webhook))[0])
        kept = await told.until(webhook, "failed", 2)
        assert kept["attempts"][-1]["reason"] == "withheld"
        assert len(receiver.received) == 1
        off["webhook"]["disabled"] = False
        await told.client.put(f"/config/webhook/{webhook['id']}/", json=off)
        await told.redeliver(webhook, kept)
        await told.until(webhook, "delivered", 3)
    assert kinds(receiver) == ["policy.created"] * 2


async def test_what_is_refused_is_tried_again_and_destroyed_when_it_has_arrived(told):
    async with receiving() as receiver:
        receiver.answers = [answer(500)]
        webhook = await told.webhook(receiver, "policy.created")
        await told.house.policy()
        waiting = await told.until(webhook, "waiting")
        assert waiting["nextAttemptAt"] > waiting["createdAt"]
        kept = await told.rows("delivery")
        assert all(row["sealed"] for row in kept)
        await asyncio.sleep(1.2)  # the endpoint rests for a second
        assert (await told.redeliver(webhook, waiting)).status_code == 200
        found = await told.until(webhook, "delivered", 2)
        gone = await told.redeliver(webhook, found)
    said = [(each["reason"], each["status"]) for each in found["attempts"]]
    assert said == [("refused", 500), ("accepted", 204)]
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == found["eventId"]
    assert (gone.status_code, gone.json()["title"]) == (400, "There is nothing left to deliver")
    assert [(row["wrapped"], row["sealed"]) for row in await told.rows("delivery")] == [
        (None, None)
    ]


async def test_a_rotated_secret_and_the_one_before_it_sign_both(told):
    async with receiving() as receiver:
        webhook = await told.webhook(receiver, "policy.created")
        place = f"/config/webhook/{webhook['id']}/secret/"
        fresh = (await told.client.post(place)).json()["secretKey"]
        await told.house.policy()
        await receiver.until(1)
    (got,) = receiver.received
    both = got.signed_by(fresh), got.signed_by(webhook["secretKey"])
    assert got.headers["webhook-signature"] == " ".join(both)


async def test_a_bad_receiver_delays_and_learns_nothing(told):
    async with (
        receiving() as good,
        receiving() as hangs,
        receiving() as refuses,
        receiving() as redirects,
        receiving() as floods,
        receiving() as inside,
    ):
        hangs.hangs, floods.streams = True, True
        refuses.answers = [answer(500)] * 9
        redirects.answers = [answer(302, f"location: {inside.url}")] * 9
        bad = [await told.webhook(each) for each in (hangs, refuses, redirects, floods)]
        gone = await told.webhook(None, url="http://127.0.0.1:9/hook")
        await told.webhook(good, "consent.given", "consent.withdrawn")
        loop = asyncio.get_running_loop()
        agreement = await told.house.agreement()
        mother = await told.house.individual()
        began = loop.time()
        record = (await told.house.sign(mother, agreement["id"]))["consentRecord"]
        await told.house.opt(mother, record["id"], opt_in=False)
        assert loop.time() - began < 3, "who gives a consent waits for no receiver"
        await good.until(2)
        assert loop.time() - began < 6
        assert kinds(good) == ["consent.given", "consent.withdrawn"]
        reasons = {}
        for name, one in zip(("hangs", "500", "302", "flood", "gone"), [*bad, gone], strict=True):
            attempt = await told.first_attempt(one)
            reasons[name] = attempt["reason"], attempt.get("status")
    assert reasons == {
        "hangs": ("timeout", None),
        "500": ("refused", 500),
        "302": ("refused", 302),
        "flood": ("accepted", 200),
        "gone": ("no-connection", None),
    }
    assert inside.received == []
    assert floods.sent < 1 << 27  # of several gigabytes
    for one in (*bad[:3], gone):  # nothing lost: all of it is there to be sent again
        assert {each["state"] for each in await told.log(one)} == {"waiting"}


async def test_a_look_by_an_application_is_told_and_one_by_the_person_is_not(told):
    async with receiving() as receiver:
        await told.webhook(receiver, "consent.viewed", "consent.withdrawn")
        agreement = await told.house.agreement()
        mother = await told.house.individual()
        record = (await told.house.sign(mother, agreement["id"]))["consentRecord"]
        portal = {"scopes": {"*"}, "client": "TEST/GOV/2002/portal", "person": MOTHER}
        async with told.make(**portal) as herself:
            seen = await herself.get("/service/individual/record/consent-record/")
            assert [each["id"] for each in seen.json()["consentRecords"]] == [record["id"]]
            place = f"/service/individual/record/consent-record/{record['id']}/"
            no = {"consentRecord": {"optIn": False}}
            await herself.put(place, json=no, headers=told.house.whose(mother))
        await receiver.until(1)
        await told.house.records(mother)
        await receiver.until(2)
        whose = told.house.whose(mother)
        place = f"/service/individual/record/data-agreement/{agreement['id']}/"
        assert (await told.client.get(place, headers=whose)).status_code == 200
        await receiver.until(3)
        await asyncio.sleep(0.2)
    withdrawn, listed, read = happened(receiver)
    assert (withdrawn["data"]["by"], withdrawn["data"]["application"]) == (
        "person",
        "TEST/GOV/2002/portal",
    )
    assert listed["data"] == {
        "individualId": mother,
        "consentRecordIds": [record["id"]],
        "application": CLINIC,
        "by": "application",
    }
    assert read["data"]["consentRecordId"] == record["id"]
    assert read["data"]["individualId"] == mother
    assert read["type"] == f"{TYPE}consent.viewed"


async def test_nothing_personal_and_no_address_stands_in_the_tables(still):
    async with receiving() as receiver:
        webhook = await still.webhook(receiver)
        agreement = await still.house.agreement()
        mother = await still.house.individual()
        await still.house.sign(mother, agreement["id"])
    tables = "webhook", "delivery_endpoint", "delivery", "delivery_attempt", "pgqueuer"
    kept = str(await still.rows(*tables))
    assert MOTHER not in kept
    assert str(receiver.port) not in kept
    assert webhook["secretKey"] not in kept
    assert MOTHER not in str(await still.log(webhook))
