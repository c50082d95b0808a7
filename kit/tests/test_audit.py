"""The ledger by API: who sees what, what proves it, and what a witness signs."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import uvicorn
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from kit import audit
from kit.access import IN_PROCESS, Caller
from kit.audit.asking import Witness, cosigning
from kit.audit.publication import PublishedKeys
from kit.evidence import Entry, Keys, Ledger, Signer, leaf_hash, new_signing_keys
from kit.evidence.merkle import verify_consistency, verify_inclusion
from kit.evidence.packages import read
from kit.evidence.sequencing import append, read_head
from kit.evidence.signing import CHECKPOINT
from kit.evidence.verdicts import thumbprints
from kit.evidence.verdicts import verify as examine
from kit.mediator import Mediator
from kit.settings import BlockSettings
from kit.testing import Block, clients_of, copy_of_template, settings_for
from kit.web import create_app

MARI, JAAN = "EE48905120013", "EE38703150027"
HEALTH, OFFICE = "DEV/GOV/10001", "DEV/GOV/10002"
READ = {"evidence:read"}


def make(name: str) -> Block:
    def app(settings: BlockSettings) -> FastAPI:
        return create_app(name, name, "A ledger and nothing else", settings, [audit.router])

    return Block(name, app, BlockSettings, Path(__file__).parent / "migrations")


@dataclass
class Running:
    """A block with a database of its own, and a connection that sequences its ledger."""

    name: str
    app: FastAPI
    settings: BlockSettings
    driver: asyncpg.Connection

    @property
    def ledger(self) -> Ledger:
        return self.app.state.ledger

    @property
    def signer(self) -> Signer:
        return self.app.state.evidence_signer

    async def sequence(self) -> None:
        await append(self.driver, self.name, self.signer, await read_head(self.driver))

    def client(self, **caller: Any) -> AsyncClient:
        return clients_of(self.app, self.name)(**caller)

    async def kinds(self) -> list[str]:
        rows = await self.driver.fetch("SELECT kind FROM evidence_entry ORDER BY id")
        return [row["kind"] for row in rows]


async def running(name: str, stack: AsyncExitStack, **more: Any) -> Running:
    block = make(name)
    made = await stack.enter_async_context(copy_of_template(block))
    settings = settings_for(block, made).model_copy(update=more)
    app = block.create_app(settings)
    await stack.enter_async_context(app.router.lifespan_context(app))
    driver = await asyncpg.connect(made.owner)
    stack.push_async_callback(driver.close)
    return Running(name, app, settings, driver)


@pytest.fixture
async def kept() -> AsyncGenerator[Running]:
    """Return a block whose ledger has entries of two members about two people."""
    async with AsyncExitStack() as stack:
        one = await running("kit", stack)
        for number, person in enumerate([MARI, JAAN, None, MARI]):
            tenant = OFFICE if number < 3 else HEALTH
            await one.ledger.note(
                Entry(
                    "thing.read",
                    f"{HEALTH}/health-centre",
                    f"thing:{number}",
                    person,
                    {"number": number},
                    {"reader": "Dr. Kask"} if person else None,
                    tenant,
                )
            )
        await one.ledger.note(Entry("thing.changed", f"{OFFICE}/office", tenant=OFFICE))
        await one.sequence()
        yield one


def numbers(answer: Response) -> list[int | None]:
    assert answer.status_code == 200, answer.text
    return [entry["facts"].get("number") for entry in answer.json()["entries"]]


# -- who sees what -------------------------------------------------------------------------------


async def test_a_person_sees_the_entries_about_herself_and_no_others(kept: Running) -> None:
    async with kept.client(person=MARI, scopes={"evidence:own"}) as http:
        assert numbers(await http.get("/evidence/entries")) == [3, 0]
        searched = await http.post("/evidence/entries/search", json={"subject": JAAN})
        assert numbers(searched) == []
    async with kept.client(person="EE2", represents=JAAN, scopes={"evidence:own"}) as http:
        assert numbers(await http.get("/evidence/entries?kind=thing.read")) == [1]


async def test_an_application_sees_what_concerns_its_member(kept: Running) -> None:
    async with kept.client(client=f"{OFFICE}/office", scopes=READ) as http:
        assert numbers(await http.get("/evidence/entries")) == [None, 2, 1, 0]
        assert numbers(await http.get("/evidence/entries?kind=thing.changed")) == [None]
        mine = {"subject": MARI, "kind": ["thing.read"], "pageSize": 1}
        assert numbers(await http.post("/evidence/entries/search", json=mine)) == [0]
    async with kept.client(client=f"{HEALTH}/other", scopes=READ) as http:
        found = await http.get("/evidence/entries?kind=thing.read")
        assert numbers(found) == [3, 2, 1, 0], "what its applications did, too"
    async with kept.client(client="DEV/GOV/1/x", scopes=READ) as http:
        assert numbers(await http.get("/evidence/entries")) == []


async def test_an_administrator_sees_all_entries_and_opens_no_detail(kept: Running) -> None:
    async with kept.client(roles={"administrator"}, scopes={"*"}) as http:
        found = await http.get("/evidence/entries")
        assert numbers(found) == [None, 3, 2, 1, 0]
        entry = found.json()["entries"][-1]["id"]
        assert (await http.get(f"/evidence/entries/{entry}")).json()["detail"] is None
        assert (await http.get(f"/evidence/packages/{entry}")).json()["detail"] is None


async def test_an_application_without_a_person_needs_the_scope_for_its_member(
    kept: Running,
) -> None:
    async with kept.client(scopes={"evidence:own"}) as http:
        assert (await http.get("/evidence/entries")).status_code == 403
    async with kept.client(scopes={"things:read"}) as http:
        assert (await http.get("/evidence/entries")).status_code == 403
    async with kept.client() as http:
        assert (await http.get("/evidence/entries")).status_code == 401


async def test_another_s_entry_is_not_there(kept: Running) -> None:
    async with kept.client(person=MARI, scopes=READ) as mari:
        entry = (await mari.get("/evidence/entries")).json()["entries"][-1]["id"]
        assert (await mari.get(f"/evidence/entries/{entry}")).status_code == 200
    async with kept.client(person=JAAN, scopes=READ) as jaan:
        for path in ("entries", "packages"):
            hidden = await jaan.get(f"/evidence/{path}/{entry}")
            never = await jaan.get(f"/evidence/{path}/{uuid4()}")
            assert hidden.status_code == never.status_code == 404
            assert hidden.json()["title"] == never.json()["title"] == "No such entry"


async def test_entries_are_found_by_time_actor_and_object_page_by_page(kept: Running) -> None:
    async with kept.client(roles={"administrator"}, scopes=READ) as http:

        async def find(**query: Any) -> list[int | None]:
            return numbers(await http.get("/evidence/entries", params=query))

        all_of_them = (await http.get("/evidence/entries")).json()["entries"]
        times = {e["facts"].get("number"): e["at"] for e in all_of_them if "number" in e["facts"]}
        assert await find(since=times[1], until=times[3]) == [2, 1]
        assert await find(actor=f"{HEALTH}/health-centre", object="thing:2") == [2]
        assert await find(kind=["thing.changed", "thing.read"], page=2, pageSize=2) == [2, 1]
        assert (await http.get("/evidence/entries?page=0")).status_code == 400


async def test_a_look_at_evidence_about_a_person_is_evidence_about_her(kept: Running) -> None:
    async with kept.client(client=f"{OFFICE}/office", scopes=READ) as http:
        found = (await http.get("/evidence/entries?kind=thing.read")).json()["entries"]
        before = await kept.kinds()
        await http.get(f"/evidence/entries/{found[-1]['id']}")
        await http.get("/evidence/entries?kind=thing.changed")
    assert (await kept.kinds()) == [*before, "evidence.read"], "nobody was in the last one"
    async with kept.client(person=MARI, scopes=READ) as http:
        [seen] = (await http.get("/evidence/entries?kind=evidence.read")).json()["entries"]
    assert (seen["actor"], seen["object"]) == (f"{OFFICE}/office", f"entry:{found[-1]['id']}")


# -- proofs --------------------------------------------------------------------------------------


async def test_an_entry_comes_with_a_proof_that_anybody_can_check(kept: Running) -> None:
    async with kept.client(person=MARI, scopes=READ) as http:
        entry = (await http.get("/evidence/entries")).json()["entries"][0]["id"]
        found = (await http.get(f"/evidence/entries/{entry}")).json()
        assert found["detail"] == {"reader": "Dr. Kask"}
        keys = (await http.get("/.well-known/jwks.json")).json()["keys"]
    head = Keys(keys).verify(CHECKPOINT, found["checkpoint"])
    assert head["size"] == found["proof"]["size"] == 5
    path = [bytes.fromhex(step) for step in found["proof"]["path"]]
    leaf, root = leaf_hash(found["canonical"].encode()), bytes.fromhex(head["root"])
    verify_inclusion(leaf, found["proof"]["index"], head["size"], path, root)


async def test_an_entry_without_a_place_is_there_without_a_proof(kept: Running) -> None:
    made = await kept.ledger.note(Entry("k", "a", subject=MARI, tenant=OFFICE))
    async with kept.client(person=MARI, scopes=READ) as http:
        found = (await http.get(f"/evidence/entries/{made}")).json()
        assert (found["index"], found["proof"], found["checkpoint"]) == (None, None, None)
        assert (await http.get(f"/evidence/packages/{made}")).status_code == 409
        await kept.sequence()
        assert (await http.get(f"/evidence/packages/{made}")).status_code == 200
        assert (await http.get(f"/evidence/packages/{made}?size=5")).status_code == 409
        for path in ("entries", "packages"):
            assert (await http.get(f"/evidence/{path}/{made}?size=4")).status_code == 404


async def test_checkpoints_and_their_consistency_are_for_everybody(kept: Running) -> None:
    await kept.ledger.note(Entry("k", "a"))
    await kept.sequence()
    async with kept.client() as http:
        listed = (await http.get("/evidence/checkpoints?pageSize=1")).json()["checkpoints"]
        latest = (await http.get("/evidence/checkpoints/latest")).json()
        assert listed == [latest]
        [first] = (await http.get("/evidence/checkpoints?page=2&pageSize=1")).json()["checkpoints"]
        assert (first["size"], latest["size"]) == (5, 6)
        proof = (await http.get("/evidence/consistency?first=5&second=6")).json()
        assert (proof["first"], proof["second"]) == (first["signed"], latest["signed"])
        roots = bytes.fromhex(first["root"]), bytes.fromhex(latest["root"])
        verify_consistency((5, 6), roots, [bytes.fromhex(step) for step in proof["path"]])
        for sizes in ("first=4&second=6", "first=6&second=5"):
            assert (await http.get(f"/evidence/consistency?{sizes}")).status_code == 404


async def test_an_empty_ledger_has_no_checkpoint() -> None:
    async with AsyncExitStack() as stack:
        empty = await running("kit", stack)
        async with empty.client(scopes={"evidence:verify"}) as http:
            assert (await http.get("/evidence/checkpoints/latest")).status_code == 404
            found = (await http.get("/evidence/verify")).json()
            assert found == {"holds": True, "entries": 0, "checkpoints": 0, "fault": None}


async def test_a_walk_names_the_entry_that_was_changed(kept: Running) -> None:
    async with kept.client(scopes={"evidence:verify"}) as http:
        found = (await http.get("/evidence/verify")).json()
        assert found == {"holds": True, "entries": 5, "checkpoints": 1, "fault": None}
        entry = await kept.driver.fetchval("SELECT entry_id FROM evidence_leaf WHERE index = 2")
        await kept.driver.execute("UPDATE evidence_entry SET actor = 'x' WHERE id = $1", entry)
        found = (await http.get("/evidence/verify")).json()
        assert (found["holds"], found["entries"]) == (False, 2)
        assert found["fault"] == {
            "reason": "its actor is not what its text says",
            "entry": str(entry),
            "index": 2,
            "checkpoint": None,
        }
        assert (await http.get("/evidence/verify?from=3")).json()["holds"]
        assert (await http.get("/evidence/verify?to=2")).json()["holds"]
    async with kept.client(scopes=READ) as http:
        assert (await http.get("/evidence/verify")).status_code == 403


# -- packages and erasure ------------------------------------------------------------------------


async def test_a_package_proves_itself_and_no_longer_after_a_change(kept: Running) -> None:
    async with kept.client(person=MARI, scopes=READ) as http:
        entry = (await http.get("/evidence/entries")).json()["entries"][0]["id"]
        answer = await http.get(f"/evidence/packages/{entry}")
    found = examine(read(answer.content), thumbprints(kept.signer.public))
    assert found.is_verified
    assert found.is_trusted
    assert found.detail == {"reader": "Dr. Kask"}
    changed = answer.content.replace(b"thing:3", b"thing:4")
    assert not examine(read(changed)).is_verified


async def test_a_detail_is_for_the_person_and_the_member_concerned(kept: Running) -> None:
    async with kept.client(client=f"{OFFICE}/office", scopes=READ) as http:
        entry = (await http.get("/evidence/entries")).json()["entries"][-1]["id"]
        assert (await http.get(f"/evidence/packages/{entry}")).json()["detail"]
        assert (await http.get(f"/evidence/entries/{entry}")).json()["detail"]
    async with kept.client(client=f"{HEALTH}/health-centre", scopes=READ) as http:
        assert (await http.get(f"/evidence/packages/{entry}")).json()["detail"] is None
        assert (await http.get(f"/evidence/entries/{entry}")).json()["detail"] is None


async def test_erasure_leaves_every_proof_valid(kept: Running) -> None:
    async with kept.client(person=MARI, scopes=READ) as http:
        entry = (await http.get("/evidence/entries")).json()["entries"][0]["id"]
        before = (await http.get(f"/evidence/packages/{entry}")).content
    async with kept.client(client=f"{OFFICE}/office", scopes={"evidence:erase"}) as http:
        for _ in range(3):
            answer = await http.post("/evidence/erasures", json={"subject": MARI})
            assert (answer.status_code, answer.content) == (204, b"")
        assert (await http.post("/evidence/erasures", json={"subject": "EE9"})).status_code == 204
    assert (await kept.kinds()).count("evidence.erased") == 1, "there was one key"
    await kept.sequence()
    async with kept.client(person=MARI, scopes=READ) as http:
        after = (await http.get(f"/evidence/packages/{entry}?size=5")).json()
        assert after == json.loads(before) | {"detail": None}
        assert examine(read(json.dumps(after).encode())).is_verified
        assert (await http.get(f"/evidence/entries/{entry}")).json()["detail"] is None
    async with kept.client(person=JAAN, scopes=READ) as http:
        entry = (await http.get("/evidence/entries")).json()["entries"][0]["id"]
        assert (await http.get(f"/evidence/entries/{entry}")).json()["detail"]
    async with kept.client(scopes={"evidence:verify"}) as http:
        assert (await http.get("/evidence/verify")).json()["holds"]


async def test_a_right_to_everything_does_not_erase(kept: Running) -> None:
    async with kept.client(scopes={"*"}) as http:
        answer = await http.post("/evidence/erasures", json={"subject": MARI})
        assert answer.status_code == 403
    assert await kept.driver.fetchval("SELECT count(*) FROM evidence_key") == 2


# -- witnesses -----------------------------------------------------------------------------------


@dataclass
class Pair:
    """Two blocks that reach each other as through the gateway, which one of them is."""

    front: Running
    block: Running
    gateway: Starlette
    calls: list[str]

    def mediator(self, of: Running) -> Mediator:
        mediator = Mediator(of.settings)
        mediator._http = AsyncClient(transport=ASGITransport(self.gateway), base_url="http://gw")  # noqa: SLF001
        return mediator

    def witness(self, of: Running, name: str) -> Witness:
        return Witness(of.name, of.settings.client_id, self.mediator(of), name)


@asynccontextmanager
async def served(app: Starlette) -> AsyncGenerator[str]:
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  it says it in no other way
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


@pytest.fixture
async def pair() -> AsyncGenerator[Pair]:
    """Return two blocks with real databases, and a way between them."""
    calls: list[str] = []

    async def token(_request: Request) -> JSONResponse:
        return JSONResponse({"access_token": "t", "expires_in": 600})

    def through(one: Running) -> Any:
        async def ask(scope: Any, receive: Any, send: Any) -> None:
            calls.append(f"{scope['method']} {scope['path']}")
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            said = {"path": path, "raw_path": path.encode(), "root_path": ""}
            who = Caller("DEV/OP/1/x", "DEV/OP/1", scopes=frozenset({"evidence:cosign"}))
            await one.app({**scope, **said, IN_PROCESS: who}, receive, send)

        return ask

    async with AsyncExitStack() as stack:
        front, block = [
            await running(
                name,
                stack,
                evidence_keys=SecretStr(new_signing_keys()),
                client_id=f"DEV/OP/1/{name}",
                gateway_url="http://gw",
            )
            for name in ("gateway", "one")
        ]
        routes = [
            Route("/oauth2/token", token, methods=["POST"]),
            Mount("/one", through(block)),
            Mount("/", through(front)),
        ]
        made = Pair(front, block, Starlette(routes=routes), calls)
        for each in (front, block):
            each.app.state.mediator = made.mediator(each)
        yield made


async def entries(one: Running, count: int, actor: str = "a") -> None:
    for _ in range(count):
        await one.ledger.note(Entry("k", actor, subject=MARI, tenant=OFFICE))
    await one.sequence()


async def test_two_blocks_witness_each_other(pair: Pair) -> None:
    by_gateway = pair.witness(pair.block, "gateway")
    by_block = pair.witness(pair.front, "one")
    for count in (1, 3, 7):
        await entries(pair.block, count)
        await entries(pair.front, count)
        assert await by_gateway.ask(pair.block.driver)
        assert await by_block.ask(pair.front.driver)
        assert not await by_gateway.ask(pair.block.driver), "the same checkpoint is sent once"
    sizes = "SELECT array_agg(size ORDER BY size) FROM evidence_cosignature"
    assert await pair.block.driver.fetchval(sizes) == [1, 4, 11]
    assert await pair.front.driver.fetchval(sizes) == [1, 4, 11]
    async with pair.block.client(scopes={"evidence:verify", "evidence:read"}, person=MARI) as http:
        assert (await http.get("/evidence/verify")).json()["holds"]
        latest = (await http.get("/evidence/checkpoints/latest")).json()
        assert list(latest["cosignatures"]) == ["gateway"]
        entry = (await http.get("/evidence/entries")).json()["entries"][0]["id"]
        package = read((await http.get(f"/evidence/packages/{entry}")).content)
    mine, others = (thumbprints(one.signer.public) for one in (pair.block, pair.front))
    found = {step.name: step.result for step in examine(package, mine, witnesses=others).steps}
    assert found["witnesses"] == "holds"


async def test_a_fork_is_refused_named_and_written_down(pair: Pair) -> None:
    asking = pair.witness(pair.block, "gateway")
    await entries(pair.block, 3)
    assert await asking.ask(pair.block.driver)
    tables = "entry", "leaf", "node", "checkpoint", "cosignature"
    for table in tables:  # the keeper begins anew, with the same key
        await pair.block.driver.execute(f"TRUNCATE evidence_{table}")
    await entries(pair.block, 3)
    assert not await asking.ask(pair.block.driver), "another tree of the same size"
    assert (await pair.front.kinds()) == ["evidence.forked"]
    await entries(pair.block, 4)
    assert not await asking.ask(pair.block.driver), "no proof fits"
    row = await pair.front.driver.fetchrow("SELECT object, facts FROM evidence_entry")
    assert row["object"] == "one"
    assert json.loads(row["facts"])["reason"] == "two checkpoints over 3 entries have two roots"


async def claim(pair: Pair, **more: Any) -> Response:
    """Ask the gateway to witness the newest checkpoint of the block."""
    signed = await pair.block.driver.fetchval(
        "SELECT signed FROM evidence_checkpoint ORDER BY size DESC LIMIT 1"
    )
    body = {"ledger": "one", "checkpoint": signed} | more
    async with pair.front.client(scopes={"evidence:cosign"}) as http:
        return await http.post("/evidence/cosignatures", json=body)


async def test_a_path_that_shows_nothing_is_refused(pair: Pair) -> None:
    await entries(pair.block, 3)
    assert (await claim(pair)).json()["witnessed"] == 3
    again = await claim(pair)
    assert again.json()["witnessed"] == 3
    await entries(pair.block, 2)
    assert (await claim(pair)).json() == {"cosignature": None, "witnessed": 3}
    refused = await claim(pair, first=3, path=["00" * 32])
    assert refused.status_code == 409
    assert refused.json()["title"] == "The checkpoint does not extend the one that was witnessed"
    assert (await pair.front.kinds()) == ["evidence.forked"]


async def test_keys_that_hold_no_known_one_are_refused(pair: Pair) -> None:
    await entries(pair.block, 1)
    assert (await claim(pair)).status_code == 200
    old, new = pair.block.signer, Signer(new_signing_keys())
    pair.block.app.state.evidence_signer = new
    await entries(pair.block, 1)
    refused = await claim(pair)
    assert refused.status_code == 409
    assert "no longer verify" in refused.json()["detail"]
    new.public += old.public  # as a rotation publishes them
    pair.front.app.state.published_keys = PublishedKeys(pair.front.app.state.mediator)
    assert (await claim(pair)).json() == {"cosignature": None, "witnessed": 1}


async def test_what_is_no_checkpoint_of_the_ledger_is_refused(pair: Pair) -> None:
    await entries(pair.block, 1)
    await entries(pair.front, 1)
    own = await pair.front.driver.fetchval("SELECT signed FROM evidence_checkpoint")
    promise = pair.block.signer.sign("promise", {"ledger": "one", "size": 1, "root": "00"})
    other = pair.block.signer.sign(CHECKPOINT, {"ledger": "two", "size": 1, "root": "00"})
    for body in (
        {"checkpoint": own},
        {"checkpoint": own, "ledger": "gateway"},
        {"checkpoint": promise},
        {"checkpoint": other},
        {"checkpoint": "a.b"},
        {"ledger": "../x"},
    ):
        assert (await claim(pair, **body)).status_code == 400, body
    assert (await claim(pair, ledger="nobody")).status_code == 400, "it publishes no keys"
    pair.block.signer.public[0]["x"] = "no key"
    pair.front.app.state.published_keys = PublishedKeys(pair.front.app.state.mediator)
    assert (await claim(pair)).status_code == 503, "what it publishes is no key"
    async with pair.front.client(scopes={"evidence:read"}) as http:
        answer = await http.post(
            "/evidence/cosignatures", json={"ledger": "one", "checkpoint": own}
        )
        assert answer.status_code == 403


async def test_what_the_asking_itself_writes_is_no_reason_to_ask(pair: Pair) -> None:
    asking = pair.witness(pair.front, "one")
    await entries(pair.front, 2, actor=pair.front.settings.client_id)
    assert not await asking.ask(pair.front.driver)
    await entries(pair.front, 1)
    assert await asking.ask(pair.front.driver)


async def test_a_witness_that_is_away_is_asked_again(pair: Pair, caplog) -> None:
    await entries(pair.block, 1)
    away = pair.block.settings.model_copy(update={"gateway_url": "http://127.0.0.1:9"})
    asking = Witness("one", "DEV/OP/1/one", Mediator(away), "gateway")
    for _ in range(2):
        assert not await asking.ask(pair.block.driver)
    assert caplog.text.count("does not witness") == 1
    assert await pair.witness(pair.block, "gateway").ask(pair.block.driver)


async def cosigned(one: Running) -> int:
    return await one.driver.fetchval("SELECT count(*) FROM evidence_cosignature")


async def test_cosigning_runs_while_it_is_open(pair: Pair) -> None:
    await entries(pair.block, 2)
    settings = pair.block.settings
    async with served(pair.gateway) as url:
        reachable = settings.model_copy(update={"gateway_url": url})
        async with cosigning("one", reachable, ["gateway"], every=0.05):
            async with asyncio.timeout(10):
                while not await cosigned(pair.block):  # noqa: ASYNC110  another task works
                    await asyncio.sleep(0.05)
    before = len(pair.calls)
    await entries(pair.block, 2)
    await asyncio.sleep(0.2)
    assert len(pair.calls) == before
    nobody = settings.model_copy(update={"client_id": ""})
    async with cosigning("one", nobody, ["gateway"], every=0.05):
        await asyncio.sleep(0.2)
    assert len(pair.calls) == before, "a block without credentials asks nobody"
