"""A first consent is written in one statement, and not when anything has changed since the look."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kit.database import Connection
from kit.evidence import Search
from kit.testing import clients_of

SISTER = "EE49001010003"


@pytest.fixture
def house(committed, house_type):
    return house_type(clients_of(committed, "consent")(scopes={"*"}))


@pytest.fixture
def meanwhile(monkeypatch) -> Callable[[Callable[[], Awaitable[Any]]], None]:
    """Do something else between the next look and the statement that writes."""
    fetch = Connection.fetch

    def do(something: Callable[[], Awaitable[Any]]) -> None:
        async def around(own: Connection, sql: str, *arguments: object) -> Any:
            if sql.startswith("WITH held AS"):
                monkeypatch.setattr(Connection, "fetch", fetch)
                await something()
            return await fetch(own, sql, *arguments)

        monkeypatch.setattr(Connection, "fetch", around)

    return do


async def _signed(house, mother: str, agreement: str, **query: Any) -> dict[str, Any]:
    return house.on_paper(await house.draft(mother, agreement, **query))


async def test_what_is_decided_first_is_one_statement_with_its_evidence(house, committed) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    record = (await house.sign(mother, agreement["id"]))["consentRecord"]
    assert (await house.records(mother))[0]["id"] == record["id"]
    [entry] = await committed.state.ledger.search(Search(kinds=["consent.given"]))
    [state] = await house.audit_revisions(record["id"])
    assert entry.facts["revision"] == state["id"]


async def test_a_revision_since_is_not_agreed_to(house, meanwhile) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = await _signed(house, mother, agreement["id"])
    body = {"dataAgreement": house.agreement_body(purpose="Another")}
    path = f"/config/data-agreement/{agreement['id']}/"
    meanwhile(lambda: house.client.put(path, json=body))

    answer = await house.client.post(
        "/service/individual/record/consent-record/", json=signed, headers=house.whose(mother)
    )

    assert answer.status_code == 400
    assert answer.json()["title"] == "The data agreement has a newer revision"
    assert await house.records(mother) == []


async def test_the_same_since_is_answered(house, meanwhile) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed, first = await _signed(house, mother, agreement["id"]), []

    async def submit() -> None:
        first.append(await house.submit(mother, signed))

    meanwhile(submit)
    assert await house.submit(mother, signed) == first[0]
    assert len(await house.records(mother)) == 1


async def test_another_since_stands(house, meanwhile) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed, first = await _signed(house, mother, agreement["id"]), []

    async def sign() -> None:
        first.append(await house.sign(mother, agreement["id"]))

    meanwhile(sign)
    assert await house.submit(mother, signed) == first[0]
    assert len(await house.audit_revisions(first[0]["consentRecord"]["id"])) == 1


async def test_what_was_given_and_forgotten_since_makes_a_draft_outdated(house, meanwhile) -> None:
    agreement, mother = await house.agreement(forgettable=True), await house.individual()
    signed = await _signed(house, mother, agreement["id"])

    async def give_and_forget() -> None:
        await house.sign(mother, agreement["id"])
        path = "/service/individual/record/"
        answer = await house.client.delete(path, headers=house.whose(mother))
        assert answer.status_code == 200

    meanwhile(give_and_forget)
    answer = await house.client.post(
        "/service/individual/record/consent-record/", json=signed, headers=house.whose(mother)
    )
    assert (answer.status_code, answer.json()["title"]) == (
        400,
        "The draft cannot be used any more",
    )
    assert await house.records(mother) == []


async def test_who_has_become_another_since_finds_it_in_their_log(
    house, committed, meanwhile
) -> None:
    agreement, mother = await house.agreement(), await house.individual()
    signed = await _signed(house, mother, agreement["id"])
    body = {"individual": {"externalId": SISTER, "externalIdType": "personal-code"}}
    meanwhile(lambda: house.client.put(f"/service/individual/{mother}/", json=body))

    await house.submit(mother, signed)

    ledger = committed.state.ledger
    assert await ledger.search(Search(kinds=["consent.given"], subject=SISTER))
