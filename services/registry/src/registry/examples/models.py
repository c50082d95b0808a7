"""Values that fit a JSON Schema: the analyst's own example, or one that is made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from jsonschema_rs import Draft202012Validator, RegexOptions

from registry.formats.models import is_phone, is_time
from registry.samples.models import sample

PATTERN_BYTES = 1 << 23
"""Largest compiled pattern: some 100 repetitions of all letters of all scripts."""
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T10:30:00Z",
    "time": "10:30:00",
    "email": "person@example.org",
    "idn-email": "person@example.org",
    "uri": "https://example.org/",
    "uri-reference": "/about",
    "iri": "https://example.org/",
    "iri-reference": "/about",
    "uuid": "0190f6a0-0000-7000-8000-000000000001",
    "phone": "+251911234567",
    "hostname": "example.org",
    "idn-hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "duration": "P1D",
    "json-pointer": "/a",
    "relative-json-pointer": "0",
    "uri-template": "/{a}",
    "regex": "a",
}
_MORE = (0, 1, 2, 3, 4, 5, 6, 7, 9, 11, 14, 19)
_MOST_VALUES = 1000


def ready(rule: Mapping[str, Any], size: int = PATTERN_BYTES) -> Draft202012Validator:
    """Compile a JSON Schema: formats checked, patterns in linear time, nothing fetched.

    ``size`` is how many bytes a compiled pattern may take.
    Raises ValueError when it cannot be compiled.
    """
    return Draft202012Validator(
        dict(rule),
        formats={"time": is_time, "phone": is_phone},
        validate_formats=True,
        pattern_options=RegexOptions(size_limit=size),
        offline=True,
    )


def given(spec: Mapping[str, Any]) -> list[Any]:
    """Return the examples an analyst gave of a field: ``example`` and then ``examples``."""
    own = [spec["example"]] if "example" in spec else []
    return own + list(cast("list[Any]", spec.get("examples", [])))


def fitting(rule: Mapping[str, Any], own: Sequence[Any]) -> Any:
    """Return the first of the own examples, or a value that fits; None when none is found."""
    if own:
        return own[0]
    fits = ready(rule).is_valid
    return next((value for value in _candidates(rule) if fits(value)), None)


def repeated(rule: Mapping[str, Any], item: Any) -> Any:
    """Return a list that fits, of an item that fits; None when none is found."""
    count = max(1, cast("int", rule.get("minItems", 1)))
    if item is None or count * _count(item) > _MOST_VALUES or rule.get("maxItems", 1) == 0:
        return [] if not rule.get("minItems") else None
    alike = [item] * count
    fits = ready(rule).is_valid
    several = _several(cast("dict[str, Any]", rule.get("items", {})), item, count)
    tried = (alike, several, cast("Any", next(iter(rule.get("enum", [])), None)))
    return next((value for value in tried if value is not None and fits(value)), None)


def _count(value: Any) -> int:
    """Return how many values there are in a value."""
    held = value.values() if isinstance(value, dict) else value
    inside = cast("list[Any]", held) if isinstance(value, dict | list) else []
    return 1 + sum(_count(each) for each in inside)


def _several(rule: Mapping[str, Any], item: Any, count: int) -> list[Any]:
    """Return different items, as far as that is easy."""
    if "enum" in rule:
        return list(cast("list[Any]", rule["enum"]))[:count]
    if isinstance(item, str):
        return [item, *(f"{item}{number}" for number in range(1, count))]
    if isinstance(item, int | float) and not isinstance(item, bool):
        step = rule.get("multipleOf", 1)
        return [item + step * number for number in range(count)]
    return [{"a": number} if isinstance(item, dict) else number for number in range(count)]


def _candidates(rule: Mapping[str, Any]) -> Iterator[Any]:
    yield from cast("list[Any]", rule.get("enum", []))
    kind = cast("str", rule["type"])
    if kind == "string":
        yield from _texts(rule)
    elif kind == "boolean":
        yield True
        yield False
    elif kind in ("integer", "number"):
        yield from _numbers(rule)
    elif kind == "array":
        yield []
    else:
        yield {}


def _texts(rule: Mapping[str, Any]) -> Iterator[str]:
    if rule.get("format") in _FORMATS:
        yield _FORMATS[cast("str", rule["format"])]
    least, most = int(rule.get("minLength", 0)), int(rule.get("maxLength", 10_000))
    marks = cast("list[dict[str, Any]]", rule.get("allOf", []))
    for pattern in (*(each["pattern"] for each in marks), rule.get("pattern")):
        for more in () if pattern is None else (*_MORE, min(least, 1000)):
            made = sample(cast("str", pattern), more)
            if made is not None:
                yield made
                yield made.ljust(min(least, 10_000), "a")
                yield made.rjust(min(least, 10_000), "a")
    yield "text"[:most].ljust(min(least, 10_000), "a")


def _numbers(rule: Mapping[str, Any]) -> Iterator[int | float]:
    step = rule.get("multipleOf", 1)
    low = rule.get("minimum", rule.get("exclusiveMinimum"))
    high = rule.get("maximum", rule.get("exclusiveMaximum"))
    yield step
    yield 0
    for bound in (low, high):
        if bound is not None:
            yield from (bound, *_around(bound, step))
    if low is not None and high is not None:
        yield from _between(low, high)


def _around(bound: float, step: float) -> Iterator[int | float]:
    """Yield the multiples of a step on both sides of a bound."""
    try:
        times = int(bound // step)
    except (OverflowError, ValueError):
        return
    yield from ((times + number) * step for number in (0, 1, -1, 2, -2))


def _between(low: float, high: float) -> Iterator[int | float]:
    try:
        yield int(low) + 1
        yield low + (high - low) / 2
    except (OverflowError, ValueError):
        return
