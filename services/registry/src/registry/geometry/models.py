"""Geometry as GeoJSON (RFC 7946): what is checked, and why something is refused."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

POINT = "geoPoint"
SHAPE = "geoShape"
MOST_POSITIONS = 10_000
"""Positions of one value."""
MOST_PARTS = 100
"""Geometries of one collection."""
_DIMENSIONS = (2, 3)  # longitude, latitude, and perhaps altitude (RFC 7946 section 3.1.1)
_RING = 4  # the first position again at the end (RFC 7946 section 3.1.6)
_LINE = 2

Fault = tuple[tuple[object, ...], str]
"""Where in a geometry something is wrong, and why."""

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    POINT: {
        "type": "object",
        "required": ["type", "coordinates"],
        "properties": {
            "type": {"const": "Point"},
            "coordinates": {
                "type": "array",
                "prefixItems": [
                    {"type": "number", "minimum": -180, "maximum": 180},
                    {"type": "number", "minimum": -90, "maximum": 90},
                    {"type": "number"},
                ],
                "minItems": 2,
                "maxItems": 3,
            },
        },
    },
    SHAPE: {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {
                "enum": [
                    "Point",
                    "MultiPoint",
                    "LineString",
                    "MultiLineString",
                    "Polygon",
                    "MultiPolygon",
                    "GeometryCollection",
                ]
            },
            "coordinates": {"type": "array"},
            "geometries": {"type": "array", "items": {"type": "object"}},
        },
    },
}
EXAMPLES: Mapping[str, Any] = {
    POINT: {"type": "Point", "coordinates": [38.76, 9.01]},
    SHAPE: {
        "type": "Polygon",
        "coordinates": [[[38.7, 9.0], [38.8, 9.0], [38.8, 9.1], [38.7, 9.0]]],
    },
}


def faults(kind: str, value: Any) -> Iterator[Fault]:
    """Yield what is wrong with a value of a field of type ``geoPoint`` or ``geoShape``."""
    if kind == POINT and isinstance(value, dict):
        said = cast("dict[str, Any]", value)
        if said.get("type") != "Point":
            yield ("type",), "is Point"
            return
    if _positions(value) > MOST_POSITIONS:
        yield (), f"has more than {MOST_POSITIONS} positions"
        return
    yield from _geometry(value, ())


def _positions(value: Any) -> int:
    """Count the lists in a value; a position is one of them."""
    count, held = 0, [value]
    while held and count <= MOST_POSITIONS:
        item = held.pop()
        if isinstance(item, list):
            count += 1
            held += cast("list[Any]", item)
        elif isinstance(item, dict):
            held += cast("dict[str, Any]", item).values()
    return count


def _geometry(value: Any, at: tuple[object, ...], *, inside: bool = False) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield at, "is a GeoJSON geometry"
        return
    said = cast("dict[str, Any]", value)
    kind = said.get("type")
    if kind == "GeometryCollection":
        yield from _unknown(said, {"type", "geometries"}, at)
        yield from _collection(said.get("geometries"), (*at, "geometries"), inside=inside)
    elif isinstance(kind, str) and kind in _SHAPES:
        yield from _unknown(said, {"type", "coordinates"}, at)
        yield from _SHAPES[kind](said.get("coordinates"), (*at, "coordinates"))
    else:
        known = ", ".join([*_SHAPES, "GeometryCollection"])
        yield (*at, "type"), f"is one of {known}"


def _unknown(said: Mapping[str, Any], known: set[str], at: tuple[object, ...]) -> Iterator[Fault]:
    for name in said:
        if name not in known:
            yield (*at, name), "is not part of a geometry here"


def _collection(value: Any, at: tuple[object, ...], *, inside: bool) -> Iterator[Fault]:
    if inside:
        yield at, "a collection holds no collections (RFC 7946 section 3.1.8)"
    elif not isinstance(value, list) or len(cast("list[Any]", value)) > MOST_PARTS:
        yield at, f"is a list of {MOST_PARTS} geometries at most"
    else:
        for index, each in enumerate(cast("list[Any]", value)):
            yield from _geometry(each, (*at, index), inside=True)


def _position(value: Any, at: tuple[object, ...]) -> Iterator[Fault]:
    if not isinstance(value, list) or len(cast("list[Any]", value)) not in _DIMENSIONS:
        yield at, "is a position: longitude, latitude, and perhaps altitude"
        return
    bounds = (("longitude", 180.0), ("latitude", 90.0), ("altitude", math.inf))
    for index, (number, (name, most)) in enumerate(
        zip(cast("list[Any]", value), bounds, strict=False)
    ):
        if not isinstance(number, int | float) or isinstance(number, bool):
            yield (*at, index), f"is the {name}, a number"
        elif not -most <= number <= most:
            yield (*at, index), f"is the {name}, from -{most:.0f} to {most:.0f}"


def _ring(value: Any, at: tuple[object, ...]) -> Iterator[Fault]:
    wrong = list(_many(_position, _RING, "a ring")(value, at))
    yield from wrong
    if not wrong and value[0] != value[-1]:
        yield (*at, len(value) - 1), "is the ring's first position again: a ring is closed"


_Part = Callable[[Any, tuple[object, ...]], Iterator[Fault]]


def _many(part: _Part, least: int, name: str) -> _Part:
    def check(value: Any, at: tuple[object, ...]) -> Iterator[Fault]:
        if not isinstance(value, list) or len(cast("list[Any]", value)) < least:
            yield at, f"is {name}: a list of {least} or more"
            return
        for index, each in enumerate(cast("list[Any]", value)):
            yield from part(each, (*at, index))

    return check


_line = _many(_position, _LINE, "a line")
_polygon = _many(_ring, 1, "a polygon")
_SHAPES: dict[str, _Part] = {
    "Point": _position,
    "MultiPoint": _many(_position, 1, "points"),
    "LineString": _line,
    "MultiLineString": _many(_line, 1, "lines"),
    "Polygon": _polygon,
    "MultiPolygon": _many(_polygon, 1, "polygons"),
}
