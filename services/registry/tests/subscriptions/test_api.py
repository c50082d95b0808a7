"""Subscriptions over HTTP, and what arrives at subscribers."""

import asyncio
import base64
from uuid import UUID, uuid4

import pytest

from kit.database import Reading
from kit.evidence import Search
from kit.receivers import answer, receiving
from kit.testing import clients_of
from registry.main import BLOCK, create_jobs

SCOPES = {"databases:read", "databases:write", "records:read", "records:write"}
SCOPES |= {"subscriptions:write", "rights:write"}
OWNER, OTHER, TENANT = "TEST/GOV/1001/registrar", "TEST/GOV/2002/clinic", "TEST/GOV/1001"
CALLBACK = "https://198.41.0.4/events"
SCHEMA = {
    "properties": {
        "status": {"type": "string"},
        "place": {"type": "string"},
        "person": {"type": "string", "x-personalDataId": True},
    }
}
NEW = {"events": ["record.created", "record.updated"], "callbackUrl": CALLBACK}
NOBODY = uuid4()


@pytest.fixture
async def client(client_for):
    async with client_for(scopes=SCOPES, client=OWNER) as made:
        yield made


@pytest.fixture
async def stranger(client_for):
    async with client_for(scopes=SCOPES, client=OTHER, tenant=TENANT) as made:
        yield made


@pytest.fixture
async def path(client, publish):
    return f"/database/{await publish(client, 'CASES', SCHEMA)}/subscriptions"


async def test_a_subscription_is_shown_and_its_secret_once(client, path):
    made = await client.post(path, json={**NEW, "fields": ["status"]})
    assert made.status_code == 201, made.text
    said = made.json()
    assert said.pop("secret").startswith("whsec_")
    assert said["callbackUrl"] == CALLBACK
    assert (said["events"], said["fields"]) == (NEW["events"], ["status"])
    assert (said["version"], said["client"], said["isActive"]) == ("1.0", OWNER, True)
    one = await client.get(f"{path}/{said['id']}")
    assert one.json() == said
    assert (await client.get(path)).json() == [said]


async def test_a_secret_of_ones_own_is_taken(client, path):
    secret = "whsec_" + base64.b64encode(b"x" * 32).decode()
    made = await client.post(path, json={**NEW, "secret": secret})
    assert made.json()["secret"] == secret
    rotated = await client.post(f"{path}/{made.json()['id']}/secret")
    assert rotated.json()["secret"] not in ("", secret)


BAD = {
    "no address": ({"callbackUrl": None}, "#/callbackUrl"),
    "both": ({"target": {"room": f"{TENANT}/room", "eventType": "x"}}, "#/callbackUrl"),
    "private": ({"callbackUrl": "https://10.0.0.1/"}, "#/callbackUrl"),
    "plain": ({"callbackUrl": "http://198.41.0.4/"}, "#/callbackUrl"),
    "events": ({"events": ["record.eaten"]}, "#/events/0"),
    "none": ({"events": []}, "#/events"),
    "secret": ({"secret": "mine"}, "#/secret"),
    "field": ({"fields": ["nowhere"]}, "#/fields"),
    "condition": ({"condition": {"field": "nowhere", "is": 1}}, "#/condition/field"),
    "caller": ({"condition": {"field": "person", "is": {"caller": "person"}}}, "#/condition"),
    "room": (
        {"callbackUrl": None, "target": {"room": "TEST/GOV/2002/room", "eventType": "x"}},
        "#/target/room",
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_subscribed_to_is_refused_with_its_place(client, path, name):
    more, pointer = BAD[name]
    answered = await client.post(path, json={**NEW, **more})
    assert answered.status_code == 400, answered.text
    assert answered.json()["errors"][0]["pointer"] == pointer
    assert (await client.get(path)).json() == []


async def test_a_change_keeps_the_rest_and_the_same_again_is_no_change(client, path, entries):
    made = (await client.post(path, json=NEW)).json()
    place = f"{path}/{made['id']}"
    for _ in range(2):
        changed = await client.patch(
            place, json={"isActive": False, "callbackUrl": f"{CALLBACK}/2", "fields": ["place"]}
        )
        assert changed.status_code == 200, changed.text
        said = changed.json()
        assert (said["isActive"], said["callbackUrl"]) == (False, f"{CALLBACK}/2")
        assert (said["events"], said["fields"]) == (NEW["events"], ["place"])
        assert "secret" not in said
    assert len(await entries("subscription.changed")) == 1
    refused = await client.patch(place, json={"callbackUrl": "https://127.0.0.1/"})
    assert refused.status_code == 400
    assert (await client.patch(f"{path}/{NOBODY}", json={})).status_code == 404


async def test_the_database_says_whether_anybody_subscribes(client, path, app):
    async def setting():
        row = await Reading(app.state.database).fetchrow(
            "SELECT settings -> 'subscribed' AS value FROM database WHERE id = $1",
            int(path.split("/")[2]),
        )
        return row["value"]

    assert await setting() is None
    first = (await client.post(path, json=NEW)).json()["id"]
    second = (await client.post(path, json=NEW)).json()["id"]
    assert await setting() is True
    for _ in range(2):
        assert (await client.delete(f"{path}/{first}")).status_code == 204
    assert await setting() is True
    assert (await client.delete(f"{path}/{second}")).status_code == 204
    assert await setting() is None
    assert (await client.get(f"{path}/{first}")).status_code == 404


async def test_what_is_done_is_written_down_without_where_it_goes(client, path, entries):
    one = (await client.post(path, json=NEW)).json()["id"]
    await client.post(f"{path}/{one}/secret")
    await client.patch(f"{path}/{one}", json={"isActive": False})
    await client.delete(f"{path}/{one}")
    await client.delete(f"{path}/{one}")
    kinds = ("created", "rotated", "changed", "deleted")
    found = await entries(*(f"subscription.{kind}" for kind in kinds))
    assert [each.kind for each in found] == [f"subscription.{kind}" for kind in kinds]
    assert "198.41" not in str(found)


async def test_another_member_sees_only_its_own(client, stranger, path):
    theirs = (await stranger.post(path, json=NEW)).json()["id"]
    ours = (await client.post(path, json=NEW)).json()["id"]
    assert [each["id"] for each in (await stranger.get(path)).json()] == [theirs]
    assert len((await client.get(path)).json()) == 2
    assert (await stranger.get(f"{path}/{ours}")).status_code == 404
    assert (await stranger.delete(f"{path}/{ours}")).status_code == 204
    assert (await client.get(f"{path}/{ours}")).status_code == 200
    room = {"events": NEW["events"], "target": {"room": f"{TENANT}/room", "eventType": "x"}}
    assert (await stranger.post(path, json=room)).status_code == 400
    assert (await client.post(path, json=room)).status_code == 201


async def test_only_who_subscribed_changes_it_and_the_owner_may_end_it(client, stranger, path):
    theirs = f"{path}/{(await stranger.post(path, json=NEW)).json()['id']}"
    assert (await client.patch(theirs, json={"isActive": False})).status_code == 403
    assert (await client.post(f"{theirs}/secret")).status_code == 403
    assert (await stranger.patch(theirs, json={"isActive": False})).status_code == 200
    assert (await client.delete(theirs)).status_code == 204
    assert (await stranger.get(theirs)).status_code == 404


async def test_what_is_not_there_is_not_found(client, path):
    assert (await client.post("/database/99/subscriptions", json=NEW)).status_code == 404
    assert (await client.get("/database/99/subscriptions")).status_code == 404
    assert (await client.delete(f"/database/99/subscriptions/{NOBODY}")).status_code == 404
    for method, place in (
        ("GET", f"{path}/{NOBODY}"),
        ("GET", f"{path}/{NOBODY}/deliveries"),
        ("POST", f"{path}/{NOBODY}/test"),
        ("POST", f"{path}/{NOBODY}/secret"),
        ("POST", f"{path}/{NOBODY}/deliveries/{NOBODY}/redeliver"),
    ):
        assert (await client.request(method, place)).status_code == 404


async def test_a_room_has_no_secret(client, path):
    room = {"events": NEW["events"], "target": {"room": f"{TENANT}/room", "eventType": "x"}}
    made = (await client.post(path, json=room)).json()
    assert "secret" not in made
    assert made["target"] == room["target"]
    assert (await client.post(f"{path}/{made['id']}/secret")).status_code == 400


async def test_a_database_has_fifty_subscriptions_at_most(client, path, monkeypatch):
    monkeypatch.setattr("registry.subscriptions.service.MOST", 1)
    assert (await client.post(path, json=NEW)).status_code == 201
    assert (await client.post(path, json=NEW)).status_code == 409


async def test_an_event_to_try_the_way_waits_and_can_be_delivered_again(client, path):
    one = f"{path}/{(await client.post(path, json=NEW)).json()['id']}"
    sent = await client.post(f"{one}/test")
    assert sent.status_code == 202
    [waiting] = (await client.get(f"{one}/deliveries")).json()
    assert waiting["eventId"] == sent.json()["eventId"]
    assert (waiting["state"], waiting["attempts"]) == ("waiting", [])
    again = await client.post(f"{one}/deliveries/{waiting['id']}/redeliver")
    assert again.status_code == 202
    assert again.json()["id"] == waiting["id"]


# -- what arrives --------------------------------------------------------------------------------


class House:
    """A registry whose changes are committed, with its background work running."""

    def __init__(self, app):
        self.app = app
        made = clients_of(app, BLOCK)
        self.owner = made(scopes=SCOPES, client=OWNER)
        self.other = made(scopes=SCOPES, client=OTHER, tenant=TENANT)

    async def subscribe(self, client, receiver, **more):
        said = {**NEW, "callbackUrl": receiver.url, **more}
        made = await client.post(f"{self.path}/subscriptions", json=said)
        assert made.status_code == 201, made.text
        return made.json()

    async def create(self, **content):
        made = await self.owner.post("/data/CASES/1.0/create", json={"write": {"content": content}})
        assert made.status_code == 200, made.text

    async def delivery(self, subscription, state, attempts=1):
        """Return the one delivery of a subscription when it has come so far."""
        place = f"{self.path}/subscriptions/{subscription['id']}/deliveries"
        async with asyncio.timeout(5):
            while True:
                found = (await self.owner.get(place)).json()
                if found and (found[0]["state"], len(found[0]["attempts"])) == (state, attempts):
                    return found[0]
                await asyncio.sleep(0.05)

    async def cleared(self, place):
        """Wait until nothing is listed at a place."""
        async with asyncio.timeout(5):
            while True:
                if not (await self.owner.get(place)).json():
                    return
                await asyncio.sleep(0.05)


@pytest.fixture
async def still(calling, publish):
    """Return a house whose background work does not run."""
    made = House(calling)
    made.path = f"/database/{await publish(made.owner, 'CASES', SCHEMA)}"
    yield made
    await made.owner.aclose()
    await made.other.aclose()


@pytest.fixture
async def house(still):
    async with create_jobs(still.app.state.settings):
        yield still


async def test_a_created_record_is_told_signed_and_by_reference(house):
    async with receiving() as receiver:
        subscription = await house.subscribe(house.owner, receiver)
        await house.create(status="NEW", person="EE1")
        await receiver.until(1)
    (got,) = receiver.received
    assert got.headers["webhook-signature"] == got.signed_by(subscription["secret"])
    event = got.event
    assert event["type"] == "global.govstack.registry.record.created"
    assert event["source"] == f"/{TENANT}/registry/database/{event['data']['databaseId']}"
    assert event["subject"] == event["data"]["recordId"]
    assert UUID(event["subject"])
    assert sorted(event["data"].pop("fields")) == ["person", "status"]
    assert event["data"]["recordNumber"] >= 1
    assert (event["data"]["version"], event["data"]["registryName"]) == ("1.0", "CASES")
    assert event["data"]["revision"] == 1
    assert b"EE1" not in got.body
    assert b"NEW" not in got.body


async def test_a_new_version_is_told(house):
    async with receiving() as receiver:
        await house.subscribe(house.owner, receiver, events=["database.published"])
        wider = {"properties": {**SCHEMA["properties"], "age": {"type": "integer"}}}
        await house.owner.post("/database/modify", json={"code": "CASES", "schema": wider})
        for _ in range(2):
            assert (await house.owner.post(f"{house.path}/publish")).status_code == 200
        await receiver.until(1)
        await asyncio.sleep(0.3)
    (got,) = receiver.received
    assert got.event["type"] == "global.govstack.registry.database.published"
    assert got.event["data"]["version"] == "2.0"
    assert "subject" not in got.event


async def test_only_what_is_asked_for_is_told(house):
    async with receiving() as some, receiving() as every:
        await house.subscribe(
            house.owner, some, condition={"field": "status", "is": "APPROVED"}, fields=["status"]
        )
        everything = ["record.created", "record.updated", "record.deleted"]
        await house.subscribe(house.owner, every, events=everything)
        await house.create(status="NEW", place="Sild")
        for status, place in (("APPROVED", "Sild"), ("APPROVED", "Narva")):
            changed = await house.owner.put(
                "/data/CASES/1.0/update",
                json={
                    "query": {"content": {"status": "NEW" if place == "Sild" else "APPROVED"}},
                    "write": {"content": {"status": status, "place": place}},
                },
            )
            assert changed.status_code == 200
        await every.until(3)
        await house.owner.delete(f"/data/CASES/1.0/{every.received[0].event['subject']}/delete")
        await every.until(4)
        await some.until(1)
        await asyncio.sleep(0.3)
    assert [got.event["data"]["fields"] for got in some.received] == [["status"]]
    kinds = [got.event["type"].rpartition(".")[2] for got in every.received]
    assert sorted(kinds) == ["created", "deleted", "updated", "updated"]


async def test_content_is_told_where_it_is_asked_for_and_that_is_written_down(house):
    async with receiving() as receiver:
        await house.subscribe(house.other, receiver, includeContent=True)
        await house.create(status="NEW", person="EE1")
        await receiver.until(1)
    (got,) = receiver.received
    assert got.event["data"]["content"] == {"status": "NEW", "person": "EE1"}
    read = await house.app.state.ledger.search(Search(kinds=("record.read",), limit=10))
    assert [(each.actor, each.facts["operation"]) for each in read] == [(OTHER, "event")]


async def test_another_member_is_told_of_what_its_rights_cover_when_it_leaves(house):
    allowed = {
        "name": "approved",
        "effect": "allow",
        "subject": {"members": ["TEST/GOV/2002"]},
        "actions": ["read"],
        "fields": ["status"],
        "records": {"field": "status", "is": "APPROVED"},
    }
    rights = await house.owner.put(f"{house.path}/rights", json={"policies": [allowed]})
    assert rights.status_code in (200, 204), rights.text
    async with receiving() as receiver:
        await house.subscribe(house.other, receiver, includeContent=True)
        await house.create(status="PENDING", place="Sild")
        await house.create(status="APPROVED", place="Sild")
        await receiver.until(1)
        await asyncio.sleep(0.3)
    (got,) = receiver.received
    assert got.event["data"]["fields"] == ["status"]
    assert got.event["data"]["content"] == {"status": "APPROVED"}


async def test_an_event_is_published_in_a_room(still):
    token = b'{"access_token": "t", "expires_in": 300}'
    async with receiving() as gateway:
        gateway.answers = [answer(200, "content-type: application/json", body=token), answer(201)]
        room = {"room": f"{TENANT}/life-events", "eventType": "changed"}
        await still.owner.post(
            f"{still.path}/subscriptions", json={"events": NEW["events"], "target": room}
        )
        await still.create(status="NEW")
        url = f"http://127.0.0.1:{gateway.port}"
        settings = still.app.state.settings.model_copy(update={"gateway_url": url})
        async with create_jobs(settings):
            await gateway.until(2)
    published = gateway.received[1]
    assert published.path == f"/r1/{TENANT}/life-events/pub/v1/changed"
    assert published.event["event"]["data"]["registryName"] == "CASES"


async def test_a_subscription_that_ended_is_told_nothing(house):
    async with receiving() as receiver:
        made = await house.subscribe(house.owner, receiver)
        await house.owner.delete(f"{house.path}/subscriptions/{made['id']}")
        await house.create(status="NEW")
        await asyncio.sleep(0.4)
    assert receiver.received == []


async def test_a_change_that_is_refused_is_told_to_nobody(house):
    async with receiving() as receiver:
        await house.subscribe(house.owner, receiver)
        refused = await house.owner.post(
            "/data/CASES/1.0/create", json={"write": {"content": {"status": 1}}}
        )
        assert refused.status_code == 400
        await asyncio.sleep(0.4)
    assert receiver.received == []


async def test_the_log_shows_each_attempt(house):
    async with receiving() as receiver:
        receiver.answers = [answer(500)]
        made = await house.subscribe(house.owner, receiver)
        await house.owner.post(f"{house.path}/subscriptions/{made['id']}/test")
        await receiver.until(1)
        waiting = await house.delivery(made, "waiting")
        place = f"{house.path}/subscriptions/{made['id']}/deliveries/{waiting['id']}/redeliver"
        await asyncio.sleep(1.2)  # the endpoint rests for a second
        assert (await house.owner.post(place)).status_code == 202
        await receiver.until(2)
        found = await house.delivery(made, "delivered", 2)
        assert (await house.owner.post(place)).status_code == 409
    said = [(each["reason"], each["status"]) for each in found["attempts"]]
    assert said == [("refused", 500), ("accepted", 204)]
    assert receiver.received[1].event["type"].endswith("subscription-test")


async def test_nothing_personal_stands_in_the_tables(house):
    async with receiving() as receiver:
        receiver.hangs = True
        await house.subscribe(house.owner, receiver, includeContent=True)
        await house.create(status="NEW", person="EE-ANNA")
        await receiver.until(1)
    reading = Reading(house.app.state.database)
    tables = ("subscription", "delivery_endpoint", "delivery", "pgqueuer", "pgqueuer_log")
    kept = str([await reading.fetch(f"TABLE {table}") for table in tables])
    assert "EE-ANNA" not in kept
    assert str(receiver.port) not in kept


async def test_the_log_of_deliveries_has_an_end(house):
    async with receiving() as receiver:
        subscription = await house.subscribe(house.owner, receiver)
        await house.create(status="NEW")
        await house.delivery(subscription, "delivered")
    settings = house.app.state.settings.model_copy(update={"delivery_log_days": 0})
    place = f"{house.path}/subscriptions/{subscription['id']}/deliveries"
    async with create_jobs(settings):
        await house.cleared(place)
