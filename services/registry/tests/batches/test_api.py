"""Batches: all or none, or each that can be; one entry for all, found by each record."""

from typing import Any

import pytest
from httpx import AsyncClient

PLAIN: dict[str, Any] = {
    "type": "object",
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "primaryKey": True},
        "name": {"type": "string", "maxLength": 20},
        "size": {"type": "integer", "minimum": 0},
    },
}
AT = "/data/PLAIN/1.0"


@pytest.fixture
async def plain(owner: AsyncClient, publish: Any) -> int:
    """Return the id of a registry without personal data."""
    return await publish(owner, "PLAIN", PLAIN)


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"code": f"P{n}", "name": "x", "size": n} for n in range(first, first + count)]


async def test_a_thousand_records_are_created_by_one_request(
    owner: AsyncClient, plain: int, entries: Any
) -> None:
    answer = await owner.post(f"{AT}/createEntries", json={"entries": rows(1000)})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["count"], said["failed"]) == (1000, 0)
    assert said["results"][7] == {"entry": 7, "content": {"code": "P7", "name": "x", "size": 7}}
    assert (await owner.get(AT, params={"pageSize": 1})).json()["count"] == 1000
    found = await owner.post(f"{AT}/read", json={"query": {"content": {"code": "P999"}}})
    assert found.json()["content"]["size"] == 999
    [entry] = await entries("record.created")
    assert entry.facts["parts"]["count"] == 1000
    assert entry.facts["operation"] == "createEntries"


async def test_one_bad_entry_refuses_all_and_is_named(
    owner: AsyncClient, plain: int, entries: Any
) -> None:
    given = [*rows(3), {"code": "P3", "size": -1}, {"name": "no code"}, *rows(1, 5)]
    answer = await owner.post(f"{AT}/createEntries", json={"entries": given})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "#/entries/3/size",
        "#/entries/4/code",
    ]
    assert (await owner.get(AT)).json()["count"] == 0
    assert await entries("record.created") == []


async def test_each_keeps_what_can_be_kept_and_reports_the_rest(
    owner: AsyncClient, plain: int, entries: Any
) -> None:
    await owner.post(f"{AT}/create", json={"write": {"content": {"code": "P9"}}})
    given = [*rows(2), {"code": "P2", "unknown": 1}, *rows(1, 9), *rows(1, 0), *rows(1, 4)]
    answer = await owner.post(f"{AT}/createEntries", json={"entries": given, "mode": "each"})
    said = answer.json()
    assert (said["count"], said["failed"]) == (3, 3), said
    assert said["results"][2]["errors"][0]["pointer"] == "#/unknown"
    for place in (3, 4):  # one that was there, and one of the same batch
        assert said["results"][place]["errors"] == [
            {"pointer": "#/code", "reason": "another record has this value"}
        ]
    listed = (await owner.get(AT)).json()
    assert {record["code"] for record in listed["results"]} == {"P0", "P1", "P4", "P9"}
    [bulk] = [entry for entry in await entries("record.created") if "parts" in entry.facts]
    assert bulk.facts["parts"]["count"] == 3
    again = await owner.post(f"{AT}/createEntries", json={"entries": rows(1, 2), "mode": "each"})
    assert again.json()["count"] == 1  # nothing is left of what was not kept


async def test_a_value_that_another_record_has_refuses_all(owner: AsyncClient, plain: int) -> None:
    await owner.post(f"{AT}/createEntries", json={"entries": rows(2)})
    answer = await owner.post(f"{AT}/createEntries", json={"entries": rows(3, 1)})
    assert answer.status_code == 409
    assert answer.json()["errors"] == [
        {"pointer": "#/entries/0/code", "reason": "another record has this value"}
    ]
    assert "P1" not in answer.text
    twice = await owner.post(f"{AT}/createEntries", json={"entries": rows(1, 7) * 2})
    assert [e["pointer"] for e in twice.json()["errors"]] == ["#/entries/1/code"]
    assert (await owner.get(AT)).json()["count"] == 2


async def test_more_than_ten_thousand_entries_are_too_many(owner: AsyncClient, plain: int) -> None:
    answer = await owner.post(f"{AT}/createEntries", json={"entries": [{}] * 10_001})
    assert answer.status_code == 413
    codes = ["P"] * 10_001
    assert (await owner.post(f"{AT}/deleteEntries", json={"entries": codes})).status_code == 413
    change = {"entries": [{"write": {"content": {}}}] * 10_001}
    assert (await owner.put(f"{AT}/updateEntries", json=change)).status_code == 413


async def test_all_that_match_are_updated_and_the_same_again_changes_nothing(
    owner: AsyncClient, plain: int, entries: Any
) -> None:
    await owner.post(f"{AT}/createEntries", json={"entries": rows(5)})
    change = {"query": {"content": {"name": "x"}}, "write": {"content": {"name": "y"}}}
    for _ in range(3):
        answer = await owner.put(f"{AT}/updateEntries", json=change)
        assert answer.status_code == 200
        assert answer.json() == {"count": 5, "failed": 0, "failures": []}
    [entry] = await entries("record.updated")
    assert entry.facts["parts"]["count"] == 5
    assert {record["name"] for record in (await owner.get(AT)).json()["results"]} == {"y"}
    nothing = {"query": {"content": {"name": "z"}}, "write": {"content": {"name": "w"}}}
    answer = await owner.put(f"{AT}/updateEntries", json=nothing)
    assert (answer.status_code, answer.json()) == (404, {"detail": "no record found"})
    bad = {**change, "query": {"content": {"name": "y"}}, "write": {"content": {"size": "much"}}}
    answer = await owner.put(f"{AT}/updateEntries", json=bad)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "#/write/content/size"


async def test_each_entry_changes_its_own_record(
    owner: AsyncClient, plain: int, entries: Any
) -> None:
    await owner.post(f"{AT}/createEntries", json={"entries": rows(4)})
    change = [
        {"query": {"content": {"size": 0}}, "write": {"content": {"code": "P100"}}},
        {"write": {"content": {"code": "P1", "name": "one"}}},
        {"write": {"content": {"code": "P77", "name": "nobody"}}},
        {"query": {"content": {"code": "P2"}}, "write": {"content": {"code": "P3"}}},
        {"write": {"content": {"code": "P1", "name": "again"}}},
    ]
    refused = await owner.put(f"{AT}/updateEntries", json={"entries": change})
    assert refused.status_code == 404  # of the kind of the first fault
    answer = await owner.put(f"{AT}/updateEntries", json={"entries": change, "mode": "each"})
    said = answer.json()
    assert (said["count"], said["failed"]) == (2, 3), said
    assert [failure["entry"] for failure in said["failures"]] == [2, 3, 4]
    listed = (await owner.get(AT, params={"ordering": "size"})).json()["results"]
    assert [(r["code"], r["name"]) for r in listed] == [
        ("P100", "x"),
        ("P1", "one"),
        ("P2", "x"),
        ("P3", "x"),
    ]
    [entry] = await entries("record.updated")
    assert entry.facts["parts"]["count"] == 2
    free = await owner.post(f"{AT}/create", json={"write": {"content": {"code": "P0"}}})
    assert free.status_code == 200
    taken = await owner.post(f"{AT}/create", json={"write": {"content": {"code": "P2"}}})
    assert taken.status_code == 409


async def test_many_are_deleted_by_reference_or_query(
    owner: AsyncClient, plain: int, entries: Any
) -> None:
    await owner.post(f"{AT}/createEntries", json={"entries": rows(6)})
    for _ in range(2):
        gone = await owner.post(f"{AT}/deleteEntries", json={"entries": ["P0", "P1", "P404"]})
        assert gone.status_code == 204
    assert (await owner.get(AT)).json()["count"] == 4
    for _ in range(2):
        gone = await owner.post(f"{AT}/deleteEntries", json={"query": {"content": {"name": "x"}}})
        assert gone.status_code == 204
    assert (await owner.get(AT)).json()["count"] == 0
    assert [e.facts["parts"]["count"] for e in await entries("record.deleted")] == [2, 4]
    again = await owner.post(f"{AT}/createEntries", json={"entries": rows(1)})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", "createEntries", {"entries": []}),
        ("POST", "createEntries", {"entries": [1]}),
        ("POST", "createEntries", {"entries": [{}], "mode": "some"}),
        ("PUT", "updateEntries", {}),
        ("PUT", "updateEntries", {"write": {"content": {"name": "y"}}}),
        ("PUT", "updateEntries", {"query": {"content": {}}, "write": {"content": {"name": "y"}}}),
        ("PUT", "updateEntries", {"query": {"content": {"a": 1}}, "write": {"content": {}}}),
        ("POST", "deleteEntries", {}),
        ("POST", "deleteEntries", {"query": {"content": {}}}),
        ("POST", "deleteEntries", {"query": {"content": {"a": 1}}}),
    ],
)
async def test_bad_input_is_refused(
    owner: AsyncClient, plain: int, verb: str, path: str, body: dict[str, Any]
) -> None:
    answer = await owner.request(verb, f"{AT}/{path}", json=body)
    assert answer.status_code == 400, answer.text


async def test_an_unknown_registry_or_version_is_not_found(owner: AsyncClient, plain: int) -> None:
    body = {"entries": [{"code": "a"}]}
    for at in ("/data/NONE/1.0", "/data/PLAIN/2.0"):
        assert (await owner.post(f"{at}/createEntries", json=body)).status_code == 404
        assert (await owner.post(f"{at}/deleteEntries", json={"entries": ["a"]})).status_code == 404


async def test_each_person_finds_their_own_part_with_its_values(
    owner: AsyncClient, mcts: int, entries: Any
) -> None:
    given = [{"child": {"id": f"EE{n}", "firstName": f"Name{n}"}, "weight": 3} for n in range(3)]
    answer = await owner.post(
        "/data/MCTS/1.0/createEntries",
        json={"entries": given},
        headers={"X-Legal-Basis": "Health Act 5"},
    )
    assert [row["content"]["ID"] for row in answer.json()["results"]] == ["MCTS1", "MCTS2", "MCTS3"]
    [part] = await entries("record.created", subject="EE1")
    assert part.object.startswith(f"database:{mcts}/record:")
    assert part.facts["recordNumber"] == 2
    assert part.facts["fields"] == ["ID", "child.id", "child.firstName", "weight"]
    assert part.detail["after"]["child.firstName"] == "Name1"
    assert part.detail["legalBasis"] == "Health Act 5"
    assert part.detail["readerId"] == "EE1"
    [same] = await entries("record.created", object=part.object)
    assert same.id == part.id
    [whole] = await entries("record.created")
    assert "Name1" not in str((whole.facts, whole.detail))
    numbered = await owner.post("/data/MCTS/1.0/create", json={"write": {"content": {}}})
    assert numbered.json()["content"]["ID"] == "MCTS4"


async def test_a_batch_keeps_what_records_were(owner: AsyncClient, plain: int, app: Any) -> None:
    await owner.post(f"{AT}/createEntries", json={"entries": rows(2)})
    change = {"query": {"content": {"name": "x"}}, "write": {"content": {"size": 9}}}
    await owner.put(f"{AT}/updateEntries", json=change)
    async with app.state.database.connection() as connection:
        kept = await connection.fetch(
            "SELECT content->>'size' AS size, revision FROM record_history ORDER BY 1"
        )
        now = await connection.fetch("SELECT revision FROM record")
    assert [(row["size"], row["revision"]) for row in kept] == [("0", 1), ("1", 1)]
    assert [row["revision"] for row in now] == [2, 2]


async def test_what_follows_from_a_change_follows_from_a_batch(
    owner: AsyncClient, plain: int
) -> None:
    await owner.post(f"{AT}/createEntries", json={"entries": [{"code": "P1", "name": "Usha"}]})
    found = await owner.get(AT, params={"search": "usha"})
    assert found.json()["count"] == 1
    change = {"query": {"content": {"code": "P1"}}, "write": {"content": {"name": "Lakshmi"}}}
    await owner.put(f"{AT}/updateEntries", json=change)
    assert (await owner.get(AT, params={"search": "usha"})).json()["count"] == 0
    assert (await owner.get(AT, params={"search": "lakshmi"})).json()["count"] == 1


GAPLESS = {
    "type": "object",
    "properties": {
        "number": {
            "type": "string",
            "readOnly": True,
            "triggers": [{"actions": [{"type": "number", "gapless": True}]}],
        },
        "code": {"type": "string", "unique": True},
        "size": {"type": "integer"},
    },
}


async def test_gapless_numbers_have_no_gaps(owner: AsyncClient, publish: Any) -> None:
    await publish(owner, "PLAIN", GAPLESS)
    entries = [{"code": code, "size": size} for code, size in [("a", 1), ("a", 2), ("b", "x")]]
    entries.append({"code": "c"})
    for _ in range(2):
        refused = await owner.post(f"{AT}/createEntries", json={"entries": entries})
        assert refused.status_code == 400
    answer = await owner.post(f"{AT}/createEntries", json={"entries": entries, "mode": "each"})
    said = answer.json()
    assert [row["content"]["number"] for row in said["results"] if "content" in row] == ["1", "2"]
    assert [row["entry"] for row in said["results"] if "errors" in row] == [1, 2]
    more = await owner.post(f"{AT}/createEntries", json={"entries": [{"code": "d"}, {"code": "e"}]})
    assert [row["content"]["number"] for row in more.json()["results"]] == ["3", "4"]


async def test_an_entry_that_refers_to_nothing_is_named(owner: AsyncClient, publish: Any) -> None:
    mother = {"type": "object", "properties": {"code": {"type": "string", "primaryKey": True}}}
    number = await publish(owner, "MOTHERS", mother)
    link = {"databaseId": number, "fieldId": "code", "type": "foreignKey"}
    schema = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "primaryKey": True},
            "mother": {"type": "string", "x-link": link},
        },
    }
    await publish(owner, "PLAIN", schema)
    await owner.post("/data/MOTHERS/1.0/create", json={"write": {"content": {"code": "M1"}}})
    entries = [{"code": "a", "mother": "M1"}, {"code": "b", "mother": "M2"}]
    refused = await owner.post(f"{AT}/createEntries", json={"entries": entries})
    assert refused.status_code in {400, 409}
    assert refused.json()["errors"][0]["pointer"] == "#/entries/1/mother"
    answer = await owner.post(f"{AT}/createEntries", json={"entries": entries, "mode": "each"})
    assert (answer.json()["count"], answer.json()["failed"]) == (1, 1)
    assert answer.json()["results"][1]["errors"][0]["pointer"] == "#/mother"
    changes = {"entries": [{"write": {"content": {"code": "a", "mother": "M3"}}}], "mode": "each"}
    said = (await owner.put(f"{AT}/updateEntries", json=changes)).json()
    assert (said["count"], said["failed"]) == (0, 1)
    assert (await owner.get(AT)).json()["results"] == [{"code": "a", "mother": "M1"}]
    held = await owner.post("/data/MOTHERS/1.0/deleteEntries", json={"entries": ["M1"]})
    assert held.status_code == 409
    await owner.post(f"{AT}/deleteEntries", json={"entries": ["a"]})
    gone = await owner.post("/data/MOTHERS/1.0/deleteEntries", json={"entries": ["M1"]})
    assert gone.status_code == 204
