"""Agreements as administrators keep them."""

import pytest

PATH = "/config/data-agreement/"


async def test_a_policy_change_does_not_touch_its_agreements(house, client) -> None:
    policy = await house.policy()
    agreement = await house.agreement(policy={"id": policy["id"]})
    path = f"{PATH}{agreement['id']}/"
    newer = {"name": "Newer", "version": "2", "url": "https://example.org/p/2"}
    revision = (await client.put(f"/config/policy/{policy['id']}/", json={"policy": newer})).json()[
        "revision"
    ]

    read = (await client.get(path)).json()
    assert read["dataAgreement"]["policy"]["name"] == "Health"
    body = house.agreement_body(policy={"id": policy["id"]})
    kept = (await client.put(path, json={"dataAgreement": body})).json()
    assert kept == read, "the same agreement stays under the policy's old revision"

    body["policy"]["revisionId"] = revision["id"]
    moved = (await client.put(path, json={"dataAgreement": body})).json()
    assert moved["dataAgreement"]["policy"]["name"] == "Newer"
    assert moved["revision"]["predecessorHash"] == read["revision"]["serializedHash"]


async def test_an_agreement_read_can_be_sent_back(house, client) -> None:
    policy = await house.policy()
    agreement = await house.agreement(
        policy={"id": policy["id"]},
        controller={"id": "c", "name": "Ministry", "url": "https://example.org"},
        lifecycle={"id": "l", "name": "Complete"},
        dataAttributes=[{"name": "firstName"}],
        recipients=["TEST/GOV/2002"],
        validityDays=10,
    )
    read = (await client.get(f"{PATH}{agreement['id']}/")).json()
    body = {"dataAgreement": read["dataAgreement"]}

    assert (await client.put(f"{PATH}{agreement['id']}/", json=body)).json() == read
    assert read["dataAgreement"]["dataAttributes"][0]["id"] == "firstName"


async def test_an_ended_agreement_takes_no_consent_and_stays_in_history(house, client) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]
    path = f"{PATH}{agreement['id']}/"

    ended = await client.delete(path)

    assert (await client.delete(path)).json() == ended.json()
    assert (await client.get(path)).status_code == 400
    assert (await client.get(f"/service/data-agreement/{agreement['id']}/")).status_code == 400
    given = await client.post(
        f"/service/individual/record/data-agreement/{agreement['id']}/",
        headers=house.whose(mother),
    )
    assert given.status_code == 400
    assert (await house.decide(agreement["id"]))["reason"] == "agreement-inactive"
    assert (await client.get(f"/audit/data-agreement/{agreement['id']}/")).status_code == 200
    assert (await client.get("/config/data-agreements/")).json() == {"dataAgreement": []}
    withdrawn = await house.opt(mother, record["id"], opt_in=False)
    assert withdrawn["consentRecord"]["optIn"] is False, "withdrawing stays possible"
    back = await client.put(
        f"/service/individual/record/consent-record/{record['id']}/",
        json={"consentRecord": {"optIn": True}},
        headers=house.whose(mother),
    )
    assert back.status_code == 400


async def test_an_inactive_agreement_takes_no_consent(house, client) -> None:
    agreement, mother = await house.agreement(active=False), await house.individual()

    answer = await client.post(
        "/service/individual/record/consent-record/draft/",
        params={"dataAgreementId": agreement["id"]},
        headers=house.whose(mother),
    )

    assert answer.status_code == 400
    assert answer.json()["title"] == "The data agreement is not active"


async def test_an_administrator_loads_the_same_agreement_twice(house_for) -> None:
    loader = house_for(roles={"administrator"})
    policy = await loader.policy(id="1")
    body = {"dataAgreement": loader.agreement_body(id="1", policy={"id": policy["id"]})}

    first = await loader.client.post(PATH, json=body)
    second = await loader.client.post(PATH, json=body)
    body["dataAgreement"]["purpose"] = "Another"
    other = await loader.client.post(PATH, json=body)

    assert first.json() == second.json()
    assert other.status_code == 400
    revisions = (await loader.client.get(f"{PATH}1/revisions/")).json()["revisions"]
    assert [each["objectId"] for each in revisions] == ["1"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"lawfulBasis": "because"},
        {"purpose": ""},
        {"policy": {"id": "unknown"}},
        {"maxAgeSeconds": -1},
        {"recipients": ["somebody"]},
    ],
)
async def test_an_agreement_that_says_nothing_usable_is_400(house, client, wrong) -> None:
    answer = await client.post(PATH, json={"dataAgreement": house.agreement_body(**wrong)})

    assert answer.status_code == 400


async def test_an_unknown_agreement_is_400(client) -> None:
    assert (await client.get(f"{PATH}unknown/")).status_code == 400
    assert (await client.delete(f"{PATH}unknown/")).status_code == 400
    assert (await client.get("/audit/data-agreement/unknown/")).status_code == 400
