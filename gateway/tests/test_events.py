"""Rooms: event types, subscriptions, and events on their way."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from gateway_house import (
    CLINIC_SECRET,
    KEYED_KEY,
    ROOM,
    House,
    bearer,
    client_of,
    configuration,
)
from httpx import AsyncClient

R = f"/r1/{ROOM}"
TYPES, SUBS, PUB, PULL = f"{R}/api/v1/eventType", f"{R}/api/v1/subs", f"{R}/pub/v1", f"{R}/pull/v1"
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["place", "at"],
    "properties": {
        "place": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
        "weight": {"type": "number"},
    },
}
BIRTH = {"place": "City Hospital", "at": "2026-11-22T10:00:00Z", "weight": 3.2}
NEW_TYPE = {"eventType": "newBirth", "schema": SCHEMA}
PULLED = {"eventType": "newBirth", "delivery": "PULL"}


@pytest.fixture
async def admin(administrator: AsyncClient) -> AsyncClient:
    """Act for the room's own application."""
    document = configuration("http://outside.test")
    assert (await administrator.post("/api/v1/config", json=document)).status_code == 201
    keys = "/api/v1/members/GOV/10001/applications/keyed/keys"
    await administrator.post(keys, json={"id": "k", "key": KEYED_KEY})
    administrator.headers["X-GovStack-Client"] = ROOM
    assert (await administrator.post(TYPES, json=NEW_TYPE)).status_code == 200
    return administrator


@pytest.fixture
async def clinic(app: FastAPI, admin: AsyncClient) -> AsyncGenerator[AsyncClient]:
    """Return a client that may subscribe and pull."""
    async with await bearer(app, "DEV/GOV/10001/clinic", CLINIC_SECRET) as http:
        yield http


@pytest.fixture
async def publisher(app: FastAPI, admin: AsyncClient) -> AsyncGenerator[AsyncClient]:
    """Return a client that may manage and publish."""
    async with client_of(app, apiKey=KEYED_KEY) as http:
        yield http


async def _publish(http: AsyncClient, **event: Any) -> str:
    body = {"eventType": "newBirth", "event": BIRTH | event}
    answer = await http.post(f"{PUB}/newBirth", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_an_event_type_is_created_once_listed_and_deleted(admin: AsyncClient) -> None:
    assert (await admin.get(TYPES)).json() == ["newBirth"]
    assert (await admin.get(f"{TYPES}/newBirth")).json() == NEW_TYPE
    assert (await admin.post(TYPES, json=NEW_TYPE)).status_code == 409
    assert (await admin.delete(f"{TYPES}/newBirth")).status_code == 204
    assert (await admin.delete(f"{TYPES}/newBirth")).status_code == 404
    assert (await admin.get(f"{TYPES}/newBirth")).status_code == 204
    assert (await admin.get(TYPES)).status_code == 204


@pytest.mark.parametrize(
    "new",
    [
        {"eventType": "_x", "schema": {}},
        {"eventType": "x", "schema": {"type": "bogus"}},
        {"eventType": "x", "schema": {"$ref": "http://127.0.0.1:9/other"}},
        {"eventType": "x", "schema": {"pattern": "(?=a)b"}},
        {"eventType": "x"},
    ],
)
async def test_an_event_type_that_cannot_be_is_refused(admin: AsyncClient, new: Any) -> None:
    answer = await admin.post(TYPES, json=new)
    assert answer.status_code == 400
    assert answer.json()["errors"]


async def test_an_event_reaches_every_queue_until_it_is_confirmed(
    admin: AsyncClient, clinic: AsyncClient, publisher: AsyncClient
) -> None:
    assert (await clinic.post(f"{SUBS}/newBirth", json=PULLED)).status_code == 200
    assert (await admin.post(f"{SUBS}/newBirth", json=PULLED)).status_code == 200
    first, second = await _publish(publisher), await _publish(publisher, weight=4)
    for _ in range(2):  # what is not acknowledged comes again
        event = (await clinic.get(f"{PULL}/newBirth")).json()
        assert (event["id"], event["sequence"], event["event"]) == (first, 1, BIRTH)
        assert event["publisherId"]["applicationCode"] == "keyed"
        assert event["publishedAt"].endswith("Z")
    for _ in range(2):
        assert (await clinic.delete(f"{PULL}/newBirth/{first}")).status_code == 204
    assert (await clinic.get(f"{PULL}/newBirth")).json()["id"] == second
    assert (await admin.get(f"{PULL}/newBirth")).json()["id"] == first  # a queue of one's own
    status = (await publisher.get(f"{PUB}/newBirth/{first}")).json()
    assert [(d["subscriberId"]["applicationCode"], d["status"]) for d in status["deliveries"]] == [
        ("clinic", "acknowledged"),
        ("life-events", "waiting"),
    ]
    for _ in range(2):
        assert (await publisher.delete(f"{PUB}/newBirth/{second}")).status_code == 204
    assert (await clinic.get(f"{PULL}/newBirth")).status_code == 404
    status = (await admin.get(f"{PUB}/newBirth/{second}")).json()
    assert {d["status"] for d in status["deliveries"]} == {"stopped"}
    assert (await clinic.delete(f"{PULL}/newBirth/{uuid4()}")).status_code == 404
    log = (await admin.get("/api/v1/messagelog", params={"service": ROOM})).json()["messages"]
    kinds = [message["kind"] for message in log]
    assert kinds.count("event.published") == 2
    assert kinds.count("event.pulled") == 4
    assert kinds.count("event.confirmed") == kinds.count("event.stopped") == 1
    assert "City Hospital" not in json.dumps(log)


async def test_an_event_that_breaks_its_schema_is_refused_without_its_values(
    publisher: AsyncClient,
) -> None:
    event = {"place": 7, "at": "yesterday", "weight": "Mari Maasikas"}
    body = {"eventType": "newBirth", "event": event}
    answer = await publisher.post(f"{PUB}/newBirth", json=body)
    assert answer.status_code == 400
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"#/event/place", "#/event/at", "#/event/weight"}
    assert "Maasikas" not in answer.text
    other = await publisher.post(f"{PUB}/newBirth", json=body | {"eventType": "other"})
    assert other.json()["errors"][0]["pointer"] == "#/eventType"
    unknown = await publisher.post(f"{PUB}/x", json={"eventType": "x", "event": {}})
    assert unknown.status_code == 404


async def test_the_payload_is_sealed_in_the_database(publisher: AsyncClient, app: FastAPI) -> None:
    await _publish(publisher, place="A Very Private Place")
    async with app.state.database.connection() as connection:
        [found] = await connection.driver.fetch("SELECT wrapped, sealed FROM event")
        assert b"Private" not in b"".join(found)


async def test_a_subscription_is_made_changed_and_cancelled(
    admin: AsyncClient, clinic: AsyncClient
) -> None:
    path = f"{SUBS}/newBirth"
    assert (await clinic.get(path)).status_code == 404
    made = (await clinic.post(path, json=PULLED)).json()
    assert made["subscriberId"]["applicationCode"] == "clinic"
    assert made["options"] == {"TTL": 3600, "FIFO": False}
    assert (await clinic.post(path, json=PULLED)).status_code == 409
    changed = await clinic.patch(path, json={"options": {"TTL": 60, "FIFO": True}})
    assert changed.status_code == 201
    assert (await clinic.get(path)).json()["options"] == {"TTL": 60, "FIFO": True}
    assert [s["id"] for s in (await clinic.get(SUBS)).json()] == [made["id"]]
    assert [s["id"] for s in (await admin.get(SUBS)).json()] == [made["id"]]
    assert (await clinic.patch(path, json={"options": {"TTL": 0}})).status_code == 400
    assert (await clinic.delete(path)).status_code == 204
    assert (await clinic.delete(path)).status_code == 404
    assert (await clinic.get(f"{PULL}/newBirth")).status_code == 404
    unknown = await clinic.post(
        f"{SUBS}/unknown", json={"eventType": "unknown", "delivery": "PULL"}
    )
    assert unknown.status_code == 404


async def test_push_is_refused_clearly(clinic: AsyncClient) -> None:
    for body in ({"eventType": "newBirth"}, {"eventType": "newBirth", "delivery": "PUSH"}):
        answer = await clinic.post(f"{SUBS}/newBirth", json=body)
        assert answer.status_code == 400
        assert "PULL" in answer.json()["detail"]


async def test_an_event_is_too_old_after_its_time(
    clinic: AsyncClient, publisher: AsyncClient
) -> None:
    await clinic.post(f"{SUBS}/newBirth", json=PULLED | {"options": {"TTL": 1}})
    event = await _publish(publisher)
    assert (await clinic.get(f"{PULL}/newBirth")).status_code == 200
    await asyncio.sleep(1.05)
    assert (await clinic.get(f"{PULL}/newBirth")).status_code == 404
    status = (await publisher.get(f"{PUB}/newBirth/{event}")).json()
    assert [d["status"] for d in status["deliveries"]] == ["expired"]


async def test_rights_on_the_rooms_services_decide(
    admin: AsyncClient, clinic: AsyncClient, publisher: AsyncClient, app: FastAPI
) -> None:
    async def status(http: AsyncClient, method: str, path: str, body: Any = None) -> int:
        return (await http.request(method, path, json=body)).status_code

    other = {"eventType": "other", "schema": {}}
    event = {"eventType": "newBirth", "event": BIRTH}
    assert await status(clinic, "POST", TYPES, other) == 403  # may subscribe, not manage
    assert await status(clinic, "DELETE", f"{TYPES}/newBirth") == 403
    assert await status(clinic, "POST", f"{PUB}/newBirth", event) == 403
    assert await status(publisher, "POST", TYPES, other) == 200
    assert await status(publisher, "GET", f"{PULL}/newBirth") == 403
    room = TYPES.replace("life-events", "unknown")
    assert await status(admin, "GET", room) == 404
    published = await _publish(publisher)
    assert await status(admin, "GET", f"{PUB}/newBirth/{published}") == 200
    assert await status(admin, "GET", f"{PUB}/newBirth/{uuid4()}") == 404
    assert await status(admin, "GET", f"{PUB}/newBirth/no-uuid") == 400
    own = admin.headers.pop("X-GovStack-Client")
    assert await status(admin, "POST", f"{SUBS}/newBirth", PULLED) == 403  # nobody's queue
    admin.headers["X-GovStack-Client"] = own
    async with client_of(app, host=("10.9.0.1", 1)) as anonymous:
        assert await status(anonymous, "GET", TYPES) == 403
    log = await admin.get("/api/v1/messagelog", params={"kind": "room.refused"})
    assert len(log.json()["messages"]) == 4


async def test_concurrent_events_are_numbered_in_the_order_they_are_delivered(
    house: House,
) -> None:
    async with await house.administrator(X_GovStack_Client=ROOM) as admin:
        await admin.post(TYPES, json={"eventType": "many", "schema": {}})
        await admin.post(f"{SUBS}/many", json={"eventType": "many", "delivery": "PULL"})
        body = {"eventType": "many", "event": {}}
        made = await asyncio.gather(*(admin.post(f"{PUB}/many", json=body) for _ in range(12)))
        assert {answer.status_code for answer in made} == {201}
        numbers = []
        for _ in range(12):
            event = (await admin.get(f"{PULL}/many")).json()
            numbers.append(event["sequence"])
            await admin.delete(f"{PULL}/many/{event['id']}")
    assert numbers == list(range(1, 13))
