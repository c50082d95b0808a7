"""Content against schema: compiled once for a version, refused field by field."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from jsonschema_rs import Draft202012Validator, ValidationError

from kit.problems import FieldError, Invalid
from registry.examples.models import PATTERN_BYTES, given, ready
from registry.fields.models import Field, Schema, object_of
from registry.geometry.models import faults
from registry.paths import values_in
from registry.places import SchemaInvalid, pointer, refuse

MAX_ERRORS = 20
MAX_DEPTH = 32
_PATTERN_BYTES = (1 << 15, 1 << 20, PATTERN_BYTES)
"""How large a compiled pattern may be, tried in turn."""
_MOST_BYTES = 1 << 27
"""What all patterns of a schema may take together."""
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
    "exclusiveMinimum": "is not more than {}",
    "exclusiveMaximum": "is not less than {}",
    "multipleOf": "is not a multiple of {}",
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
        self._compiled = _compile(schema)
        self._geo = [field for field in schema.every if field.geo is not None]
        for field in schema.every:
            _check_given(field)
        for name in [each for each in ("example", "examples") if each in schema.document]:
            own = given({name: schema.document[name]})
            if not all(isinstance(value, dict) and self.fits(value) for value in own):
                refuse(("schema", name), "does not fit the schema")

    def fits(self, content: Mapping[str, Any]) -> bool:
        """Tell whether content fits, with no field this version does not have."""
        return self._compiled.is_valid(content) and not self._geo_errors(content, ())

    def errors(self, content: Mapping[str, Any], *place: str) -> list[FieldError]:
        """Return why content does not fit, 20 reasons at most, as pointers under ``place``."""
        found: list[FieldError] = []
        if not self._compiled.is_valid(content):
            for error in islice(self._compiled.iter_errors(content), MAX_ERRORS):
                found += _said(error, place)
        found += self._geo_errors(content, place)
        return found[:MAX_ERRORS]

    def _geo_errors(self, content: Mapping[str, Any], place: tuple[str, ...]) -> list[FieldError]:
        return [
            error
            for field in self._geo
            for error in islice(_geo_faults(field, content, field.path, place), MAX_ERRORS)
        ]


def clean(content: Mapping[str, Any], *place: str) -> dict[str, Any]:
    """Return content with whole numbers written as such, or raise ContentInvalid when too deep.

    1.0 and 1 are the same JSON number; kept in one spelling they are the same to a unique index.
    """
    return cast("dict[str, Any]", _clean(content, place, MAX_DEPTH))


_KEPT = {str, int, bool, type(None)}
"""Types of values that are as they should be: most are, and are looked at no further."""


def _clean(value: Any, place: tuple[object, ...], depth: int) -> Any:
    if depth == 0:
        refuse_content([FieldError(pointer(*place), f"is nested more than {MAX_DEPTH} deep")])
    if isinstance(value, dict):
        return {
            name: item if type(item) in _KEPT else _clean(item, (*place, name), depth - 1)
            for name, item in cast("dict[str, Any]", value).items()
        }
    if isinstance(value, list):
        return [
            item if type(item) in _KEPT else _clean(item, (*place, index), depth - 1)
            for index, item in enumerate(cast("list[Any]", value))
        ]
    return int(value) if isinstance(value, float) and value.is_integer() else value


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


def _compile(schema: Schema) -> Draft202012Validator:
    _check_patterns(schema)
    try:
        return ready(object_of(schema.fields, Field.rule))
    except ValueError as error:
        for field in schema.every:
            _check_alone(field)
        raise SchemaInvalid("#/schema: a limit is not usable") from error


def _check_patterns(schema: Schema) -> None:
    """Refuse patterns that do not run in linear time, or would take too much memory in all."""
    left = _MOST_BYTES
    for place, pattern in (found for field in schema.every for found in _patterns(field)):
        size = next((size for size in _PATTERN_BYTES if _is_pattern(pattern, size)), None)
        if size is None:
            refuse(place, "is not a regular expression that runs in linear time and little memory")
        left -= size
        if left < 0:
            refuse(place, "the patterns of this schema take too much memory together")


def _patterns(field: Field) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the patterns a field's values must match, and where they stand."""
    if field.items is not None and not field.items.fields:
        yield from _patterns(field.items)
    elif field.kind == "string":
        mark = field.spec.get("x-personalDataId")
        named = cast("dict[str, Any]", mark).get("pattern") if isinstance(mark, dict) else None
        if "pattern" in field.spec:
            yield (*field.place, "pattern"), field.spec["pattern"]
        if named is not None:
            yield (*field.place, "x-personalDataId", "pattern"), named


def _is_pattern(pattern: str, size: int) -> bool:
    try:
        ready({"pattern": pattern}, size)
    except ValueError:
        return False
    return True


def _check_alone(field: Field) -> None:
    """Raise SchemaInvalid for a field that cannot be compiled by itself."""
    if field.items is not None:
        _check_alone(field.items)
    elif not field.fields:
        try:
            ready(field.rule())
        except ValueError:
            refuse(field.place, "has a limit that is not usable")


def _check_given(field: Field) -> None:
    """Refuse a default or an example that does not fit, and a field nothing is known to fit."""
    said = [(name, field.spec[name]) for name in ("default", "example") if name in field.spec]
    several = enumerate(cast("list[Any]", field.spec.get("examples", [])))
    named = [((name,), value) for name, value in said]
    named += [(("examples", str(index)), value) for index, value in several]
    fits = ready(field.rule()).is_valid if named else None
    for where, value in named:
        if fits and not (fits(value) and not any(_geo_faults(field, value, ()))):
            refuse((*field.place, *where), "does not fit the field")
    if field.required and not field.in_list and field.example() is None:
        refuse(field.place, "is required, and needs an example that fits: we could not make one")


def _geo_faults(
    field: Field, content: Any, path: Sequence[str], place: tuple[object, ...] = ()
) -> Iterator[FieldError]:
    for at, value in values_in(content, path, place):
        for inside, reason in faults(field.geo, value) if field.geo else ():
            yield FieldError(pointer(*at, *inside), reason)
