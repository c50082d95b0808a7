"""How a schema is read: the keywords it may use, and what each of them takes."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from registry.fields.models import Field, Schema, refuse, rule_of

MAX_DEPTH = 16
MAX_FIELDS = 2000
MAX_RULE = 1000

_NAME = re.compile(r"[^\x00-\x1f./]{1,100}")
_TIMES = ("date", "date-time", "time")
_TYPES = {"string", "text", "number", "integer", "boolean", "array", "object", *_TIMES}
_SCALARS = {"string", "number", "integer", "boolean"}
_IDENTIFIERS = {"string", "integer"}
_NOT_BUILT = (
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "patternProperties",
    "dependentSchemas",
)
_NOT_IN_LISTS = ("primaryKey", "unique", "readOnly", "x-personalDataId", "triggers")


def parse(document: Mapping[str, Any], uniques: Sequence[Sequence[str]] = ()) -> Schema:
    """Read a schema, or raise SchemaInvalid naming the place that cannot be used."""
    place = ("schema",)
    if not document.get("properties"):
        refuse((*place, "properties"), "a schema names at least one field")
    if document.get("type", "object") != "object":
        refuse((*place, "type"), "a record is an object")
    fields = _fields(document, place, (), in_list=False)
    every = tuple(found for field in fields for found in field.walk())
    if len(every) > MAX_FIELDS:
        refuse(place, f"a schema has {MAX_FIELDS} fields at most")
    keys = [field for field in every if field.marked("primaryKey")]
    if len(keys) > 1:
        refuse(keys[1].place, "a database has one primary key")
    given = [*uniques, *_listed(document.get("fieldsUniques", []))]
    marked = [(field.name,) for field in every if field.marked("unique")]
    rules = [*((key.name,) for key in keys), *marked, *_groups(given, every)]
    return Schema(fields, every, tuple(dict.fromkeys(rules)))


def _listed(given: object) -> list[list[str]]:
    place = ("schema", "fieldsUniques")
    if not isinstance(given, list):
        refuse(place, "is a list of lists of field names")
    for group in cast("list[object]", given):
        if not isinstance(group, list) or not all(
            isinstance(name, str) for name in cast("list[object]", group)
        ):
            refuse(place, "is a list of lists of field names")
    return cast("list[list[str]]", given)


def _groups(given: Sequence[Sequence[str]], every: Sequence[Field]) -> list[tuple[str, ...]]:
    known = {field.name: field for field in every if not field.in_list}
    groups = [tuple(name for name in group if name) for group in given]
    for group in groups:
        for name in group:
            if name not in known:
                refuse(("fieldsUniques",), f"there is no field {name}")
        if len(rule_of(group)) > MAX_RULE:
            refuse(("fieldsUniques",), "the names of one group are too long")
    return [group for group in groups if group]


def _fields(
    holder: Mapping[str, Any], place: tuple[str, ...], path: tuple[str, ...], *, in_list: bool
) -> tuple[Field, ...]:
    properties = holder.get("properties", {})
    if not isinstance(properties, dict):
        refuse((*place, "properties"), "is an object of fields")
    required = _required(holder, place)
    fields: list[Field] = []
    for name, spec in cast("dict[str, Any]", properties).items():
        where = (*place, "properties", name)
        if not _NAME.fullmatch(name):
            refuse(where, "a field's name has 1 to 100 characters, no dot and no slash")
        fields.append(
            _field(spec, where, (*path, name), in_list=in_list, required=name in required)
        )
    missing = required - {field.path[-1] for field in fields}
    if missing:
        refuse((*place, "required"), "names a field that is not described")
    return tuple(fields)


def _required(holder: Mapping[str, Any], place: tuple[str, ...]) -> set[str]:
    required = holder.get("required", [])
    if isinstance(required, bool):  # OpenAPI 2's spelling inside a property says nothing here
        return set()
    if not isinstance(required, list) or not all(
        isinstance(name, str) for name in cast("list[object]", required)
    ):
        refuse((*place, "required"), "is a list of field names")
    return set(cast("list[str]", required))


def _field(
    spec: Any, place: tuple[str, ...], path: tuple[str, ...], *, in_list: bool, required: bool
) -> Field:
    if not isinstance(spec, dict):
        refuse(place, "a field is described by an object")
    said = cast("dict[str, Any]", spec)
    if len(place) > 2 * MAX_DEPTH + 1:
        refuse(place, f"fields stand {MAX_DEPTH} deep at most")
    _check_keywords(said, place, in_list=in_list)
    kind, form = _type(said, place)
    _check_marks(said, kind, place)
    fields = _fields(said, place, path, in_list=in_list) if kind == "object" else ()
    items = None
    if kind == "array" and "items" in said:
        items = _field(said["items"], (*place, "items"), path, in_list=True, required=False)
    return Field(path, place, kind, form, said, fields, items, required, in_list)


def _type(spec: Mapping[str, Any], place: tuple[str, ...]) -> tuple[str, str | None]:
    """Return the JSON type and format of a field; one with ``properties`` is an object."""
    if "properties" in spec:
        return "object", None
    given = spec.get("type", "string")
    if not isinstance(given, str) or given not in _TYPES:
        refuse((*place, "type"), "is one of " + ", ".join(sorted(_TYPES)))
    if given in _TIMES:
        return "string", given
    return ("string" if given == "text" else given), spec.get("format")


def _check_marks(spec: Mapping[str, Any], kind: str, place: tuple[str, ...]) -> None:
    for mark in ("primaryKey", "unique", "x-personalDataId"):
        if spec.get(mark) and kind not in _SCALARS:
            refuse((*place, mark), "needs a field with one plain value")
    names = spec.get("x-personalDataId") or spec.get("primaryKey")
    if names and kind not in _IDENTIFIERS:
        refuse((*place, "type"), "an identifier is a string or an integer")


def _check_keywords(spec: Mapping[str, Any], place: tuple[str, ...], *, in_list: bool) -> None:
    for keyword in _NOT_BUILT:
        if keyword in spec:
            refuse((*place, keyword), "this keyword is not supported")
    for keyword, (fits, reason) in _KEYWORDS.items():
        if keyword in spec and not fits(spec[keyword]):
            refuse((*place, keyword), reason)
    for keyword in _NOT_IN_LISTS if in_list else ():
        if spec.get(keyword):
            refuse((*place, keyword), "cannot stand inside a list")


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_identifier_mark(value: object) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, bool)
    mark = cast("dict[str, Any]", value)
    return all(isinstance(mark.get(key, ""), str) for key in ("type", "pattern"))


Check = tuple[Callable[[Any], bool], str]
_FLAG: Check = (_is_bool, "is true or false")
_WORDS: Check = (_is_text, "is text")
_COUNT: Check = (_is_count, "is a whole number from 0 upwards")
_AMOUNT: Check = (_is_number, "is a number")
_KEYWORDS: dict[str, Check] = {
    "primaryKey": _FLAG,
    "readOnly": _FLAG,
    "unique": _FLAG,
    "uniqueItems": _FLAG,
    "x-personalData": _FLAG,
    "description": _WORDS,
    "format": _WORDS,
    "pattern": _WORDS,
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "minimum": _AMOUNT,
    "maximum": _AMOUNT,
    "enum": (lambda value: isinstance(value, list) and bool(value), "is a list of values"),
    "items": (lambda value: isinstance(value, dict), "is an object"),
    "triggers": (lambda value: isinstance(value, list), "is a list"),
    "additionalProperties": (lambda value: value is False, "only false is supported"),
    "x-personalDataId": (_is_identifier_mark, "is true, or an object with type and pattern"),
}
