"""What an outsider holds in hand: a file, and a command that needs nothing else."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit.audit.models import NotProvenYet
from kit.evidence import Entry, Signer, models, new_signing_keys
from kit.evidence.merkle import root_of
from kit.evidence.packages import Detail, Package, Proof
from kit.evidence.promises import promise
from kit.evidence.signing import CHECKPOINT
from kit.identifiers import new_id
from kit.sealing import Keyring, new_sealing_key
from stack.evidence import NOT_PROVEN, keep
from stack.main import app
from stack.verifying import EvidenceError, promises_in, trusted

READER = "EE37819285773"


@dataclass
class Case:
    """A package in a file, the keys beside it, and how to run the command on them."""

    folder: Path
    signer: Signer
    sealed: models.Sealed
    package: Package

    @property
    def file(self) -> Path:
        return self.folder / "package.json"

    def write(self, package: Package) -> None:
        self.file.write_text(json.dumps(package.as_json(), ensure_ascii=False))

    def verify(self, *arguments: object, code: int = 0) -> str:
        """Run ``govblocks verify`` on the file; return what it says."""
        ran = CliRunner().invoke(app, ["verify", str(self.file), *map(str, arguments)])
        assert ran.exit_code == code, ran.output
        assert ran.exception is None or isinstance(ran.exception, SystemExit)
        return ran.output


def made(folder: Path, **facts: object) -> Case:
    entry_id, at, ring = new_id(), datetime.now(UTC), Keyring(new_sealing_key())
    key, about = ring.new().derived(entry_id.bytes), ring.reference("EE1")
    entry = Entry("record.read", "DEV/GOV/1/clinic", "record:7", "EE1", facts, {}, "DEV/GOV/2")
    detail = key.seal(json.dumps({"readerId": READER}).encode(), entry_id.bytes)
    sealed = models.sealed("registry", entry, (entry_id, at), (about, detail))
    signer = Signer(new_signing_keys())
    root = root_of([sealed.leaf]).hex()
    said = {
        "at": models.moment(at),
        "ledger": "registry",
        "previous": None,
        "root": root,
        "size": 1,
    }
    case = Case(
        folder,
        signer,
        sealed,
        Package(
            entry=sealed.canonical,
            proof=Proof(0, 1, ()),
            checkpoint=signer.sign(CHECKPOINT, said),
            keys=tuple(signer.public),
            detail=Detail(detail, key.secret),
        ),
    )
    case.write(case.package)
    (folder / "jwks.json").write_text(json.dumps({"keys": signer.public}))
    return case


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return made(tmp_path, operation="read", fields=["firstName"])


def test_it_tells_a_citizen_who_what_when_and_on_what(case):
    said = case.verify("--key", case.folder / "jwks.json")
    assert said.startswith("package.json is verified.")
    for words in (
        "personal data were read (record.read)",
        "the application DEV/GOV/1/clinic",
        f"{case.sealed.at:%Y-%m-%d %H:%M:%S}",
        "record:7 of DEV/GOV/2",
        f"readerId: {READER}",
        "operation: read",
        'fields: ["firstName"]',
        "Entry 1 of 1 in the ledger of registry",
    ):
        assert words in said


def test_without_a_key_it_says_what_everything_rests_on(case):
    said = case.verify()
    assert said.startswith("package.json holds together.")
    assert f"the key {case.signer.kid} is the right one" in said
    assert case.verify("--key", case.signer.kid).startswith("package.json is verified.")


def test_another_key_is_refused_and_what_the_file_says_is_not_told(case):
    other = Signer(new_signing_keys())
    said = case.verify("--key", other.kid, code=1)
    assert "NOT VERIFIED" in said
    assert "which you do not trust" in said
    assert READER not in said
    assert case.verify("--key", other.kid, "--key", case.signer.kid).count("FAILS") == 0


def test_a_changed_byte_is_told(case):
    raw = case.file.read_bytes()
    case.file.write_bytes(raw.replace(b"record:7", b"record:8"))
    said = case.verify(code=1)
    assert "NOT VERIFIED: do not rely on it" in said
    assert "FAILS  place       The path" in said


def test_what_is_no_package_is_told_in_a_sentence(case):
    for content, why in ((b"{}", "format is missing"), (b"\x00", "not JSON"), (b"[]", "no JSON")):
        case.file.write_bytes(content)
        assert why in case.verify(code=1)
    case.file.unlink()
    assert "cannot be read" in case.verify(code=1)


def test_it_asks_no_network(case, monkeypatch):
    def no_socket(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", no_socket)
    case.verify("--key", case.folder / "jwks.json")


def test_it_starts_without_the_house(case):
    """In an interpreter of its own: neither the web framework nor the database's tools come in."""
    code = (
        "import sys; from stack.main import app\n"
        "try: app()\n"
        "finally: print(sorted({'fastapi', 'sqlalchemy', 'uvicorn', 'aiohttp'} & set(sys.modules)))"
    )
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("COV_", "GOVBLOCKS_"))}
    ran = subprocess.run(
        [sys.executable, "-c", code, "verify", case.file],
        capture_output=True,
        text=True,
        check=False,
        cwd=case.folder,
        env=environment,
    )
    assert ran.stdout.endswith("[]\n"), ran.stdout + ran.stderr
    assert ran.returncode == 0


def test_a_files_texts_do_not_steer_the_terminal(tmp_path):
    said = made(tmp_path, reason="\x1b[2J\u202eevil\nholds  key  forged").verify()
    assert "\x1b[2J" not in said
    assert "\u202e" not in said
    assert "\nholds" not in said


def test_an_answers_promise_is_kept_or_broken(case):
    headers = case.folder / "headers"
    kept = promise(case.signer, "registry", [case.sealed])
    gateways = promise(Signer(new_signing_keys()), "gateway", [case.sealed])
    headers.write_text(
        f"HTTP/1.1 200 OK\r\nX-Request-Id: 1\r\nX-GovBlocks-Evidence: {gateways}\r\n"
        f"x-govblocks-evidence: {kept}\r\n\r\n"
    )
    assert "The promise is kept" in case.verify("--promise", headers)
    headers.write_text(f"{kept}\n")
    assert "The promise is kept" in case.verify("--promise", headers)
    headers.write_text(f"X-GovBlocks-Evidence: {gateways}, {kept}")
    assert "The promise is kept" in case.verify("--promise", headers)
    other = made(case.folder)
    assert other.sealed.id != case.sealed.id
    assert "FAILS  promise" in other.verify("--promise", headers, code=1)
    assert promises_in(b"\xff") == ["\ufffd"]


def test_keys_to_trust_come_from_files_and_safe_places(case):
    alone = case.folder / "alone.json"
    alone.write_text(json.dumps(case.signer.public[0]))
    assert trusted(str(alone)) == {case.signer.kid}
    for content, why in (
        ("{}", "no Ed25519 key"),
        ("[]", "no Ed25519 key"),
        ('{"keys": 5}', "no Ed25519 key"),
        ('{"keys": [5, {"kty": "EC", "crv": "P-256"}]}', "no Ed25519 key"),
        ("nonsense", "no JWK Set"),
        ("[" * 100_000, "no JWK Set"),
    ):
        alone.write_text(content)
        with pytest.raises(EvidenceError, match=why):
            trusted(str(alone))
    with pytest.raises(EvidenceError, match="https"):
        trusted("http://registry.example/.well-known/jwks.json")
    with pytest.raises(EvidenceError, match="does not answer"):
        trusted("http://127.0.0.1:1/jwks.json")
    assert "cannot be read" in case.verify("--key", "nothing.json", code=1)


def test_an_authoritys_certificate_must_be_one(case):
    (case.folder / "ca.pem").write_text("nonsense")
    assert "no certificate" in case.verify("--ca", case.folder / "ca.pem", code=1)


def test_a_package_is_kept_for_its_owner_alone_and_never_over_another(tmp_path):
    keep(b"one", tmp_path / "package.json")
    assert (tmp_path / "package.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(EvidenceError, match="cannot be written"):
        keep(b"two", tmp_path / "package.json")
    assert (tmp_path / "package.json").read_bytes() == b"one"


def test_the_command_knows_a_proof_that_is_not_there_yet():
    """What it waits on is what blocks say; its own room does not import the web for a title."""
    assert NotProvenYet.title == NOT_PROVEN
