"""From a draft to a signed record."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.canonical import canonical
from kit.testing import clients_of

RECORDS = "/service/individual/record/consent-record/"


async def test_a_draft_is_kept_nowhere_and_has_no_id(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()

    draft = await house.draft(mother, agreement["id"])

    assert "id" not in draft["consentRecord"]
    assert "id" not in draft["signature"]
    assert draft["signature"]["signedWithoutObjectReference"] is True
    assert json.loads(draft["signature"]["verificationPayload"])["signedWithoutObjectId"] is True
    assert await house.records(mother) == []


async def test_what_was_signed_is_what_the_revision_says(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()

    kept = await house.sign(mother, agreement["id"])

    assert kept["revision"]["serializedSnapshot"] == kept["signature"]["verificationPayload"]
    assert kept["signature"]["objectReference"] == kept["revision"]["id"]
    assert kept["consentRecord"]["state"] == "signed"
    assert kept["consentRecord"]["dataAgreementRevisionHash"] == agreement["hash"]
    assert [each["id"] for each in await house.records(mother)] == [kept["consentRecord"]["id"]]


async def test_the_same_submit_again_answers_the_same_pair(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = house.on_paper(await house.draft(mother, agreement["id"]))

    first = await house.submit(mother, signed)
    assert await house.submit(mother, signed) == first

    other = await house.sign(mother, agreement["id"])
    assert other == first, "a valid record stands, with its old time"
    entries = await house.audit_revisions(first["consentRecord"]["id"])
    assert len(entries) == 1


async def test_the_signer_may_fill_in_the_payload(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = house.on_paper(await house.draft(mother, agreement["id"]))
    payload = json.loads(signed["signature"]["payload"])
    payload["verificationMethod"] = "paper-scan"
    payload["verificationArtifact"] = "c2Nhbg=="
    signed["signature"]["payload"] = canonical(payload).decode()

    kept = await house.submit(mother, signed)

    assert json.loads(kept["signature"]["payload"]) == payload


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    place=st.integers(0, 10_000), character=st.characters(codec="ascii", exclude_characters="\0")
)
async def test_one_changed_character_of_the_payload_is_refused(house, place, character) -> None:
    agreement, mother = await house.agreement(), await house.individual(f"EE{place}{character!r}")
    signed = house.on_paper(await house.draft(mother, agreement["id"]))
    payload = signed["signature"]["payload"]
    place %= len(payload)
    changed = payload[:place] + character + payload[place + 1 :]
    signed["signature"]["payload"] = changed

    answer = await house.client.post(RECORDS, json=signed, headers=house.whose(mother))

    if changed == payload:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 400, answer.text
        assert await house.records(mother) == []
    await house.client.delete("/service/individual/record/", headers=house.whose(mother))


@pytest.mark.parametrize(
    "change",
    [
        {"optIn": False},
        {"dataAgreementRevisionHash": "0" * 40},
        {"individual": {"id": "somebody-else"}},
        {"expiresAt": "2999-01-01T00:00:00Z"},
        {"dataAgreement": {"id": "unknown"}},
    ],
)
async def test_a_record_beside_its_payload_is_refused(house, change) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = house.on_paper(await house.draft(mother, agreement["id"]))
    signed["consentRecord"] |= change

    answer = await house.client.post(RECORDS, json=signed, headers=house.whose(mother))

    assert answer.status_code == 400
    assert await house.records(mother) == []


@pytest.mark.parametrize(
    "payload",
    ["", "[]", "{", '{"verificationPayload": 1}', '{"verificationPayload": "{}"}', '{"a":1,"a":1}'],
)
async def test_a_payload_that_is_no_serialization_is_refused(house, payload) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = house.on_paper(await house.draft(mother, agreement["id"]))
    signed["signature"]["payload"] = payload

    answer = await house.client.post(RECORDS, json=signed, headers=house.whose(mother))

    assert answer.status_code == 400


async def test_an_agreement_that_moved_on_refuses_the_old_revision(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    draft = await house.draft(mother, agreement["id"])
    pinned = draft["consentRecord"]["dataAgreementRevision"]["id"]
    changed = {"dataAgreement": house.agreement_body(purpose="Another purpose")}
    await house.client.put(f"/config/data-agreement/{agreement['id']}/", json=changed)

    submitted = await house.client.post(
        RECORDS, json=house.on_paper(draft), headers=house.whose(mother)
    )
    again = await house.client.post(
        f"{RECORDS}draft/",
        params={"dataAgreementId": agreement["id"], "revisionId": pinned},
        headers=house.whose(mother),
    )

    assert (submitted.status_code, again.status_code) == (400, 400)
    assert await house.records(mother) == []


async def test_a_spent_signature_does_not_undo_a_withdrawal(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    early = house.on_paper(await house.draft(mother, agreement["id"]))
    signed = house.on_paper(await house.draft(mother, agreement["id"]))
    record = (await house.submit(mother, signed))["consentRecord"]["id"]
    await house.opt(mother, record, opt_in=False)

    for old in (signed, early):
        answer = await house.client.post(RECORDS, json=old, headers=house.whose(mother))
        assert answer.status_code == 400
    assert (await house.decide(agreement["id"]))["reason"] == "opted-out"

    again = await house.sign(mother, agreement["id"])
    assert again["consentRecord"]["id"] == record
    assert (await house.decide(agreement["id"]))["permitted"] is True


async def test_a_refusal_can_be_signed(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()

    kept = await house.sign(mother, agreement["id"], optIn=False)

    assert (kept["consentRecord"]["optIn"], kept["consentRecord"]["state"]) == (False, "signed")
    assert (await house.decide(agreement["id"]))["reason"] == "opted-out"


async def test_a_consent_may_end_earlier_than_its_agreement_says_but_not_later(house) -> None:
    agreement = await house.agreement(validityDays=30, maxAgeSeconds=60)
    mother = await house.individual()
    whose, path = house.whose(mother), f"{RECORDS}draft/"
    asked = {"dataAgreementId": agreement["id"], "expiresAt": "2999-01-01T00:00:00Z"}
    assert (await house.client.post(path, params=asked, headers=whose)).status_code == 400

    first = (await house.sign(mother, agreement["id"]))["consentRecord"]["expiresAt"]

    assert (await house.records(mother))[0]["expiresAt"] == first
    assert (await house.decide(agreement["id"]))["maxAgeSeconds"] == 60


@pytest.mark.parametrize(
    "signer",
    [
        {"verificationMethod": "paper-scan", "verificationArtifact": ""},
        {"verificationMethod": "declaration"},
        {"verificationMethod": "handshake"},
        {"verificationMethod": ""},
        {"verificationMethod": "jws", "verificationPublicKey": {"kty": "oct", "k": "AA"}},
        {"verificationPayloadHash": "0"},
    ],
)
async def test_a_signature_must_have_what_its_method_needs(house, signer) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = house.on_paper(await house.draft(mother, agreement["id"]))
    signed["signature"] |= {"verificationJwsHeader": "e30", **signer}

    answer = await house.client.post(RECORDS, json=signed, headers=house.whose(mother))

    assert answer.status_code == 400


async def test_an_unsigned_record_is_signed_in_two_steps(house) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    whose = house.whose(mother)
    given = await house.client.post(
        f"/service/individual/record/data-agreement/{agreement['id']}/", headers=whose
    )
    record = given.json()["consentRecord"]
    path = f"{RECORDS}{record['id']}/signature/"
    assert (await house.decide(agreement["id"]))["reason"] == "not-signed"
    early = await house.client.put(path, json={"signature": {"payload": "{}"}}, headers=whose)
    assert early.status_code == 400, "nothing was begun"

    begun = (await house.client.post(path, headers=whose)).json()["signature"]
    assert (await house.client.post(path, headers=whose)).json()["signature"] == begun
    spoken = {"verificationMethod": "declaration", "verificationSignedBy": "Mari"}
    sent = {"signature": {**begun, **spoken}}
    signed = await house.client.put(path, json=sent, headers=whose)

    assert signed.status_code == 200, signed.text
    assert signed.json()["signature"]["objectReference"] == given.json()["revision"]["id"]
    assert (await house.client.put(path, json=sent, headers=whose)).json() == signed.json()
    assert (await house.decide(agreement["id"]))["permitted"] is True
    read = await house.client.get(
        f"/service/individual/record/data-agreement/{agreement['id']}/", headers=whose
    )
    assert read.json()["consentRecord"]["signature"]["verificationSignedBy"] == "Mari"


async def test_two_identical_submits_at_once_make_one_record(committed, house_type) -> None:
    at_once = house_type(clients_of(committed, "consent")(scopes={"*"}))
    agreement, mother = await at_once.agreement(), await at_once.individual()
    signed = at_once.on_paper(await at_once.draft(mother, agreement["id"]))

    answers = await asyncio.gather(*(at_once.submit(mother, signed) for _ in range(4)))

    assert all(answer == answers[0] for answer in answers)
    assert len(await at_once.records(mother)) == 1
    assert len(await at_once.audit_revisions(answers[0]["consentRecord"]["id"])) == 1
