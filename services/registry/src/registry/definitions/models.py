"""A definition as a document (DRS-10, DRS-11): the same words in JSON, YAML and a sheet."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any, NoReturn, cast

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from kit.problems import FieldError
from registry.databases.models import Definition
from registry.fields.models import Field
from registry.notations import models as notations
from registry.notations.models import DocumentUnreadable

NAMES = (
    "name",
    "description",
    "institution",
    "groupName",
    "catalogName",
    "metadata",
    "access",
    "fieldsUniques",
    "schema",
)
"""What a definition says of a database, in the order of its document; the code stands first."""

_COLUMNS = ("field", "type", "format", "required", "list", "description", "keywords")
_OWN_COLUMN = {"type", "format", "description", "properties", "items", "required"}


class Format(StrEnum):
    """How a definition is written down."""

    JSON = "json"
    YAML = "yaml"
    XLSX = "xlsx"

    @property
    def media_type(self) -> str:
        """Return its media type (RFC 9512 for YAML)."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Format.JSON: "application/json",
    Format.YAML: "application/yaml",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
READABLE = {
    "application/json": Format.JSON,
    "application/yaml": Format.YAML,
    "application/x-yaml": Format.YAML,
    "text/yaml": Format.YAML,
}
"""Media types of definitions that are taken."""


class MediaTypeUnknown(DocumentUnreadable):
    """A definition comes as JSON or YAML."""

    title = "The body is neither JSON nor YAML"


@dataclass(frozen=True, slots=True)
class Written:
    """A definition written down: the bytes, their media type, and the name of the file."""

    body: bytes
    media_type: str
    file_name: str


def document_of(code: str, definition: Definition) -> dict[str, Any]:
    """Return the document of a definition; what was not said is not in it."""
    said = {name: definition[name] for name in NAMES if definition[name] is not None}
    return {"code": code, **said}


def write(code: str, version: str, definition: Definition, form: Format) -> Written:
    """Return a definition written down."""
    document = document_of(code, definition)
    if form is Format.XLSX:
        body = _sheet(document, definition)
    elif form is Format.YAML:
        body = notations.write_yaml(document).encode()
    else:
        body = notations.write_json(document).encode()
    return Written(body, form.media_type, f"{code}-{version}.{form}")


def read(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the document in a body, or raise DocumentUnreadable with line and column."""
    form = READABLE.get(content_type.partition(";")[0].strip().lower())
    if form is None:
        _refuse_media_type()
    read_it = notations.read_yaml if form is Format.YAML else notations.read_json
    document = read_it(body)
    if not isinstance(document, dict):
        notations.unreadable("a definition is an object")
    return cast("dict[str, Any]", document)


def _refuse_media_type() -> NoReturn:
    reason = "send Content-Type: application/json or application/yaml"
    raise MediaTypeUnknown(reason, errors=[FieldError("#", reason)])


def _sheet(document: Mapping[str, Any], definition: Definition) -> bytes:
    """Return a workbook: what is said of the database, and a row for each field."""
    book = Workbook(write_only=True)
    about = book.create_sheet("Database")
    for name in document:
        if name != "schema":
            about.append([_cell(about, name), _cell(about, document[name])])
    sheet = book.create_sheet("Fields")
    sheet.append([_cell(sheet, name) for name in _COLUMNS])
    for field in definition.schema().every:
        sheet.append([_cell(sheet, value) for value in _row(field)])
    held = BytesIO()
    book.save(held)
    return held.getvalue()


def _row(field: Field) -> tuple[Any, ...]:
    rest = {name: said for name, said in field.spec.items() if name not in _OWN_COLUMN}
    return (
        field.name,
        field.spec.get("type", field.kind),
        field.format or "",
        "yes" if field.required else "",
        "yes" if field.in_list else "",
        field.spec.get("description", ""),
        rest or "",
    )


def _cell(sheet: Any, value: Any) -> Any:
    """Return a cell of text that no program takes for a formula."""
    text = value if isinstance(value, str) else notations.write_json(value).strip()
    cell = WriteOnlyCell(sheet, "".join(c for c in text[:32_000] if c >= " " or c in "\t\n"))
    cell.data_type = "s"
    return cell
