"""Who acts for whom: by law or by request, for what and until when; the record says who it was."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from kit.evidence import Search

CHILD, GUARDIAN, AUNT, FRIEND = "EE62601010002", "EE49001010003", "EE48001010004", "EE38001010005"
OFFICE = "/config/representation/"
OWN = "/service/individual/representations/"
RECORDS = "/service/individual/record/consent-record/"
REPORT, SENT = "/service/transmissions/", "/service/individual/transmissions/"
PORTAL = "TEST/GOV/2002/portal"
EVIDENCE = "birth register, entry 4711"


def hence(**by: float) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


class People:
    """A child, a guardian, an aunt and a friend, each with a client of their own."""

    def __init__(self, house, house_for, ids: dict[str, str]) -> None:
        self.house, self.ids, self.house_for = house, ids, house_for

    def signed_in(self, person: str):
        return self.house_for(client=PORTAL, person=person, person_name="Mari")

    async def appoint(self, whom: str, who: str, status: int = 200, **more):
        body = {"individual": {"id": self.ids[whom]}, "representative": {"id": self.ids[who]}}
        if more.get("kind", "guardian") == "guardian":
            body |= {"kind": "guardian", "evidence": EVIDENCE}
        return await self._made(self.house.client, OFFICE, {**body, **more}, {}, status)

    async def delegate(self, actor: str, whom: str, who: str, status: int = 200, **more):
        until = hence(minutes=30) if more.get("parentId") else hence(hours=1)
        body = {"representative": {"id": self.ids[who]}, "endsAt": until, **more}
        client = self.signed_in(actor).client
        return await self._made(client, OWN, body, self.house.whose(self.ids[whom]), status)

    async def _made(self, client, path, body, headers, status):
        answer = await client.post(path, json={"representation": body}, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()["representation"] if status == 200 else answer.json()["detail"]

    async def may(self, actor: str, whom: str, agreement: str) -> bool:
        """Tell whether somebody can draw up a consent for another."""
        answer = await self.signed_in(actor).client.post(
            f"{RECORDS}draft/",
            params={"dataAgreementId": agreement},
            headers=self.house.whose(self.ids[whom]),
        )
        assert answer.status_code in {200, 403}, answer.text
        return answer.status_code == 200


@pytest.fixture
async def people(house, house_for) -> People:
    ids = {each: await house.individual(each) for each in (CHILD, GUARDIAN, AUNT, FRIEND)}
    return People(house, house_for, ids)


async def test_a_guardian_gives_and_withdraws_for_a_child_and_the_record_says_who(
    people, house, app
) -> None:
    agreement = await house.agreement()
    assert not await people.may(GUARDIAN, CHILD, agreement["id"])
    made = await people.appoint(CHILD, GUARDIAN)
    child, guardian = people.ids[CHILD], people.signed_in(GUARDIAN)

    signed = await guardian.sign(child, agreement["id"])
    record = signed["consentRecord"]
    by = {
        "individualId": people.ids[GUARDIAN],
        "representationId": made["id"],
        "kind": "guardian",
    }
    assert record["givenBy"] == by
    assert (await house.decide(agreement["id"], individual={"externalId": CHILD}))["permitted"]
    revision = (await house.audit_revisions(record["id"]))[0]
    assert revision["authorizedByOther"] == f"guardian/{made['id']}/{people.ids[GUARDIAN]}"
    assert "authorizedByIndividual" not in revision
    assert GUARDIAN not in str(revision)

    withdrawn = await guardian.opt(child, record["id"], opt_in=False)
    assert withdrawn["consentRecord"]["givenBy"] == by
    own = await people.signed_in(CHILD).opt(child, record["id"], opt_in=True)
    assert "givenBy" not in own["consentRecord"]

    for subject, kinds in (
        (CHILD, {"representation.created", "consent.given", "consent.withdrawn"}),
        (GUARDIAN, {"representation.created", "consent.given", "consent.withdrawn"}),
    ):
        found = await app.state.ledger.search(Search(subject=subject, limit=1000))
        assert kinds <= {entry.kind for entry in found}, subject
        gone = next(entry for entry in found if entry.kind == "consent.withdrawn")
        assert gone.detail["reader"] == GUARDIAN
        assert gone.facts["representations"] == [made["id"]]


async def test_evidence_is_sealed_and_told_to_administrations_only(people, house, app) -> None:
    made = await people.appoint(CHILD, GUARDIAN)
    assert made["evidence"] == EVIDENCE
    read = await house.client.get(f"{OFFICE}{made['id']}/")
    assert read.json()["representation"] == made
    async with app.state.database.connection() as rows:
        kept = await rows.driver.fetchval(
            "SELECT sealed FROM representation WHERE id = $1", made["id"]
        )
    assert EVIDENCE.encode() not in kept
    for person in (CHILD, GUARDIAN):
        listed = (await people.signed_in(person).client.get(OWN)).json()["representations"]
        assert [each["id"] for each in listed] == [made["id"]]
        assert EVIDENCE not in json.dumps(listed)
    assert (await people.signed_in(AUNT).client.get(OWN)).json()["representations"] == []


async def test_a_delegate_acts_until_the_end_and_no_moment_longer(people, house) -> None:
    agreement = await house.agreement()
    await people.delegate(AUNT, AUNT, FRIEND, endsAt=hence(seconds=1.5))
    assert await people.may(FRIEND, AUNT, agreement["id"])
    await asyncio.sleep(1.6)
    assert not await people.may(FRIEND, AUNT, agreement["id"])
    await people.delegate(AUNT, AUNT, FRIEND, startsAt=hence(minutes=5))
    assert not await people.may(FRIEND, AUNT, agreement["id"])


async def test_a_delegate_for_one_agreement_sees_and_does_nothing_under_another(
    people, house
) -> None:
    one, other = await house.agreement(forgettable=True), await house.agreement(purpose="Letters")
    aunt, friend = people.ids[AUNT], people.signed_in(FRIEND)
    first = (await house.sign(aunt, one["id"]))["consentRecord"]["id"]
    second = (await house.sign(aunt, other["id"]))["consentRecord"]["id"]
    await people.delegate(AUNT, AUNT, FRIEND, dataAgreements=[one["id"]])

    assert await people.may(FRIEND, AUNT, one["id"])
    assert not await people.may(FRIEND, AUNT, other["id"])
    assert [each["id"] for each in await friend.records(aunt)] == [first]
    headers = house.whose(aunt)
    under = f"/service/individual/record/data-agreement/{other['id']}/"
    out = {"consentRecord": {"optIn": False}}
    refused = (
        friend.client.get(under, headers=headers),
        friend.client.post(under, headers=headers),
        friend.client.put(f"{RECORDS}{second}/", json=out, headers=headers),
        friend.client.post(f"{RECORDS}{second}/signature/", headers=headers),
        friend.client.delete("/service/individual/record/", headers=headers),
        friend.client.get(f"/service/individual/{aunt}/"),
    )
    for each in refused:
        assert (await each).status_code == 403
    everything = await friend.client.get(f"{under}all/", headers=headers)
    assert everything.json()["consentRecords"] == []
    await friend.opt(aunt, first, opt_in=False)


async def test_who_acts_takes_the_receipts_and_sees_what_was_sent_under_what_they_act_for(
    people, house, house_for, app
) -> None:
    one, other = await house.agreement(), await house.agreement(purpose="Another purpose")
    aunt = people.ids[AUNT]
    given = [(await house.sign(aunt, each["id"]))["consentRecord"]["id"] for each in (one, other)]
    exchange = {
        "exchangeId": str(uuid4()),
        "at": hence(seconds=0),
        "client": "TEST/GOV/1001/clinic",
        "dataSource": "TEST/GOV/3003",
        "service": "TEST/GOV/3003/population/registry",
        "items": [{"consentRecordId": each} for each in given],
    }
    gateway = house_for(client="TEST/GOV/9/gateway", scopes={"transmissions:report"}).client
    assert (await gateway.post(REPORT, json={"transmissions": [exchange]})).status_code == 200
    await people.delegate(AUNT, AUNT, FRIEND, dataAgreements=[one["id"]])
    await people.appoint(AUNT, GUARDIAN)

    for actor, may in ((FRIEND, given[:1]), (GUARDIAN, given), (CHILD, [])):
        client = people.signed_in(actor).client
        for record in given:
            answer = await client.get(f"{RECORDS}{record}/receipt/")
            assert answer.status_code == (200 if record in may else 400), (actor, answer.text)
        answer = await client.get(SENT, headers=house.whose(aunt))
        assert answer.status_code == (200 if may else 403), answer.text
        seen = {each["consentRecordId"] for each in answer.json().get("transmissions", [])}
        assert seen == set(may), actor
    for kind in ("receipt.given", "transmission.viewed"):
        found = await app.state.ledger.search(Search(kinds=[kind], subject=FRIEND))
        assert [entry.detail["reader"] for entry in found] == [FRIEND], kind
        assert found[0].detail["name"] == "Mari"


async def test_a_guardian_is_one_until_the_administration_says_otherwise(people, house) -> None:
    agreement = await house.agreement()
    made = await people.appoint(CHILD, GUARDIAN)
    for client in (people.signed_in(CHILD).client, house.client):
        tried = await client.delete(f"{OWN}{made['id']}/", headers=house.whose(people.ids[CHILD]))
        assert tried.status_code == 403
        assert "administration" in tried.json()["detail"]
    assert await people.may(GUARDIAN, CHILD, agreement["id"])
    gone = await people.signed_in(GUARDIAN).client.delete(f"{OWN}{made['id']}/")
    assert gone.json()["representation"]["endedBy"] == "representative"
    again = await people.appoint(CHILD, GUARDIAN)
    await house.client.delete(f"{OFFICE}{again['id']}/")
    assert not await people.may(GUARDIAN, CHILD, agreement["id"])


async def test_what_is_passed_on_is_never_more_and_ends_with_its_parent(people, house) -> None:
    one, other = await house.agreement(), await house.agreement(purpose="Letters")
    guardian = await people.appoint(
        CHILD, GUARDIAN, dataAgreements=[one["id"]], depth=2, endsAt=hence(days=2)
    )
    given = {"parentId": guardian["id"], "dataAgreements": [one["id"]]}

    async def refused(actor: str, who: str, **more) -> str:
        return await people.delegate(actor, CHILD, who, status=400, **{**given, **more})

    assert "depth" in await refused(GUARDIAN, AUNT, depth=2)
    assert "among" in await refused(GUARDIAN, AUNT, dataAgreements=[other["id"]])
    assert "among" in await refused(GUARDIAN, AUNT, dataAgreements=None)
    assert "not after" in await refused(GUARDIAN, AUNT, endsAt=hence(days=3))
    assert "parentId" in await refused(GUARDIAN, AUNT, parentId=None)
    assert "send endsAt" in await refused(GUARDIAN, AUNT, endsAt=None)
    assert "themselves" in await refused(GUARDIAN, CHILD)
    assert "come back" in await refused(GUARDIAN, GUARDIAN)

    aunt = await people.delegate(GUARDIAN, CHILD, AUNT, **given, depth=1, endsAt=hence(hours=1))
    assert "come back" in await refused(AUNT, GUARDIAN, parentId=aunt["id"])
    friend = await people.delegate(AUNT, CHILD, FRIEND, **{**given, "parentId": aunt["id"]})
    assert "depth" in await refused(FRIEND, FRIEND, parentId=friend["id"])
    assert await people.may(FRIEND, CHILD, one["id"])

    ended = await house.client.delete(f"{OFFICE}{guardian['id']}/")
    assert ended.json()["representation"]["endedBy"] == "administration"
    for each in (GUARDIAN, AUNT, FRIEND):
        assert not await people.may(each, CHILD, one["id"])
    below = (await house.client.get(f"{OFFICE}{friend['id']}")).json()["representation"]
    assert below["endedBy"] == "parent"


async def test_those_concerned_end_a_representation_and_nobody_else_does(people, house) -> None:
    agreement = await house.agreement()

    async def end(actor: str, made, status: int = 200):
        answer = await people.signed_in(actor).client.delete(f"{OWN}{made['id']}/")
        assert answer.status_code == status, answer.text
        return answer.json().get("representation")

    first = await people.delegate(AUNT, AUNT, FRIEND)
    await end(GUARDIAN, first, 400)
    gone = await end(FRIEND, first)
    assert gone["endedBy"] == "representative"
    assert await end(FRIEND, first) == gone
    assert not await people.may(FRIEND, AUNT, agreement["id"])
    second = await people.delegate(AUNT, AUNT, FRIEND)
    assert second["id"] != first["id"]
    assert (await end(AUNT, second))["endedBy"] == "represented"
    passed = await people.delegate(AUNT, AUNT, FRIEND, depth=1)
    child = await people.delegate(FRIEND, AUNT, GUARDIAN, parentId=passed["id"])
    other = await people.delegate(AUNT, AUNT, GUARDIAN)
    as_aunt = house.whose(people.ids[AUNT])
    tried = await people.signed_in(FRIEND).client.delete(f"{OWN}{other['id']}/", headers=as_aunt)
    assert tried.status_code == 403
    assert (await end(FRIEND, child))["endedBy"] == "representative"
    assert await people.may(FRIEND, AUNT, agreement["id"])


async def test_what_is_not_possible_is_refused(people, house, house_for) -> None:
    elsewhere = house_for(client="TEST/GOV/3003/app")
    stranger = await elsewhere.individual("EE47001010006")
    people.ids["stranger"] = stranger
    assert "themselves" in await people.appoint(CHILD, CHILD, 400)
    assert "evidence" in await people.appoint(CHILD, GUARDIAN, 400, evidence=None)
    assert "endsAt" in await people.appoint(CHILD, GUARDIAN, 400, kind="delegate")
    assert "future" in await people.appoint(CHILD, GUARDIAN, 400, endsAt=hence(hours=-1))
    assert "after startsAt" in await people.appoint(
        CHILD, GUARDIAN, 400, startsAt=hence(hours=2), endsAt=hence(hours=1)
    )
    assert "same member" in await people.appoint(CHILD, "stranger", 400)
    await people.appoint("stranger", CHILD, 400)
    await people.appoint(CHILD, GUARDIAN, 400, dataAgreements=["nothing"])
    await people.appoint(CHILD, GUARDIAN, 400, dataAgreements=[])
    await people.appoint(CHILD, GUARDIAN, 400, depth=-1)
    await people.delegate(AUNT, AUNT, FRIEND, 400, parentId="nothing")
    unknown = await house.client.get(f"{OFFICE}nothing/")
    assert unknown.status_code == 400

    await people.appoint(CHILD, GUARDIAN)
    await people.delegate(GUARDIAN, GUARDIAN, AUNT)
    assert "nobody does both" in await people.appoint(GUARDIAN, CHILD, 400)
    assert "nobody does both" in await people.appoint(AUNT, CHILD, 400)


async def test_nobody_appoints_themselves_and_a_token_s_word_is_not_passed_on(
    people, house, house_for
) -> None:
    body = {
        "individual": {"id": people.ids[CHILD]},
        "representative": {"id": people.ids[AUNT]},
        "kind": "guardian",
        "evidence": EVIDENCE,
    }
    aunt = people.signed_in(AUNT).client
    headers = house.whose(people.ids[CHILD])
    for answer in (
        await aunt.post(OFFICE, json={"representation": body}),
        await aunt.get("/config/representations/"),
        await aunt.post(
            OWN,
            json={"representation": {**body, "endsAt": hence(hours=1)}},
            headers=headers,
        ),
    ):
        assert answer.status_code == 403, answer.text
    claimed = house_for(client=PORTAL, person=AUNT, represents=GUARDIAN).client
    asked = {
        "representation": {"representative": {"id": people.ids[AUNT]}, "endsAt": hence(hours=1)}
    }
    answer = await claimed.post(OWN, json=asked, headers=house.whose(people.ids[GUARDIAN]))
    assert answer.status_code == 403
    await people.appoint(CHILD, GUARDIAN)
    answer = await claimed.get(RECORDS, headers=headers)
    assert answer.status_code == 403


async def test_the_same_again_changes_nothing(people, house) -> None:
    first = await people.appoint(CHILD, GUARDIAN)
    assert await people.appoint(CHILD, GUARDIAN) == first
    listed = await house.client.get(
        "/config/representations/", params={"individualId": people.ids[GUARDIAN]}
    )
    assert [each["id"] for each in listed.json()["representations"]] == [first["id"]]


async def test_a_draft_of_a_delegate_is_theirs_alone(people, house) -> None:
    agreement = await house.agreement()
    await people.delegate(AUNT, AUNT, FRIEND)
    aunt = people.ids[AUNT]
    draft = house.on_paper(await people.signed_in(FRIEND).draft(aunt, agreement["id"]))
    answer = await people.signed_in(AUNT).client.post(
        RECORDS, json=draft, headers=house.whose(aunt)
    )
    assert answer.status_code == 400
    await people.signed_in(FRIEND).submit(aunt, draft)
