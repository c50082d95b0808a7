"""Lists are walked by key: every row once, whatever is written meanwhile, as fast at any depth."""

from datetime import UTC, datetime

import asyncpg
import pytest

from consent.consents import store
from consent.consents.models import Filter
from kit.paging import Stop
from kit.testing import clients_of

HOSPITAL = "TEST/GOV/2002/hospital"
LISTS = (
    ("/service/verification/consent-records/", "consentRecords"),
    ("/audit/consent-records/", "consentRecords"),
    ("/service/verification/data-agreements/", "dataAgreements"),
    ("/audit/data-agreements/", "dataAgreements"),
    ("/audit/revisions/", "revisions"),
)


async def walked(client, path: str, key: str, **query) -> list[str]:
    """Return the ids of a list that is walked by its own links."""
    found: list[str] = []
    answer = await client.get(path, params={"limit": 2, **query})
    while True:
        assert answer.status_code == 200, answer.text
        said = answer.json()
        found += [each["id"] for each in said[key]]
        if "next" not in said:
            assert "link" not in answer.headers
            return found
        assert answer.headers["link"] == f'<{said["next"]}>; rel="next"'
        answer = await client.get(path + said["next"])


@pytest.fixture
async def filled(house) -> list[str]:
    """Five people, one of whom withdrew, under two agreements."""
    first, second = await house.agreement(), await house.agreement(purpose="Another")
    people = [await house.individual(f"EE{number}") for number in range(5)]
    for person in people:
        await house.sign(person, first["id"])
    withdrawn = await house.sign(people[0], second["id"])
    await house.opt(people[0], withdrawn["consentRecord"]["id"], opt_in=False)
    return people


@pytest.mark.parametrize(("path", "key"), LISTS)
async def test_a_list_is_walked_to_its_end_and_each_row_is_shown_once(
    filled, client, path, key
) -> None:
    at_once = [each["id"] for each in (await client.get(path)).json()[key]]
    assert len(at_once) > 1
    assert await walked(client, path, key) == at_once
    shifted = (await client.get(path, params={"offset": 1, "limit": 1})).json()
    assert [each["id"] for each in shifted[key]] == at_once[1:2]


async def test_rows_that_come_meanwhile_move_nothing(house, client, filled) -> None:
    path, key = "/service/verification/consent-records/", "consentRecords"
    before = [each["id"] for each in (await client.get(path)).json()[key]]
    first = (await client.get(path, params={"limit": 2})).json()
    await house.sign(await house.individual("EE9"), (await house.agreement())["id"])
    second = (await client.get(path + first["next"])).json()
    assert [each["id"] for each in second[key]] == before[2:4]


@pytest.mark.parametrize("sort", ["timestamp", "-timestamp", "objectId"])
async def test_revisions_are_walked_in_every_order(filled, client, sort) -> None:
    path = "/audit/revisions/"
    at_once = [
        each["id"] for each in (await client.get(path, params={"sort": sort})).json()["revisions"]
    ]
    assert len(at_once) == 9
    assert await walked(client, path, "revisions", sort=sort) == at_once


async def test_a_cursor_is_good_for_its_list_only(filled, client, house_for) -> None:
    path = "/service/verification/consent-records/"
    link = (await client.get(path, params={"limit": 2})).json()["next"]
    after = link.partition("after=")[2]
    elsewhere = (
        (client, "/audit/consent-records/" + link),
        (client, path + link + "&optIn=true"),
        (client, path + link + "&offset=1"),
        (client, path + "?after=" + after[:-6] + "AAAAAA"),
        (client, path + "?after=nothing"),
        (house_for(client=HOSPITAL).client, path + link),
    )
    for who, address in elsewhere:
        answer = await who.get(address)
        assert answer.status_code == 400, address
        assert answer.json()["title"] == "The cursor is not of this list"
    assert (await client.get(path.removesuffix("/") + link)).status_code == 200
    assert (await client.get(path + link.replace("limit=2", "limit=1"))).status_code == 200


async def test_lists_are_narrowed(house, client, filled) -> None:
    agreements = (await client.get("/service/verification/data-agreements/")).json()
    first, second = (each["id"] for each in agreements["dataAgreements"])

    async def count(path: str, key: str, **query) -> int:
        return len((await client.get(path, params=query)).json()[key])

    records = "/service/verification/consent-records/", "consentRecords"
    assert await count(*records) == 6
    assert await count(*records, dataAgreementId=first) == 5
    assert await count(*records, individualId=filled[0]) == 2
    assert await count(*records, optIn=False) == 1
    assert await count(*records, optIn=True, dataAgreementId=second) == 0
    audited = "/audit/consent-records/", "consentRecords"
    assert await count(*audited, state="unsigned") == 1
    assert await count(*audited, individualId=filled[1], dataAgreementId=first) == 1
    listed = "/audit/data-agreements/", "dataAgreements"
    assert await count(*listed, individualId=filled[1]) == 1
    assert await count(*listed, dataAgreementId=second, state="active") == 1
    await client.delete(f"/config/data-agreement/{second}/")
    assert await count(*listed, state="ended") == 1
    assert await count(*listed, state="inactive") == 0
    assert await count("/service/verification/data-agreements/", "dataAgreements") == 1
    revisions = "/audit/revisions/", "revisions"
    assert await count(*revisions, authorizedBy=filled[0]) == 3
    assert await count(*revisions, authorizedBy="TEST/GOV/1001/clinic") == 3
    assert await count(*revisions, individualId=filled[0]) == 3
    assert await count(*revisions, dataAgreementId=second) == 4


async def test_only_the_record_under_the_newest_revision_is_current(house, client) -> None:
    agreement, mother = await house.agreement(forgettable=False), await house.individual()
    await house.sign(mother, agreement["id"])
    path = f"/config/data-agreement/{agreement['id']}/"
    body = {"dataAgreement": house.agreement_body(purpose="More", forgettable=True)}
    assert (await client.put(path, json=body)).status_code == 200
    newer = (await house.sign(mother, agreement["id"]))["consentRecord"]["id"]

    async def current() -> list[tuple[str, bool]]:
        answer = await client.get("/service/verification/consent-records/")
        return [(each["id"], each["optIn"]) for each in answer.json()["consentRecords"]]

    assert await current() == [(newer, True)]
    assert len((await client.get("/audit/consent-records/")).json()["consentRecords"]) == 2
    gone = await client.delete("/service/individual/record/", headers=house.whose(mother))
    assert gone.json() == {"deleted": [newer]}
    [(earlier, opted_in)] = await current()
    assert (earlier != newer, opted_in) == (True, False)


async def test_a_page_deep_in_a_list_is_read_from_an_index(committed) -> None:
    """Whatever limits the list: no scan of the table stands in its plan."""
    await clients_of(committed, "consent")(scopes={"*"}).get("/health")
    connection = await asyncpg.connect(committed.state.urls.owner)
    await fill(connection, 20_000)
    after = Stop(datetime(2026, 1, 1, 3, tzinfo=UTC), "")
    plans: list[str] = []

    class Explaining:
        async def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
            rows = await connection.fetch("EXPLAIN " + sql, *values)
            plans.append("\n".join(row[0] for row in rows))
            return []

    for wanted in (
        Filter("M/1/1", after=after),
        Filter("M/1/1", opt_in=False, after=after),
        Filter("M/1/1", agreement_id="a1", after=after),
        Filter("M/1/1", agreement_id="a1", opt_in=True, after=after),
        Filter("M/1/1", individual_ids=["i7"], after=after),
        Filter("M/1/1", current=False, after=after),
        Filter(current=False, after=after),
        Filter(agreement_id="a1", current=False, after=after),
    ):
        await store.page(Explaining(), wanted)
    await connection.close()
    for plan in plans:
        assert "Seq Scan" not in plan, plan


async def fill(connection: asyncpg.Connection, records: int) -> None:
    """Write so many records of a tenth as many individuals under ten agreements."""
    await connection.execute(
        """
        INSERT INTO revision (id, tenant, schema_name, object_id, number, snapshot, hash,
          hash_sha256, at, signed_without_object_id)
        SELECT 'r' || n, 'M/1/1', 'DataAgreement', 'a' || n, 1, '{}', '', 'h' || n, now(), false
        FROM generate_series(0, 9) n
        """
    )
    await connection.execute(
        """
        INSERT INTO agreement (id, tenant, content, revision_id, created_at)
        SELECT 'a' || n, 'M/1/1', '{"active": true}', 'r' || n, now() FROM generate_series(0, 9) n
        """
    )
    await connection.execute(
        """
        INSERT INTO individual (id, tenant, reference, person, wrapped, sealed, created_at)
        SELECT 'i' || n, 'M/1/1', sha256(n::text::bytea), sha256(n::text::bytea), '', '', now()
        FROM generate_series(0, $1::int / 10 - 1) n
        """,
        records,
    )
    await connection.execute(
        """
        INSERT INTO consent_record (id, tenant, individual_id, agreement_id, agreement_revision_id,
          agreement_revision_hash, agreement_revision_number, opt_in, state, revision_id,
          ever_signed, created_at)
        SELECT 'c' || n, 'M/1/1', 'i' || n / 10, 'a' || n % 10, 'r' || n % 10, '', 1,
          n % 100 <> 0, 'signed', 'r' || n % 10, true,
          timestamptz '2026-01-01Z' + n * interval '1 second'
        FROM generate_series(0, $1::int - 1) n
        """,
        records,
    )
    await connection.execute("VACUUM ANALYZE")
