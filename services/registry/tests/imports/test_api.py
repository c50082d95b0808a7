"""Imports: the same rows from every format, reported by line, and idempotent by key."""

import csv
import io
import json
import zipfile
from typing import Any

import openpyxl
import pytest
from httpx import AsyncClient

from registry.sheets.models import Writer

PEOPLE: dict[str, Any] = {
    "type": "object",
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "primaryKey": True},
        "name": {"type": "string", "maxLength": 30},
        "age": {"type": "integer", "minimum": 0},
        "height": {"type": "number"},
        "active": {"type": "boolean"},
        "address": {
            "type": "object",
            "properties": {"town": {"type": "string"}, "since": {"type": "date"}},
        },
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
AT = "/data/PEOPLE/1.0"


@pytest.fixture
async def people(owner: AsyncClient, publish: Any) -> int:
    """Return the id of a registry to import into."""
    return await publish(owner, "PEOPLE", PEOPLE)


def records(count: int) -> list[dict[str, Any]]:
    return [
        {
            "code": f"P{n}",
            "name": f"Näme {n}",
            "age": n,
            "height": n + 0.5,
            "active": n % 2 == 0,
            "address": {"town": "ናርቫ", "since": "2020-01-02"},
            "tags": ["a", "b"],
        }
        for n in range(count)
    ]


COLUMNS = ["code", "name", "age", "height", "active", "address.town", "address.since", "tags"]


def cells(record: dict[str, Any]) -> list[Any]:
    row = [record.get(name) for name in COLUMNS[:5]]
    address = record.get("address", {})
    return [*row, address.get("town"), address.get("since"), json.dumps(record.get("tags"))]


def as_csv(given: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(COLUMNS)
    writer.writerows(cells(record) for record in given)
    return out.getvalue().encode()


def as_xlsx(given: list[dict[str, Any]]) -> bytes:
    writer = Writer(COLUMNS)
    return writer.rows(cells(record) for record in given) + writer.end([])


TYPES = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FILES = {
    "json": lambda given: json.dumps(given).encode(),
    "ndjson": lambda given: b"\n".join(json.dumps(one).encode() for one in given),
    "csv": as_csv,
    "xlsx": as_xlsx,
}


async def send(client: AsyncClient, kind: str, content: bytes, **options: str) -> Any:
    headers = {"Content-Type": TYPES[kind]}
    return await client.post(f"{AT}/import", content=content, params=options, headers=headers)


async def listed(client: AsyncClient) -> list[dict[str, Any]]:
    return (await client.get(AT, params={"ordering": "age"})).json()["results"]


@pytest.mark.parametrize("kind", FILES)
async def test_the_same_rows_come_in_from_every_format(
    owner: AsyncClient, people: int, kind: str, entries: Any
) -> None:
    content = FILES[kind](records(100))
    answer = await send(owner, kind, content)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["rows"], said["created"], said["failed"]) == (100, 100, 0), said["errors"][:2]
    assert await listed(owner) == records(100)
    again = (await send(owner, kind, content)).json()
    assert (again["rows"], again["created"], again["unchanged"]) == (100, 0, 100)
    [entry] = await entries("record.created", "record.updated")
    assert entry.facts["operation"] == "import"
    assert entry.facts["parts"]["count"] == 100


async def test_bad_rows_are_named_by_line_and_column(owner: AsyncClient, people: int) -> None:
    content = (
        b"code,name,age,address.since,height\n"
        b'A,"two\nlines",5,2020-01-02,1\n'
        b"B,ok,minus,2020-01-02,1\n"
        b"C,ok,-1,soon,\n"
        b"D,ok,3,2020-01-02,1e999\n"
        b"E,good,4,,\n"
    )
    said = (await send(owner, "csv", content)).json()
    assert (said["rows"], said["created"], said["failed"]) == (5, 2, 3)
    assert said["errors"] == [
        {"line": 4, "errors": [{"column": "age", "reason": "is not a number"}]},
        {
            "line": 5,
            "errors": [
                {"column": "age", "reason": "is less than 0"},
                {"column": "address.since", "reason": "is not a valid date"},
            ],
        },
        {"line": 6, "errors": [{"column": "height", "reason": "is not a number"}]},
    ]
    assert [record["code"] for record in await listed(owner)] == ["E", "A"]


async def test_a_dry_run_says_what_would_be_and_keeps_nothing(
    owner: AsyncClient, people: int, entries: Any
) -> None:
    await send(owner, "json", FILES["json"](records(2)))
    given = [*records(4), {"code": "bad", "age": "x"}]
    given[0]["name"] = "changed"
    said = (await send(owner, "json", FILES["json"](given), dryRun="true")).json()
    assert said.pop("errors")[0]["line"] == 1
    assert said == {
        "dryRun": True,
        "rows": 5,
        "created": 2,
        "updated": 1,
        "unchanged": 1,
        "failed": 1,
    }
    assert await listed(owner) == records(2)
    assert len(await entries("record.created", "record.updated")) == 1


async def test_rows_find_their_record_by_any_key(owner: AsyncClient, people: int) -> None:
    await send(owner, "csv", b"code,name,age\nA,x,1\nB,y,2\n")
    content = b"name,age,height\nx,1,9\ny,3,9\n,4,9\n"
    said = (await send(owner, "csv", content, key="name,age")).json()
    assert (said["updated"], said["created"], said["failed"]) == (1, 0, 2)
    assert said["errors"][0]["errors"] == [{"column": "code", "reason": "is required"}]
    assert said["errors"][1]["errors"] == [
        {"column": "name", "reason": "is the key, and has no value"}
    ]
    said = (await send(owner, "csv", b"code,name\nA,again\n", key="")).json()
    assert said["errors"][0]["errors"] == [
        {"column": "code", "reason": "another record has this value"}
    ]


async def test_rows_with_the_same_key_follow_each_other(owner: AsyncClient, people: int) -> None:
    said = (await send(owner, "csv", b"code,age\nA,1\nB,1\nA,2\nA,2\n")).json()
    assert (said["created"], said["updated"], said["unchanged"]) == (2, 1, 1)
    assert {r["code"]: r["age"] for r in await listed(owner)} == {"A": 2, "B": 1}


async def test_columns_are_mapped_and_delimiters_declared(owner: AsyncClient, people: int) -> None:
    content = "\ufeffKood;Linn;Vanus\nA;Tartu;x\nB;Narva;5\n".encode()
    mapping = json.dumps({"Kood": "code", "Linn": "address.town", "Vanus": "age"})
    said = (await send(owner, "csv", content, mapping=mapping, delimiter="semicolon")).json()
    assert said["created"] == 1
    assert said["errors"][0]["errors"] == [{"column": "Vanus", "reason": "is not a number"}]
    assert (await listed(owner))[0]["address"] == {"town": "Narva"}


async def test_a_form_says_the_same(owner: AsyncClient, people: int) -> None:
    answer = await owner.post(
        f"{AT}/import",
        files={"file": ("people.csv", b"code|age\nA|1\n", "text/csv")},
        data={"delimiter": "|", "dryRun": "true"},
    )
    assert answer.status_code == 200, answer.text
    assert (answer.json()["created"], answer.json()["dryRun"]) == (1, True)
    for data in ({}, {"delimiter": "|"}):
        bad = await owner.post(f"{AT}/import", data=data, files={"other": ("a.csv", b"x")})
        assert bad.status_code == 400
    for header, content in ((TYPES["csv"], b""), ("multipart/form-data; boundary=x", b"--x")):
        sent = {"Content-Type": header}
        bad = await owner.post(f"{AT}/import", content=content, headers=sent)
        assert bad.status_code == 400


def _bomb(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def _with(name: str, content: bytes) -> bytes:
    """Return a good XLSX file of which one part is another."""
    out = io.BytesIO()
    good = zipfile.ZipFile(io.BytesIO(as_xlsx(records(1))))
    with good, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in good.namelist():
            archive.writestr(part, content if part == name else good.read(part))
    return out.getvalue()


_LOL = b'<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'
BAD = {
    "latin-1": ("csv", b"code,name\nA,good\nB,N\xe4me\n", "line 3: is not UTF-8 text"),
    "latin-1 in JSON": ("json", b'[{"code":"A"},\n{"code":"\xe4"}]', "line 2: is not UTF-8"),
    "a NUL": ("csv", b"code,name\nA,\x00\n", "line 2: holds a NUL"),
    "no CSV": ("csv", b'code,name\nA,"x"y\n', "line 2: is not CSV"),
    "an unknown column": ("csv", b"code,shoe\nA,3\n", "column shoe"),
    "a column twice": ("csv", b"code,code\nA,3\n", "line 1: has a column twice"),
    "too many columns": ("csv", b",".join(b"c%d" % n for n in range(10_000)), "10000 columns"),
    "too many cells": ("csv", b"code\nA,3\n", "line 2: has 2 cells for 1 columns"),
    "a huge cell": ("csv", b"code\n" + b"x" * 200_000, "line 2: is not CSV: field larger"),
    "a huge line": ("ndjson", b'{"code":"' + b"x" * (1 << 22) + b'"}', "line 1: has more than"),
    "no object": ("json", b"[1]", "line 1: is not a JSON object"),
    "cut off": ("json", b'[{"code":"A"}', "line 1: is not JSON"),
    "a comma too many": ("json", b'[{"code":"A"},]', "a comma before the end"),
    "more behind the end": ("json", b'[{"code":"A"}] x', "holds more after"),
    "a name twice": ("ndjson", b'{"code":"A","code":"B"}', "a name stands twice"),
    "NaN": ("ndjson", b'\n{"code":"A","age":NaN}', "line 2: NaN is not JSON"),
    "beyond a float": ("ndjson", b'{"code":"A","height":1e999}', "larger than any"),
    "too deep": ("json", b'[{"code":' + b"[" * 100_000, "line 1: is nested too deep"),
    "no zip": ("xlsx", b"code,name\nA,B\n", "it is not a zip archive"),
    "a zip without a book": ("xlsx", _bomb("a.txt", b"x"), "no XLSX file we can read"),
    "a zip bomb": ("xlsx", _bomb("xl/workbook.xml", b" " * (1 << 24)), "out of proportion"),
    "an XML bomb": ("xlsx", _with("xl/worksheets/sheet1.xml", _LOL), "no XLSX file we can read"),
    "no XML": ("xlsx", _with("xl/worksheets/sheet1.xml", b"<a"), "no XLSX file we can read"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_file_that_cannot_be_read_is_refused(
    owner: AsyncClient, people: int, what: str
) -> None:
    kind, content, reason = BAD[what]
    answer = await send(owner, kind, content)
    assert answer.status_code == 400, answer.text
    assert reason in answer.json()["detail"], answer.json()
    assert await listed(owner) == []


@pytest.mark.parametrize(
    "options",
    [
        {"format": "pdf"},
        {"delimiter": "ab"},
        {"encoding": "latin-1"},
        {"dryRun": "perhaps"},
        {"key": "shoe"},
        {"key": "tags.x"},
        {"mapping": "[]"},
        {"mapping": '{"code": "shoe"}'},
    ],
)
async def test_options_that_cannot_be_used_are_refused(
    owner: AsyncClient, people: int, options: dict[str, str]
) -> None:
    for path in ("import", "imports"):
        answer = await owner.post(
            f"{AT}/{path}",
            content=b"code\nA\n",
            params=options,
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status_code == 400, answer.text
    assert await listed(owner) == []


async def test_a_file_too_long_to_wait_for_is_refused(owner: AsyncClient, people: int) -> None:
    content = b"code\n" + b"".join(b"P%d\n" % n for n in range(10_001))
    assert (await send(owner, "csv", content)).status_code == 413
    answer = await owner.post("/data/NONE/1.0/import", content=b"[]", params={"format": "json"})
    assert answer.status_code == 404


async def test_formulas_are_texts_and_formula_cells_have_their_values(
    owner: AsyncClient, people: int
) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["code", "name", "age"])
    sheet.append(["A", "'=1+1", "=1+1"])
    out = io.BytesIO()
    book.save(out)
    said = (await send(owner, "xlsx", out.getvalue())).json()
    assert said["created"] == 1, said
    assert await listed(owner) == [{"code": "A", "name": "=1+1"}]  # no value was kept beside it


async def test_an_archived_database_takes_nothing_in(owner: AsyncClient, people: int) -> None:
    await send(owner, "csv", b"code\nA\n")
    assert (await owner.post(f"/database/{people}/archive")).is_success
    for path in ("import", "imports"):
        answer = await owner.post(
            f"{AT}/{path}", content=b"code\nB\n", headers={"Content-Type": TYPES["csv"]}
        )
        assert answer.status_code == 409, answer.text
    query = {"query": {"content": {"code": "A"}}}
    change = {**query, "write": {"content": {"name": "y"}}}
    assert (await owner.put(f"{AT}/updateEntries", json=change)).status_code == 409
    assert (await owner.post(f"{AT}/deleteEntries", json=query)).status_code == 409
    new = {"entries": [{"code": "C"}]}
    assert (await owner.post(f"{AT}/createEntries", json=new)).status_code == 409
    assert (await owner.get(f"{AT}/export")).json()["records"] == [{"code": "A"}]
    assert (await owner.get("/data/NONE/1.0/imports")).status_code == 404


async def test_a_table_without_rows_has_good_columns(owner: AsyncClient, people: int) -> None:
    assert (await send(owner, "csv", b"code,name\n")).json()["rows"] == 0
    refused = await send(owner, "csv", b"code,shoe\n")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/shoe"
