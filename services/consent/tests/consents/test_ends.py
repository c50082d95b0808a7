"""Another end of a consent, chosen by the individual (CON-7.events)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.evidence import Search

TERMS = {"extensible": {"maxTimes": 1, "days": 30}}
STAYS = {"extensible": {"maxTimes": 2, "days": 30, "signatureStays": True}}


class Consent:
    """A signed consent of the mother's, and what she does with its end."""

    def __init__(self, house, individual, agreement, record: dict[str, Any]) -> None:
        self.house = house
        self.individual = individual
        self.agreement = agreement
        self.record = record["id"]
        self.ends = record.get("expiresAt") and datetime.fromisoformat(record["expiresAt"])

    @classmethod
    async def signed(cls, house, **agreement):
        made = await house.agreement(**agreement)
        mother = await house.individual()
        kept = await house.sign(mother, made["id"])
        return cls(house, mother, made, kept["consentRecord"])

    async def put(self, ends: datetime | None, **more):
        sent = {"optIn": True, **more} | ({"expiresAt": ends.isoformat()} if ends else {})
        return await self.house.client.put(
            f"/service/individual/record/consent-record/{self.record}/",
            json={"consentRecord": sent},
            headers=self.house.whose(self.individual),
        )

    async def reason(self):
        return (await self.house.decide(self.agreement["id"]))["reason"]

    async def sign_again(self):
        place = f"/service/individual/record/consent-record/{self.record}/signature/"
        whose = {"headers": self.house.whose(self.individual)}
        begun = (await self.house.client.post(place, **whose)).json()["signature"]
        scan = {"verificationMethod": "paper-scan", "verificationArtifact": "c2Nhbg=="}
        body = {"signature": {**begun, **scan, "signature": "scan-2"}}
        answer = await self.house.client.put(place, json=body, **whose)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def consent(house):
    return await Consent.signed(house, validityDays=10, terms=TERMS)


async def test_an_extension_is_a_new_state_to_be_signed(consent, app) -> None:
    later = consent.ends + timedelta(days=30)

    answer = (await consent.put(later)).json()

    assert datetime.fromisoformat(answer["consentRecord"]["expiresAt"]) == later
    assert answer["consentRecord"]["state"] == "unsigned"
    assert answer["revision"]["predecessorHash"]
    assert await consent.reason() == "not-signed"
    await consent.sign_again()
    assert await consent.reason() == "permitted"
    (entry,) = await app.state.ledger.search(Search(kinds=["consent.expiry-changed"]))
    assert entry.facts["revision"] == answer["revision"]["id"]
    assert (entry.facts["state"], entry.object.rpartition("/")[2]) == ("unsigned", consent.record)
    assert len(await consent.house.audit_revisions(consent.record)) == 2


async def test_the_signature_stays_where_the_terms_say_so(house) -> None:
    consent = await Consent.signed(house, validityDays=10, terms=STAYS)
    for _ in range(2):
        consent.ends += timedelta(days=30)
        assert (await consent.put(consent.ends)).json()["consentRecord"]["state"] == "signed"
        assert await consent.reason() == "permitted"
    assert (await consent.put(consent.ends + timedelta(days=1))).status_code == 400, "maxTimes"


async def test_an_extension_is_not_longer_than_the_terms_let_it(consent) -> None:
    answer = await consent.put(consent.ends + timedelta(days=30, seconds=1))
    assert (answer.status_code, "30 days" in answer.json()["detail"]) == (400, True)
    assert await consent.reason() == "permitted"


async def test_without_terms_nothing_is_extended(house) -> None:
    consent = await Consent.signed(house, validityDays=10)
    assert (await consent.put(consent.ends + timedelta(days=1))).status_code == 400


async def test_terms_of_now_and_those_agreed_to_let_it_both(house, consent, client) -> None:
    changed = house.agreement_body(validityDays=10)
    path = f"/config/data-agreement/{consent.agreement['id']}/"
    await client.put(path, json={"dataAgreement": changed})
    assert (await consent.put(consent.ends + timedelta(days=1))).status_code == 400
    await client.delete(path)
    assert (await consent.put(consent.ends + timedelta(days=1))).status_code == 400


@pytest.mark.parametrize("change", ["opt_in = false", "state = 'unsigned'", "expires_at = now()"])
async def test_only_a_consent_that_stands_is_extended(consent, app, change) -> None:
    async with app.state.database.connection() as connection:
        await connection.fetch(f"UPDATE consent_record SET {change}")  # noqa: S608  from above
    later = datetime.now(UTC) + timedelta(days=11)
    answer = await consent.put(later, optIn="opt_in" not in change)
    refused = answer.status_code == 400
    assert refused or answer.json()["consentRecord"].get("expiresAt") != later.isoformat()


async def test_an_earlier_end_is_always_possible_and_keeps_the_signature(consent, client) -> None:
    await client.delete(f"/config/data-agreement/{consent.agreement['id']}/")
    sooner = datetime.now(UTC) + timedelta(days=1)

    answer = (await consent.put(sooner)).json()

    assert datetime.fromisoformat(answer["consentRecord"]["expiresAt"]) == sooner
    assert answer["consentRecord"]["state"] == "signed"
    assert answer["revision"]["predecessorSignature"]
    past = await consent.put(datetime.now(UTC) - timedelta(seconds=1))
    assert past.status_code == 400


async def test_a_consent_without_an_end_gets_one(house) -> None:
    consent = await Consent.signed(house)
    sooner = datetime.now(UTC) + timedelta(seconds=60)
    assert (await consent.put(sooner)).status_code == 200
    answer = await house.decide(consent.agreement["id"])
    assert datetime.fromisoformat(answer["expiresAt"]) == sooner


async def test_the_same_end_again_changes_nothing(consent) -> None:
    first = (await consent.put(None)).json()
    assert (await consent.put(consent.ends)).json() == first


async def test_an_extension_keeps_what_was_fetched(house) -> None:
    terms = {"fetchType": "oneshot", **STAYS}
    consent = await Consent.signed(house, validityDays=10, terms=terms)
    assert await consent.reason() == "permitted"
    assert (await consent.put(consent.ends + timedelta(days=1))).status_code == 200
    assert await consent.reason() == "already-fetched"
