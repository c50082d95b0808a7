"""A ledger's key is changed while it is written to, and what was signed before stays verifiable."""

import json
from collections.abc import AsyncGenerator

import asyncpg
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from kit.evidence import Entry, Keys, Signer, new_signing_keys
from kit.evidence.packages import Package, Proof, read
from kit.evidence.promises import promise
from kit.evidence.proofs import prove_inclusion
from kit.evidence.sequencing import append, read_head
from kit.evidence.verdicts import thumbprints, verify
from kit.evidence.verification import verify as walk
from kit.settings import BlockSettings

BLOCK = "kit"


def fresh() -> dict[str, str]:
    return json.loads(new_signing_keys())["keys"][0]


def public(key: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in key.items() if name != "d"}


def signer(*keys: dict[str, str]) -> Signer:
    return Signer(json.dumps({"keys": keys}))


@pytest.fixture
async def raw(committed: FastAPI) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(committed.state.urls.runtime)
    yield connection
    await connection.close()


async def written(committed: FastAPI, raw: asyncpg.Connection, by: Signer):
    """Write three entries and put them under a checkpoint; return the last."""
    ledger = committed.state.ledger
    kept = [await ledger.begin(Entry("thing.read", "A/B/C/D", str(number))) for number in range(3)]
    await append(raw, BLOCK, by, await read_head(raw))
    return kept[-1]


async def exported(raw: asyncpg.Connection, entry, size: int, by: Signer) -> Package:
    """Return a package as the block makes one whose keys are ``by``; as a file carries it."""
    found = await prove_inclusion(raw, entry.id, size)
    package = Package(
        entry=found.canonical,
        proof=Proof(found.index, found.checkpoint.size, tuple(found.path)),
        checkpoint=found.checkpoint.signed,
        keys=tuple(by.public),
    )
    return read(json.dumps(package.as_json()).encode())


async def test_what_was_signed_before_a_rotation_and_after_it_is_verified(committed, raw):
    """The new key stands first; of the old one the public part is kept, and published."""
    old, new = fresh(), fresh()
    before, after = signer(old), signer(new, public(old))
    first = await written(committed, raw, before)
    promised = promise(before, BLOCK, [first])
    early = await exported(raw, first, 3, before)
    second = await written(committed, raw, after)
    published = thumbprints(after.public)
    assert (before.kid, after.kid) == (old["kid"], new["kid"])
    for package, key in (
        (early, old["kid"]),  # exported before
        (await exported(raw, first, 3, after), old["kid"]),  # the same, exported after
        (await exported(raw, first, 6, after), new["kid"]),  # an old entry, a new checkpoint
        (await exported(raw, second, 6, after), new["kid"]),
    ):
        verdict = verify(package, published)
        assert verdict.is_verified, verdict.steps
        assert verdict.is_trusted
        assert verdict.key == key
    late = await exported(raw, first, 6, after)
    assert verify(late, published, promised=[promised]).is_verified
    finding = await walk(raw, BLOCK, Keys(after.public))
    assert finding.holds
    assert (finding.entries, finding.checkpoints) == (6, 2)


async def test_an_old_key_that_is_not_kept_leaves_its_checkpoints_unverified(committed, raw):
    old, new = fresh(), fresh()
    first = await written(committed, raw, signer(old))
    await written(committed, raw, signer(new))
    package = await exported(raw, first, 3, signer(new))
    assert not verify(package).is_verified
    assert not (await walk(raw, BLOCK, Keys(signer(new).public))).holds


async def test_a_new_key_can_be_published_before_it_signs(committed, raw):
    """So that whoever read the keys before the change knows the key that signs after it."""
    old, new = fresh(), fresh()
    announcing, changed = signer(old, new), signer(new, public(old))
    assert announcing.kid == old["kid"]
    announced = thumbprints(announcing.public)
    entry = await written(committed, raw, changed)
    assert verify(await exported(raw, entry, 3, changed), announced).is_trusted


def test_keys_come_from_the_environment_or_from_a_file(tmp_path):
    keys = new_signing_keys()
    given = {"database_url": "postgresql://x", "sealing_key": "x"}
    (tmp_path / "keys.json").write_text(keys)
    for said in (keys, f"file:{tmp_path / 'keys.json'}"):
        settings = BlockSettings(**given, evidence_keys=said)
        assert settings.evidence_keys.get_secret_value() == keys
        assert json.loads(keys)["keys"][0]["d"] not in repr(settings)
    with pytest.raises(ValidationError, match="the file of keys cannot be read"):
        BlockSettings(**given, evidence_keys="file:/nothing/here")
