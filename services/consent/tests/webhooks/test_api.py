"""Webhooks over HTTP: who is told, of what, and how it is shown."""

import base64
from uuid import uuid4

import pytest

from kit.evidence import Search

CALLBACK = "https://198.41.0.4/events"
HIDDEN = "********"
SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()
KINDS = ("created", "updated", "rotated", "tested", "redelivered", "deleted")
RIGHTS = {"webhooks:read", "webhooks:write"}


class Webhooks:
    """One member's administrator of webhooks."""

    def __init__(self, client):
        self.client = client

    async def make(self, **more):
        body = {"webhook": {"payloadUrl": CALLBACK, **more}}
        answer = await self.client.post("/config/webhook/", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["webhook"]

    async def put(self, one, **more):
        body = {"webhook": {"payloadUrl": CALLBACK, **more}}
        return await self.client.put(f"/config/webhook/{one['id']}/", json=body)

    async def subscribe(self, one, *kinds):
        asked = {"subscriptions": [{"webhookEventId": kind} for kind in kinds]}
        return await self.client.put(f"/config/webhook/{one['id']}/subscriptions/", json=asked)

    async def all(self):
        return (await self.client.get("/config/webhooks/")).json()["webhooks"]

    async def log(self, one):
        answer = await self.client.get(f"/config/webhook/{one['id']}/deliveries/")
        return answer.json()["deliveries"]


@pytest.fixture
async def ours(client_for):
    async with client_for(scopes=RIGHTS) as client:
        yield Webhooks(client)


@pytest.fixture
async def theirs(client_for):
    async with client_for(scopes=RIGHTS, client="TEST/GOV/2002/clinic") as client:
        yield Webhooks(client)


@pytest.fixture
async def administrator(client_for):
    async with client_for(scopes=RIGHTS, roles={"administrator"}) as client:
        yield Webhooks(client)


@pytest.fixture
def entries(app):
    async def find(*kinds):
        found = await app.state.ledger.search(Search(kinds=kinds, limit=100))
        return found[::-1]

    return find


async def test_a_webhook_is_as_published_and_shows_its_secret_once(ours):
    made = await ours.make(contentType="application/json")
    assert set(made) == {"id", "payloadUrl", "contentType", "disabled", "secretKey"}
    assert made["secretKey"].startswith("whsec_")
    assert (made["payloadUrl"], made["contentType"], made["disabled"]) == (
        CALLBACK,
        "application/json",
        False,
    )
    shown = await ours.client.get(f"/config/webhook/{made['id']}")
    assert shown.json()["webhook"] == {**made, "secretKey": HIDDEN}
    assert await ours.all() == [{**made, "secretKey": HIDDEN}]
    assert (await ours.make())["contentType"] == "application/cloudevents+json"


async def test_a_secret_of_ones_own_is_taken_and_another_one_replaces_it(ours, entries):
    made = await ours.make(secretKey=SECRET)
    assert made["secretKey"] == SECRET
    other = "whsec_" + base64.b64encode(b"y" * 32).decode()
    for secret in (HIDDEN, "", SECRET, other, other):
        assert (await ours.put(made, secretKey=secret)).json()["webhook"]["secretKey"] == HIDDEN
    assert len(await entries("webhook.updated")) == 1
    rotated = await ours.client.post(f"/config/webhook/{made['id']}/secret/")
    assert rotated.json()["secretKey"] not in {"", HIDDEN, SECRET, other}


BAD = {
    "private": ({"payloadUrl": "https://10.0.0.1/"}, "#/webhook/payloadUrl"),
    "plain": ({"payloadUrl": "http://198.41.0.4/"}, "#/webhook/payloadUrl"),
    "no address": ({"payloadUrl": "somewhere"}, "#/webhook/payloadUrl"),
    "with a password": ({"payloadUrl": "https://a:b@198.41.0.4/"}, "#/webhook/payloadUrl"),
    "media type": ({"contentType": "text/plain"}, "#/webhook/contentType"),
    "secret": ({"secretKey": "mine"}, "#/webhook/secretKey"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_used_is_refused_with_its_place(ours, name):
    more, pointer = BAD[name]
    body = {"webhook": {"payloadUrl": CALLBACK, **more}}
    refused = await ours.client.post("/config/webhook/", json=body)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert await ours.all() == []
    made = await ours.make()
    assert (await ours.put(made, **more)).status_code == 400
    assert (await ours.all())[0]["payloadUrl"] == CALLBACK


async def test_a_change_replaces_it_and_the_same_again_is_no_change(ours, entries):
    made = await ours.make()
    for _ in range(2):
        changed = await ours.put(made, payloadUrl=f"{CALLBACK}/2", disabled=True)
        assert changed.json()["webhook"]["payloadUrl"] == f"{CALLBACK}/2"
        assert changed.json()["webhook"]["disabled"] is True
    assert len(await entries("webhook.updated")) == 1
    assert (await ours.put(made)).json()["webhook"]["disabled"] is False


async def test_one_that_is_deleted_is_gone_and_deleting_it_again_changes_nothing(ours, entries):
    made = await ours.make()
    place = f"/config/webhook/{made['id']}/"
    for _ in range(2):
        gone = await ours.client.delete(place)
        assert (gone.status_code, gone.json()) == (200, {"deleted": made["id"]})
    assert (await ours.client.get(place)).status_code == 400
    assert await ours.all() == []
    assert len(await entries("webhook.deleted")) == 1


async def test_what_is_not_there_is_400(ours, theirs):
    foreign = (await theirs.make())["id"]
    delivery = f"deliveries/{uuid4()}/redeliver/"
    one = {"webhook": {"payloadUrl": CALLBACK}}
    for named in ("nobody", foreign):
        place = f"/config/webhook/{named}/"
        for method, rest, body in (
            ("GET", "", None),
            ("PUT", "", one),
            ("DELETE", "", None),
            ("GET", "subscriptions/", None),
            ("PUT", "subscriptions/", {"subscriptions": []}),
            ("POST", "secret/", None),
            ("POST", "test/", None),
            ("GET", "deliveries/", None),
            ("POST", delivery, None),
        ):
            answer = await ours.client.request(method, place + rest, json=body)
            assert (answer.status_code, answer.json()["title"]) == (400, "Webhook not found")
    mine = (await ours.make())["id"]
    unknown = await ours.client.post(f"/config/webhook/{mine}/{delivery}")
    assert (unknown.status_code, unknown.json()["title"]) == (400, "Delivery not found")
    assert await ours.all() != await theirs.all()


async def test_a_webhook_has_no_revisions(ours):
    made = await ours.make()
    for place in ("/config/webhooks/", f"/config/webhook/{made['id']}/"):
        refused = await ours.client.get(place, params={"revisionId": "1"})
        assert (refused.status_code, refused.json()["title"]) == (400, "Revision not found")


async def test_an_administrator_gives_ids_and_the_same_again_changes_nothing(
    administrator, ours, theirs, entries
):
    assert (await ours.make(id="mine"))["id"] != "mine"
    made = await administrator.make(id="hook-1", secretKey=SECRET)
    assert (made["id"], made["secretKey"]) == ("hook-1", SECRET)
    again = await administrator.make(id="hook-1", secretKey=SECRET)
    assert again == {**made, "secretKey": HIDDEN}
    assert len(await entries("webhook.created")) == 2
    other = {"id": "hook-1", "payloadUrl": f"{CALLBACK}/2"}
    taken = await administrator.client.post("/config/webhook/", json={"webhook": other})
    assert (taken.status_code, taken.json()["title"]) == (400, "The id is taken")
    await administrator.client.delete("/config/webhook/hook-1/")
    body = {"webhook": {"id": "hook-1", "payloadUrl": CALLBACK}}
    assert (await administrator.client.post("/config/webhook/", json=body)).status_code == 400
    assert await theirs.all() == []


async def test_a_member_has_fifty_webhooks_at_most(ours, theirs, monkeypatch):
    monkeypatch.setattr("consent.webhooks.service.MOST", 1)
    made = await ours.make()
    body = {"webhook": {"payloadUrl": CALLBACK}}
    assert (await ours.client.post("/config/webhook/", json=body)).status_code == 400
    await theirs.make()
    await ours.client.delete(f"/config/webhook/{made['id']}/")
    await ours.make()


async def test_the_kinds_of_events_say_what_they_mean(ours):
    answer = await ours.client.get("/config/webhook-events/")
    kinds = {each["id"]: each for each in answer.json()["webhookEvents"]}
    assert {"policy.updated", "agreement.updated"} < set(kinds)
    assert {
        "consent.given",
        "consent.withdrawn",
        "consent.expired",
        "consent.expiry-changed",
    } < set(kinds)
    assert kinds["consent.viewed"]["name"] == "global.govstack.consent.consent.viewed"
    assert all(each["description"] for each in kinds.values())


async def test_a_webhook_is_told_of_everything_until_it_chooses(ours, entries):
    made = await ours.make()
    place = f"/config/webhook/{made['id']}/subscriptions/"
    events = (await ours.client.get("/config/webhook-events/")).json()["webhookEvents"]
    told = (await ours.client.get(place)).json()["subscriptions"]
    assert {each["webhookEventId"] for each in told} == {each["id"] for each in events}
    for _ in range(2):
        chosen = (await ours.subscribe(made, "consent.withdrawn", "consent.withdrawn")).json()
    assert chosen["subscriptions"] == [
        {
            "id": f"{made['id']}:consent.withdrawn",
            "webhookId": made["id"],
            "webhookEventId": "consent.withdrawn",
        }
    ]
    assert (await ours.client.put(place, json=chosen)).json() == chosen
    assert (await ours.client.get(place)).json() == chosen
    assert len(await entries("webhook.updated")) == 1
    refused = await ours.subscribe(made, "consent.eaten")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/subscriptions"
    assert (await ours.client.get(place)).json() == chosen


async def test_what_is_done_is_written_down_without_where_it_goes(ours, entries):
    made = await ours.make(secretKey=SECRET)
    place = f"/config/webhook/{made['id']}/"
    await ours.put(made, disabled=True)
    await ours.client.post(f"{place}secret/")
    await ours.client.post(f"{place}test/")
    [waiting] = await ours.log(made)
    await ours.client.post(f"{place}deliveries/{waiting['id']}/redeliver/")
    await ours.client.delete(place)
    found = await entries(*(f"webhook.{kind}" for kind in KINDS))
    assert [each.kind for each in found] == [f"webhook.{kind}" for kind in KINDS]
    assert {each.object for each in found} == {f"TEST/GOV/1001/webhook/{made['id']}"}
    assert [each.facts["disabled"] for each in found] == [False, *[True] * 5]
    assert "198.41" not in str(found)
    assert SECRET not in str(found)


async def test_an_event_to_try_the_way_waits_and_can_be_delivered_again(ours):
    made = await ours.make()
    sent = await ours.client.post(f"/config/webhook/{made['id']}/test/")
    [waiting] = await ours.log(made)
    assert waiting["eventId"] == sent.json()["eventId"]
    assert waiting["eventType"] == "global.govstack.consent.webhook-test"
    assert (waiting["state"], waiting["attempts"]) == ("waiting", [])
    place = f"/config/webhook/{made['id']}/deliveries/{waiting['id']}/redeliver/"
    again = await ours.client.post(place)
    assert again.json()["delivery"]["id"] == waiting["id"]
    assert (await ours.client.post(place.replace(waiting["id"], "1"))).status_code == 400


async def test_reading_needs_one_scope_and_changing_another(client_for):
    async with client_for(scopes={"webhooks:read"}) as reader:
        assert (await reader.get("/config/webhooks/")).status_code == 200
        body = {"webhook": {"payloadUrl": CALLBACK}}
        assert (await reader.post("/config/webhook/", json=body)).status_code == 403
