"""What individuals give, withdraw and see."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785

from kit.evidence import Search

MOTHER = "EE49001010002"
RECORDS = "/service/individual/record/consent-record/"
UNDER = "/service/individual/record/data-agreement/"


async def test_withdrawing_keeps_what_was_and_ends_the_signature(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = await house.sign(mother, agreement["id"])
    record = signed["consentRecord"]["id"]

    withdrawn = await house.opt(mother, record, opt_in=False)
    again = await house.opt(mother, record, opt_in=False)
    back = await house.opt(mother, record, opt_in=True)

    assert withdrawn == again
    assert withdrawn["consentRecord"]["state"] == "unsigned"
    assert withdrawn["revision"]["predecessorHash"] == signed["revision"]["serializedHash"]
    assert "predecessorSignature" in withdrawn["revision"]
    assert "predecessorSignature" not in back["revision"]
    assert back["consentRecord"]["state"] == "unsigned"
    assert (await house.decide(agreement["id"]))["reason"] == "not-signed"
    snapshots = [
        json.loads(each["serializedSnapshot"])["objectData"]["optIn"]
        for each in await house.audit_revisions(record)
    ]
    assert snapshots == [True, False, True]


async def test_giving_without_a_signature_twice_is_giving_once(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    path, whose = f"{UNDER}{agreement['id']}/", house.whose(mother)

    first = await client.post(path, headers=whose)
    by_query = await client.post(path, params={"individualId": mother})
    refused = await client.post(path, params={"optIn": False}, headers=whose)

    assert first.json() == by_query.json()
    assert first.json()["consentRecord"]["state"] == "unsigned"
    assert first.json()["revision"]["signedWithoutObjectId"] is False
    assert refused.json()["consentRecord"]["optIn"] is False
    assert refused.json()["consentRecord"]["id"] == first.json()["consentRecord"]["id"]


async def test_a_signed_record_keeps_the_agreement_it_was_given_under(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    old = (await house.sign(mother, agreement["id"]))["consentRecord"]
    changed = {"dataAgreement": house.agreement_body(purpose="Another")}
    await client.put(f"/config/data-agreement/{agreement['id']}/", json=changed)

    kept = (await house.records(mother))[0]
    assert kept["dataAgreementRevisionHash"] == old["dataAgreementRevisionHash"]
    assert kept["dataAgreement"]["purpose"] == "Register a child"
    assert (await house.decide(agreement["id"]))["permitted"] is True

    new = (await house.sign(mother, agreement["id"]))["consentRecord"]
    assert new["id"] != old["id"]
    assert [each["id"] for each in await house.records(mother)] == [new["id"]]
    every = await client.get(f"{UNDER}{agreement['id']}/all/", headers=house.whose(mother))
    assert [each["id"] for each in every.json()["consentRecords"]] == [new["id"], old["id"]]
    superseded = await client.put(
        f"{RECORDS}{old['id']}/",
        json={"consentRecord": {"optIn": False}},
        headers=house.whose(mother),
    )
    assert superseded.status_code == 400
    assert new["id"] in superseded.json()["detail"]


async def test_only_what_is_forgettable_is_deleted(house, client, app) -> None:
    kept = await house.agreement()
    gone = await house.agreement(forgettable=True)
    begun = await house.agreement()
    mother = await house.individual()
    stays = (await house.sign(mother, kept["id"]))["consentRecord"]["id"]
    goes = (await house.sign(mother, gone["id"]))["consentRecord"]["id"]
    stray = await client.post(f"{UNDER}{begun['id']}/", headers=house.whose(mother))

    answer = await client.delete("/service/individual/record/", headers=house.whose(mother))

    assert sorted(answer.json()["deleted"]) == sorted([goes, stray.json()["consentRecord"]["id"]])
    assert [each["id"] for each in await house.records(mother)] == [stays]
    assert len(await house.audit_revisions(goes)) == 1, "the chain stays, it names nobody"
    logged = await app.state.ledger.search(Search(kinds=["consent.forgotten"], subject=MOTHER))
    assert len(logged) == 2
    again = await client.delete("/service/individual/record/", headers=house.whose(mother))
    assert again.json() == {"deleted": []}


async def test_whoever_names_no_individual_or_two_is_400(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    path = f"{UNDER}{agreement['id']}/"

    assert (await client.post(path)).status_code == 400
    assert (await client.get(RECORDS)).status_code == 400
    assert (await client.get(RECORDS, headers=house.whose("unknown"))).status_code == 400
    two = await client.post(path, params={"individualId": "x"}, headers=house.whose(mother))
    assert two.status_code == 400
    nothing = await client.get(path, headers=house.whose(mother))
    assert nothing.status_code == 400
    unknown = await client.put(
        f"{RECORDS}unknown/", json={"consentRecord": {"optIn": True}}, headers=house.whose(mother)
    )
    assert unknown.status_code == 400


async def test_a_record_stays_under_its_revision(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    body = {"consentRecord": {"optIn": False, "dataAgreementRevisionHash": "0" * 40}}

    answer = await client.put(f"{RECORDS}{record}/", json=body, headers=house.whose(mother))

    assert answer.status_code == 400


async def test_another_member_reaches_no_record(house, house_for) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    other = house_for(client="TEST/GOV/2002/hospital").client
    whose = house.whose(mother)

    for answer in (
        await other.get(RECORDS, headers=whose),
        await other.put(
            f"{RECORDS}{record}/", json={"consentRecord": {"optIn": False}}, headers=whose
        ),
        await other.get(f"/service/verification/consent-record/{record}/"),
        await other.post(f"{UNDER}{agreement['id']}/", headers=whose),
    ):
        assert answer.status_code == 400


async def test_a_person_sees_and_withdraws_what_she_gave_anywhere(house, house_for) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    portal = house_for(client="TEST/GOV/2002/portal", person=MOTHER)
    stranger = house_for(client="TEST/GOV/2002/portal", person="EE1")

    mine = (await portal.client.get(RECORDS)).json()["consentRecords"]
    assert [(each["id"], each["individual"]["id"]) for each in mine] == [(record, mother)]
    assert (await stranger.client.get(RECORDS)).json() == {"consentRecords": []}
    for nobody in (mother, "unknown"):
        refused = await stranger.client.get(RECORDS, headers=house.whose(nobody))
        assert refused.status_code == 403
    unnamed = await portal.client.put(
        f"{RECORDS}{record}/", json={"consentRecord": {"optIn": False}}
    )
    assert unnamed.status_code == 400

    await portal.opt(mother, record, opt_in=False)

    assert (await house.decide(agreement["id"]))["reason"] == "opted-out"


async def test_every_action_of_hers_is_in_the_log(house, app) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    await house.records(mother)
    await house.opt(mother, record, opt_in=False)

    found = await app.state.ledger.search(Search(subject=MOTHER))

    assert [entry.kind for entry in found] == [
        "consent.withdrawn",
        "consent.viewed",
        "consent.given",
        "consent.drafted",
        "individual.created",
    ]


async def test_a_first_refusal_is_logged_as_one(house, app) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    await house.sign(mother, agreement["id"], optIn=False)

    found = await app.state.ledger.search(Search(kinds=["consent.refused"], subject=MOTHER))

    assert len(found) == 1


async def test_forgetting_a_newer_record_does_not_bring_an_older_consent_back(
    house, client
) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    old = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    path = f"/config/data-agreement/{agreement['id']}/"
    newer = {"dataAgreement": house.agreement_body(forgettable=True)}
    await client.put(path, json=newer)
    new = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    await house.opt(mother, new, opt_in=False)

    gone = await client.delete("/service/individual/record/", headers=house.whose(mother))

    assert gone.json() == {"deleted": [new]}
    assert [each["id"] for each in await house.records(mother)] == [old]
    assert (await house.decide(agreement["id"]))["reason"] == "opted-out"


async def test_cleaning_up_an_unfinished_signing_leaves_the_earlier_consent(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    await house.sign(mother, agreement["id"])
    newer = {"dataAgreement": house.agreement_body(purpose="Another")}
    await client.put(f"/config/data-agreement/{agreement['id']}/", json=newer)
    await client.post(f"{UNDER}{agreement['id']}/", headers=house.whose(mother))
    assert (await house.decide(agreement["id"]))["reason"] == "not-signed"

    await client.delete("/service/individual/record/", headers=house.whose(mother))

    assert (await house.decide(agreement["id"]))["permitted"] is True


def drafted_elsewhere(draft: dict[str, Any], ahead: timedelta) -> dict[str, Any]:
    """Return a draft as a server would have made it whose clock is ahead."""
    at = (datetime.now(UTC) + ahead).isoformat(timespec="microseconds").replace("+00:00", "Z")
    signature = draft["signature"]
    state = json.loads(signature["verificationPayload"]) | {"timestamp": at}
    text = rfc8785.dumps(state)
    says = {
        "verificationPayload": text.decode(),
        "verificationPayloadHash": hashlib.sha256(text).hexdigest(),
        "timestamp": at,
    }
    payload = rfc8785.dumps(json.loads(signature["payload"]) | says).decode()
    return {**draft, "signature": {**signature, **says, "payload": payload}}


async def test_who_withdraws_where_the_clock_is_behind_has_withdrawn(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    draft = drafted_elsewhere(await house.draft(mother, agreement["id"]), timedelta(seconds=30))
    given = await house.submit(mother, house.on_paper(draft))
    record = given["consentRecord"]["id"]
    assert (await house.decide(agreement["id"]))["permitted"]
    withdrawn = await house.opt(mother, record, opt_in=False)
    assert not (await house.decide(agreement["id"]))["permitted"]
    times = [given["revision"]["timestamp"], withdrawn["revision"]["timestamp"]]
    first, second = map(datetime.fromisoformat, times)
    assert second - first == timedelta(microseconds=1)
    walk = (await client.get("/audit/verify/", params={"objectId": record})).json()
    assert (walk["valid"], walk["checked"]) == (True, 2)


async def test_refusing_again_what_had_ended_changes_nothing(house) -> None:
    agreement, mother = await house.agreement(validityDays=30), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]
    ends = datetime.now(UTC) + timedelta(seconds=0.2)
    path = f"/service/individual/record/consent-record/{record}/"
    body = {"consentRecord": {"optIn": True, "expiresAt": ends.isoformat()}}
    ended = await house.client.put(path, json=body, headers=house.whose(mother))
    await asyncio.sleep(0.3)
    await house.opt(mother, record, opt_in=False)
    before = await house.audit_revisions(record)

    path = f"/service/individual/record/data-agreement/{agreement['id']}/?optIn=false"
    again = await house.client.post(path, headers=house.whose(mother))

    assert (ended.status_code, again.status_code) == (200, 200)
    assert await house.audit_revisions(record) == before
