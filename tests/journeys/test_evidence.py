"""A proof leaves the house: exported by the one it concerns, checked by anybody."""

import base64
import json
import stat
import subprocess
import time

import httpx
import pytest

from stack.journey import CITIZENS, POPULATION_OFFICE, PORTAL, PORTAL_KEY, Journey
from stack.main import demo_secrets
from stack.verifying import promises_in

SERVICE = CITIZENS.strip("/")


@pytest.fixture(scope="module")
async def mother(stack):
    """Return the code of a mother whose data were read."""
    journey = Journey(stack.gateway, stack.mailbox, demo_secrets(), lambda _: None)
    await journey.run()
    return journey.mother


@pytest.fixture
def as_portal(monkeypatch):
    monkeypatch.setenv("GOVBLOCKS_CLIENT", PORTAL)
    monkeypatch.setenv("GOVBLOCKS_API_KEY", PORTAL_KEY)


def exported(stack, out, *arguments) -> subprocess.CompletedProcess[str]:
    return stack.run("evidence", "export", "--out", str(out), *arguments)


def newest(stack, out, *arguments):
    done = exported(stack, out, "--newest", "record.read", "--block", SERVICE, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_bytes())


@pytest.mark.usefixtures("as_portal")
def test_a_mother_exports_what_concerns_her_and_anybody_verifies_it(stack, mother, tmp_path):
    file = tmp_path / "proof.json"
    package = newest(stack, file, "--person", mother)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert mother not in file.read_text()
    keys = f"{stack.gateway}/registry/.well-known/jwks.json"
    told = stack.run("verify", str(file), "--key", keys)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "proof.json is verified." in told.stdout
    assert "readerId: DEV47001010019" in told.stdout
    file.write_bytes(file.read_bytes().replace(b"record.read", b"record.reed"))
    told = stack.run("verify", str(file), "--key", keys)
    assert told.returncode == 1
    assert "NOT VERIFIED" in told.stdout
    again = exported(
        stack,
        tmp_path / "again.json",
        json.loads(package["entry"])["id"],
        "--block",
        SERVICE,
        "--person",
        mother,
    )
    assert again.returncode == 0, again.stdout


@pytest.mark.usefixtures("as_portal")
def test_another_block_has_witnessed_what_she_holds(stack, mother, tmp_path):
    """Once the gateway has signed the checkpoint, the package carries its word."""
    deadline, found = time.monotonic() + 30, []
    while not found and time.monotonic() < deadline:
        file = tmp_path / f"{time.monotonic()}.json"
        found = newest(stack, file, "--person", mother)["cosignatures"]
    keys, others = (f"{stack.gateway}{path}/.well-known/jwks.json" for path in ("/registry", ""))
    told = stack.run("verify", str(file), "--key", keys, "--witness", others)
    assert told.returncode == 0, told.stdout
    [said] = [line for line in told.stdout.splitlines() if "witnesses" in line]
    assert said.split()[0] == "holds"
    assert "gateway by the key" in said


@pytest.mark.usefixtures("as_portal")
def test_a_stranger_gets_nothing_of_hers(stack, mother, tmp_path):
    entry = json.loads(newest(stack, tmp_path / "hers.json", "--person", mother)["entry"])["id"]
    out = tmp_path / "stolen.json"
    done = exported(stack, out, entry, "--block", SERVICE, "--person", "DEV48905120013")
    assert done.returncode == 1
    assert "404" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not out.exists()


@pytest.mark.usefixtures("mother")
def test_the_keeper_exports_what_is_about_its_own_records(stack, tmp_path, monkeypatch):
    monkeypatch.setenv("GOVBLOCKS_CLIENT", POPULATION_OFFICE)
    monkeypatch.setenv("GOVBLOCKS_CLIENT_SECRET", demo_secrets()[POPULATION_OFFICE])
    file = tmp_path / "proof.json"
    newest(stack, file)
    assert "holds together" in stack.run("verify", str(file)).stdout


def test_an_answers_promise_is_kept_by_the_ledger(stack, mother, tmp_path, monkeypatch):
    """The headers of the answer were saved; the entry that they name is exported later."""
    secret = demo_secrets()[POPULATION_OFFICE]
    with httpx.Client(base_url=stack.gateway, timeout=30) as client:
        signed = client.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=httpx.BasicAuth(POPULATION_OFFICE, secret),
        )
        client.headers["Authorization"] = f"Bearer {signed.json()['access_token']}"
        answer = client.post(
            "/registry/data/citizens/1.0/read", json={"query": {"content": {"id": mother}}}
        )
    assert answer.status_code == 200, answer.text
    headers = tmp_path / "headers"
    headers.write_text(
        "".join(f"{name}: {value}\r\n" for name, value in answer.headers.multi_items())
    )
    promised = [said_in(one) for one in promises_in(headers.read_bytes())]
    assert {said["ledger"] for said in promised} == {"gateway", "registry"}
    [mine] = [said for said in promised if said["ledger"] == "registry"]
    monkeypatch.setenv("GOVBLOCKS_CLIENT", POPULATION_OFFICE)
    monkeypatch.setenv("GOVBLOCKS_CLIENT_SECRET", secret)
    file = tmp_path / "proof.json"
    done = exported(stack, file, mine["entries"][0]["id"])
    assert done.returncode == 0, done.stdout
    told = stack.run("verify", str(file), "--promise", str(headers))
    assert told.returncode == 0, told.stdout
    assert "The promise is kept" in told.stdout


def said_in(jws):
    part = jws.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.usefixtures("mother")
def test_the_administrator_exports_an_exchange_of_the_gateways_own_ledger(stack, tmp_path):
    file = tmp_path / "proof.json"
    done = exported(stack, file, "--newest", "exchange.refused", "--block", "gateway")
    assert done.returncode == 0, done.stdout + done.stderr
    told = stack.run("verify", str(file), "--key", f"{stack.gateway}/.well-known/jwks.json")
    assert "is verified" in told.stdout, told.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name an entry, or a kind with --newest"),
        (("--newest", "nothing.such", "--block", "gateway"), "no entry of the kind"),
        (("--newest", "record.read", "--person", "DEV1"), "GOVBLOCKS_API_KEY"),
        (("--newest", "record.read", "--client", "A/B/C/D"), "GOVBLOCKS_CLIENT_SECRET"),
        (("--newest", "record.read", "--url", "http://127.0.0.1:1"), "No stack answers"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_sentence(stack, tmp_path, arguments, said):
    done = exported(stack, tmp_path / "proof.json", *arguments)
    assert done.returncode == 1
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
