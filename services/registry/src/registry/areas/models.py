"""Areas on the earth: longitude and latitude in degrees (WGS 84), as GeoJSON has them (RFC 7946).

What lies in an area is decided on the plane of degrees, a circle on the sphere. PostgreSQL does the
same arithmetic in the same order (``registry.selecting``), so both say the same of every position.
An area does not cross the 180th meridian: give two.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

EARTH = 6_371_008.8
"""Mean radius of the earth in metres."""
MAX_POSITIONS = 1000
MAX_RADIUS = 20_100_000.0
_NESTING = 8
_LARGE = 1e9

Position = tuple[float, float]
Edge = tuple[float, float, float, float]


class AreaInvalid(ValueError):
    """The value is not an area; the message says why."""


@dataclass(frozen=True, slots=True)
class Box:
    """All between a western and an eastern meridian and a southern and a northern parallel."""

    west: float
    south: float
    east: float
    north: float

    def covers(self, x: float, y: float) -> bool:
        """Tell whether a position lies inside or on the edge."""
        return self.west <= x <= self.east and self.south <= y <= self.north


@dataclass(frozen=True, slots=True)
class Circle:
    """All within ``radius`` metres of a centre."""

    x: float
    y: float
    radius: float

    def covers(self, x: float, y: float) -> bool:
        """Tell whether a position lies within the radius, by the haversine formula."""
        north = math.sin(math.radians(y - self.y) / 2)
        east = math.sin(math.radians(x - self.x) / 2)
        part = north * north + (
            math.cos(math.radians(self.y)) * math.cos(math.radians(y)) * (east * east)
        )
        return 2 * EARTH * math.asin(math.sqrt(min(1.0, part))) <= self.radius


@dataclass(frozen=True, slots=True)
class Polygon:
    """All inside the rings of a polygon or of several, holes left out (the even-odd rule)."""

    edges: tuple[Edge, ...]

    def covers(self, x: float, y: float) -> bool:
        """Tell whether a position lies inside; the western and southern edges belong to it."""
        crossed = 0
        for x1, y1, x2, y2 in self.edges:
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                crossed += 1
        return crossed % 2 == 1


Area = Box | Circle | Polygon


def parse(said: Any) -> Area:
    """Read ``{"box": [west, south, east, north]}``, ``{"circle": {"centre": [longitude, latitude],
    "radius": metres}}`` or a GeoJSON Polygon or MultiPolygon; raise AreaInvalid.
    """  # noqa: D205
    if not isinstance(said, dict):
        raise AreaInvalid("an area is a box, a circle or a GeoJSON polygon")
    area = cast("dict[str, Any]", said)
    if set(area) == {"box"}:
        return _box(area["box"])
    if set(area) == {"circle"} and isinstance(area["circle"], dict):
        return _circle(cast("dict[str, Any]", area["circle"]))
    if area.get("type") in ("Polygon", "MultiPolygon") and "coordinates" in area:
        return _polygon(area["type"], area["coordinates"])
    raise AreaInvalid("an area is a box, a circle or a GeoJSON polygon")


def covers(area: Area, geometry: Any) -> bool:
    """Tell whether all positions of a GeoJSON geometry lie in the area; none, then it does not.

    Of a line or a polygon its corners are asked, which is exact for a box.
    """
    if not isinstance(geometry, dict):
        return False
    shape = cast("dict[str, Any]", geometry)
    parts = shape.get("geometries")
    inner = cast("list[Any]", parts) if isinstance(parts, list) else []
    held = [part.get("coordinates") for part in (shape, *inner) if isinstance(part, dict)]
    positions = [at for coordinates in held for at in _positions(coordinates, _NESTING)]
    return bool(positions) and all(area.covers(x, y) for x, y in positions)


def _box(said: Any) -> Box:
    numbers = _numbers(said, 4)
    box = Box(*numbers)
    _check((box.west, box.south))
    _check((box.east, box.north))
    if box.west > box.east or box.south > box.north:
        raise AreaInvalid("a box is [west, south, east, north]")
    return box


def _circle(said: Mapping[str, Any]) -> Circle:
    if set(said) != {"centre", "radius"}:
        raise AreaInvalid("a circle has a centre and a radius in metres")
    x, y = _check((*_numbers(said["centre"], 2),))
    [radius] = _numbers([said["radius"]], 1)
    if not 0 < radius <= MAX_RADIUS:
        raise AreaInvalid("a radius is more than 0 metres, and less than half way round the earth")
    return Circle(x, y, radius)


def _polygon(kind: str, coordinates: Any) -> Polygon:
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings = [ring for polygon in _list(polygons) for ring in _list(polygon)]
    edges: list[Edge] = []
    for ring in rings:
        corners = [_check((*_numbers(at[:2], 2),)) for at in map(_list, _list(ring))]
        if len(corners) < 4 or corners[0] != corners[-1]:  # noqa: PLR2004  RFC 7946, 3.1.6
            raise AreaInvalid("a ring has four positions at least, the last as the first")
        edges += [(*a, *b) for a, b in pairwise(corners)]
        if len(edges) > MAX_POSITIONS:
            raise AreaInvalid(f"a polygon has {MAX_POSITIONS} positions at most")
    if not edges:
        raise AreaInvalid("a polygon has a ring")
    return Polygon(tuple(edges))


def _positions(value: Any, depth: int) -> list[Position]:
    """Return the positions in nested lists, in any order."""
    if not isinstance(value, list) or depth == 0:
        return []
    items = cast("list[Any]", value)
    if len(items) >= 2 and _is_number(items[0]) and _is_number(items[1]):  # noqa: PLR2004
        return [(float(items[0]), float(items[1]))]
    return [position for item in items for position in _positions(item, depth - 1)]


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise AreaInvalid("the coordinates are not those of a polygon")
    return cast("list[Any]", value)


def _numbers(value: Any, count: int) -> Sequence[float]:
    if not isinstance(value, list) or len(cast("list[Any]", value)) != count:
        raise AreaInvalid(f"{count} numbers are expected")
    items = cast("list[Any]", value)
    if not all(_is_number(item) and abs(item) < _LARGE for item in items):
        raise AreaInvalid(f"{count} numbers are expected")
    return [float(item) for item in items]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(position: tuple[float, ...]) -> Position:
    x, y = position
    if not (-180 <= x <= 180 and -90 <= y <= 90):  # noqa: PLR2004
        raise AreaInvalid("a position is [longitude, latitude] in degrees")
    return x, y
