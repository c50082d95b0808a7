"""Automations over HTTP, and what they do."""

import asyncio
import base64
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from kit.database import Reading, Transaction
from kit.evidence import Search
from kit.receivers import answer, receiving
from kit.testing import clients_of
from registry.main import BLOCK, create_jobs
from registry.runs import service as runs

SCOPES = {"databases:read", "databases:write", "records:read", "records:write", "rights:write"}
OWNER, OTHER, TENANT = "TEST/GOV/1001/registrar", "TEST/GOV/2002/clinic", "TEST/GOV/1001"
MOTHERS = {
    "properties": {
        "code": {"type": "string"},
        "first": {"type": "string", "x-personalData": True},
        "last": {"type": "string"},
        "status": {"type": "string"},
        "district": {"type": "string"},
        "paid": {"type": "string"},
        "id": {"type": "string", "x-personalDataId": True},
    }
}
PAYMENTS = {
    "required": ["mother"],
    "properties": {
        "mother": {"type": "string", "primaryKey": True, "maxLength": 5},
        "name": {"type": "string"},
        "country": {"type": "string"},
    },
}
QUERY = {
    "mother": {"field": "code", "transform": ["trim"]},
    "name": {"fields": ["first", "last"], "separator": " "},
    "country": {"value": "est", "transform": ["upper"]},
}
NEW = {
    "name": "Payments",
    "trigger": {"type": "interval", "seconds": 60},
    "mapping": {"query": QUERY},
    "target": {"database": "PAYMENTS"},
}
OUTSIDE = {"database": None, "url": "https://198.41.0.4/payments"}
NOBODY = uuid4()


@pytest.fixture
async def client(client_for):
    async with client_for(scopes=SCOPES, client=OWNER) as made:
        yield made


@pytest.fixture
async def path(client, publish):
    await publish(client, "PAYMENTS", PAYMENTS)
    return f"/database/{await publish(client, 'MOTHERS', MOTHERS)}/automations"


async def test_an_automation_is_shown_as_it_was_made(client, path):
    made = await client.post(path, json=NEW)
    assert made.status_code == 201, made.text
    said = made.json()
    assert said["mapping"] == NEW["mapping"]
    assert said["trigger"] == NEW["trigger"]
    assert (said["target"]["database"], said["target"]["version"]) == ("PAYMENTS", "1.0")
    assert (said["client"], said["isActive"]) == (OWNER, True)
    assert said["nextRunAt"] > said["createdAt"]
    assert "triggerToken" not in said
    assert (await client.get(f"{path}/{said['id']}")).json() == said
    assert (await client.get(path)).json() == [said]


async def test_what_begins_it_and_what_signs_are_shown_once_and_kept_nowhere(client, path, app):
    new = {**NEW, "trigger": {"type": "webhook"}, "target": OUTSIDE}
    made = (await client.post(path, json=new)).json()
    token = made.pop("triggerToken")
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert made.pop("secret").startswith("whsec_")
    assert made["target"]["url"] == OUTSIDE["url"]
    assert (await client.get(f"{path}/{made['id']}")).json() == made
    reading = Reading(app.state.database)
    kept = [await reading.fetch(f"TABLE {table}") for table in ("automation", "delivery_endpoint")]
    assert token not in str(kept)
    assert "198.41" not in str(kept)


BAD = {
    "short": ({"trigger": {"type": "interval", "seconds": 59}}, "#/trigger/seconds"),
    "no time": ({"trigger": {"type": "interval"}}, "#/trigger/seconds"),
    "time for nothing": ({"trigger": {"type": "webhook", "seconds": 60}}, "#/trigger/seconds"),
    "no target": ({"target": {}}, "#/target"),
    "both": ({"target": {**OUTSIDE, "database": "PAYMENTS"}}, "#/target"),
    "itself": ({"target": {"database": "mothers"}}, "#/target/database"),
    "private": ({"target": {"url": "https://192.168.0.1/"}}, "#/target/url"),
    "match": ({"target": {"database": "PAYMENTS", "match": ["id"]}}, "#/target/match"),
    "source": ({"mapping": {"query": {"mother": {"field": "x"}}}}, "#/mapping/query/mother/field"),
    "outcome": ({"mapping": {"query": {"x": {"field": "code"}}}}, "#/mapping/query/x"),
    "empty": ({"mapping": {"query": {}}}, "#/mapping/query"),
    "answer": (
        {"mapping": {"query": QUERY, "answer": {"nowhere": {"field": "x"}}}},
        "#/mapping/answer/nowhere",
    ),
    "condition": ({"conditions": {"field": "x", "is": 1}}, "#/conditions/field"),
    "caller": ({"conditions": {"field": "id", "is": {"caller": "person"}}}, "#/conditions"),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_cannot_be_done_is_refused_with_its_place(client, path, name):
    more, pointer = BAD[name]
    answered = await client.post(path, json={**NEW, **more})
    assert answered.status_code == 400, answered.text
    assert answered.json()["errors"][0]["pointer"] == pointer
    assert (await client.get(path)).json() == []


async def test_a_replacement_is_made_once_and_deletion_too(client, path, entries):
    one = f"{path}/{(await client.post(path, json=NEW)).json()['id']}"
    new = {**NEW, "isActive": False, "trigger": {"type": "webhook"}, "target": OUTSIDE}
    first = (await client.put(one, json=new)).json()
    second = (await client.put(one, json=new)).json()
    assert first.pop("triggerToken")
    assert first.pop("secret")
    assert first == second
    back = (await client.put(one, json=NEW)).json()
    assert back["target"]["database"] == "PAYMENTS"
    assert "url" not in back["target"]
    for _ in range(2):
        assert (await client.delete(one)).status_code == 204
    assert (await client.get(one)).status_code == 404
    assert (await client.put(one, json=NEW)).status_code == 404
    kinds = ("created", "changed", "deleted")
    found = await entries(*(f"automation.{kind}" for kind in kinds))
    assert [each.kind for each in found] == [
        f"automation.{kind}" for kind in ("created", "changed", "changed", "deleted")
    ]


async def test_what_is_archived_is_no_target(client, path):
    one = f"{path}/{(await client.post(path, json=NEW)).json()['id']}"
    databases = (await client.get("/databases")).json()["databases"]
    target = next(each["id"] for each in databases if each["code"] == "PAYMENTS")
    assert (await client.post(f"/database/{target}/archive")).status_code == 200
    assert (await client.post(path, json=NEW)).status_code == 409
    assert (await client.put(one, json=NEW)).status_code == 409


async def test_a_database_has_fifty_automations_at_most(client, path, monkeypatch):
    monkeypatch.setattr("registry.automations.service.MOST", 1)
    assert (await client.post(path, json=NEW)).status_code == 201
    assert (await client.post(path, json=NEW)).status_code == 409


async def test_only_the_owner_with_rights_to_records_makes_them(client, client_for, path):
    async with client_for(scopes=SCOPES, client=OTHER, tenant=TENANT) as stranger:
        assert (await stranger.post(path, json=NEW)).status_code == 403
        assert (await stranger.get(path)).status_code == 403
        assert (await stranger.get(f"{path}/{NOBODY}")).status_code == 403
        assert (await stranger.delete(f"{path}/{NOBODY}")).status_code == 403
        assert (await stranger.put(f"{path}/{NOBODY}", json=NEW)).status_code == 403
        assert (await stranger.post(f"{path}/{NOBODY}/run")).status_code == 403
        assert (await stranger.get(f"{path}/{NOBODY}/runs")).status_code == 403
        assert (await stranger.get(f"{path}/{NOBODY}/runs/{NOBODY}")).status_code == 403
    async with client_for(scopes={"databases:write"}, client=OWNER) as poor:
        assert (await poor.post(path, json=NEW)).status_code == 403


async def test_another_members_database_is_written_by_its_rights_document_only(
    client, client_for, publish, path
):
    target = {"database": "THEIRS", "member": "TEST/GOV/2002"}
    assert (await client.post(path, json={**NEW, "target": target})).status_code == 404
    async with client_for(scopes=SCOPES, client=OTHER) as other:
        theirs = await publish(other, "THEIRS", PAYMENTS)
        assert (await client.post(path, json={**NEW, "target": target})).status_code == 403
        allowed = {
            "name": "payments",
            "effect": "allow",
            "subject": {"members": [TENANT]},
            "actions": ["create", "update"],
        }
        await other.put(f"/database/{theirs}/rights", json={"policies": [allowed]})
    assert (await client.post(path, json={**NEW, "target": target})).status_code == 201


async def test_what_is_not_there_is_not_found(client, path):
    for method, place in (
        ("GET", f"{path}/{NOBODY}"),
        ("POST", f"{path}/{NOBODY}/run"),
        ("GET", f"{path}/{NOBODY}/runs"),
        ("GET", f"{path}/{NOBODY}/runs/{NOBODY}"),
        ("GET", "/database/99/automations"),
        ("DELETE", f"/database/99/automations/{NOBODY}"),
        ("POST", "/automations/no-such-token-is-known-here"),
    ):
        assert (await client.request(method, place)).status_code == 404, place
    assert (await client.post("/database/99/automations", json=NEW)).status_code == 404
    one = f"{path}/{(await client.post(path, json=NEW)).json()['id']}"
    assert (await client.get(f"{one}/runs/{NOBODY}")).status_code == 404


async def test_a_run_that_is_asked_for_twice_is_one(client, path):
    one = f"{path}/{(await client.post(path, json=NEW)).json()['id']}"
    first, second = [await client.post(f"{one}/run") for _ in range(2)]
    assert first.status_code == 202
    assert first.json() == second.json()
    [found] = (await client.get(f"{one}/runs")).json()
    assert (found["id"], found["state"]) == (first.json()["runId"], "running")


async def test_anybody_with_the_address_begins_a_run(client, client_for, path):
    made = (await client.post(path, json={**NEW, "trigger": {"type": "webhook"}})).json()
    async with client_for() as anybody:
        begun = await anybody.post(f"/automations/{made['triggerToken']}")
        assert begun.status_code == 202
    [found] = (await client.get(f"{path}/{made['id']}/runs")).json()
    assert (found["id"], found["beganBy"]) == (begun.json()["runId"], "call")


# -- what they do --------------------------------------------------------------------------------


class House:
    """A registry whose changes are committed, with its background work running."""

    def __init__(self, app):
        self.app = app
        self.owner = clients_of(app, BLOCK)(scopes=SCOPES, client=OWNER)

    async def create(self, code, **content):
        said = {"write": {"content": {"code": code, **content}}}
        made = await self.owner.post("/data/MOTHERS/1.0/create", json=said)
        assert made.status_code == 200, made.text

    async def payments(self):
        found = (await self.owner.get("/data/PAYMENTS/1.0")).json()["results"]
        return sorted((each.get("content", each) for each in found), key=lambda one: one["mother"])

    async def automation(self, **more):
        made = await self.owner.post(self.path, json={**NEW, **more})
        assert made.status_code == 201, made.text
        return made.json()

    async def run(self, automation):
        place = f"{self.path}/{automation['id']}"
        begun = (await self.owner.post(f"{place}/run")).json()["runId"]
        return await self.ended(f"{place}/runs/{begun}")

    async def ended(self, place):
        """Return a run when it has ended."""
        async with asyncio.timeout(20):
            while True:
                found = (await self.owner.get(place)).json()
                if found and found["state"] != "running":
                    return found
                await asyncio.sleep(0.05)

    async def newest(self, automation):
        """Return the newest run's address when there is one."""
        place = f"{self.path}/{automation['id']}/runs"
        async with asyncio.timeout(20):
            while True:
                found = (await self.owner.get(place)).json()
                if found:
                    return f"{place}/{found[0]['id']}"
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
    await publish(made.owner, "PAYMENTS", PAYMENTS)
    made.path = f"/database/{await publish(made.owner, 'MOTHERS', MOTHERS)}/automations"
    yield made
    await made.owner.aclose()


@pytest.fixture
async def house(still):
    async with create_jobs(still.app.state.settings):
        yield still


async def test_records_become_records_of_another_database_and_only_when_they_changed(house):
    for code, district in (("A", "north"), ("B", "south"), ("C", "north")):
        await house.create(f" {code} ", first="Anna", last=code, status="OK", district=district)
    await house.create("D", first="Eva", last="D", status="NO", district="north")
    condition = {
        "all": [
            {"field": "status", "is": "OK"},
            {"any": [{"field": "district", "is": "north"}, {"field": "code", "is": "X"}]},
        ]
    }
    automation = await house.automation(conditions=condition)
    first = await house.run(automation)
    assert (first["state"], first["done"], first["failed"]) == ("done", 2, 0)
    expected = [{"mother": code, "name": f"Anna {code}", "country": "EST"} for code in ("A", "C")]
    assert await house.payments() == expected
    again = await house.run(automation)
    assert (again["done"], again["failed"]) == (0, 0)
    changed = await house.owner.put(
        "/data/MOTHERS/1.0/update",
        json={"query": {"content": {"last": "C"}}, "write": {"content": {"first": "Liis"}}},
    )
    assert changed.status_code == 200
    third = await house.run(automation)
    assert third["done"] == 1
    assert (await house.payments())[1]["name"] == "Liis C"
    ran = await house.app.state.ledger.search(Search(kinds=("automation.ran",), limit=10))
    assert sorted(each.facts["done"] for each in ran) == [0, 1, 2]


async def test_a_run_looks_at_what_changed_since_the_last_whole_one(house, monkeypatch):
    monkeypatch.setattr("registry.runs.store._WINDOW", 2)
    monkeypatch.setattr("registry.runs.service._AT_ONCE", 3)
    for number in range(7):
        await house.create(f"A{number}", first="Anna", last="Tamm", status=str(number % 2))
    condition = {"field": "status", "is": "1"}
    automation = await house.automation(conditions=condition)
    assert (await house.run(automation))["done"] == 3
    reading = Reading(house.app.state.database)
    seen = await reading.fetchrow("SELECT seen FROM automation")
    assert seen["seen"] is not None
    await house.create("B", first="Anna", last="Tamm", status="1")
    assert (await house.run(automation))["done"] == 1
    place = f"{house.path}/{automation['id']}"
    assert (await house.owner.put(place, json=NEW)).status_code == 200
    assert (await house.run(automation))["done"] == 4, "what it does may be due for all"
    async with Transaction(house.app.state.database) as session:  # as in a copy on another server
        await session.fetchrow("UPDATE automation SET seen = '999999999999'")
    await house.create("C", first="Anna", last="Tamm")
    assert (await house.run(automation))["done"] == 1


async def test_a_record_that_fails_is_listed_and_the_others_are_done(house):
    for code in ("A", "B", "TOO LONG", "D", "E"):
        await house.create(code, first="Anna", last="Tamm")
    automation = await house.automation()
    found = await house.run(automation)
    assert (found["state"], found["done"], found["failed"]) == ("done", 4, 1)
    [failure] = found["failures"]
    assert failure["recordNumber"] == 3
    assert "/mother" in failure["reason"]
    assert "TOO LONG" not in failure["reason"]
    assert [each["mother"] for each in await house.payments()] == ["A", "B", "D", "E"]
    again = await house.run(automation)
    assert (again["done"], again["failed"]) == (0, 1)


async def test_an_answer_is_written_back_and_does_not_begin_it_anew(house):
    await house.create("A", first="Anna", last="Tamm", id="EE1")
    async with receiving() as receiver:
        ok = answer(200, "content-type: application/json", body=b'{"result": {"number": "p-1"}}')
        receiver.answers = [ok, ok]
        automation = await house.automation(
            target={"url": receiver.url},
            mapping={"query": QUERY, "answer": {"paid": {"field": "result.number"}}},
        )
        first, again = await house.run(automation), await house.run(automation)
    assert (first["done"], again["done"]) == (1, 0)
    (got,) = receiver.received
    assert json.loads(got.body) == {"mother": "A", "name": "Anna Tamm", "country": "EST"}
    assert got.headers["webhook-signature"] == got.signed_by(automation["secret"])
    kept = await house.owner.post(
        "/data/MOTHERS/1.0/read", json={"query": {"content": {"code": "A"}}}
    )
    assert kept.json()["content"]["paid"] == "p-1"
    read = await house.app.state.ledger.search(Search(kinds=("record.read",), limit=10))
    operations = [(each.facts["operation"], each.facts["fields"]) for each in read]
    assert ("automation", ["first"]) in operations


ANSWERS = {
    "status": (answer(500), "refused with 500"),
    "no JSON": (answer(200, body=b"yes"), "no JSON object"),
    "no object": (answer(200, body=b"[]"), "no JSON object"),
    "redirect": (answer(302, "location: http://127.0.0.1:9/"), "refused with 302"),
    "too much": (answer(200, body=b'{"a":"' + b"x" * 70_000 + b'"}'), "no JSON object"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_cannot_be_used_is_a_failure(house, name):
    said, reason = ANSWERS[name]
    await house.create("A", first="Anna", last="Tamm")
    async with receiving() as receiver:
        receiver.answers = [said]
        automation = await house.automation(
            target={"url": receiver.url},
            mapping={"query": QUERY, "answer": {"paid": {"field": "number"}}},
        )
        found = await house.run(automation)
    assert (found["done"], found["failed"]) == (0, 1)
    assert reason in found["failures"][0]["reason"]


async def test_an_outside_that_hangs_is_a_failure_after_a_while(house):
    await house.create("A", first="Anna", last="Tamm")
    async with receiving() as receiver:
        receiver.hangs = True
        found = await house.run(await house.automation(target={"url": receiver.url}))
    assert found["failures"][0]["reason"] == "timeout"


async def test_a_database_that_cannot_be_opened_fails_the_run(house):
    automation = await house.automation()
    databases = (await house.owner.get("/databases")).json()["databases"]
    target = next(each["id"] for each in databases if each["code"] == "PAYMENTS")
    await house.owner.delete(f"/database/{target}")
    found = await house.run(automation)
    assert (found["state"], found["done"]) == ("failed", 0)
    assert found["reason"]


async def test_time_begins_a_run(house):
    await house.create("A", first="Anna", last="Tamm")
    automation = await house.automation()
    async with Transaction(house.app.state.database) as session:
        await session.fetchrow("UPDATE automation SET next_at = now()")
    found = await house.ended(await house.newest(automation))
    assert (found["beganBy"], found["done"]) == ("interval", 1)
    assert len(await house.payments()) == 1
    after = (await house.owner.get(f"{house.path}/{automation['id']}")).json()
    assert after["nextRunAt"] > automation["nextRunAt"]


async def test_due_automations_are_begun_once_by_all_who_look(still):
    await still.automation()
    async with Transaction(still.app.state.database) as session:
        await session.fetchrow("UPDATE automation SET next_at = now() - interval '1 day'")

    async def begin():
        async with Transaction(still.app.state.database) as session:
            return await runs.begin_due(session)

    assert sorted(await asyncio.gather(begin(), begin(), begin())) == [0, 0, 1]


_WORKER = """
import asyncio, sys
from registry.main import create_jobs
from registry.settings import Settings

async def main():
    async with create_jobs(Settings.model_validate_json(sys.stdin.read())):
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_run_whose_worker_is_killed_goes_on_where_it_stopped(still):
    for number in range(30):
        await still.create(f"A{number}", first="Anna", last="Tamm")
    settings = still.app.state.settings
    said = settings.model_dump(mode="json") | {
        name: getattr(settings, name).get_secret_value()
        for name in ("database_url", "sealing_key", "evidence_keys")
    }
    async with receiving() as receiver:
        automation = await still.automation(target={"url": receiver.url})
        begun = await still.owner.post(f"{still.path}/{automation['id']}/run")
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WORKER, stdin=asyncio.subprocess.PIPE
        )
        worker.stdin.write(json.dumps(said, default=str).encode())
        worker.stdin.close()
        await receiver.until(5, within=15)
        os.kill(worker.pid, signal.SIGKILL)
        await worker.wait()
        async with Transaction(still.app.state.database) as session:  # as after 20 s
            await session.fetchrow("UPDATE pgqueuer SET heartbeat = now() - interval '1 minute'")
        async with create_jobs(settings):
            place = f"{still.path}/{automation['id']}/runs/{begun.json()['runId']}"
            found = await still.ended(place)
    assert (found["state"], found["done"], found["failed"]) == ("done", 30, 0)
    sent = [json.loads(each.body)["mother"] for each in receiver.received]
    assert len(set(sent)) == 30
    assert len(sent) <= 31, "only the one under way may be sent twice"


async def test_nothing_personal_stands_in_the_tables(house):
    await house.create("TOO LONG", first="Anna-Liis", last="Tamm", id="EE-ANNA")
    await house.run(await house.automation())
    reading = Reading(house.app.state.database)
    tables = ("automation", "automation_run", "automation_failure", "automation_progress")
    kept = str([await reading.fetch(f"TABLE {table}") for table in (*tables, "pgqueuer_log")])
    assert "Anna-Liis" not in kept
    assert "EE-ANNA" not in kept


async def test_the_history_of_runs_has_an_end_and_what_was_done_stays_done(house):
    for code in ("A", "TOO LONG"):
        await house.create(code, first="Anna", last="Tamm")
    automation = await house.automation()
    assert (await house.run(automation))["failed"] == 1
    place = f"{house.path}/{automation['id']}/runs"
    settings = house.app.state.settings.model_copy(update={"run_log_days": 0})
    async with create_jobs(settings):
        await house.cleared(place)
    again = await house.run(automation)
    assert (again["done"], again["failed"]) == (0, 1)


async def test_a_run_that_has_not_ended_stays(still):
    automation = await still.automation()
    await still.owner.post(f"{still.path}/{automation['id']}/run")
    async with Transaction(still.app.state.database) as session:
        assert await runs.clear(session, datetime.now(UTC) + timedelta(days=1), 10) == 0
    assert await still.newest(automation)
