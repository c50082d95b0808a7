"""Imports: the same rows from every format, reported by line, and idempotent by key."""

import csv
import io
import json
from typing import Any

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
