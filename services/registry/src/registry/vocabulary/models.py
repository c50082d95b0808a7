"""The words of a schema: which keywords there are, what each takes, and where it may stand."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from registry.places import refuse

SCALARS = {"string", "number", "integer", "boolean"}
LIST_KEYWORDS = ("minItems", "maxItems", "uniqueItems", "unique", "multiple")
MAX_LENGTH = (1 << 31) - 1
MOST_ALIKE = 10_000
MOST_MIXED = 32

_NAME = re.compile(r"[^\x00-\x1f./]{1,100}")
_NOT_SEEN = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # Persian and Indic spelling needs them
_RESERVED = ("__proto__",)
TYPES: Mapping[str, tuple[str, str | None]] = {
    "string": ("string", None),
    "text": ("string", None),
    "list-of-values": ("string", None),
    "date": ("string", "date"),
    "date-time": ("string", "date-time"),
    "time": ("string", "time"),
    "number": ("number", None),
    "integer": ("integer", None),
    "boolean": ("boolean", None),
    "array": ("array", None),
    "list": ("array", None),
    "edit-grid": ("array", None),
    "object": ("object", None),
    "file": ("object", None),
    "geoPoint": ("object", None),
    "geoShape": ("object", None),
}
_GRIDS = ("list", "edit-grid")
_WHOLE = ("file", "geoPoint", "geoShape", "list-of-values")
_IDENTIFIERS = {"string", "integer"}
_NOT_BUILT = (
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "const",
    "contains",
    "prefixItems",
    "propertyNames",
    "patternProperties",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
)
_NOT_IN_LISTS = (
    "primaryKey",
    "readOnly",
    "x-personalDataId",
    "x-secret",
    "x-link",
    "triggers",
    "default",
)
_NOT_OF_ITEMS = ("x-personalData", "x-mask", "multiple")
_NOT_OF_SECRETS = ("primaryKey", "unique", "x-personalDataId", "x-link", "triggers", "default")
_RANGES = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
)


def check(spec: Mapping[str, Any], place: Sequence[str], *, in_list: bool, is_item: bool) -> None:
    """Refuse a keyword with a value it does not take, or one that cannot stand here."""
    _check_built(spec, place)
    for keyword, (fits, reason) in KEYWORDS.items():
        if keyword in spec and not fits(spec[keyword]):
            refuse((*place, keyword), reason)
    for low, high in _RANGES:
        if low in spec and high in spec and spec[low] > spec[high]:
            refuse((*place, high), f"is less than {low}")
    refused = (*_NOT_IN_LISTS, *(_NOT_OF_ITEMS if is_item else ("unique",)))
    for keyword in refused if in_list else ():
        if spec.get(keyword):
            refuse((*place, keyword), "cannot stand inside a list")


def _check_built(spec: Mapping[str, Any], place: Sequence[str]) -> None:
    """Refuse the keywords of JSON Schema that would have to be obeyed and are not."""
    for keyword in _NOT_BUILT:
        if keyword in spec:
            refuse((*place, keyword), "this keyword is not supported")


def check_name(name: str, place: Sequence[str]) -> None:
    """Refuse a name that could not be told from another, or not be written in an address."""
    if not _NAME.fullmatch(name):
        refuse(place, "a field's name has 1 to 100 characters, no dot and no slash")
    if name != name.strip() or any(_is_unseen(each) for each in name):
        refuse(place, "a field's name has no space around it and no characters that do not show")
    if not unicodedata.is_normalized("NFC", name):
        refuse(place, "a field's name is written in Unicode normal form C")
    if name.startswith("$") or name in _RESERVED:
        refuse(place, "this name is reserved")


def _is_unseen(character: str) -> bool:
    kind = unicodedata.category(character)
    return kind in _NOT_SEEN or (kind == "Cf" and character not in _JOINERS)


def type_of(spec: Mapping[str, Any], place: Sequence[str]) -> tuple[str, str | None]:
    """Return the JSON type and format of a field; one with ``properties`` is an object.

    A list or an edit-grid with ``properties`` is a list of such objects.
    """
    given = spec.get("type", "string")
    if "properties" in spec and not (isinstance(given, str) and given in (*_GRIDS, *_WHOLE)):
        return "object", None
    if not isinstance(given, str) or given not in TYPES:
        refuse((*place, "type"), "is one of " + ", ".join(sorted(TYPES)))
    if "properties" in spec and given in _WHOLE:
        refuse((*place, "properties"), f"a field of type {given} has no fields inside")
    kind, form = TYPES[given]
    if given == "list-of-values" and _has_numbers(spec.get("values")):
        kind = "integer"
    return kind, form or (spec.get("format") if kind != "object" else None)


def _has_numbers(values: Any) -> bool:
    """Tell whether the keys of a list of values are numbers."""
    first = cast("list[Any]", values)[0] if isinstance(values, list) and values else None
    return isinstance(first, dict) and isinstance(cast("dict[str, Any]", first).get("key"), int)


def check_marks(spec: Mapping[str, Any], kind: str, place: Sequence[str]) -> None:
    """Refuse marks that do not go with the type, or with each other."""
    for mark in ("primaryKey", "unique", "x-personalDataId"):
        if spec.get(mark) and kind not in SCALARS:
            refuse((*place, mark), "needs a field with one plain value")
    names = spec.get("x-personalDataId") or spec.get("primaryKey")
    if names and kind not in _IDENTIFIERS:
        refuse((*place, "type"), "an identifier is a string or an integer")
    if "default" in spec and (names or spec.get("unique")):
        refuse((*place, "default"), "no two records may have the same value")
    if "x-link" in spec and kind not in (*_IDENTIFIERS, "array"):
        refuse((*place, "x-link"), "needs text, a whole number, or a list of them")
    if spec.get("x-secret"):
        _check_secret(spec, place)


def _check_secret(spec: Mapping[str, Any], place: Sequence[str]) -> None:
    for keyword in _NOT_OF_SECRETS:
        if spec.get(keyword) or (keyword == "default" and keyword in spec):
            refuse((*place, keyword), "cannot be said of a secret field")
    if "properties" in spec or spec.get("type") in ("file", *_GRIDS):
        refuse((*place, "x-secret"), "needs a field without fields or files inside")


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_LENGTH


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _is_step(value: object) -> bool:
    return _is_number(value) and cast("float", value) > 0


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_enum(value: object) -> bool:
    """Tell whether values are few, or of one kind that is looked up in constant time."""
    if not isinstance(value, list) or not value:
        return False
    listed = cast("list[Any]", value)
    kinds = {type(each) for each in listed}
    alike = kinds in ({str}, {int})
    return len(listed) <= (MOST_ALIKE if alike else MOST_MIXED)


def _is_identifier_mark(value: object) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, bool)
    mark = cast("dict[str, Any]", value)
    return all(
        isinstance(mark.get(key, ""), str) for key in ("type", "pattern", "externalRegistry")
    )


Check = tuple[Callable[[Any], bool], str]
_FLAG: Check = (_is_bool, "is true or false")
_WORDS: Check = (_is_text, "is text")
_COUNT: Check = (_is_count, "is a whole number from 0 upwards")
_AMOUNT: Check = (_is_number, "is a number")
KEYWORDS: dict[str, Check] = {
    "primaryKey": _FLAG,
    "readOnly": _FLAG,
    "unique": _FLAG,
    "uniqueItems": _FLAG,
    "multiple": _FLAG,
    "x-personalData": _FLAG,
    "x-secret": _FLAG,
    "title": _WORDS,
    "description": _WORDS,
    "format": _WORDS,
    "pattern": _WORDS,
    "minLength": _COUNT,
    "maxLength": _COUNT,
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "minimum": _AMOUNT,
    "maximum": _AMOUNT,
    "exclusiveMinimum": _AMOUNT,
    "exclusiveMaximum": _AMOUNT,
    "multipleOf": (_is_step, "is a number greater than 0"),
    "enum": (
        _is_enum,
        f"is a list of values: {MOST_MIXED} at most, or {MOST_ALIKE} all of text or whole numbers",
    ),
    "examples": (_is_list, "is a list of values"),
    "items": (_is_object, "is an object"),
    "triggers": (_is_list, "is a list"),
    "additionalProperties": (lambda value: value is False, "only false is supported"),
    "x-personalDataId": (
        _is_identifier_mark,
        "is true, or an object with type, pattern and externalRegistry, each a text",
    ),
    "x-ui": (_is_object, "is an object"),
}
