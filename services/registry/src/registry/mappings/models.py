"""The declared language by which values become other values (DRS-19.b); nothing is evaluated.

A mapping gives each name of the outcome an expression: ``{"field": "child.firstName"}``,
``{"fields": ["first", "last"], "separator": " "}`` (many to one) or ``{"value": 5}``, and perhaps
``"transform"``, a list of steps that are taken in order: ``"upper"``, ``"lower"``, ``"trim"``,
``"text"``, ``"number"``, ``{"prefix": "EE"}``, ``{"suffix": "…"}``, ``{"default": 0}``,
``{"map": {"m": "male"}, "otherwise": "unknown"}``, ``{"split": ",", "part": 0}`` (one to many), and
``{"date": {"from": "DD.MM.YYYY", "to": "YYYY-MM-DD"}}``. What has no value is left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from kit.problems import FieldError, Invalid
from registry.fields.models import Schema
from registry.places import pointer

MOST = 200
"""Names of one mapping."""

_MOST_FIELDS = 20
_MOST_STEPS = 20
_MOST_VALUES = 1000
_LONGEST = 2000
_TOKENS = {
    "YYYY": "%Y",
    "MM": "%m",
    "DD": "%d",
    "hh": "%H",
    "mm": "%M",
    "ss": "%S",
}
_TOKEN = re.compile("YYYY|MM|DD|hh|mm|ss")
_FORMAT = re.compile(r"(?:YYYY|MM|DD|hh|mm|ss|[-./: T])+")

Values = Mapping[str, Any]
Place = Sequence[object]
Step = Callable[[Any], Any]


class MappingInvalid(Invalid):
    """A mapping cannot be used; the errors name the place."""

    title = "The mapping cannot be used"


class MappingFailedError(Exception):
    """A value does not become what the mapping wants; ``place`` names the outcome's field."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Expression:
    """How one value is made: from fields or a fixed one, and then step by step."""

    paths: tuple[tuple[str, ...], ...]
    separator: str | None
    fixed: Any
    steps: tuple[Step, ...]

    def of(self, values: Values) -> Any:
        """Return the value made of a record's values, None when there is none.

        Raise ValueError saying what does not fit; the message holds no value.
        """
        made = self._given(values)
        for step in self.steps:
            made = step(made)
        return made

    def _given(self, values: Values) -> Any:
        if not self.paths:
            return self.fixed
        found = [_at(values, path) for path in self.paths]
        if self.separator is None:
            return found[0]
        kept = [_text(each) for each in found if each is not None]
        return self.separator.join(kept) if kept else None


@dataclass(frozen=True, slots=True)
class Mapper:
    """A mapping made ready."""

    expressions: tuple[tuple[str, Expression], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the outcome."""
        return tuple(name for name, _ in self.expressions)

    @property
    def sources(self) -> frozenset[str]:
        """Return the names of the fields that the outcome is made from."""
        return frozenset(
            ".".join(path) for _, expression in self.expressions for path in expression.paths
        )

    def apply(self, values: Values) -> dict[str, Any]:
        """Return what is made of values, or raise MappingFailedError naming the field."""
        made: dict[str, Any] = {}
        for name, expression in self.expressions:
            try:
                value = expression.of(values)
            except ValueError as error:
                raise MappingFailedError(name, str(error)) from None
            if value is not None:
                _put(made, tuple(name.split(".")), value)
        return made


def parse(document: Any, place: Place, source: Schema | None, outcome: Schema | None) -> Mapper:
    """Read a mapping, or raise MappingInvalid naming the place under ``place``.

    With schemas, fields that the source or the outcome does not have are refused.
    """
    if not isinstance(document, dict) or len(cast("dict[str, Any]", document)) > MOST:
        raise refusal(place, f"is an object with {MOST} names at most")
    made: list[tuple[str, Expression]] = []
    for name, said in cast("dict[str, Any]", document).items():
        where = (*place, name)
        if not name or (outcome is not None and outcome.find(name) is None):
            raise refusal(where, "is not a field that can be written")
        made.append((name, _expression(said, where, source)))
    return Mapper(tuple(made))


def refusal(place: Place, reason: str) -> MappingInvalid:
    """Return the refusal of one place of a mapping."""
    where = pointer(*place)
    return MappingInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


_WORDS = ({"field"}, {"fields", "separator"}, {"fields"}, {"value"})


def _expression(said: Any, place: Place, source: Schema | None) -> Expression:
    document = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    if set(document) - {"transform"} not in _WORDS:
        raise refusal(place, "has one of field, fields and value, and perhaps transform")
    steps = _steps(document.get("transform", []), (*place, "transform"))
    if "value" in document:
        return Expression((), None, document["value"], steps)
    if "field" in document:
        return Expression((_path(document["field"], (*place, "field"), source),), None, None, steps)
    names = document["fields"]
    if not isinstance(names, list) or not 0 < len(cast("list[Any]", names)) <= _MOST_FIELDS:
        raise refusal((*place, "fields"), f"is a list of 1 to {_MOST_FIELDS} fields")
    paths = tuple(
        _path(name, (*place, "fields", index), source)
        for index, name in enumerate(cast("list[Any]", names))
    )
    separator = document.get("separator", "")
    return Expression(paths, _given_text(separator, (*place, "separator")), None, steps)


def _path(name: Any, place: Place, source: Schema | None) -> tuple[str, ...]:
    if not isinstance(name, str) or not name:
        raise refusal(place, "is the name of a field")
    if source is not None and source.find(name) is None:
        raise refusal(place, "is not a field of this version")
    return tuple(name.split("."))


def _given_text(said: Any, place: Place) -> str:
    if not isinstance(said, str) or len(said) > _LONGEST:
        raise refusal(place, f"is a text of {_LONGEST} characters at most")
    return said


# -- steps ---------------------------------------------------------------------------------------


def _steps(said: Any, place: Place) -> tuple[Step, ...]:
    if not isinstance(said, list) or len(cast("list[Any]", said)) > _MOST_STEPS:
        raise refusal(place, f"is a list of {_MOST_STEPS} steps at most")
    return tuple(_step(each, (*place, index)) for index, each in enumerate(cast("list[Any]", said)))


def _step(said: Any, place: Place) -> Step:
    if isinstance(said, str) and said in _PLAIN:
        return _PLAIN[said]
    if isinstance(said, dict):
        document = cast("dict[str, Any]", said)
        for words, make in _MADE.items():
            if words[0] in document and set(document) <= set(words):
                return make(document, place)
    raise refusal(place, "is no step: " + ", ".join([*_PLAIN, *(words[0] for words in _MADE)]))


def _of_text(change: Callable[[str], Any]) -> Step:
    def step(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, str):
            raise ValueError("is not text")  # noqa: TRY004  about the data, not our types
        return change(value)

    return step


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("cannot be written as text")


def _number(text: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        made = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if made != made or made in (float("inf"), float("-inf")):  # noqa: PLR0124  NaN is not itself
        raise ValueError("is not a number")
    return made


def _default(document: Values, _place: Place) -> Step:
    return lambda value: document["default"] if value is None else value


def _prefix(document: Values, place: Place) -> Step:
    text = _given_text(document["prefix"], (*place, "prefix"))
    return _of_text(lambda value: text + value)


def _suffix(document: Values, place: Place) -> Step:
    text = _given_text(document["suffix"], (*place, "suffix"))
    return _of_text(lambda value: value + text)


def _map(document: Values, place: Place) -> Step:
    said = document["map"]
    if not isinstance(said, dict) or len(cast("dict[str, Any]", said)) > _MOST_VALUES:
        raise refusal((*place, "map"), f"is an object of {_MOST_VALUES} values at most")
    known = cast("dict[str, Any]", said)

    def step(value: Any) -> Any:
        if value is None:
            return None
        text = _text(value)
        if text not in known and "otherwise" not in document:
            raise ValueError("is none of the values that are mapped")
        return known.get(text, document.get("otherwise"))

    return step


def _split(document: Values, place: Place) -> Step:
    separator = _given_text(document["split"], (*place, "split"))
    part = document.get("part", 0)
    if not separator:
        raise refusal((*place, "split"), "is not empty")
    if not isinstance(part, int) or isinstance(part, bool) or not -_MOST_VALUES < part < MOST:
        raise refusal((*place, "part"), "is the number of a part, 0 is the first and -1 the last")

    def change(value: str) -> str | None:
        parts = value.split(separator)
        return parts[part] if -len(parts) <= part < len(parts) else None

    return _of_text(change)


def _date(document: Values, place: Place) -> Step:
    said = document["date"]
    if not isinstance(said, dict) or set(cast("dict[str, Any]", said)) != {"from", "to"}:
        raise refusal((*place, "date"), "has from and to")
    formats = cast("dict[str, Any]", said)
    for name in ("from", "to"):
        text = _given_text(formats[name], (*place, "date", name))
        if not _FORMAT.fullmatch(text) or len(set(_TOKEN.findall(text))) != len(
            _TOKEN.findall(text)
        ):
            raise refusal(
                (*place, "date", name), "is made of YYYY, MM, DD, hh, mm, ss and -./: T between"
            )
    read, write = (_directives(formats[name]) for name in ("from", "to"))

    def change(value: str) -> str:
        try:
            at = datetime.strptime(value, read)  # noqa: DTZ007  a time of day without a zone
        except ValueError:
            raise ValueError(f"is not a date like {formats['from']}") from None
        return at.strftime(write.replace("%Y", f"{at.year:04d}"))

    return _of_text(change)


def _directives(text: str) -> str:
    return _TOKEN.sub(lambda found: _TOKENS[found.group()], text)


_PLAIN: Mapping[str, Step] = {
    "upper": _of_text(str.upper),
    "lower": _of_text(str.lower),
    "trim": _of_text(str.strip),
    "text": lambda value: None if value is None else _text(value),
    "number": _of_text(_number),
}
_MADE: Mapping[tuple[str, ...], Callable[[Values, Place], Step]] = {
    ("prefix",): _prefix,
    ("suffix",): _suffix,
    ("default",): _default,
    ("map", "otherwise"): _map,
    ("split", "part"): _split,
    ("date",): _date,
}


def _at(values: Values, path: tuple[str, ...]) -> Any:
    inside: Any = values
    for name in path:
        if not isinstance(inside, dict):
            return None
        inside = cast("dict[str, Any]", inside).get(name)
    return inside


def _put(made: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        inside = made.setdefault(name, {})
        if not isinstance(inside, dict):
            inside = made[name] = {}
        made = cast("dict[str, Any]", inside)
    made[path[-1]] = value
