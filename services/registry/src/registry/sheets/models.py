"""XLSX (ISO/IEC 29500), read row by row and written as a stream.

Reading goes through openpyxl with defusedxml: no entity is expanded, no formula is evaluated (a
cell has the value its program kept beside the formula), and what an archive claims to grow to is
looked at before it grows. Writing holds one row; every text is an inline string, no cell a formula.
"""

import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, cast
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape, quoteattr

import openpyxl
from defusedxml.common import DefusedXmlException

from registry.rows.models import MOST_COLUMNS, FileInvalid, Row, headings, refuse

RECORDS = "Records"
SOURCE = "Source"
MOST_ROWS = 1 << 20
"""Rows of one sheet; what is more stands on the next."""
LONGEST_CELL = 131072
"""Characters of one cell, as in CSV."""

_LARGEST = 4 << 30
_LARGEST_PART = 256 << 20
_STEEPEST = 200
_FORBIDDEN = {code: None for code in range(32) if code not in (9, 10, 13)} | {0xFFFE: None}
_FAULTS = (
    zipfile.BadZipFile,
    DefusedXmlException,
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OverflowError,
    NotImplementedError,
    EOFError,
    zipfile.zlib.error,  # pyright: ignore[reportAttributeAccessIssue]
)
"""What openpyxl raises for a file that is not as it should be."""


def read(file: BinaryIO, heading: list[str] | None = None) -> Iterator[Row]:
    """Yield the rows below the headings of the sheets named Records, or of the first sheet.

    The names of a sheet's columns are added to ``heading`` before its first row.
    """
    try:
        _check_size(file)
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        named = [n for n in book.sheetnames if n == RECORDS or n.startswith(f"{RECORDS} ")]
        for name in named or book.sheetnames[:1]:
            sheet: Any = book[name]
            sheet.reset_dimensions()  # what the file says of its own size is not believed
            yield from _rows(sheet, [] if heading is None else heading)
    except _FAULTS as error:
        raise FileInvalid(f"this is no XLSX file we can read ({type(error).__name__})") from error


def _check_size(file: BinaryIO) -> None:
    """Refuse an archive that grows out of proportion."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    for part in parts:
        steep = part.file_size > _STEEPEST * max(part.compress_size, 1)
        in_memory = not part.filename.startswith("xl/worksheets/")
        if (steep and part.file_size > 1 << 20) or (in_memory and part.file_size > _LARGEST_PART):
            raise FileInvalid("the archive grows out of proportion when it is opened")
    if sum(part.file_size for part in parts) > _LARGEST:
        raise FileInvalid(f"the archive grows to more than {_LARGEST} bytes")
    file.seek(0)


def _rows(sheet: Any, heading: list[str]) -> Iterator[Row]:
    rows = cast("Iterator[tuple[Any, ...]]", sheet.iter_rows(values_only=True))
    first = list(next(rows, ()))
    if len(first) > MOST_COLUMNS:
        refuse(1, f"has {len(first)} columns, {MOST_COLUMNS} are the most")
    names = headings(first, 1)
    heading += names
    for line, found in enumerate(rows, 2):
        if any(cell is not None for cell in found[len(names) :]):
            refuse(line, f"has a cell beyond its {len(names)} columns")
        given = {n: c for n, c in zip(names, found, strict=False) if c is not None and c != ""}
        if any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in given.values()):
            refuse(line, f"has a cell of more than {LONGEST_CELL} characters")
        if given:
            yield Row(line, given)


class Writer:
    """An XLSX file made as a stream: ``rows`` give what can be sent, ``end`` gives the rest."""

    def __init__(self, heading: Sequence[str]) -> None:
        self._heading = _row(heading)
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(self._pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._sheets = 0
        self._left = 0
        self._sheet: Any = None

    def rows(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """Write rows; return what is ready to be sent."""
        for row in rows:
            if not self._left:
                self._next_sheet()
            self._sheet.write(_row(row))
            self._left -= 1
        return self._pipe.taken()

    def _next_sheet(self) -> None:
        self._close_sheet()
        self._sheets += 1
        self._sheet = self._zip.open(
            f"xl/worksheets/sheet{self._sheets}.xml", "w", force_zip64=True
        )
        self._sheet.write(_SHEET_BEGINS + self._heading)
        self._left = MOST_ROWS - 1

    def _close_sheet(self) -> None:
        if self._sheet is not None:
            self._sheet.write(_SHEET_ENDS)
            self._sheet.close()

    def end(self, source: Iterable[tuple[str, Any]]) -> bytes:
        """End the file with a sheet that says where it is from; return the last of it."""
        if not self._sheets:
            self._next_sheet()
        self._close_sheet()
        said = b"".join(_row(pair) for pair in source)
        last = self._sheets + 1
        self._zip.writestr(f"xl/worksheets/sheet{last}.xml", _SHEET_BEGINS + said + _SHEET_ENDS)
        numbered = [f"{RECORDS} {n + 1}" if n else RECORDS for n in range(self._sheets)]
        for name, text in _frame([*numbered, SOURCE]):
            self._zip.writestr(name, text)
        self._zip.close()
        return self._pipe.taken()


class _Pipe(io.RawIOBase):
    """Where the archive is written to: what was not taken yet. It cannot go back."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._held += part
        return len(part)

    def taken(self) -> bytes:
        found = bytes(self._held)
        self._held.clear()
        return found


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_BEGINS = f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode()
_SHEET_ENDS = b"</sheetData></worksheet>"


def _row(cells: Iterable[Any]) -> bytes:
    return ("<row>" + "".join(map(_cell, cells)) + "</row>").encode()


def _cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float) and _is_exact(value):
        return f"<c><v>{value!r}</v></c>"
    text = escape(str(value).translate(_FORBIDDEN), {"\r": "&#13;"})
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _is_exact(value: float) -> bool:
    """Tell whether a number is one a cell can hold: a float, or a whole number up to 2^53."""
    return math.isfinite(value) if isinstance(value, float) else abs(value) <= 1 << 53


def _frame(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the parts of the archive that say what the sheets are."""
    numbers = range(1, len(names) + 1)
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    types = f'<Default Extension="rels" ContentType="{relations}"/>'
    types += f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    for n in numbers:
        name = f"/xl/worksheets/sheet{n}.xml"
        types += f'<Override PartName="{name}" ContentType="{_TYPE}.worksheet+xml"/>'
    yield "[Content_Types].xml", f'{_XML}<Types xmlns="{_PACKAGE}/content-types">{types}</Types>'
    yield "_rels/.rels", _relations([("rId1", "officeDocument", "xl/workbook.xml")])
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
        for n, name in zip(numbers, names, strict=True)
    )
    sheets = f"<sheets>{listed}</sheets>"
    yield (
        "xl/workbook.xml",
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}">{sheets}</workbook>',
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        _relations([(f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers]),
    )


def _relations(relations: Iterable[tuple[str, str, str]]) -> str:
    said = "".join(
        f'<Relationship Id="{name}" Type="{_RELATED}/{kind}" Target="{target}"/>'
        for name, kind, target in relations
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{said}</Relationships>'
