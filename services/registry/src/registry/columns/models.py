"""A record as one row of cells and back again, and texts that no spreadsheet takes for a formula.

A column is a field that holds no other described fields, named ``child.birthdate``. Lists and
objects without described fields stand in one cell as JSON.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from kit.problems import FieldError
from registry.fields.models import Field, FieldUnknown, Schema
from registry.paths import value_at
from registry.places import pointer
from registry.rows.models import decode

_FORMULA = re.compile(r"'*([=+\-@\t\r\n]|\Z)")
_MARKED = re.compile(r"'+([=+\-@\t\r\n]|\Z)")
_INTEGER = re.compile(r"-?[0-9]{1,300}")
_NUMBER = re.compile(r"-?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")


def neutral(text: str) -> str:
    """Return a text as a cell may hold it.

    A text that a spreadsheet could take for a formula (it begins with ``=``, ``+``, ``-``, ``@``,
    tab, CR or LF, maybe after apostrophes) gets an apostrophe in front, and so does an empty one,
    which would else be no value. ``plain`` takes it away.
    """
    return "'" + text if _FORMULA.match(text) else text


def plain(cell: str) -> str:
    """Return the text that ``neutral`` made a cell of."""
    return cell[1:] if cell[:1] == "'" and _MARKED.match(cell) else cell


def columns(schema: Schema, shows: Callable[[str], bool] = lambda _name: True) -> tuple[Field, ...]:
    """Return the fields that are columns of a table, in the schema's order."""
    return tuple(
        field
        for field in schema.every
        if not field.in_list and (field.kind != "object" or not field.fields) and shows(field.name)
    )


def cells(fields: Sequence[Field], content: Mapping[str, Any]) -> list[Any]:
    """Return a record as cells: text, numbers, booleans, and None where there is no value."""
    return [_cell(value_at(content, field.path)) for field in fields]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return neutral(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value


class Reader:
    """Makes records of rows of cells.

    ``mapping`` names the field of a column where that is not the column's own name.
    """

    def __init__(self, schema: Schema, mapping: Mapping[str, str]) -> None:
        self._schema = schema
        self._mapping = mapping
        self._fields: dict[str, Field] = {}

    def content(self, given: Mapping[str, Any], errors: list[FieldError]) -> dict[str, Any]:
        """Return the record a row of cells means; what is no value is added to ``errors``.

        Raise FieldUnknown for a column that is no field of this version.
        """
        made: dict[str, Any] = {}
        for name, cell in given.items():
            field = self._fields.get(name) or self._field(name)
            try:
                _put(made, field.path, _value(field, cell))
            except ValueError as error:
                errors.append(FieldError(name, str(error)))
        return made

    def check(self, names: Iterable[str]) -> None:
        """Raise FieldUnknown for a column that is no field of this version."""
        for name in names:
            self._field(name)

    def renamed(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return a record of a JSON file with the names that columns are mapped to."""
        if not self._mapping:
            return given
        made: dict[str, Any] = {}
        for name, value in given.items():
            if name in self._mapping:
                _put(made, self._field(name).path, value)
            else:
                made[name] = value
        return made

    def _field(self, name: str) -> Field:
        wanted = self._mapping.get(name, name)
        field = self._schema.find(wanted)
        if field is None or field.in_list:
            reason = "is no field of this version that a column can hold"
            error = FieldError(pointer(name[:100]), reason)
            raise FieldUnknown(f"column {name[:100]}: {reason}", errors=[error])
        self._fields[name] = field
        return field


def _put(content: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        held = content.setdefault(name, {})
        if not isinstance(held, dict):
            raise ValueError("stands inside a value")  # noqa: TRY004  it is the row's fault
        content = cast("dict[str, Any]", held)
    content[path[-1]] = value


def _value(field: Field, cell: Any) -> Any:
    """Return the value of a cell for a field, or raise ValueError saying why it is none."""
    if isinstance(cell, str):
        text = plain(cell)
        if "\x00" in text:  # half a surrogate pair comes out of no file
            raise ValueError("holds a character that cannot be kept")
        reader = _READERS.get(field.kind)
        return text if reader is None else reader(text)
    if field.kind == "string":
        return _written(field, cell)
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, date | time | timedelta):
        raise ValueError("is a date")  # noqa: TRY004  it is the row's fault
    return cell


def _written(field: Field, cell: Any) -> str:
    """Return the text of a typed cell, as the field's format has it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return _moment(field, cell)
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return (datetime.min + cell).time().isoformat()  # noqa: DTZ901  a time of day
    return str(cell)


def _moment(field: Field, cell: datetime) -> str:
    if field.format == "date" or (field.format is None and cell.time() == time()):
        return cell.date().isoformat()
    if field.format == "time":
        return cell.time().isoformat()
    return cell.isoformat() + ("Z" if cell.tzinfo is None and field.format else "")


def _number(text: str) -> float | int:
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError("is not a number")
    value = float(text)
    return int(value) if value.is_integer() else value


def _integer(text: str) -> int:
    value = _number(text)
    if not isinstance(value, int):
        raise ValueError("is not a whole number")  # noqa: TRY004  as above
    return value


def _boolean(text: str) -> bool:
    found = {"true": True, "false": False, "1": True, "0": False}.get(text.lower())
    if found is None:
        raise ValueError("is neither true nor false")
    return found


def _structure(text: str) -> Any:
    try:
        return decode(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "array": _structure,
    "object": _structure,
}
