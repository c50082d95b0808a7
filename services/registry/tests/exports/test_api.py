"""Exports: a file holds what the list shows, says where it is from, and comes in again."""

import asyncio
import csv
import io
import json
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

PEOPLE: dict[str, Any] = {
    "type": "object",
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "primaryKey": True},
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "height": {"type": "number"},
        "active": {"type": "boolean"},
        "address": {"type": "object", "properties": {"town": {"type": "string"}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
AT = "/data/PEOPLE/1.0"
TRICKS = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=x", "''", "", "'", "plain"]


@pytest.fixture
async def people(owner: AsyncClient, publish: Any) -> int:
    """Return the id of a registry of 25 people."""
    made = await publish(owner, "PEOPLE", PEOPLE)
    entries = [
        {
            "code": f"P{n}",
            "name": TRICKS[n % len(TRICKS)],
            "age": n,
            "height": n / 4,
            "active": n % 3 == 0,
            "address": {"town": "ናርቫ" if n % 2 else "Tartu"},
            "tags": ["=a", "b"],
        }
        for n in range(25)
    ]
    answer = await owner.post(f"{AT}/createEntries", json={"entries": entries})
    assert answer.status_code == 200, answer.text
    return made


async def listed(client: AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    return (await client.get(AT, params={"ordering": "age", **asked})).json()["results"]


async def exported(client: AsyncClient, kind: str, **asked: Any) -> Any:
    answer = await client.get(f"{AT}/export", params={"format": kind, "ordering": "age", **asked})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize(
    "asked", [{}, {"query.address.town": "Tartu"}, {"query.age": "range:3..9", "fields": "code"}]
)
async def test_an_export_holds_what_the_list_shows(
    owner: AsyncClient, people: int, asked: dict[str, str]
) -> None:
    wanted = await listed(owner, **asked)
    assert wanted
    whole = (await exported(owner, "json", **asked)).json()
    assert whole["records"] == wanted
    lines = (await exported(owner, "ndjson", **asked)).text.splitlines()
    assert [json.loads(line) for line in lines] == wanted
    table = list(csv.DictReader(io.StringIO((await exported(owner, "csv", **asked)).text)))
    assert [row["code"] for row in table] == [record["code"] for record in wanted]


async def test_a_file_says_where_it_is_from(owner: AsyncClient, people: int) -> None:
    town = {"query.address.town": "Tartu"}
    answer = await exported(owner, "json", **town)
    said = answer.json()["export"]
    assert said == json.loads(answer.headers["x-export-source"])
    assert (said["block"], said["member"], said["database"], said["version"]) == (
        "registry",
        "TEST/GOV/1001",
        "PEOPLE",
        "1.0",
    )
    assert said["filter"] == {"ordering": "age", **town}
    assert said["at"].endswith("Z")
    name = answer.headers["content-disposition"]
    assert name.startswith('attachment; filename="PEOPLE-1.0-2')
    book = openpyxl.load_workbook(io.BytesIO((await exported(owner, "xlsx", **town)).content))
    assert book.sheetnames == ["Records", "Source"]
    rows = dict(book["Source"].iter_rows(values_only=True))
    assert rows["database"] == "PEOPLE"
    assert rows["filter: query.address.town"] == "Tartu"


async def test_no_cell_is_a_formula_and_the_texts_come_back(
    owner: AsyncClient, people: int
) -> None:
    text = (await exported(owner, "csv")).text
    table = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["name"] for row in table[:6]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx"]
    book = openpyxl.load_workbook(io.BytesIO((await exported(owner, "xlsx")).content))
    for row in book["Records"].iter_rows():
        assert all(cell.data_type != "f" for cell in row)
        assert not str(row[1].value).startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("kind", ["json", "ndjson", "csv", "xlsx"])
async def test_what_goes_out_comes_in_again(
    owner: AsyncClient, people: int, publish: Any, kind: str, entries: Any
) -> None:
    await publish(owner, "COPY", PEOPLE)
    content = (await exported(owner, kind)).content
    params = {"format": kind}
    answer = await owner.post("/data/COPY/1.0/import", content=content, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.json()["created"] == 25, answer.json()["errors"]
    copied = await owner.get("/data/COPY/1.0", params={"ordering": "age"})
    assert copied.json()["results"] == await listed(owner)
    again = await owner.post(f"{AT}/import", content=content, params=params)
    assert again.json()["unchanged"] == 25
    assert len(await entries("record.created")) == 2


async def test_all_pages_are_in_a_file(owner: AsyncClient, publish: Any) -> None:
    await publish(owner, "PEOPLE", PEOPLE)
    entries = [{"code": f"P{n}", "age": n} for n in range(2345)]
    await owner.post(f"{AT}/createEntries", json={"entries": entries})
    for kind in ("ndjson", "csv"):
        answer = await owner.get(f"{AT}/export", params={"format": kind})
        assert len(answer.text.splitlines()) == 2345 + (kind == "csv")
    found = (await owner.get(f"{AT}/export")).json()["records"]
    assert sorted(record["age"] for record in found) == list(range(2345))
    empty = await owner.get(f"{AT}/export", params={"query.code": "none"})
    assert empty.json()["records"] == []
    nothing = await owner.get(f"{AT}/export", params={"query.code": "none", "format": "csv"})
    assert nothing.text.startswith("code,name,age")


async def test_everybody_in_a_file_is_told(owner: AsyncClient, mcts: int, entries: Any) -> None:
    given = [{"child": {"id": f"EE{n}", "firstName": "Usha"}} for n in range(3)]
    await owner.post("/data/MCTS/1.0/createEntries", json={"entries": given})
    answer = await owner.get(
        "/data/MCTS/1.0/export",
        params={"format": "csv"},
        headers={"X-Legal-Basis": quote("Health Act 5")},
    )
    assert answer.status_code == 200
    assert "x-govblocks-evidence" in answer.headers
    for n in range(3):
        [part] = await entries("record.read", subject=f"EE{n}")
        assert part.facts["operation"] == "export"
        assert part.facts["fields"] == ["child.id", "child.firstName", "child.birthdate"]
    [entry] = await entries("record.read")
    assert entry.facts["parts"]["count"] == 3


async def test_what_needs_consent_is_refused_to_others(
    owner: AsyncClient, other: AsyncClient, publish: Any, mcts_schema: Any, consent_rule: Any
) -> None:
    await publish(owner, "MCTS", mcts_schema, access=consent_rule)
    await owner.post("/data/MCTS/1.0/create", json={"write": {"content": {"child": {"id": "E1"}}}})
    answer = await other.get("/data/MCTS/1.0/export")
    assert answer.status_code == 403
    assert "E1" not in answer.text
    assert (await owner.get("/data/MCTS/1.0/export")).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/data/NONE/1.0/export", 404),
        (f"{AT}/export?format=pdf", 400),
        (f"{AT}/export?query.shoe=1", 400),
        (f"{AT}/export?fields=shoe", 400),
        (f"{AT}/export?ordering=tags", 400),
    ],
)
async def test_what_cannot_be_exported_is_refused(
    owner: AsyncClient, people: int, path: str, status: int
) -> None:
    assert (await owner.get(path)).status_code == status


async def test_a_client_that_goes_away_stops_it(
    owner: AsyncClient, app: FastAPI, publish: Any, entries: Any
) -> None:
    schema = {
        "type": "object",
        "properties": {"code": {"type": "string", "x-personalDataId": True}},
    }
    await publish(owner, "PEOPLE", schema)
    given = [{"code": f"EE{n}"} for n in range(5000)]
    await owner.post(f"{AT}/createEntries", json={"entries": given})
    request = owner.build_request("GET", f"{AT}/export")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": request.url.path,
        "raw_path": request.url.raw_path,
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
    }
    gone = asyncio.Event()
    sent: list[int] = []

    async def receive() -> dict[str, Any]:
        if not sent:
            await asyncio.sleep(0)
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body"):
            sent.append(len(message["body"]))
            gone.set()
            await asyncio.sleep(0.05)

    await asyncio.wait_for(app(scope, receive, send), 20)
    assert len(sent) < 5
    shown = sum(entry.facts["parts"]["count"] for entry in await entries("record.read"))
    assert shown < 5000
