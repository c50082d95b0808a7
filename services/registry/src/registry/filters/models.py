"""The text of a ``query.<field>`` parameter as a condition on the field.

A value by itself is what the field must be, exactly. In front of it may stand ``is:`` (the same,
for values that look like one of these), ``prefix:``,
``range:a..b`` (both ends belong to it, either may
be left out), ``in:a,b``, ``regex:`` (``registry.expressions``), ``exists:true``, and for places
``within:`` with ``west,south,east,north``, ``longitude,latitude,metres`` or an area as JSON.
"""

import json
from collections.abc import Callable
from typing import Any

from kit.problems import Invalid
from registry.areas import models as areas
from registry.areas.models import AreaInvalid
from registry.conditions.models import MAX_LIST, MAX_TEXT, All, Comparison, Condition, Operator
from registry.expressions import models as expressions
from registry.expressions.models import PatternInvalid
from registry.fields.models import Field, FieldUnknown

_BOX = 4
_CIRCLE = 3


class FilterInvalid(Invalid):
    """What a field is to be compared with cannot be read."""

    title = "The filter cannot be used"


def parse(field: Field, name: str, text: str) -> Condition:
    """Read a filter of a field that the caller calls ``name``.

    Raise FilterInvalid, or FieldUnknown when the field cannot have such a value.
    """
    if len(text) > MAX_TEXT:
        raise FilterInvalid(f"{name}: a filter has {MAX_TEXT} characters at most")
    word, colon, rest = text.partition(":")
    reader = _READERS.get(word) if colon else None
    try:
        return _is(field, text) if reader is None else reader(field, rest)
    except (PatternInvalid, AreaInvalid) as error:
        raise FilterInvalid(f"{name}: {error}") from error


def _value(field: Field, text: str) -> Any:
    value = field.value_of(text)
    while isinstance(value, list):  # a list is asked for one of its items
        [value] = value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is(field: Field, text: str) -> Condition:
    return Comparison(field.path, Operator.IS, _value(field, text))


def _prefix(field: Field, text: str) -> Condition:
    if not text or not isinstance(_value(field, text), str):
        raise FilterInvalid(f"{field.name}: prefix: is for texts, and has a character at least")
    return Comparison(field.path, Operator.STARTS_WITH, text)


def _range(field: Field, text: str) -> Condition:
    least, dots, most = text.partition("..")
    if not dots or not (least or most):
        raise FilterInvalid(f"{field.name}: a range is written a..b, a.. or ..b")
    if least and most and (field.in_list or field.kind == "array"):
        raise FilterInvalid(f"{field.name}: of a list, a range has one end")
    parts: list[Condition] = []
    for end, operator in ((least, Operator.AT_LEAST), (most, Operator.AT_MOST)):
        if end:
            parts.append(Comparison(field.path, operator, _bound(field, end)))
    return All(tuple(parts))


def _bound(field: Field, text: str) -> Any:
    value = _value(field, text)
    if isinstance(value, bool):
        raise FilterInvalid(f"{field.name}: a range is for texts and numbers")
    return value


def _in(field: Field, text: str) -> Condition:
    values = text.split(",")
    if len(values) > MAX_LIST:
        raise FilterInvalid(f"{field.name}: in: takes {MAX_LIST} values at most")
    return Comparison(field.path, Operator.IN, tuple(_value(field, each) for each in values))


def _regex(field: Field, text: str) -> Condition:
    if not isinstance(_sample(field), str):
        raise FilterInvalid(f"{field.name}: regex: is for texts")
    return Comparison(field.path, Operator.MATCHES, expressions.parse(text))


def _sample(field: Field) -> Any:
    """Return a text when the field, or an item of it, is one."""
    while field.items is not None:
        field = field.items
    return "" if field.kind == "string" else None


def _exists(field: Field, text: str) -> Condition:
    if text not in ("true", "false"):
        raise FilterInvalid(f"{field.name}: exists: takes true or false")
    return Comparison(field.path, Operator.EXISTS, text == "true")


def _within(field: Field, text: str) -> Condition:
    if field.geo is None:
        raise FieldUnknown(f"{field.name}: within: is for fields of type geoPoint and geoShape")
    return Comparison(field.path, Operator.WITHIN, areas.parse(_area(text)))


def _area(text: str) -> Any:
    try:
        said = json.loads(text if text.startswith("{") else f"[{text}]")
    except (ValueError, RecursionError) as error:
        raise AreaInvalid("an area is four numbers, three numbers, or an area as JSON") from error
    if isinstance(said, list) and len(said) == _BOX:
        return {"box": said}
    if isinstance(said, list) and len(said) == _CIRCLE:
        return {"circle": {"centre": said[:2], "radius": said[2]}}
    return said


_READERS: dict[str, Callable[[Field, str], Condition]] = {
    "is": _is,
    "prefix": _prefix,
    "range": _range,
    "in": _in,
    "regex": _regex,
    "exists": _exists,
    "within": _within,
}
