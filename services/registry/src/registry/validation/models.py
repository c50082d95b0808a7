"""Content against schema: compiled once for a version, refused field by field."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from kit.problems import FieldError, Invalid
from registry.fields.models import KEY_LENGTH, Field, Schema, pointer, refuse

MAX_ERRORS = 20
MAX_DEPTH = 32
_REGEX_BYTES = 1 << 20
_COPIED = ("enum", "minLength", "maxLength", "pattern", "minimum", "maximum")
_COPIED_OF_LISTS = ("minItems", "maxItems", "uniqueItems", "enum")
_TIME = re.compile(
    r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_REASONS = {
    "required": "is required",
    "additionalProperties": "is not a field of this version",
    "type": "has the wrong type: expected {}",
    "enum": "is not one of the values the schema lists",
    "format": "is not a valid {}",
    "pattern": "does not have the form the schema asks for",
    "minLength": "has fewer than {} characters",
    "maxLength": "has more than {} characters",
    "minimum": "is less than {}",
    "maximum": "is more than {}",
    "minItems": "has fewer than {} items",
    "maxItems": "has more than {} items",
    "uniqueItems": "has the same item twice",
}


class ContentInvalid(Invalid):
    """The content of a record does not fit its schema; the errors name the fields."""

    title = "The record does not fit its schema"


def refuse_content(errors: Sequence[FieldError]) -> None:
    """Raise ContentInvalid when there are errors; no value is repeated in it."""
    if errors:
        detail = "; ".join(f"{error.pointer}: {error.reason}" for error in errors[:3])
        raise ContentInvalid(detail, errors=errors)


class Validator:
    """A schema made ready: refuses content that does not fit, in time linear in the content."""

    def __init__(self, schema: Schema) -> None:
        self._compiled = _compile(_object(schema.fields), schema)

    def errors(self, content: Mapping[str, Any], *place: str) -> list[FieldError]:
        """Return why content does not fit, 20 reasons at most, as pointers under ``place``."""
        found: list[FieldError] = []
        for error in islice(self._compiled.iter_errors(content), MAX_ERRORS):
            found += _said(error, place)
        return found[:MAX_ERRORS]


def clean(content: Mapping[str, Any], *place: str) -> dict[str, Any]:
    """Return content with whole numbers written as such, or raise ContentInvalid when too deep.

    1.0 and 1 are the same JSON number; kept in one spelling they are the same to a unique index.
    """
    return cast("dict[str, Any]", _clean(content, place, MAX_DEPTH))


def _clean(value: Any, place: tuple[object, ...], depth: int) -> Any:
    if depth == 0:
        refuse_content([FieldError(pointer(*place), f"is nested more than {MAX_DEPTH} deep")])
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _clean(item, (*place, name), depth - 1) for name, item in members.items()}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_clean(item, (*place, index), depth - 1) for index, item in enumerate(items)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _said(error: ValidationError, place: tuple[str, ...]) -> list[FieldError]:
    at = (*place, *error.instance_path)
    keyword, limit = error.kind.name, error.kind.value
    reason = _REASONS.get(keyword, "does not fit the schema")
    if keyword == "required":
        return [FieldError(pointer(*at, limit), reason)]
    if keyword == "additionalProperties":
        return [FieldError(pointer(*at, name), reason) for name in limit]
    expected = " or ".join(limit) if keyword == "type" else limit
    return [FieldError(pointer(*at), reason.format(expected))]


def _compile(document: dict[str, Any], schema: Schema) -> Draft202012Validator:
    try:
        return _ready(document)
    except ValueError:
        for field in schema.every:
            _check_alone(field)
        raise


def _ready(document: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        document,
        formats={"time": _is_time},
        validate_formats=True,
        pattern_options=RegexOptions(size_limit=_REGEX_BYTES),
        offline=True,
    )


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def _check_alone(field: Field) -> None:
    """Raise SchemaInvalid for a field that cannot be compiled by itself."""
    if field.items is not None:
        _check_alone(field.items)
        return
    if field.fields:
        return
    try:
        _ready(_value(field))
    except ValueError:
        reason = "is not a regular expression we can run in linear time, or a limit is not usable"
        refuse((*field.place, "pattern"), reason)


def _object(fields: Sequence[Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {field.path[-1]: _value(field) for field in fields},
        "required": [field.path[-1] for field in fields if field.required],
        "additionalProperties": False,
    }


def _value(field: Field) -> dict[str, Any]:
    if field.kind == "object":
        return _object(field.fields) if field.fields else {"type": "object"}
    if field.kind == "array":
        made = {key: field.spec[key] for key in _COPIED_OF_LISTS if key in field.spec}
        items = {} if field.items is None else {"items": _value(field.items)}
        return {"type": "array", **made, **items}
    made = {key: field.spec[key] for key in _COPIED if key in field.spec}
    if field.format:
        made["format"] = field.format
    if field.kind == "string" and (field.marked("primaryKey") or field.marked("x-personalDataId")):
        made["maxLength"] = min(KEY_LENGTH, made.get("maxLength", KEY_LENGTH))
    mark = field.spec.get("x-personalDataId")
    if isinstance(mark, dict) and "pattern" in mark:
        made["allOf"] = [{"pattern": cast("dict[str, Any]", mark)["pattern"]}]
    return {"type": field.kind, **made}
