"""A block served by itself, as in a container: ``python -m kit.serve BLOCK``."""

import asyncio
import os
import shutil
import signal
import socket
import ssl
import sys
import time
from asyncio.subprocess import Process
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from kit.database import Database
from kit.evidence import Entry, Ledger, new_signing_keys
from kit.sealing import Keyring, new_sealing_key
from kit.testing import SERVER, Block, copy_of_template
from stack.tls import development

MAIN = """
import asyncio, os
from contextlib import asynccontextmanager
from typing import Annotated
from fastapi import APIRouter
from kit import access, web

router = APIRouter()

@router.get("/slow")
async def slow(_caller: Annotated[access.Caller, access.public()]) -> int:
    await asyncio.sleep(1.0)
    return os.getpid()

@router.get("/who")
async def who(_caller: Annotated[access.Caller, access.public()]) -> int:
    return os.getpid()

def create_app(settings):
    return web.create_app("tiny", "Tiny", "A block of two routes", settings, [router])

@asynccontextmanager
async def create_jobs(settings):
    open(os.environ["TINY_SIGN"], "a").write("begun ")
    yield
    open(os.environ["TINY_SIGN"], "a").write("ended ")
"""
SETTINGS = """
from pydantic_settings import SettingsConfigDict
from kit.settings import BlockSettings

class Settings(BlockSettings):
    model_config = SettingsConfigDict(env_prefix="TINY_", frozen=True, extra="ignore")
"""


@pytest.fixture
def tiny(tmp_path: Path) -> dict[str, str]:
    """Return the environment that finds a block named tiny."""
    package = tmp_path / "src" / "tiny"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text(MAIN)
    (package / "settings.py").write_text(SETTINGS)
    shutil.copytree(Path(__file__).parent / "migrations", tmp_path / "migrations")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    return kept | {
        "PYTHONPATH": str(tmp_path / "src"),
        "TINY_SIGN": str(tmp_path / "sign"),
        "TINY_SEALING_KEY": new_sealing_key(),
        "TINY_EVIDENCE_KEYS": new_signing_keys(),
    }


@asynccontextmanager
async def empty_database(block: Block):
    """Make a database with the two roles and nothing in it."""
    async with copy_of_template(block) as urls:  # makes the roles
        name = f"tiny_{uuid4().hex[:12]}"
        server = await asyncpg.connect(os.environ[SERVER])
        await server.execute(f"CREATE DATABASE {name} OWNER test_owner")
        owner, runtime = (
            urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
            for url in (urls.owner, urls.runtime)
        )
        owning = await asyncpg.connect(owner)
        await owning.execute(
            "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES"
            " TO test_runtime"
        )
        await owning.close()
        try:
            yield {"TINY_OWNER_URL": owner, "TINY_DATABASE_URL": runtime}
        finally:
            await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await server.close()


async def start(environment: dict[str, str], *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kit.serve", *arguments),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )


async def refusal(environment: dict[str, str], *arguments: str) -> str:
    process = await start(environment, *arguments)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in said
    return said.decode()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def served(environment: dict[str, str]):
    """Serve tiny on a free port; yield the process and a client once it is ready."""
    port = free_port()
    process = await start(environment | {"TINY_LISTEN_PORT": str(port)}, "tiny")
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            await ready(client, process)
            yield process, client
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(client: httpx.AsyncClient, process: Process) -> None:
    """Wait until the block can serve."""
    deadline = time.monotonic() + 30
    while not await is_ready(client):
        assert process.returncode is None, await process.communicate()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).is_success
    except httpx.HTTPError:
        return False


async def test_replicas_that_start_together_migrate_once_and_both_serve(block, tiny):
    async with empty_database(block) as urls:
        one, other = served(tiny | urls), served(tiny | urls)
        async with asyncio.TaskGroup() as group:
            entering = [group.create_task(replica.__aenter__()) for replica in (one, other)]
        connection = await asyncpg.connect(urls["TINY_OWNER_URL"])
        try:
            assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
            may_delete = "SELECT has_table_privilege('test_runtime', 'evidence_entry', 'DELETE')"
            assert not await connection.fetchval(may_delete)
        finally:
            await connection.close()
            for replica in (one, other):
                await replica.__aexit__(None, None, None)
        assert all(task.done() for task in entering)


async def test_what_is_under_way_is_answered_before_it_ends(block, tiny):
    async with empty_database(block) as urls, served(tiny | urls) as (process, client):
        asking = asyncio.create_task(client.get("/slow"))
        await asyncio.sleep(0.3)
        process.terminate()
        assert (await asking).status_code == 200
        assert await asyncio.wait_for(process.wait(), 10) == 0
        with pytest.raises(httpx.ConnectError):
            await client.get("/who")
    assert signs(tiny) == "begun ended "


def signs(tiny: dict[str, str]) -> str:
    """Return what the jobs of tiny left behind."""
    return Path(tiny["TINY_SIGN"]).read_text()


async def test_entries_get_their_places_in_a_block_without_jobs_of_its_own(block, tiny):
    main = Path(tiny["PYTHONPATH"]) / "tiny" / "main.py"
    main.write_text(MAIN.partition("@asynccontextmanager")[0])
    async with empty_database(block) as urls, served(tiny | urls):
        url = urls["TINY_DATABASE_URL"]
        ledger = Ledger("tiny", Keyring(tiny["TINY_SEALING_KEY"]), database := Database(url, 1))
        try:
            noted = await ledger.note(Entry("thing.read", "A/B/C/D"))
            assert await place_of(url, noted) == 0
        finally:
            await ledger.close()
            await database.close()


async def place_of(url: str, entry: UUID) -> int | None:
    """Return an entry's place in the tree; None when it has none within 5 s."""
    connection = await asyncpg.connect(url)
    try:
        for _ in range(100):
            find = "SELECT index FROM evidence_leaf WHERE entry_id = $1"
            place = await connection.fetchval(find, entry)
            if place is not None:
                return place
            await asyncio.sleep(0.05)
        return None
    finally:
        await connection.close()


async def test_a_killed_worker_is_replaced_and_the_log_says_so(block, tiny):
    async with empty_database(block) as urls, served(tiny | urls) as (process, client):
        before = (await client.get("/who")).json()
        os.kill(before, signal.SIGKILL)
        await ready(client, process)
        assert (await client.get("/who")).json() != before
        process.terminate()
        _, said = await process.communicate()
        assert said.count(b"the web-1 process was killed (SIGKILL) and starts again\n") == 1


async def test_migrating_alone_ends_when_it_is_done(block, tiny):
    async with empty_database(block) as urls:
        process = await start(tiny | urls, "tiny", "--migrate")
        await process.communicate()
        assert process.returncode == 0
        without_owner = {name: url for name, url in urls.items() if name != "TINY_OWNER_URL"}
        connection = await asyncpg.connect(urls["TINY_OWNER_URL"])
        await connection.execute("GRANT SELECT ON alembic_version TO test_runtime")
        await connection.close()
        async with served(tiny | without_owner) as (_, client):
            assert (await client.get("/health")).is_success


async def test_plain_http_beyond_this_machine_is_refused_unless_the_operator_says_so(block, tiny):
    everywhere = {"TINY_LISTEN_HOST": "::"}
    async with empty_database(block) as urls:
        said = await refusal(tiny | urls | everywhere, "tiny")
        assert "does not speak plain HTTP on ::" in said
        assert "TINY_PLAIN_HTTP" in said
        half = {"TINY_TLS_CERT": "/nowhere"}
        assert "both a certificate and its key" in await refusal(tiny | urls | half, "tiny")
        allowed = everywhere | {"TINY_PLAIN_HTTP": "true"}
        async with served(tiny | urls | allowed) as (_, client):
            assert (await client.get("/health")).is_success


async def test_a_block_speaks_tls_and_beside_it_plain_http_for_a_closed_network(
    block, tiny, tmp_path
):
    files = development(tmp_path)
    port = free_port()
    secure = {
        "TINY_LISTEN_HOST": "0.0.0.0",  # noqa: S104  with TLS
        "TINY_TLS_CERT": str(files.certificate),
        "TINY_TLS_KEY": str(files.key),
        "TINY_PLAIN_PORT": str(port),
    }
    async with empty_database(block) as urls:
        process = await start(tiny | urls | secure | {"TINY_LISTEN_PORT": "0"}, "tiny")
        try:
            said = await asyncio.wait_for(process.stderr.readline(), 30)
            assert b"https://0.0.0.0:" in said
            https = said.decode().partition("https://0.0.0.0:")[2].partition(" ")[0]
            trusting = ssl.create_default_context(cafile=str(files.authority))
            async with (
                httpx.AsyncClient(base_url=f"https://localhost:{https}", verify=trusting) as tls,
                httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as plain,
            ):
                await ready(tls, process)
                assert (await plain.get("/health")).is_success
        finally:
            process.terminate()
            await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0


async def test_what_is_missing_is_said_by_name_and_no_secret_with_it(tiny):
    said = await refusal(tiny | {"TINY_WORKERS": "many"}, "tiny")
    assert "TINY_DATABASE_URL" in said
    assert "TINY_WORKERS" in said
    assert "many" not in said
    assert tiny["TINY_SEALING_KEY"] not in said


async def test_a_block_that_is_not_here_is_said_in_a_sentence(tiny):
    assert await refusal(tiny, "nobody") == "nobody: There is no block of this name here.\n"
