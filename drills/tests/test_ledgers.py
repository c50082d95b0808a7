"""What the drill makes of promises: only those that the ledger named in them has signed count."""

import json
from dataclasses import replace

import pytest
from drills import ledgers
from drills.house import PARTS, House
from drills.load import Attempt

from kit.evidence import Signer, new_signing_keys
from kit.evidence.signing import CHECKPOINT, PROMISE

ENTRY = {"at": "2026-11-22T10:00:00.000000Z", "id": "an id", "leaf": "00"}
ANSWERED = Attempt("read", "key", 1, 0.0, 0.0, 0.1, 200, "", "a request", {})


@pytest.fixture
def house(tmp_path) -> House:
    keys = {part: new_signing_keys() for part in PARTS}
    (tmp_path / "secrets.json").write_text(json.dumps({"evidence_keys": keys}))
    return House(tmp_path)


def word(house: House, signer: str, ledger: str, kind: str = PROMISE) -> str:
    keys = json.loads((house.home / "secrets.json").read_text())["evidence_keys"]
    return Signer(keys[signer]).sign(kind, {"ledger": ledger, "entries": [ENTRY]})


def test_promises_are_counted_for_the_ledgers_that_signed_them(house):
    given = word(house, "registry", "registry"), word(house, "gateway", "gateway")
    found, broken = ledgers.promised(house, [replace(ANSWERED, promises=given)])
    assert not broken
    assert found == {"registry": {"an id": "00"}, "gateway": {"an id": "00"}}


def test_an_answer_without_a_promise_of_the_gateway_breaks_one(house):
    without = ANSWERED, replace(ANSWERED, promises=(word(house, "registry", "registry"),))
    assert len(ledgers.promised(house, without)[1]) == 2
    assert not ledgers.promised(house, [replace(ANSWERED, status=503)])[1]


@pytest.mark.parametrize(
    ("signer", "ledger", "kind"),
    [("registry", "gateway", PROMISE), ("gateway", "gateway", CHECKPOINT)],
)
def test_a_promise_counts_only_as_its_ledger_signed_it(house, signer, ledger, kind):
    given = (word(house, signer, ledger, kind),)
    found, broken = ledgers.promised(house, [replace(ANSWERED, promises=given)])
    assert not found
    assert len(broken) == 2
