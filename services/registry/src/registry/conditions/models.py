"""What can be said of a record, read from JSON and held against its values (DRS-6.b, 6.g, 19, 23).

``{"all": [...]}``, ``{"any": [...]}``, ``{"not": ...}``, or a comparison of a field:
``{"field": "child.birthdate", "atLeast": "2026-01-01"}``. The operand is a JSON value,
``{"field": "other"}`` (of the same record) or ``{"caller": "person"}`` (what ``bind`` puts in).

What a comparison means, here and in PostgreSQL alike (``registry.selecting``):

- It is true or false, never unknown. Where the field has no value (it is missing, null or an empty
  list) every comparison is false, so ``isNot`` and ``notIn``, the opposites of ``is`` and ``in``,
  are true. A fact the caller does not have is no value either.
- A list stands for its items: the comparison holds when it holds for one of them.
- Only like is compared: text with text by code point (dates are ISO text), numbers with numbers,
  true and false with each other. Anything else is false.
- ``contains`` is true of a list with an item that equals the operand, and of a text with it inside.
- ``matches`` takes a pattern (``registry.expressions``), ``within`` an area (``registry.areas``).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from operator import ge, gt, le, lt
from typing import Any, cast

from kit.problems import FieldError, Invalid
from registry.areas import models as areas
from registry.areas.models import Area, AreaInvalid
from registry.expressions import models as expressions
from registry.expressions.models import Pattern, PatternInvalid
from registry.fields.models import Field, Schema
from registry.places import pointer

MAX_DEPTH = 8
MAX_COMPARISONS = 100
MAX_LIST = 1000
MAX_TEXT = 2000

_SURROGATE = re.compile("[\ud800-\udfff]")

Scalar = str | int | float | bool


class ConditionInvalid(Invalid):
    """A condition cannot be used; the errors name the place."""

    title = "The condition cannot be used"


class FactMissing(LookupError):
    """A condition was used before the caller's facts were put in: a mistake of ours."""


class Operator(StrEnum):
    """How a field is compared."""

    IS = "is"
    IS_NOT = "isNot"
    IN = "in"
    NOT_IN = "notIn"
    LESS_THAN = "lessThan"
    AT_MOST = "atMost"
    MORE_THAN = "moreThan"
    AT_LEAST = "atLeast"
    STARTS_WITH = "startsWith"
    CONTAINS = "contains"
    MATCHES = "matches"
    EXISTS = "exists"
    WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Other:
    """An operand that is another field of the same record."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """An operand that is a fact of the caller, put in before the condition is used."""

    name: str


Operand = Scalar | tuple[Scalar, ...] | Pattern | Area | Other | Fact | None


@dataclass(frozen=True)
class All:
    """All parts hold; with no part it holds always."""

    parts: "tuple[Condition, ...]"

    @cached_property
    def fields(self) -> frozenset[str]:
        """Return the names of the fields it speaks of."""
        return frozenset[str]().union(*(part.fields for part in self.parts))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Tell whether all parts hold."""
        return all(part.holds(values) for part in self.parts)

    def bind(self, facts: Mapping[str, Any]) -> "Condition":
        """Return the condition with the caller's facts in it."""
        return All(tuple(part.bind(facts) for part in self.parts))


@dataclass(frozen=True)
class Either:
    """One part or more holds; with no part it never holds."""

    parts: "tuple[Condition, ...]"

    @cached_property
    def fields(self) -> frozenset[str]:
        """Return the names of the fields it speaks of."""
        return frozenset[str]().union(*(part.fields for part in self.parts))

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Tell whether a part holds."""
        return any(part.holds(values) for part in self.parts)

    def bind(self, facts: Mapping[str, Any]) -> "Condition":
        """Return the condition with the caller's facts in it."""
        return Either(tuple(part.bind(facts) for part in self.parts))


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: "Condition"

    @property
    def fields(self) -> frozenset[str]:
        """Return the names of the fields it speaks of."""
        return self.part.fields

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Tell whether the part does not hold."""
        return not self.part.holds(values)

    def bind(self, facts: Mapping[str, Any]) -> "Condition":
        """Return the condition with the caller's facts in it."""
        return Not(self.part.bind(facts))


@dataclass(frozen=True)
class Comparison:
    """One field compared; ``isNot`` and ``notIn`` are read as a Not of their opposites."""

    path: tuple[str, ...]
    operator: Operator
    operand: Operand

    @property
    def fields(self) -> frozenset[str]:
        """Return the names of the field and of the one it is compared with."""
        other = self.operand
        names = [".".join(self.path)]
        return frozenset([*names, ".".join(other.path)] if isinstance(other, Other) else names)

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Tell whether the comparison holds; a fact must have been put in before."""
        operand = self.operand
        if isinstance(operand, Fact):
            raise FactMissing(operand.name)
        return operand is not None and _HOLDS[self.operator](values, self.path, operand)

    def bind(self, facts: Mapping[str, Any]) -> "Condition":
        """Return the comparison with the caller's fact in it; None when the caller has none."""
        if not isinstance(self.operand, Fact):
            return self
        return Comparison(self.path, self.operator, self._fact(facts.get(self.operand.name)))

    def _fact(self, value: Any) -> Operand:
        """Return a fact as this operator takes it: a list where it wants one, else one value."""
        items = cast("Sequence[Any]", value) if isinstance(value, list | tuple | set) else [value]
        kept = tuple(cast("Scalar", item) for item in items if kind_of(item))
        if self.operator is Operator.IN:
            return kept
        return kept[0] if len(kept) == 1 else None


Condition = All | Either | Not | Comparison
"""What is said of a record."""


def kind_of(value: object) -> str:
    """Return which values a value can be compared with; empty for what cannot be compared."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else ""


# -- held against values ---------------------------------------------------------------------

Values = Mapping[str, Any]
Path = tuple[str, ...]


def values_at(values: Values, path: Path) -> list[Any]:
    """Return the values of a field, each of them when a list stands there or on the way.

    Lists are opened as PostgreSQL's jsonpath does (lax): one level on the way, two at the end.
    """
    found: list[Any] = [values]
    for name in path:
        found = [item[name] for item in _opened(found) if isinstance(item, dict) and name in item]
    return [value for value in _opened(_opened(found)) if value is not None]


def _opened(found: Sequence[Any]) -> list[Any]:
    opened: list[Any] = []
    for item in found:
        opened.extend(cast("list[Any]", item) if isinstance(item, list) else [item])
    return opened


def _equal(value: Any, operand: Any) -> bool:
    kind = kind_of(value)
    return bool(kind) and kind == kind_of(operand) and value == operand


def _is(values: Values, path: Path, operand: Any) -> bool:
    return any(_equal(v, o) for v in values_at(values, path) for o in _operands(values, operand))


def _operands(values: Values, operand: Any) -> Sequence[Any]:
    return values_at(values, operand.path) if isinstance(operand, Other) else (operand,)


def _in(values: Values, path: Path, operand: Any) -> bool:
    return any(_equal(value, each) for value in values_at(values, path) for each in operand)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Values, Path, Any], bool]:
    def holds(values: Values, path: Path, operand: Any) -> bool:
        return any(
            kind_of(value) == kind_of(each) != "" and compare(value, each)
            for value in values_at(values, path)
            for each in _operands(values, operand)
        )

    return holds


def _starts_with(values: Values, path: Path, operand: Any) -> bool:
    return isinstance(operand, str) and any(
        isinstance(value, str) and value.startswith(operand) for value in values_at(values, path)
    )


def _contains(values: Values, path: Path, operand: Any) -> bool:
    if _is(values, path, operand):
        return True
    value: Any = values
    for name in path:
        value = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return isinstance(value, str) and isinstance(operand, str) and operand in value


def _matches(values: Values, path: Path, operand: Any) -> bool:
    return any(isinstance(v, str) and operand.matches(v) for v in values_at(values, path))


def _exists(values: Values, path: Path, operand: Any) -> bool:
    return bool(values_at(values, path)) is operand


def _within(values: Values, path: Path, operand: Any) -> bool:
    return any(areas.covers(operand, value) for value in values_at(values, path))


_HOLDS: Mapping[Operator, Callable[[Values, Path, Any], bool]] = {
    Operator.IS: _is,
    Operator.IN: _in,
    Operator.LESS_THAN: _ordered(lt),
    Operator.AT_MOST: _ordered(le),
    Operator.MORE_THAN: _ordered(gt),
    Operator.AT_LEAST: _ordered(ge),
    Operator.STARTS_WITH: _starts_with,
    Operator.CONTAINS: _contains,
    Operator.MATCHES: _matches,
    Operator.EXISTS: _exists,
    Operator.WITHIN: _within,
}

# -- read from JSON --------------------------------------------------------------------------

Place = Sequence[object]
_NEGATED = {Operator.IS_NOT: Operator.IS, Operator.NOT_IN: Operator.IN}
_ORDERED = {Operator.LESS_THAN, Operator.AT_MOST, Operator.MORE_THAN, Operator.AT_LEAST}
_OF_FIELDS = {Operator.IS, *_ORDERED}
_OF_FACTS = {*_OF_FIELDS, Operator.IN, Operator.STARTS_WITH, Operator.CONTAINS}
_KINDS = {"string": "text", "integer": "number", "number": "number", "boolean": "boolean"}


def parse(document: Any, place: Place, schema: Schema | None) -> Condition:
    """Read a condition, or raise ConditionInvalid naming the place under ``place``.

    With a schema, fields it does not have are refused, and values no such field could have.
    It is at most 8 deep and has at most 100 comparisons; a list has at most 1000 values.
    """
    return _Parser(schema).condition(document, tuple(place), MAX_DEPTH)


def _refuse(place: Place, reason: str) -> ConditionInvalid:
    where = pointer(*place)
    return ConditionInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


class _Parser:
    """One reading of a document; it counts the comparisons."""

    def __init__(self, schema: Schema | None) -> None:
        self._schema = schema
        self._comparisons = 0

    def condition(self, said: Any, place: tuple[object, ...], depth: int) -> Condition:
        """Read what stands at a place, or raise ConditionInvalid."""
        if depth == 0:
            raise _refuse(place, f"conditions stand {MAX_DEPTH} deep at most")
        if not isinstance(said, dict):
            raise _refuse(place, "is an object")
        document = cast("dict[str, Any]", said)
        if "field" in document:
            return self._comparison(document, place)
        if len(document) != 1:
            raise _refuse(place, "has one of all, any, not and field")
        [(word, inner)] = document.items()
        if word == "not":
            return Not(self.condition(inner, (*place, word), depth - 1))
        if word not in ("all", "any"):
            raise _refuse(place, "has one of all, any, not and field")
        if not isinstance(inner, list) or len(cast("list[Any]", inner)) > MAX_COMPARISONS:
            raise _refuse((*place, word), f"is a list of {MAX_COMPARISONS} conditions at most")
        parts = tuple(
            self.condition(part, (*place, word, index), depth - 1)
            for index, part in enumerate(cast("list[Any]", inner))
        )
        return All(parts) if word == "all" else Either(parts)

    def _comparison(self, document: Mapping[str, Any], place: tuple[object, ...]) -> Condition:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise _refuse(place, f"there are {MAX_COMPARISONS} comparisons at most")
        path, field = self._field(document["field"], (*place, "field"))
        words = [word for word in document if word != "field"]
        if len(words) != 1 or words[0] not in set(Operator):
            raise _refuse(place, "compares with one of " + ", ".join(Operator))
        said = Operator(words[0])
        operator = _NEGATED.get(said, said)
        operand = self._operand(operator, document[words[0]], (*place, words[0]))
        if operator is not Operator.EXISTS:
            _check_kind(operand, field, (*place, words[0]))
        made = Comparison(path, operator, operand)
        return Not(made) if said in _NEGATED else made

    def _field(self, name: Any, place: Place) -> tuple[tuple[str, ...], Field | None]:
        if not isinstance(name, str) or not name or not _is_text(name):
            raise _refuse(place, "is the name of a field")
        found = self._schema.find(name) if self._schema else None
        if self._schema is not None and found is None:
            raise _refuse(place, "is not a field of this version")
        return tuple(name.split(".")), found

    def _operand(self, operator: Operator, said: Any, place: tuple[object, ...]) -> Operand:
        if isinstance(said, dict) and len(cast("dict[str, Any]", said)) == 1:
            [(word, name)] = cast("dict[str, Any]", said).items()
            if word == "field" and operator in _OF_FIELDS:
                return Other(self._field(name, (*place, word))[0])
            if word == "caller" and operator in _OF_FACTS:
                return Fact(_name(name, (*place, word)))
        reader = _READERS.get(operator)
        if reader is not None:
            return reader(said, place)
        value = _value(said, place)
        if operator in _ORDERED and isinstance(value, bool):
            raise _refuse(place, "is text or a number")
        return value


def _name(said: Any, place: Place) -> str:
    if not isinstance(said, str) or not said:
        raise _refuse(place, "is the name of a fact")
    return said


def _value(said: Any, place: Place) -> Scalar:
    if not kind_of(said):
        raise _refuse(place, "is text, a number, true or false")
    if isinstance(said, str):
        return _text(said, place)
    return _number(said, place)


def _text(said: Any, place: Place) -> str:
    if not isinstance(said, str) or not _is_text(said):
        raise _refuse(place, f"is text of {MAX_TEXT} characters at most")
    return said


def _is_text(said: str) -> bool:
    """Tell whether PostgreSQL can keep a text, and it is not too long to be compared with."""
    return len(said) <= MAX_TEXT and "\x00" not in said and not _SURROGATE.search(said)


def _number(said: Any, place: Place) -> Scalar:
    """Return a number in the spelling in which records keep it: whole ones as whole numbers."""
    try:
        value = float(said)
    except OverflowError:
        value = float("inf")
    if value in (float("inf"), float("-inf")) or value != value:  # noqa: PLR0124  not a number
        raise _refuse(place, "is not a number that can be compared with")
    return int(said) if isinstance(said, float) and said.is_integer() else said


def _texts(said: Any, place: Place) -> str:
    text = _text(said, place)
    if not text:
        raise _refuse(place, "has one character at least")
    return text


def _item(said: Any, place: Place) -> Scalar:
    return _texts(said, place) if isinstance(said, str) else _value(said, place)


def _values(said: Any, place: tuple[object, ...]) -> tuple[Scalar, ...]:
    if not isinstance(said, list) or len(cast("list[Any]", said)) > MAX_LIST:
        raise _refuse(place, f"is a list of {MAX_LIST} values at most")
    given = cast("list[Any]", said)
    return tuple(_value(value, (*place, index)) for index, value in enumerate(given))


def _pattern(said: Any, place: Place) -> Pattern:
    try:
        return expressions.parse(_text(said, place))
    except PatternInvalid as error:
        raise _refuse(place, str(error)) from error


def _flag(said: Any, place: Place) -> bool:
    if not isinstance(said, bool):
        raise _refuse(place, "is true or false")
    return said


def _area(said: Any, place: Place) -> Area:
    try:
        return areas.parse(said)
    except AreaInvalid as error:
        raise _refuse(place, str(error)) from error


_READERS: Mapping[Operator, Callable[[Any, tuple[object, ...]], Operand]] = {
    Operator.IN: _values,
    Operator.STARTS_WITH: _texts,
    Operator.CONTAINS: _item,
    Operator.MATCHES: _pattern,
    Operator.EXISTS: _flag,
    Operator.WITHIN: _area,
}


def _check_kind(operand: Operand, field: Field | None, place: Place) -> None:
    """Refuse a value no such field could have: the comparison would always be false."""
    while field is not None and field.items is not None:
        field = field.items
    expected = _KINDS.get(field.kind) if field else None
    values = operand if isinstance(operand, tuple) else (operand,)
    for value in values:
        kind = kind_of(value)
        if expected and kind and kind != expected:
            raise _refuse(place, f"is no {expected}, as the field's values are")
