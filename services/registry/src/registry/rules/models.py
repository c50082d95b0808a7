"""What an analyst said of a field, as standard JSON Schema (draft 2020-12)."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from registry.examples.models import given
from registry.marks.models import Choice

DIALECT = "https://json-schema.org/draft/2020-12/schema"
KEY_LENGTH = 200
"""Characters a text may have that a record is found by."""
FILE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "url": {"type": "string"},
        "originalName": {"type": "string"},
        "type": {"type": "string"},
        "size": {"type": "integer", "minimum": 0},
        "digest": {"type": "string"},
    },
    "required": ["id", "url", "originalName", "type", "size", "digest"],
    "additionalProperties": False,
}
"""A file in a record: what the registry says of it."""

_LIMITS = (
    "enum",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
)
_LIMITS_OF_LISTS = ("minItems", "maxItems", "uniqueItems", "enum")
_SAID = ("title", "description", "default", "readOnly")


def value(
    kind: str, form: str | None, spec: Mapping[str, Any], choices: Sequence[Choice]
) -> dict[str, Any]:
    """Return the rule of a plain value."""
    made = {"type": kind, **{key: spec[key] for key in _LIMITS if key in spec}}
    if choices:
        made["enum"] = [each.key for each in choices]
    if form:
        made["format"] = form
    mark = spec.get("x-personalDataId")
    if kind == "string" and (mark or spec.get("primaryKey")):
        made["maxLength"] = min(KEY_LENGTH, made.get("maxLength", KEY_LENGTH))
    if isinstance(mark, dict) and "pattern" in mark:
        made["allOf"] = [{"pattern": cast("dict[str, Any]", mark)["pattern"]}]
    return made


def several(spec: Mapping[str, Any], items: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the rule of a list, with that of its items if they have one."""
    made = {key: spec[key] for key in _LIMITS_OF_LISTS if key in spec}
    return {"type": "array", **made, **({} if items is None else {"items": items})}


def whole(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """Return the rule of an object with these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def said(spec: Mapping[str, Any], choices: Sequence[Choice] = ()) -> dict[str, Any]:
    """Return what was said besides: words, examples, marks, and the values keys stand for."""
    made = {name: spec[name] for name in _SAID if name in spec}
    if examples := given(spec):
        made["examples"] = examples
    made |= {name: mark for name, mark in spec.items() if name.startswith("x-")}
    if choices:
        made["x-values"] = [{"key": each.key, "value": each.value} for each in choices]
    return made
