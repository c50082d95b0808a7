"""Whether data may be used, asked from outside."""

from datetime import UTC, datetime, timedelta

import pytest

from consent.agreements.models import Agreement, Terms
from consent.consents.models import Choice, Record
from consent.decisions.models import Question, Reason, decide
from kit.evidence import Search

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER, RECIPIENT, SOURCE = "TEST/GOV/1001", "TEST/GOV/2002", "TEST/GOV/3003"
CONTENT = {
    "active": True,
    "recipients": [RECIPIENT],
    "dataSources": [SOURCE],
    "dataAttributes": [{"name": "firstName"}],
    "maxAgeSeconds": 60,
}
ASKED = {"client": f"{RECIPIENT}/app", "data_source": SOURCE, "attributes": ["firstName"]}


def _record(**change) -> Record:
    choice = Choice("a", "r", "hash", "i", change.get("opt_in", True), change.get("expires_at"))
    state = change.get("state", "signed")
    return Record("c", OWNER, choice, 1, state, "v", ever_signed=True, created_at=NOW)


@pytest.mark.parametrize(
    ("reason", "asked", "now_says", "then_said", "record"),
    [
        ("permitted", {}, {}, {}, _record()),
        ("permitted", {"client": f"{OWNER}/app"}, {}, {}, _record()),
        ("permitted", {"attributes": []}, {}, {}, _record()),
        ("permitted", {}, {"dataSources": []}, {"dataSources": []}, _record()),
        ("agreement-inactive", {}, {"active": False}, {}, _record()),
        ("wrong-recipient", {"client": "TEST/GOV/9/app"}, {}, {}, _record()),
        ("wrong-recipient", {}, {"recipients": []}, {}, _record()),
        ("wrong-recipient", {}, {}, {"recipients": []}, _record()),
        ("wrong-source", {"data_source": OWNER}, {}, {}, _record()),
        ("wrong-source", {"data_source": None}, {}, {}, _record()),
        ("attribute-not-covered", {"attributes": ["income"]}, {}, {}, _record()),
        ("attribute-not-covered", {}, {"dataAttributes": []}, {}, _record()),
        ("attribute-not-covered", {}, {}, {"dataAttributes": []}, _record()),
        ("no-record", {}, {}, {}, None),
        ("opted-out", {}, {}, {}, _record(opt_in=False)),
        ("not-signed", {}, {}, {}, _record(state="unsigned")),
        ("expired", {}, {}, {}, _record(expires_at=NOW)),
        ("permitted", {}, {}, {}, _record(expires_at=NOW + timedelta(seconds=1))),
    ],
)
def test_each_reason(reason, asked, now_says, then_said, record) -> None:
    question = Question("a", "EE1", None, **{**ASKED, **asked})
    agreement = Agreement("a", OWNER, {**CONTENT, **now_says}, None, "r", NOW)
    given = (record, Terms(OWNER, {**CONTENT, **then_said})) if record else None

    decision = decide(question, agreement, given, NOW)

    assert decision.reason == Reason(reason)
    assert decision.permitted is (reason == "permitted")
    if record and record.choice.expires_at and decision.permitted:
        assert decision.max_age == 1, "no longer than the consent"


async def test_a_host_asks_under_any_agreement(house, house_for, app) -> None:
    agreement = await house.agreement(
        dataSources=[SOURCE], dataAttributes=[{"name": "firstName"}], maxAgeSeconds=5
    )
    mother = await house.individual()
    kept = await house.sign(mother, agreement["id"])
    host = house_for(client="TEST/GOV/9/registry", scopes={"decisions:host"})

    answer = await host.decide(agreement["id"], dataSource=SOURCE, attributes=["firstName"])

    decision = answer.pop("decisionId")
    assert answer.pop("decidedAt").endswith("Z")
    assert answer == {
        "permitted": True,
        "reason": "permitted",
        "consentRecordId": kept["consentRecord"]["id"],
        "dataAgreementRevisionHash": agreement["hash"],
        "dataAgreementId": agreement["id"],
        "effectiveAttributes": ["firstName"],
        "maxAgeSeconds": 5,
    }
    anyhow = {"externalId": "EE49001010002"}
    assert (await host.decide(agreement["id"], dataSource=SOURCE, individual=anyhow))["permitted"]
    mine = Search(kinds=["decision"], subject="EE49001010002")
    second, entry = await app.state.ledger.search(mine)
    assert second.facts["decision"] != decision
    assert {**entry.facts, "requestId": None} == {
        "decision": decision,
        "record": kept["consentRecord"]["id"],
        "permitted": True,
        "reason": "permitted",
        "agreement": agreement["id"],
        "recipient": "TEST/GOV/1001",
        "dataSource": SOURCE,
        "attributes": ["firstName"],
        "requestId": None,
    }
    assert entry.tenant == "TEST/GOV/1001"
    assert entry.detail["asked"]["client"] == "TEST/GOV/1001/clinic"


async def test_words_that_no_agreement_names_are_sealed(house, app) -> None:
    agreement = await house.agreement(dataSources=[SOURCE], dataAttributes=[{"name": "firstName"}])
    told = {"dataSource": "TEST/GOV/Mari Maasikas", "attributes": ["Mari Maasikas", "firstName"]}
    await house.decide(agreement["id"], client="TEST/GOV/1001/Mari Maasikas", **told)
    await house.decide("Mari Maasikas", **told)
    unknown, known = await app.state.ledger.search(Search(kinds=["decision"]))
    assert "Mari" not in f"{unknown.object} {unknown.facts} {known.object} {known.facts}"
    assert known.facts["attributes"] == ["firstName"]
    assert known.detail["asked"]["attributes"] == told["attributes"]
    assert unknown.detail["asked"]["agreement"] == "Mari Maasikas"


async def test_others_know_only_agreements_they_are_part_of(house, house_for) -> None:
    agreement = await house.agreement(dataSources=[SOURCE])
    await house.sign(await house.individual(), agreement["id"])
    scopes = {"verification:read"}

    async def reason(client: str) -> str:
        asker = house_for(client=client, scopes=scopes)
        return (await asker.decide(agreement["id"], dataSource=SOURCE))["reason"]

    assert await reason(f"{OWNER}/clinic") == "permitted"
    assert await reason(f"{SOURCE}/registry") == "permitted"
    assert await reason("TEST/GOV/9/stranger") == "agreement-unknown"
    assert (await house.decide("unknown"))["reason"] == "agreement-unknown"


async def test_a_decision_needs_one_of_two_scopes(house_for, client_for) -> None:
    body = {"dataAgreementId": "a", "individual": {"externalId": "x"}, "client": "A/B/C/d"}
    path = "/service/verification/decision"

    refused = await house_for(scopes={"consents:read"}).client.post(path, json=body)
    unknown = await client_for().post(path, json=body)

    assert (refused.status_code, unknown.status_code) == (403, 401)


async def test_what_was_widened_since_is_not_consented_to(house, client) -> None:
    agreement = await house.agreement(dataAttributes=[{"name": "firstName"}])
    await house.sign(await house.individual(), agreement["id"])
    wider = house.agreement_body(dataAttributes=[{"name": "firstName"}, {"name": "income"}])
    await client.put(f"/config/data-agreement/{agreement['id']}/", json={"dataAgreement": wider})

    assert (await house.decide(agreement["id"], attributes=["firstName"]))["permitted"]
    answer = await house.decide(agreement["id"], attributes=["income"])
    assert answer["reason"] == "attribute-not-covered"


async def test_the_newest_revision_somebody_decided_on_counts(house, client) -> None:
    agreement = await house.agreement()
    mother = await house.individual()
    await house.sign(mother, agreement["id"])
    changed = house.agreement_body(purpose="Register a child and a parent")
    await client.put(f"/config/data-agreement/{agreement['id']}/", json={"dataAgreement": changed})

    assert (await house.decide(agreement["id"]))["permitted"], "what was agreed to then stands"
    await house.sign(mother, agreement["id"], optIn=False)
    assert (await house.decide(agreement["id"]))["reason"] == "opted-out"
    await client.delete(f"/config/data-agreement/{agreement['id']}/")
    assert (await house.decide(agreement["id"]))["reason"] == "agreement-inactive"


async def test_a_person_is_found_by_one_type_or_by_any(house) -> None:
    agreement = await house.agreement()
    await house.sign(await house.individual("EE1", "personal-code"), agreement["id"])
    await house.sign(await house.individual("EE1", "passport"), agreement["id"], optIn=False)

    async def reason(external_id: str, kind: str | None) -> str:
        individual = {"externalId": external_id, "externalIdType": kind}
        return (await house.decide(agreement["id"], individual=individual))["reason"]

    assert await reason("EE1", "personal-code") == "permitted"
    assert await reason("EE1", "passport") == "opted-out"
    assert await reason("EE1", "driving-licence") == "no-record"
    assert await reason("EE1", None) == "opted-out", "the newest of them"
    assert await reason("EE2", None) == "no-record"
