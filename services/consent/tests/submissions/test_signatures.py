"""Signatures made with keys, and signatures that sign one another."""

import copy
import hashlib
import json

import pytest
from joserfc.jwk import ECKey, OKPKey

RECORDS = "/service/individual/record/consent-record/"


@pytest.fixture
def trusted(configure) -> OKPKey:
    """Return a key that the operator trusts while the test runs; its kid is desk-1."""
    key = OKPKey.generate_key("Ed25519")
    keys = {"keys": [{**key.as_dict(private=False), "kid": "desk-1"}]}
    configure(signing_keys=json.dumps(keys))
    return key


async def _given(house, **more):
    agreement, mother = await house.agreement(**more), await house.individual()
    return agreement, mother, await house.draft(mother, agreement["id"])


@pytest.mark.parametrize(("kind", "curve"), [(OKPKey, "Ed25519"), (ECKey, "P-256")])
async def test_a_cryptographic_signature_is_verified(house, kind, curve) -> None:
    _, mother, draft = await _given(house)
    key = kind.generate_key(curve)
    good = {**draft, "signature": house.with_key(draft["signature"], key)}
    forged, whole, keyless = copy.deepcopy(good), copy.deepcopy(good), copy.deepcopy(good)
    forged["signature"]["verificationPublicKey"] = kind.generate_key(curve).as_dict(private=False)
    whole["signature"]["verificationPublicKey"] = key.as_dict(private=True)
    del keyless["signature"]["verificationPublicKey"]

    for bad in (forged, whole, keyless):
        answer = await house.client.post(RECORDS, json=bad, headers=house.whose(mother))
        assert answer.status_code == 400
    kept = await house.submit(mother, good)

    assert kept["consentRecord"]["state"] == "signed"
    assert kept["signature"]["verificationTrust"] == "presented"


async def test_where_keys_are_trusted_a_jws_counts_with_one_of_them_only(house, trusted) -> None:
    _, mother, draft = await _given(house)
    stranger = OKPKey.generate_key("Ed25519")
    for bad in (
        house.with_key(draft["signature"], stranger),
        house.with_key(draft["signature"], stranger, kid="desk-1"),
        house.with_key(draft["signature"], trusted),
        house.with_key(draft["signature"], trusted, kid="desk-2"),
        {
            **house.with_key(draft["signature"], trusted, kid="desk-1"),
            "verificationPublicKey": stranger.as_dict(private=False),
        },
    ):
        sent = {**draft, "signature": bad}
        answer = await house.client.post(RECORDS, json=sent, headers=house.whose(mother))
        assert answer.status_code == 400, answer.text
    assert await house.records(mother) == []

    good = house.with_key(draft["signature"], trusted, kid="desk-1")
    del good["verificationPublicKey"]
    kept = await house.submit(mother, {**draft, "signature": good})

    assert kept["signature"]["verificationTrust"] == "trusted"
    key = trusted.as_dict(private=False)
    assert kept["signature"]["verificationPublicKey"]["x"] == key["x"], "what it was verified with"


async def test_a_scan_is_vouched_for_by_no_key(house, trusted) -> None:
    agreement, mother, draft = await _given(house)
    assert draft["signature"]["verificationTrust"] == "none"

    kept = await house.sign(mother, agreement["id"])

    assert kept["signature"]["verificationTrust"] == "none"


async def test_the_header_of_a_jws_may_be_readable(house) -> None:
    _, mother, draft = await _given(house)
    key = OKPKey.generate_key("Ed25519")
    signed = house.with_key(draft["signature"], key)
    signed["verificationJwsHeader"] = '{"alg":"Ed25519"}'

    kept = await house.submit(mother, {**draft, "signature": signed})

    assert kept["consentRecord"]["state"] == "signed"


# -- one signs the other ------------------------------------------------------------------------


class Chain:
    """A signed record, and what is done with its further signatures."""

    def __init__(self, house, mother, agreement, kept) -> None:
        self.house, self.mother, self.agreement = house, mother, agreement
        self.record, self.first = kept["consentRecord"]["id"], kept["signature"]
        self.path = f"{RECORDS}{self.record}/signature/"

    async def begin(self) -> dict:
        answer = await self.house.client.post(self.path, headers=self.house.whose(self.mother))
        assert answer.status_code == 200, answer.text
        return answer.json()["signature"]

    async def put(self, signature: dict):
        return await self.house.client.put(
            self.path, json={"signature": signature}, headers=self.house.whose(self.mother)
        )

    async def countersign(self, by: str = "Notary") -> dict:
        spoken = {"verificationMethod": "declaration", "verificationSignedBy": by}
        answer = await self.put({**await self.begin(), **spoken})
        assert answer.status_code == 200, answer.text
        return answer.json()["signature"]

    async def read(self) -> dict:
        answer = await self.house.client.get(
            f"/service/individual/record/data-agreement/{self.agreement}/",
            headers=self.house.whose(self.mother),
        )
        return answer.json()["consentRecord"]


@pytest.fixture
async def chain(house) -> Chain:
    agreement, mother = await house.agreement(), await house.individual()
    kept = await house.sign(mother, agreement["id"])
    return Chain(house, mother, agreement["id"], kept)


async def test_a_further_signature_signs_the_one_before_it(chain) -> None:
    begun = await chain.begin()
    assert await chain.begin() == begun, "what waits to be signed is asked for again"
    second, third = await chain.countersign("Guardian"), await chain.countersign("Notary")

    assert (begun["objectType"], begun["objectReference"]) == ("signature", chain.first["id"])
    assert (third["objectType"], third["objectReference"]) == ("signature", second["id"])
    for signed, before in ((second, chain.first), (third, second)):
        text = f"{before['payload']}\n{before['signature']}"
        assert json.loads(signed["verificationPayload"]) == {
            "signature": before["id"],
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        digest = hashlib.sha256(signed["verificationPayload"].encode()).hexdigest()
        assert signed["verificationPayloadHash"] == digest
    read = await chain.read()
    assert read["signatures"] == [chain.first, second, third]
    assert read["signature"] == chain.first
    assert read["state"] == "signed"


async def test_a_further_signature_is_checked_as_the_first_was(chain) -> None:
    key, other = OKPKey.generate_key("Ed25519"), OKPKey.generate_key("Ed25519")
    begun = await chain.begin()
    good = chain.house.with_key(begun, key)
    forged = {**good, "verificationPublicKey": other.as_dict(private=False)}
    of_the_first = chain.house.with_key({**begun, "payload": chain.first["payload"]}, key)

    assert (await chain.put(forged)).status_code == 400
    assert (await chain.put(of_the_first)).status_code == 400
    signed = await chain.put(good)

    assert signed.json()["signature"]["verificationTrust"] == "presented"


async def test_each_signature_that_is_sent_again_is_answered_as_it_stands(chain) -> None:
    second = await chain.countersign()
    begun = await chain.begin()

    for kept in (chain.first, second):
        again = await chain.put(kept)
        assert (again.status_code, again.json()["signature"]) == (200, kept)
    changed = await chain.put({**second, "verificationSignedBy": "Somebody else"})
    assert changed.status_code == 400
    assert (await chain.read())["signatures"] == [chain.first, second, begun]


async def test_nothing_is_signed_that_was_not_begun(chain) -> None:
    spoken = {"verificationMethod": "declaration", "verificationSignedBy": "Somebody else"}

    answer = await chain.put({**chain.first, **spoken})

    assert (answer.status_code, answer.json()["title"]) == (400, "No signature was begun")


async def test_the_next_revision_covers_the_last_of_the_chain(chain) -> None:
    second = await chain.countersign()
    await chain.begin()  # and signed by nobody

    withdrawn = await chain.house.opt(chain.mother, chain.record, opt_in=False)

    text = f"{second['payload']}\n{second['signature']}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert withdrawn["revision"]["predecessorSignature"] == digest


async def test_a_withdrawal_ends_every_signature(chain) -> None:
    second = await chain.countersign()
    begun = await chain.begin()
    spoken = {"verificationMethod": "declaration", "verificationSignedBy": "Notary"}
    await chain.house.opt(chain.mother, chain.record, opt_in=False)

    for old in (chain.first, second, {**begun, **spoken}):
        assert (await chain.put(old)).status_code == 400
    read = await chain.read()

    assert (read["optIn"], read["state"]) == (False, "unsigned")
    assert not {"signature", "signatures"} & read.keys()


async def test_forgetting_takes_every_signature_along(house, database) -> None:
    agreement, mother = await house.agreement(forgettable=True), await house.individual()
    kept = await house.sign(mother, agreement["id"])
    await Chain(house, mother, agreement["id"], kept).countersign()
    path = "/service/individual/record/"

    answer = await house.client.delete(path, headers=house.whose(mother))

    assert answer.json()["deleted"] == [kept["consentRecord"]["id"]]
    async with database.connection() as connection:
        assert await connection.driver.fetchval("SELECT count(*) FROM signature") == 0


async def test_an_agreement_that_ended_takes_no_further_signature(chain) -> None:
    await chain.house.client.delete(f"/config/data-agreement/{chain.agreement}/")

    begun = await chain.house.client.post(chain.path, headers=chain.house.whose(chain.mother))
    again = await chain.put(chain.first)

    assert begun.status_code == 400
    assert again.json()["signature"] == chain.first, "what was signed stays signed"


async def test_a_chain_has_an_end(chain) -> None:
    for number in range(2, 21):
        await chain.countersign(f"Witness {number}")

    answer = await chain.house.client.post(chain.path, headers=chain.house.whose(chain.mother))

    assert (answer.status_code, answer.json()["title"]) == (400, "No more signatures")
    assert len((await chain.read())["signatures"]) == 20
