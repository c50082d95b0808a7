"""Records as rows of cells: what goes out comes in again, and nothing is a formula."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.columns.models import Reader, cells, columns, neutral, plain
from registry.fields.models import FieldUnknown
from registry.keywords import models as keywords
from registry.rows.models import Format, read
from registry.sheets import models as sheets

SCHEMA = keywords.parse(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "whole": {"type": "integer"},
            "number": {"type": "number"},
            "flag": {"type": "boolean"},
            "inner": {"type": "object", "properties": {"text": {"type": "string"}}},
            "list": {"type": "array", "items": {"type": "string"}},
            "free": {"type": "object"},
        },
    }
)
FIELDS = columns(SCHEMA)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
SEEN = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\r\n"))
EDGES = st.sampled_from(["", "'", "''", "=1", "'=1", "+", "-1", "@a", "\t", "\rx", "\n", "'a"])
NUMBER = st.floats(allow_nan=False, allow_infinity=False).filter(lambda n: not n.is_integer())


def contents(texts: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Return records as the registry keeps them: objects have members, whole numbers no point."""
    members = {
        "text": texts,
        "whole": st.integers(-(10**40), 10**40),
        "number": NUMBER | st.integers(),
        "flag": st.booleans(),
        "inner": texts.map(lambda text: {"text": text}),
        "list": st.lists(texts, max_size=3),
        "free": st.dictionaries(texts, texts, max_size=2),
    }
    return st.fixed_dictionaries({}, optional=members).filter(bool)


def came_in(rows: Any) -> list[dict[str, Any]]:
    errors: list[Any] = []
    reader = Reader(SCHEMA, {})
    found = [reader.content(row.cells, errors) for row in rows]
    assert errors == []
    return found


@given(TEXT | EDGES)
def test_a_neutral_text_is_no_formula_and_comes_back(text: str) -> None:
    cell = neutral(text)
    assert plain(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell


@given(st.lists(contents(TEXT | EDGES), max_size=5))
def test_records_go_through_csv(records: list[dict[str, Any]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([field.name for field in FIELDS])
    for record in records:
        row = cells(FIELDS, record)
        writer.writerow([json.dumps(c) if isinstance(c, bool) else c for c in row])
    found = came_in(read(io.BytesIO(out.getvalue().encode()), Format.CSV))
    assert json.dumps(found, sort_keys=True) == json.dumps(records, sort_keys=True)


@given(st.lists(contents(SEEN | EDGES), max_size=5))
def test_records_go_through_xlsx(records: list[dict[str, Any]]) -> None:
    writer = sheets.Writer([field.name for field in FIELDS])
    content = writer.rows(cells(FIELDS, record) for record in records) + writer.end([("a", "b")])
    found = came_in(sheets.read(io.BytesIO(content)))
    assert json.dumps(found, sort_keys=True) == json.dumps(records, sort_keys=True)


@given(st.lists(contents(TEXT | EDGES), max_size=5), st.booleans())
def test_records_go_through_json(records: list[dict[str, Any]], lines: bool) -> None:
    if lines:
        content = "\n".join(json.dumps(each, ensure_ascii=False) for each in records)
        found = read(io.BytesIO(content.encode()), Format.NDJSON)
    else:
        content = json.dumps({"export": {"a": [1]}, "records": records}, ensure_ascii=False)
        found = read(io.BytesIO(content.encode()), Format.JSON)
    assert [row.cells for row in found] == records


@pytest.mark.parametrize(
    ("name", "cell", "reason"),
    [
        ("whole", "1.5", "is not a whole number"),
        ("whole", "one", "is not a number"),
        ("number", "1e999", "is not a number"),
        ("number", "0x1", "is not a number"),
        ("flag", "perhaps", "is neither true nor false"),
        ("list", "[1", "is not JSON"),
        ("free", "NaN", "is not JSON"),
        ("text", "a\x00", "holds a character that cannot be kept"),
    ],
)
def test_a_cell_that_is_no_value_is_named(name: str, cell: str, reason: str) -> None:
    errors: list[Any] = []
    Reader(SCHEMA, {}).content({name: cell}, errors)
    assert [(error.pointer, error.reason) for error in errors] == [(name, reason)]


@pytest.mark.parametrize("name", ["unknown", "inner.unknown"])
def test_a_column_that_is_no_field_is_refused(name: str) -> None:
    with pytest.raises(FieldUnknown):
        Reader(SCHEMA, {}).content({name: "x"}, [])
