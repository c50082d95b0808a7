"""What every block's ledger answers when something is not there, or cannot be proven."""

from uuid import uuid4

import pytest
from stage import BLOCKS, OTHER, TENANT, Stage, staged

from kit.access import Caller
from kit.evidence import Entry


def not_there(block: str) -> int:
    """Return the status with which a block answers what it does not have."""
    return {"consent": 400, "messaging": 405}.get(block, 404)


def conflict(block: str) -> int:
    return {"consent": 400, "messaging": 405}.get(block, 409)


@pytest.mark.parametrize("block", BLOCKS)
async def test_what_a_ledger_does_not_have_is_not_found(stages, block: str) -> None:
    stage: Stage = await stages(block)
    entry = stage.kept["ledgerEntry"]
    async with await stage.full_client() as http:
        for path in (
            f"/evidence/entries/{uuid4()}",
            f"/evidence/packages/{uuid4()}",
            f"/evidence/entries/{entry}?size=1000000",
            f"/evidence/packages/{entry}?size=1000000",
            "/evidence/consistency?first=1&second=1000000",
        ):
            assert (await http.get(path)).status_code == not_there(block), path


@pytest.mark.parametrize("block", BLOCKS)
async def test_what_has_no_place_yet_is_not_proven(stages, block: str) -> None:
    stage: Stage = await stages(block)
    made = await stage.app.state.ledger.note(Entry("thing.read", "a", tenant=TENANT))
    async with await stage.full_client() as http:
        assert (await http.get(f"/evidence/entries/{made}")).json()["proof"] is None
        assert (await http.get(f"/evidence/packages/{made}")).status_code == conflict(block)


@pytest.mark.parametrize("block", BLOCKS)
async def test_a_ledger_without_entries_has_no_checkpoint(block: str) -> None:
    async with staged(block, filled_in=False) as stage, stage.client() as http:
        answer = await http.get("/evidence/checkpoints/latest")
        assert answer.status_code == not_there(block)


@pytest.mark.parametrize("block", BLOCKS)
async def test_a_fork_is_told_in_every_block(stages, block: str) -> None:
    stage: Stage = await stages(block)
    async with await stage.full_client() as http:
        for seed, status in ((b"one", 200), (b"two", conflict(block))):
            body = {"ledger": "other", "checkpoint": OTHER.checkpoint(1, seed)}
            answer = await http.post("/evidence/cosignatures", json=body)
            assert answer.status_code == status


@pytest.mark.parametrize("block", [block for block in BLOCKS if block != "gateway"])
async def test_a_right_to_everything_does_not_erase(stages, block: str) -> None:
    stage: Stage = await stages(block)
    everything = Caller(f"{TENANT}/clinic", TENANT, scopes=frozenset({"*"}))
    async with stage.client(everything) as http:
        answer = await http.post("/evidence/erasures", json={"subject": "EE5"})
        assert answer.status_code == 403
