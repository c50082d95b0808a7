"""Records out of CSV, NDJSON and JSON files: row by row, whatever the size of the file.

A reader holds one line or one record. What is wrong with the file as a whole is FileInvalid, which
names the line; it never repeats what stands there.
"""

import codecs
import csv
import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, NoReturn, cast

from kit.problems import FieldError, Invalid

MOST_COLUMNS = 1000
LONGEST_LINE = 1 << 22
"""Bytes of one line, or of one record of a JSON array."""

_PART = 1 << 16
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\r\n]*")


class FileInvalid(Invalid):
    """The file is not what it is said to be; the errors name line and column."""

    title = "The file cannot be read"


class Format(StrEnum):
    """What a file of records can be."""

    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file, and the line on which it begins, from 1.

    ``cells`` are texts by the name of their column, or typed values where the format has types.
    """

    line: int
    cells: dict[str, Any]


def refuse(line: int, reason: str, column: str | None = None) -> NoReturn:
    """Raise FileInvalid for a line, and a column when it is one that cannot be used."""
    where = f"#/{line}" if column is None else f"#/{line}/{column}"
    raise FileInvalid(f"line {line}: {reason}", errors=[FieldError(where, reason)])


def read(
    file: BinaryIO, kind: Format, delimiter: str = ",", heading: list[str] | None = None
) -> Iterator[Row]:
    """Yield the rows of a file of text, or raise FileInvalid where one cannot be read.

    The names of a table's columns are added to ``heading`` before its first row.
    """
    if kind is Format.CSV:
        return _csv(file, delimiter, [] if heading is None else heading)
    return _ndjson(file) if kind is Format.NDJSON else _json(file)


class Checker:
    """Tells while a file arrives that it is not what it is said to be."""

    def __init__(self, kind: Format) -> None:
        self._kind = kind
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._line = 1
        self._head = b""

    def feed(self, part: bytes, *, last: bool = False) -> None:
        """Look at the next part of the file, or raise FileInvalid."""
        if len(self._head) < 4:  # noqa: PLR2004  the mark of a zip file
            self._head = (self._head + part)[:4]
        if self._kind is Format.XLSX:
            if last and self._head != b"PK\x03\x04":
                raise FileInvalid("this is no XLSX file: it is not a zip archive")
            return
        pending = self._decoder.getstate()[0]
        try:
            self._decoder.decode(part, last)
        except UnicodeDecodeError as error:
            before = (pending + part)[: error.start].count(b"\n")
            refuse(self._line + before, "is not UTF-8 text")
        if b"\x00" in part:
            refuse(self._line + part[: part.index(b"\x00")].count(b"\n"), "holds a NUL character")
        self._line += part.count(b"\n")


def headings(names: list[Any], line: int) -> list[str]:
    """Return the names of a table's columns, or raise FileInvalid."""
    if len(names) > MOST_COLUMNS:
        refuse(line, f"has {len(names)} columns, {MOST_COLUMNS} are the most")
    found = [str(name).strip() if name is not None else "" for name in names]
    while found and not found[-1]:
        found.pop()
    if not any(found):
        refuse(line, "names no column")
    if len(set(found)) < len(found):
        refuse(line, "has a column twice, or one without a name")
    if _NOT_TEXT.search("".join(found)):
        refuse(line, "has a name that is no text")
    return found


# -- CSV -----------------------------------------------------------------------------------------


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a file with their ends, decoded one by one so that errors have a line."""
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            refuse(number, f"has more than {LONGEST_LINE} bytes")
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            refuse(number, "is not UTF-8 text")
        if "\x00" in text:
            refuse(number, "holds a NUL character")
        yield text


def _csv(file: BinaryIO, delimiter: str, heading: list[str]) -> Iterator[Row]:
    """Yield the rows below the heading (RFC 4180); an empty cell is a value that is not there."""
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    try:
        names = headings(next(reader, []), 1)
        heading += names
        end = reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if len(cells) > len(names):
                refuse(line, f"has {len(cells)} cells for {len(names)} columns")
            given = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
            if given:
                yield Row(line, given)
    except csv.Error as error:
        refuse(reader.line_num, f"is not CSV: {error}")


# -- JSON ----------------------------------------------------------------------------------------


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return made


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is larger than any we keep")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_finite, parse_constant=_constant)


def decode(text: str) -> Any:
    """Read JSON strictly: ValueError for NaN, numbers past a float, and a name that is twice."""
    return _DECODER.decode(text)


def _record(value: Any, line: int) -> Row:
    if not isinstance(value, dict):
        refuse(line, "is not a JSON object")
    return Row(line, cast("dict[str, Any]", value))


def _ndjson(file: BinaryIO) -> Iterator[Row]:
    for line, text in enumerate(_lines(file), 1):
        if text.isspace():
            continue
        yield _record(_tried(lambda text=text: decode(text), line), line)


def _tried(read: Callable[[], Any], line: int) -> Any:
    try:
        return read()
    except json.JSONDecodeError as error:
        refuse(line, f"is not JSON: {error.msg}")
    except (ValueError, RecursionError) as error:
        reason = "is nested too deep" if isinstance(error, RecursionError) else str(error)
        refuse(line, reason)


class _Text:
    """A JSON text of which only the value in hand is held."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._ended = "", 0, False
        self.line = 1

    def _more(self) -> bool:
        """Read on; tell whether there was more."""
        if self._ended:
            return False
        part = self._file.read(_PART)
        self._ended = not part
        try:
            new = self._decoder.decode(part, not part)
        except UnicodeDecodeError:
            refuse(self.line, "is not UTF-8 text")
        self._text, self._at = self._text[self._at :] + new, 0
        return True

    def _pass(self, until: int) -> None:
        self.line += self._text.count("\n", self._at, until)
        self._at = until

    def peek(self) -> str:
        """Return the next character that is no space; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._pass(found.end() if found else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Pass one character, or raise FileInvalid."""
        if self.peek() != wanted:
            refuse(self.line, f"is not JSON: expected {wanted}")
        self._pass(self._at + 1)

    def value(self) -> Any:
        """Return the next value."""
        self.peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > LONGEST_LINE:
                    refuse(self.line, f"a record has more than {LONGEST_LINE} characters")
                if not self._more():
                    refuse(self.line, f"is not JSON: {error.msg}")
                continue
            except (ValueError, RecursionError) as error:
                deep = isinstance(error, RecursionError)
                refuse(self.line, "is nested too deep" if deep else str(error))
            if end == len(self._text) and self._more():
                continue  # a number may go on
            self._pass(end)
            return found


def _json(file: BinaryIO) -> Iterator[Row]:
    """Yield the objects of an array, or of the array ``records`` of an object, as exports are."""
    text = _Text(file)
    wrapped = text.peek() == "{"
    if wrapped:
        _to_records(text)
    text.take("[")
    while text.peek() != "]":
        line = text.line
        yield _record(text.value(), line)
        if text.peek() != "]":
            text.take(",")
            if text.peek() == "]":
                refuse(text.line, "is not JSON: a comma before the end of the array")
    text.take("]")
    if wrapped:
        text.take("}")
    if text.peek():
        refuse(text.line, "holds more after the end of the records")


def _to_records(text: _Text) -> None:
    """Pass what stands before the records of an export."""
    text.take("{")
    while True:
        name = text.value()
        text.take(":")
        if name == "records":
            return
        text.value()
        text.take(",")
