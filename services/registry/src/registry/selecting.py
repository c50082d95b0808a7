"""Conditions as SQL on the ``content`` (JSONB) of a record, for the stores' hot statements.

What is compared travels as a parameter, never in the SQL: as a jsonpath, whose names and texts are
quoted as JSON quotes them, which jsonpath reads alike. jsonpath compares as ``conditions`` says:
text by code point, like with like, a list as its items. Equality can use the GIN index on
``content`` (``jsonb_path_ops``). The result is true or not true; ``not`` makes it certain.
"""

# ruff: noqa: S608  what is put in is SQL written here; all else is a parameter

import json
from collections.abc import Callable, Mapping
from typing import Any

from registry.areas.models import EARTH, Area, Box, Circle, Polygon
from registry.conditions.models import (
    All,
    Comparison,
    Condition,
    Either,
    Fact,
    FactMissing,
    Not,
    Operator,
    Other,
)

CONTENT = "r.content"
_POSITION = (
    '.**{0 to 7} ? (@.type() == "array" && @[0].type() == "number" && @[1].type() == "number")'
)


class Arguments:
    """The numbered parameters of a statement, as they are added."""

    def __init__(self, *values: object) -> None:
        self.values: list[object] = list(values)

    def add(self, value: object, kind: str = "") -> str:
        """Add a value; return the SQL that stands for it, ``$1::jsonpath``."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}" if kind else f"${len(self.values)}"


def where(condition: Condition, arguments: Arguments, content: str = CONTENT) -> str:
    """Return a condition as SQL; ``content`` is the JSONB column it speaks of."""
    if isinstance(condition, All):
        parts = [where(part, arguments, content) for part in condition.parts]
        return "(" + " AND ".join(parts or ["true"]) + ")"
    if isinstance(condition, Either):
        parts = [where(part, arguments, content) for part in condition.parts]
        return "(" + " OR ".join(parts or ["false"]) + ")"
    if isinstance(condition, Not):
        return f"({where(condition.part, arguments, content)} IS NOT TRUE)"
    return _comparison(condition, arguments, content)


def _comparison(said: Comparison, arguments: Arguments, content: str) -> str:
    if isinstance(said.operand, Fact):
        raise FactMissing(said.operand.name)
    if said.operand is None or said.operand == ():
        return "false"
    make = _WRITERS.get(said.operator, _by_path)
    return make(said, arguments, content)


def _by_path(said: Comparison, arguments: Arguments, content: str) -> str:
    """Return a comparison that one jsonpath can make."""
    test = _TESTS[said.operator]
    path = arguments.add(f"{path_of(said.path)} ? ({test(said.operand)})", "jsonpath")
    return f"({content} @? {path})"


def path_of(path: tuple[str, ...]) -> str:
    """Return the jsonpath of a field; its names are quoted."""
    return "$" + "".join("." + _quoted(name) for name in path)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _compared(sign: str) -> Callable[[Any], str]:
    def test(operand: Any) -> str:
        if isinstance(operand, Other):
            return f"@ != null && @ {sign} {path_of(operand.path)}"
        return f"@ {sign} {_quoted(operand)}"

    return test


_TESTS: Mapping[Operator, Callable[[Any], str]] = {
    Operator.IS: _compared("=="),
    Operator.LESS_THAN: _compared("<"),
    Operator.AT_MOST: _compared("<="),
    Operator.MORE_THAN: _compared(">"),
    Operator.AT_LEAST: _compared(">="),
    Operator.IN: lambda operand: " || ".join(f"@ == {_quoted(value)}" for value in operand),
    Operator.STARTS_WITH: lambda operand: f"@ starts with {_quoted(operand)}",
}


def _exists(said: Comparison, arguments: Arguments, content: str) -> str:
    path = arguments.add(f"{path_of(said.path)} ? (@ != null)", "jsonpath")
    found = f"({content} @? {path})"
    return found if said.operand else f"({found} IS NOT TRUE)"


def _contains(said: Comparison, arguments: Arguments, content: str) -> str:
    equal = _by_path(Comparison(said.path, Operator.IS, said.operand), arguments, content)
    if not isinstance(said.operand, str):
        return equal
    inside = f'strict {path_of(said.path)} ? (@ like_regex {_quoted(said.operand)} flag "q")'
    return f"({equal} OR {content} @? {arguments.add(inside, 'jsonpath')})"


def _each(said: Comparison, arguments: Arguments, content: str, test: str) -> str:
    path = arguments.add(f"{path_of(said.path)}[*][*]", "jsonpath")
    return (
        f"EXISTS (SELECT FROM jsonb_path_query({content}, {path}, '{{}}', true) AS found(value)"
        f" WHERE {test})"
    )


def _matches(said: Comparison, arguments: Arguments, content: str) -> str:
    pattern = arguments.add(said.operand.sql, "text")  # type: ignore[union-attr]
    test = (
        "CASE jsonb_typeof(value) WHEN 'string' THEN "
        f"(value #>> '{{}}') COLLATE \"C\" ~ {pattern} ELSE false END"
    )
    return _each(said, arguments, content, test)


def _within(said: Comparison, arguments: Arguments, content: str) -> str:
    area: Any = said.operand
    positions = " UNION ALL ".join(
        f"SELECT at FROM jsonb_path_query(value, '{path}{_POSITION}', '{{}}', true) AS p(at)"
        for path in ("strict $.coordinates", "strict $.geometries[*].coordinates")
    )
    inside = _AREAS[type(area)](area, arguments)
    asked = (
        f"SELECT bool_and({inside}) FROM (SELECT (at->>0)::float8 AS x, (at->>1)::float8 AS y"
        f" FROM ({positions}) AS found) AS position"
    )
    return _each(said, arguments, content, f"jsonb_typeof(value) = 'object' AND ({asked})")


def _in_box(area: Box, arguments: Arguments) -> str:
    west, south, east, north = (
        arguments.add(value, "float8") for value in (area.west, area.south, area.east, area.north)
    )
    return f"x BETWEEN {west} AND {east} AND y BETWEEN {south} AND {north}"


def _in_circle(area: Circle, arguments: Arguments) -> str:
    at_x, at_y, radius = (arguments.add(value, "float8") for value in (area.x, area.y, area.radius))
    north = f"sin(radians(y - {at_y}) / 2)"
    east = f"sin(radians(x - {at_x}) / 2)"
    part = f"{north} * {north} + cos(radians({at_y})) * cos(radians(y)) * ({east} * {east})"
    return f"2 * {EARTH}::float8 * asin(sqrt(least(1.0::float8, {part}))) <= {radius}"


def _in_polygon(area: Polygon, arguments: Arguments) -> str:
    columns = (arguments.add([edge[at] for edge in area.edges], "float8[]") for at in range(4))
    edges = f"unnest({', '.join(columns)}) AS edge(x1, y1, x2, y2)"
    crossed = (
        "(y1 > y) <> (y2 > y) AND"
        " x < (x2 - x1) * (y - y1) / CASE y2 WHEN y1 THEN 1 ELSE y2 - y1 END + x1"
    )
    return f"(SELECT count(*) % 2 = 1 FROM {edges} WHERE {crossed})"


_AREAS: Mapping[type[Area], Callable[[Any, Arguments], str]] = {
    Box: _in_box,
    Circle: _in_circle,
    Polygon: _in_polygon,
}
_WRITERS: Mapping[Operator, Callable[[Comparison, Arguments, str], str]] = {
    Operator.EXISTS: _exists,
    Operator.CONTAINS: _contains,
    Operator.MATCHES: _matches,
    Operator.WITHIN: _within,
}
