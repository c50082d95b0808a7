"""Imports in the background: resumed after a kill, cancelled, and never half-kept."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from kit.testing import clients_of
from registry.imports import jobs
from registry.imports.service import Tools, all_of
from registry.imports.store import Shared
from registry.rows.models import FileInvalid

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "primaryKey": True},
        "size": {"type": "integer"},
    },
}
AT = "/data/ITEMS/1.0"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def items(open_registry: AsyncClient, publish: Any) -> AsyncClient:
    """Return the owner's client of a published registry where what is written is committed."""
    await publish(open_registry, "ITEMS", SCHEMA)
    return open_registry


def tools(app: FastAPI) -> Tools:
    return Tools(app.state.database, app.state.ledger, app.state.keyring)


def lines(count: int) -> bytes:
    return b"code,size\n" + b"".join(b"P%d,%d\n" % (n, n) for n in range(count))


async def begin(client: AsyncClient, content: Any, **options: Any) -> dict[str, Any]:
    answer = await client.post(f"{AT}/imports", content=content, params=options, headers=CSV)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"].endswith(answer.json()["id"])
    return answer.json()


async def state(client: AsyncClient, made: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(f"{AT}/imports/{made['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def count(client: AsyncClient) -> int:
    return (await client.get(AT, params={"pageSize": 1})).json()["count"]


async def kept(app: FastAPI) -> int:
    async with app.state.database.connection() as connection:
        return await connection.driver.fetchval("SELECT count(*) FROM import_part")


async def test_a_file_is_taken_in_in_the_background(items: AsyncClient, committed: FastAPI) -> None:
    made = await begin(items, lines(2500) + b"bad,x\n" + b"P0,0\n")
    assert (made["state"], made["format"], made["rows"]) == ("waiting", "csv", 0)
    assert made["bytes"] == len(lines(2500)) + 11
    await jobs.take_in(tools(committed), UUID(made["id"]))
    done = await state(items, made)
    assert (done["state"], done["rows"], done["created"]) == ("done", 2502, 2500)
    assert (done["unchanged"], done["failed"]) == (1, 1)
    assert done["errors"] == [
        {"line": 2502, "errors": [{"column": "size", "reason": "is not a number"}]}
    ]
    every = await items.get(f"{AT}/imports/{made['id']}/errors")
    assert [json.loads(line) for line in every.text.splitlines()] == done["errors"]
    assert await count(items) == 2500
    assert await kept(committed) == 0  # the file is destroyed when the import ends
    await jobs.take_in(tools(committed), UUID(made["id"]))  # a job may run twice
    assert await state(items, made) == done
    [seen] = (await items.get(f"{AT}/imports")).json()["imports"]
    assert seen["id"] == made["id"]


KILLED = """
import asyncio, sys
from uuid import UUID
from kit.database import Database
from kit.evidence import Ledger
from kit.sealing import Keyring
from kit.testing import clients_of
from registry.imports import jobs
from registry.imports.service import Tools, all_of
from registry.imports.store import Shared
from registry.rows.models import FileInvalid

async def main(url, key, name):
    database, keyring = Database(url), Keyring(key)
    await jobs.take_in(Tools(database, Ledger("registry", keyring, database), keyring), UUID(name))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_process_resumes_without_doubling_a_row(
    items: AsyncClient, committed: FastAPI
) -> None:
    made = await begin(items, lines(30_000), key="")
    settings = committed.state.settings
    key = settings.sealing_key.get_secret_value()
    command = [sys.executable, "-c", KILLED, committed.state.urls.runtime, key, made["id"]]
    process = subprocess.Popen(command)  # noqa: ASYNC220  it is started, not waited for
    rows = 0
    while not rows:
        await asyncio.sleep(0.02)
        rows = (await state(items, made))["rows"]
    process.kill()
    process.wait()
    before = await state(items, made)
    assert 0 < before["rows"] < 30_000
    assert before["state"] == "running"
    await jobs.take_in(tools(committed), UUID(made["id"]))
    done = await state(items, made)
    assert (done["state"], done["rows"], done["failed"]) == ("done", 30_000, 0)
    assert done["created"] == 30_000 == await count(items)


async def test_two_processes_take_a_row_in_once(items: AsyncClient, committed: FastAPI) -> None:
    made = await begin(items, lines(4000), key="")
    twice = (jobs.take_in(tools(committed), UUID(made["id"])) for _ in range(2))
    await asyncio.gather(*twice)
    done = await state(items, made)
    assert (done["state"], done["created"], done["failed"]) == ("done", 4000, 0)
    assert await count(items) == 4000


async def test_who_waits_gets_the_report(items: AsyncClient, committed: FastAPI) -> None:
    async def work() -> None:
        while True:
            for each in (await items.get(f"{AT}/imports")).json()["imports"]:
                await jobs.take_in(tools(committed), UUID(each["id"]))
            await asyncio.sleep(0.05)

    working = asyncio.create_task(work())
    answer = await items.post(f"{AT}/imports", content=lines(10), params={"wait": 20}, headers=CSV)
    working.cancel()
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["created"]) == ("done", 10)


async def test_a_dry_run_in_the_background_keeps_nothing(
    items: AsyncClient, committed: FastAPI
) -> None:
    made = await begin(items, lines(1500), dryRun="true")
    await jobs.take_in(tools(committed), UUID(made["id"]))
    done = await state(items, made)
    assert (done["state"], done["dryRun"], done["created"]) == ("done", True, 1500)
    assert await count(items) == 0


async def test_a_cancelled_import_takes_nothing_more_in(
    items: AsyncClient, committed: FastAPI
) -> None:
    made = await begin(items, lines(3000))
    for _ in range(2):
        answer = await items.delete(f"{AT}/imports/{made['id']}")
        assert answer.status_code == 204
    await jobs.take_in(tools(committed), UUID(made["id"]))
    assert (await state(items, made))["state"] == "cancelled"
    assert await count(items) == await kept(committed) == 0


async def test_what_is_wrong_in_the_middle_ends_it_after_the_rows_before(
    items: AsyncClient, committed: FastAPI
) -> None:
    made = await begin(items, lines(1200) + b'"x"y,1\n' + b"Z,1\n")
    await jobs.take_in(tools(committed), UUID(made["id"]))
    done = await state(items, made)
    assert (done["state"], done["created"]) == ("failed", 1200)
    assert done["problem"]["detail"].startswith("line 1202: is not CSV")
    assert await kept(committed) == 0


async def test_nothing_is_kept_of_a_file_that_does_not_arrive(
    items: AsyncClient, committed: FastAPI
) -> None:
    async def latin() -> AsyncIterator[bytes]:
        yield lines(60_000)
        yield b"\xe4\n"

    answer = await items.post(f"{AT}/imports", content=latin(), headers=CSV)
    assert answer.status_code == 400
    assert "line 60002: is not UTF-8 text" in answer.json()["detail"]
    assert await kept(committed) == 0
    [seen] = (await items.get(f"{AT}/imports")).json()["imports"]
    assert seen["state"] == "failed"


async def test_a_full_disk_is_said_and_nothing_stays(
    items: AsyncClient, committed: FastAPI
) -> None:
    connection = await asyncpg.connect(committed.state.urls.owner)
    try:
        await connection.execute(
            """
            CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$
            """
        )
        await connection.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON import_part FOR EACH ROW "
            "WHEN (NEW.number = 2) EXECUTE FUNCTION full_disk()"
        )
    finally:
        await connection.close()
    answer = await items.post(f"{AT}/imports", content=lines(100_000), headers=CSV)
    assert answer.status_code == 507, answer.text
    assert await kept(committed) == 0


async def test_the_file_is_sealed_while_it_waits(items: AsyncClient, committed: FastAPI) -> None:
    await begin(items, b"code,size\nSecretName,1\n")
    async with committed.state.database.connection() as connection:
        rows = await connection.driver.fetch(
            "SELECT p::text AS part, j::text AS job FROM import_part p, import_job j"
        )
    assert rows
    for row in rows:
        for plain in (b"SecretName", b"EE1"):
            assert plain.hex() not in row["part"] + row["job"]
            assert plain.decode() not in row["part"] + row["job"]


async def test_an_import_is_for_its_client_and_the_owner(
    items: AsyncClient, committed: FastAPI
) -> None:
    made = await begin(items, lines(1))
    scopes = {"records:write"}
    stranger = {"client": "TEST/GOV/2002/clinic", "tenant": "TEST/GOV/1001", "scopes": scopes}
    async with clients_of(committed, "registry")(**stranger) as other:
        for path in ("", "/errors"):
            answer = await other.get(f"{AT}/imports/{made['id']}{path}")
            assert answer.status_code == 404
        assert (await other.delete(f"{AT}/imports/{made['id']}")).status_code == 404
        assert (await other.get(f"{AT}/imports")).json() == {"imports": []}
    assert (await items.get(f"/data/NONE/1.0/imports/{made['id']}")).status_code == 404


async def test_of_rows_that_exclude_each_other_the_first_stays(
    open_registry: AsyncClient, committed: FastAPI, publish: Any
) -> None:
    size = {"type": "integer", "unique": True}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "size": size}}
    await publish(open_registry, "ITEMS", schema)
    first = await begin(open_registry, lines(250))
    await jobs.take_in(tools(committed), UUID(first["id"]))
    rows = [b"P%d,%d\n" % (n, n + 1000) for n in range(250)]  # changes, which come before the new
    rows += [b"%c%d,%d\n" % (name, n, n + 2000) for name in b"NM" for n in range(250)]
    made = await begin(open_registry, b"code,size\n" + b"".join(rows))
    await jobs.take_in(tools(committed), UUID(made["id"]))
    done = await state(open_registry, made)
    assert (done["updated"], done["created"], done["failed"]) == (250, 250, 250)
    assert [fault["line"] for fault in done["errors"]] == [*range(502, 752)]


async def test_what_is_published_meanwhile_holds_for_the_rows_that_follow(
    open_registry: AsyncClient, committed: FastAPI, publish: Any
) -> None:
    database = await publish(open_registry, "ITEMS", SCHEMA)
    made = await begin(open_registry, lines(8000) + b"Q,7999\n")
    working = asyncio.create_task(jobs.take_in(tools(committed), UUID(made["id"])))
    rows = 0
    while not rows:
        await asyncio.sleep(0.01)
        rows = (await state(open_registry, made))["rows"]
    size = {"type": "integer", "unique": True}
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "size": size}}
    asked = {"id": database, "code": "ITEMS", "schema": schema}
    assert (await open_registry.post("/database/modify", json=asked)).is_success
    assert (await open_registry.post(f"/database/{database}/publish")).is_success
    assert 0 < (await state(open_registry, made))["rows"] < 8000
    await working
    done = await state(open_registry, made)
    assert (done["state"], done["created"], done["failed"]) == ("done", 8000, 1)
    assert [fault["line"] for fault in done["errors"]] == [8002]


async def test_what_one_task_tries_in_a_shared_transaction_is_its_own(committed: FastAPI) -> None:
    order = list[str]()

    async def ask(session: Shared, name: str) -> None:
        await session.fetch("SELECT pg_sleep(0.01)")
        order.append(name)

    async def hold(session: Shared) -> None:
        async with session.lend():
            order.append("lent")
            await ask(session, "own")
            await asyncio.sleep(0.05)

    async with Shared(committed.state.database) as session:
        await asyncio.gather(hold(session), ask(session, "one"), ask(session, "two"))
    assert order == ["lent", "own", "one", "two"]


async def test_a_task_that_fails_is_waited_for_with_the_others() -> None:
    ended = list[str]()

    async def fail() -> None:
        raise FileInvalid("line 2: is not CSV")

    async def last() -> None:
        await asyncio.sleep(0.05)
        ended.append("last")

    with pytest.raises(FileInvalid):
        await all_of(fail(), last())
    assert ended == ["last"]
