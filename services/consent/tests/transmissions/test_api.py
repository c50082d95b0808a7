"""What was sent under consents: reported by the mediator, seen by those it concerns."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from kit.evidence import Search
from kit.testing import clients_of

CLINIC = "TEST/GOV/1001/clinic"
CLINIC_MEMBER = "TEST/GOV/1001"
HOSPITAL = "TEST/GOV/2002/hospital"
SOURCE = "TEST/GOV/3003"
MOTHER, FATHER = "EE49001010002", "EE38001010001"
COVERS = {"dataAttributes": [{"name": "firstName"}]}
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
REPORT = "/service/transmissions/"
MINE = "/service/individual/transmissions/"


def exchange(*records: str, **more):
    return {
        "exchangeId": str(uuid4()),
        "at": AT.isoformat(),
        "client": CLINIC,
        "dataSource": SOURCE,
        "service": f"{SOURCE}/population/registry",
        "items": [{"consentRecordId": each, "attributes": ["firstName"]} for each in records],
        **more,
    }


async def report(client, *exchanges):
    answer = await client.post(REPORT, json={"transmissions": exchanges})
    assert answer.status_code == 200, answer.text
    return answer.json()["refused"]


async def seen(client, path=MINE, /, **query):
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["transmissions"]


@pytest.fixture
async def gateway(house_for):
    return house_for(client="TEST/GOV/9/gateway", scopes={"transmissions:report"}).client


@pytest.fixture
async def given(house):
    """Return an agreement, a mother as the clinic knows her, and her consent record."""
    agreement, mother = (await house.agreement(**COVERS))["id"], await house.individual()
    record = (await house.sign(mother, agreement))["consentRecord"]["id"]
    return agreement, mother, record


def signed_in(house_for, person=MOTHER, **more):
    return house_for(
        client="TEST/GOV/5005/portal", scopes={"consents:read"}, person=person, **more
    ).client


async def test_a_person_sees_what_went_to_whom_when_and_under_which_consent(
    house_for, gateway, given
) -> None:
    agreement, mother, record = given
    told = exchange(record)
    told["items"][0]["decisionId"] = decision = str(uuid4())

    assert await report(gateway, told) == []

    [found] = await seen(signed_in(house_for))
    assert found.pop("id")
    assert found.pop("proof").endswith("?part=0")
    assert found == {
        "at": "2026-01-01T12:00:00Z",
        "consentRecordId": record,
        "dataAgreementId": agreement,
        "individualId": mother,
        "client": CLINIC,
        "dataSource": SOURCE,
        "service": f"{SOURCE}/population/registry",
        "attributes": ["firstName"],
        "decisionId": decision,
        "confirmed": True,
        "exchangeId": told["exchangeId"],
        "evidence": f"/evidence/packages/{told['exchangeId']}",
    }
    assert await seen(signed_in(house_for, FATHER)) == []


async def test_each_is_kept_once_however_often_it_is_reported(house_for, gateway, given) -> None:
    told = exchange(given[2], given[2])

    await report(gateway, told, told)
    await report(gateway, told)

    assert len(await seen(signed_in(house_for))) == 1


async def test_an_unknown_record_is_refused_and_the_others_are_kept(
    house_for, gateway, given
) -> None:
    told, unknown = exchange("unknown", given[2]), exchange(str(uuid4()))

    refused = await report(gateway, unknown, told)

    assert sorted(each["exchangeId"] for each in refused) == sorted(
        [told["exchangeId"], unknown["exchangeId"]]
    )
    assert {each["reason"] for each in refused} == {"record-unknown"}
    assert len(await seen(signed_in(house_for))) == 1


async def test_what_the_agreement_does_not_cover_is_kept_as_the_provider_s_word(
    house, house_for, gateway
) -> None:
    mother, more = await house.individual(), {"recipients": ["TEST/GOV/2002"], **COVERS}
    agreement = (await house.agreement(dataSources=[SOURCE], **more))["id"]
    record = (await house.sign(mother, agreement))["consentRecord"]["id"]
    unnamed = [{"consentRecordId": record}]
    more = [{"consentRecordId": record, "attributes": ["firstName", "weight"]}]
    for told, confirmed in (
        (exchange(record), True),
        (exchange(record, client=HOSPITAL), True),
        (exchange(record, items=unnamed), True),
        (exchange(record, client="TEST/GOV/4004/app"), False),
        (exchange(record, dataSource="TEST/GOV/6006"), False),
        (exchange(record, items=more), False),
    ):
        assert await report(gateway, told) == []
        newest = await seen(signed_in(house_for))
        [found] = [one for one in newest if one["exchangeId"] == told["exchangeId"]]
        assert found["confirmed"] is confirmed, told


async def test_each_person_holds_the_proof_of_what_was_reported_of_them(
    app, house, house_for, gateway, given
) -> None:
    father = await house.individual(FATHER)
    his = (await house.sign(father, given[0]))["consentRecord"]["id"]
    told = exchange(given[2], his)
    await report(gateway, told, told)
    await report(gateway, told)

    entries = await app.state.ledger.search(Search(kinds=["transmission.reported"]))
    assert len(entries) == 1, "what is known already is not written again"
    assert "firstName" not in str(entries[0].facts)
    for person, record in ((MOTHER, given[2]), (FATHER, his)):
        [found] = await seen(signed_in(house_for, person))
        entry, part = found["proof"].removeprefix("/evidence/packages/").split("?part=")
        search = Search(subject=person, kinds=["transmission.reported"])
        [own] = await app.state.ledger.search(search)
        assert (str(own.id), own.place) == (entry, int(part))
        assert own.object.endswith(f"/consent-record/{record}")
        assert own.facts["exchange"] == told["exchangeId"]
        assert own.facts["client"] == CLINIC
        assert own.detail["attributes"] == ["firstName"]


async def test_what_was_shown_may_be_left_unsaid(house_for, gateway, given) -> None:
    told = exchange(given[2])
    del told["items"][0]["attributes"]

    await report(gateway, told)

    [found] = await seen(signed_in(house_for))
    assert "attributes" not in found


async def test_only_who_may_report_reports(house_for, given) -> None:
    scopes = {"consents:read", "consents:write", "verification:read", "audit:all", "audit:read"}
    client = house_for(scopes=scopes).client
    answer = await client.post(REPORT, json={"transmissions": [exchange(given[2])]})
    assert answer.status_code == 403
    assert await seen(signed_in(house_for)) == []


async def test_the_controller_sees_its_own_and_auditors_theirs(house_for, gateway, given) -> None:
    await report(gateway, exchange(given[2]))
    office = {"audit:read", "audit:all"}

    for path, client, scopes, count in (
        ("/service/verification/transmissions/", CLINIC, {"verification:read"}, 1),
        ("/service/verification/transmissions", HOSPITAL, {"verification:read"}, 0),
        ("/audit/transmissions/", CLINIC, {"audit:read"}, 1),
        ("/audit/transmissions/", HOSPITAL, {"audit:read"}, 0),
        ("/audit/transmissions/", HOSPITAL, office, 1),
    ):
        found = await seen(house_for(client=client, scopes=scopes).client, path)
        assert len(found) == count, (path, client)
    answer = await signed_in(house_for).get("/service/verification/transmissions/")
    assert answer.status_code == 403


async def test_filters_narrow_a_list(house, house_for, gateway, given) -> None:
    agreement, mother, record = given
    other = (await house.agreement(purpose="Vaccinate"))["id"]
    second = (await house.sign(mother, other))["consentRecord"]["id"]
    later = (AT + timedelta(hours=1)).isoformat()
    await report(gateway, exchange(record), exchange(second, client=HOSPITAL, at=later))
    client = signed_in(house_for)

    for query, expected in (
        ({}, [second, record]),
        ({"dataAgreementId": agreement}, [record]),
        ({"consentRecordId": second}, [second]),
        ({"client": CLINIC}, [record]),
        ({"client": CLINIC_MEMBER}, [record]),
        ({"client": "TEST/GOV/100"}, []),
        ({"from": later}, [second]),
        ({"to": later}, [record]),
    ):
        assert [one["consentRecordId"] for one in await seen(client, **query)] == expected, query


async def test_a_list_is_paged_by_key_to_its_end(house_for, gateway, given) -> None:
    """All at the same time: only the id tells them apart."""
    await report(gateway, *(exchange(given[2]) for _ in range(5)))
    client = signed_in(house_for)
    whole = [one["id"] for one in await seen(client)]

    found, following = [], "?limit=2"
    while following:
        page = (await client.get(MINE + following)).json()
        found += [one["id"] for one in page["transmissions"]]
        following = page.get("next")

    assert found == whole
    assert len(set(whole)) == 5
    assert (await client.get(MINE, params={"after": "of another list"})).status_code == 400


async def test_a_look_is_logged_unless_it_is_the_persons_own(
    app, house, house_for, gateway, given
) -> None:
    await report(gateway, exchange(given[2]))

    async def looks():
        found = await app.state.ledger.search(Search(kinds=["transmission.viewed"]))
        return len(found), {one.facts["records"][0] for one in found}

    await seen(signed_in(house_for))
    assert await looks() == (0, set())
    await house.client.get(MINE, headers=house.whose(given[1]))
    await seen(house.client, "/service/verification/transmissions/")
    await seen(house.client, "/audit/transmissions/")
    assert await looks() == (3, {given[2]})
    await seen(signed_in(house_for, "EE48001010009", represents=MOTHER))
    assert (await looks())[0] == 4


async def test_withdrawing_takes_nothing_away(house, house_for, gateway, given) -> None:
    await report(gateway, exchange(given[2]))

    await house.opt(given[1], given[2], opt_in=False)
    await report(gateway, exchange(given[2]))

    assert len(await seen(signed_in(house_for))) == 2


async def test_what_is_forgotten_names_the_individual_no_more(house, house_for, gateway) -> None:
    agreement, mother = (await house.agreement(forgettable=True))["id"], await house.individual()
    record = (await house.sign(mother, agreement))["consentRecord"]["id"]
    told = exchange(record)
    await report(gateway, told)

    gone = await house.client.request(
        "DELETE", "/service/individual/record/", headers=house.whose(mother)
    )

    assert gone.json()["deleted"] == [record]
    assert await seen(signed_in(house_for)) == []
    [left] = await seen(house.client, "/service/verification/transmissions/")
    assert left["consentRecordId"] == record
    assert left["exchangeId"] == told["exchangeId"]
    assert "individualId" not in left


async def test_reports_at_once_are_kept_once(committed, house_type) -> None:
    clients = clients_of(committed, "consent")
    house = house_type(clients(scopes={"*"}, client=CLINIC))
    agreement, mother = (await house.agreement())["id"], await house.individual()
    record = (await house.sign(mother, agreement))["consentRecord"]["id"]
    told = [exchange(record) for _ in range(20)]

    await asyncio.gather(*(report(house.client, *told[::way]) for way in (1, -1, 1, -1)))

    assert len(await seen(house.client, "/service/verification/transmissions/")) == 20
