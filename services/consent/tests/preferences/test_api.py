"""An individual says whether and how they want to be told of changes; it is theirs alone."""

from datetime import UTC, datetime, timedelta

from kit.evidence import Search

PATH = "/service/individual/notification-preferences/"
MOTHER, OTHER, CHILD = "EE49001010002", "EE38001010005", "EE62601010002"
WANTED = {"enabled": True, "channel": "email", "address": "mari@example.org", "language": "et"}


async def put(person, individual: str, status: int = 200, **more):
    body = {"notificationPreferences": {**WANTED, **more}}
    answer = await person.client.put(PATH, json=body, headers=person.whose(individual))
    assert answer.status_code == status, answer.text
    return answer.json().get("notificationPreferences")


async def get(person, individual: str):
    answer = await person.client.get(PATH, headers=person.whose(individual))
    assert answer.status_code == 200, answer.text
    return answer.json()["notificationPreferences"]


async def test_nobody_is_told_until_they_say_so_and_where(house, house_for) -> None:
    individual, own = await house.individual(MOTHER), house_for(person=MOTHER)
    off = {"enabled": False, "channel": "email", "language": "en"}
    assert await get(own, individual) == off
    assert await put(own, individual) == WANTED
    assert await get(own, individual) == WANTED
    assert await put(own, individual, enabled=False, address=None, language="en") == off
    assert await get(own, individual) == off


async def test_what_nobody_could_be_told_by_is_refused(house, house_for) -> None:
    individual, own = await house.individual(MOTHER), house_for(person=MOTHER)
    for wrong in (
        {"address": None},
        {"address": "mari"},
        {"address": "a@b@c"},
        {"channel": "pigeon"},
        {"language": "Estonian language"},
    ):
        await put(own, individual, 400, **wrong)
    await put(house_for(person=OTHER), individual, 403)
    assert (await get(own, individual))["enabled"] is False


async def test_the_address_is_sealed_and_changes_are_in_the_log(house, house_for, app) -> None:
    individual, own = await house.individual(MOTHER), house_for(person=MOTHER)
    await put(own, individual)
    await put(own, individual)
    async with app.state.database.connection() as rows:
        kept = await rows.driver.fetchrow("SELECT * FROM notification_preference")
    assert "example.org" not in str(dict(kept))
    found = await app.state.ledger.search(
        Search(subject=MOTHER, kinds=["notification-preferences.changed"])
    )
    assert [entry.facts["enabled"] for entry in found] == [True]


async def test_a_guardian_says_it_for_a_child_and_one_for_a_single_agreement_does_not(
    house, house_for
) -> None:
    child, mother = await house.individual(CHILD), await house.individual(MOTHER)
    agreement, guardian = await house.agreement(), house_for(person=MOTHER)
    ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {
        "individual": {"id": child},
        "representative": {"id": mother},
        "kind": "delegate",
        "dataAgreements": [agreement["id"]],
        "endsAt": ends,
    }
    await house.client.post("/config/representation/", json={"representation": body})
    await put(guardian, child, 403)
    del body["dataAgreements"]
    await house.client.post("/config/representation/", json={"representation": body})
    assert await put(guardian, child) == WANTED
