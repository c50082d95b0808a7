"""A definition written down and read again is the same definition."""

import io
from typing import Any

import pytest
from openpyxl import load_workbook

from registry.databases.models import Definition
from registry.definitions.models import (
    Format,
    MediaTypeUnknown,
    document_of,
    read,
    write,
)
from registry.notations.models import DocumentUnreadable

SAID: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["zeta"],
        "properties": {
            "zeta": {"type": "string", "description": "=1+1", "enum": ["no", "on", "1e5", "012"]},
            "alpha": {"type": "object", "properties": {"when": {"type": "date", "default": None}}},
            "list": {"type": "array", "items": {"properties": {"a": {"type": "integer"}}}},
            "nome é 中文": {"type": "number", "minimum": 1.5},
        },
    },
    "fieldsUniques": [["zeta", "alpha.when"]],
    "metadata": {"classification": "Open"},
    "name": "Über",
    "description": None,
}
DEFINITION = Definition(SAID)


@pytest.mark.parametrize("form", [Format.JSON, Format.YAML])
def test_what_was_written_is_read_back_with_its_order(form):
    written = write("CODE", "1.0", DEFINITION, form)
    assert written.file_name == f"CODE-1.0.{form}"
    again = read(written.body, f"{written.media_type}; charset=utf-8")
    assert again == {"code": "CODE", **{k: v for k, v in SAID.items() if v is not None}}
    assert list(again["schema"]["properties"]) == list(SAID["schema"]["properties"])
    assert document_of("CODE", Definition(again)) == again


def test_a_sheet_has_a_row_for_each_field_and_no_formula():
    book = load_workbook(io.BytesIO(write("CODE", "1.0", DEFINITION, Format.XLSX).body))
    rows = [[cell.value for cell in row] for row in book["Fields"].iter_rows()]
    assert [row[0] for row in rows] == [
        "field",
        *("zeta", "alpha", "alpha.when", "list", "list.a", "nome é 中文"),
    ]
    assert rows[1][1:6] == ["string", None, "yes", None, "=1+1"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    assert {cell.data_type for cell in cells} == {"s"}
    assert next(row[0].value for row in book["Database"].iter_rows()) == "code"


@pytest.mark.parametrize("kind", ["", "text/plain", "application/xml", "application/jsonx"])
def test_what_is_neither_json_nor_yaml_is_refused(kind):
    with pytest.raises(MediaTypeUnknown):
        read(b"{}", kind)


@pytest.mark.parametrize(("body", "kind"), [(b"[]", "json"), (b"1", "yaml"), (b"", "yaml")])
def test_a_definition_is_an_object(body, kind):
    with pytest.raises(DocumentUnreadable):
        read(body, f"application/{kind}")
