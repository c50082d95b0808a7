"""Checkpoints are stamped by an authority, and the ledger does not wait for it."""

import asyncio
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
from pydantic import ValidationError

from kit.audit import router
from kit.evidence import Entry, Ledger, Signer, packages, timestamps
from kit.evidence.sequencing import append, read_head, sequencing
from kit.evidence.timestamping import stamp, timestamping
from kit.evidence.verdicts import Result, verify
from kit.settings import BlockSettings
from kit.testing import EVIDENCE_KEYS, Block, clients_of, copy_of_template, settings_for
from kit.web import create_app

_KIT = ("kit", "kit", "A ledger and nothing else")
SIGNER = Signer(EVIDENCE_KEYS)


@pytest.fixture
async def raw(committed):
    connection = await asyncpg.connect(committed.state.urls.runtime)
    yield connection
    await connection.close()


@asynccontextmanager
async def client():
    async with httpx.AsyncClient(timeout=10) as made:
        yield made


async def checkpoint(committed, raw, entries=3):
    """Write entries and put them under a new checkpoint; return it."""
    ledger: Ledger = committed.state.ledger
    for number in range(entries):
        await ledger.note(Entry("thing.read", "A/B/C/D", str(number)))
    await append(raw, "kit", SIGNER, await read_head(raw))
    return await raw.fetchval("SELECT signed FROM evidence_checkpoint ORDER BY size DESC LIMIT 1")


async def stamps(raw):
    return await raw.fetch("SELECT * FROM evidence_timestamp ORDER BY size")


async def test_a_checkpoint_is_stamped_once(committed, raw, authority):
    authority.spoils = ""
    signed = await checkpoint(committed, raw)
    async with client() as http:
        assert await stamp(raw, http, authority.url) == 3
        assert await stamp(raw, http, authority.url) is None
        newer = await checkpoint(committed, raw)
        assert await stamp(raw, http, authority.url) == 6
    first, second = await stamps(raw)
    for row, text in ((first, signed), (second, newer)):
        read = timestamps.read(row["token"])
        read.check_imprint(text.encode())
        read.check([authority.certificate])
        with pytest.raises(timestamps.TokenRefused, match="something else"):
            read.check_imprint(b"another checkpoint")


async def test_openssl_agrees_about_what_is_kept(committed, raw, authority, tmp_path):
    """The token is verified by another implementation, over the checkpoint's own bytes."""
    authority.spoils = ""
    signed = await checkpoint(committed, raw)
    async with client() as http:
        await stamp(raw, http, authority.url)
    (tmp_path / "token").write_bytes((await stamps(raw))[0]["token"])
    root = authority.folder / "root.pem"
    assert agrees(tmp_path, root, signed)
    assert not agrees(tmp_path, root, f"{signed} ")


def agrees(folder, root, text):
    (folder / "data").write_text(text)
    command = f"openssl ts -verify -token_in -in token -data data -CAfile {root}".split()
    return not subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode


@pytest.mark.parametrize("spoils", ["readable", "large", "status"])
async def test_what_is_no_time_stamp_is_not_kept(committed, raw, authority, spoils):
    await checkpoint(committed, raw)
    authority.spoils = spoils
    async with client() as http:
        with pytest.raises((timestamps.TokenRefused, httpx.HTTPStatusError)):
            await stamp(raw, http, authority.url)
        assert await stamps(raw) == []
        authority.spoils = ""
        assert await stamp(raw, http, authority.url) == 3


def test_an_answer_to_another_request_is_refused(authority):
    authority.spoils = ""
    mine, other = timestamps.request(b"mine"), timestamps.request(b"mine")
    answer = authority.answer(other.as_bytes())
    with pytest.raises(timestamps.TokenRefused, match="another request"):
        timestamps.granted(mine, answer)
    assert timestamps.granted(other, answer)


async def test_stamps_come_by_themselves_and_one_process_asks(committed, raw, authority):
    authority.spoils, authority.asked = "", 0
    url = committed.state.urls.runtime
    await checkpoint(committed, raw)
    async with (
        timestamping("kit", url, authority.url, every=0.2),
        timestamping("kit", url, authority.url, every=0.2),
    ):
        await until(lambda: has(raw, 1))
        await asyncio.sleep(0.7)  # nothing new: nothing is asked
        assert authority.asked == 1
        await checkpoint(committed, raw)
        await until(lambda: has(raw, 2))
        assert authority.asked == 2


async def has(raw, count):
    return len(await stamps(raw)) >= count


async def until(holds, within=20.0):
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110  it is in the database
            await asyncio.sleep(0.05)


async def test_an_authority_that_is_away_disturbs_nothing(committed, raw, authority):
    """Entries get their places while nobody answers; the first answer stamps the newest."""
    url = committed.state.urls.runtime
    authority.spoils = "status"
    async with (
        sequencing("kit", url, SIGNER),
        timestamping("kit", url, "http://127.0.0.1:1/", every=0.1),
    ):
        for _ in range(3):
            await committed.state.ledger.note(Entry("thing.read", "A/B/C/D"))
            await asyncio.sleep(0.2)
        await until(lambda: placed(raw, 3))
    assert await stamps(raw) == []
    async with timestamping("kit", url, authority.url, every=0.1):
        await asyncio.sleep(0.5)
        assert await stamps(raw) == []
        authority.spoils = ""
        await until(lambda: has(raw, 1))
    assert (await stamps(raw))[0]["size"] == 3


async def placed(raw, count):
    return await raw.fetchval("SELECT max(size) FROM evidence_checkpoint") == count


async def test_an_exported_package_carries_the_stamp_and_it_is_verified(authority, other_authority):
    """Through the API: the package is under the checkpoint that was stamped, not a newer one."""
    authority.spoils = ""
    folder = Path(__file__).parent / "migrations"
    block = Block(
        "kit", lambda settings: create_app(*_KIT, settings, [router]), BlockSettings, folder
    )
    async with copy_of_template(block) as made:
        app = block.create_app(settings_for(block, made))
        async with app.router.lifespan_context(app):
            app.state.urls = made
            raw = await asyncpg.connect(made.runtime)
            entry = await app.state.ledger.note(Entry("thing.read", "A/B/C/D", tenant="A/B/C"))
            signed = await checkpoint(app, raw)
            async with client() as http:
                await stamp(raw, http, authority.url)
            await checkpoint(app, raw)
            await raw.close()
            async with clients_of(app, "kit")(client="A/B/C/D", scopes={"evidence:read"}) as asking:
                answer = await asking.get(f"/evidence/packages/{entry}")
    package = packages.read(answer.content)
    assert package.checkpoint == signed
    verdict = verify(package, authorities=[authority.certificate])
    [said] = [step for step in verdict.steps if step.name == "time-stamp"]
    assert said.result is Result.HOLDS
    assert verdict.is_verified
    assert not verify(package, authorities=[other_authority.certificate]).is_verified


async def test_without_an_authority_nothing_is_asked(committed):
    before = asyncio.all_tasks()
    async with timestamping("kit", "postgresql://nobody@127.0.0.1:1/x", ""):
        assert asyncio.all_tasks() == before


def test_the_setting_is_an_address():
    given = {"database_url": "postgresql://x", "sealing_key": "x", "evidence_keys": EVIDENCE_KEYS}
    assert BlockSettings(**given).evidence_timestamp_url == ""
    assert BlockSettings(
        **given, evidence_timestamp_url="https://tsa.example/"
    ).evidence_timestamp_url
    with pytest.raises(ValidationError, match="evidence_timestamp_url"):
        BlockSettings(**given, evidence_timestamp_url="tsa.example")
