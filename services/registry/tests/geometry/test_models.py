"""Points and shapes (RFC 7946): what is refused, and where in it."""

import pytest

from registry.geometry.models import EXAMPLES, MOST_POSITIONS, POINT, SHAPE, faults

RING = [[0, 0], [1, 0], [1, 1], [0, 0]]


def _at(kind, value):
    return [at for at, _ in faults(kind, value)]


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "Point", "coordinates": [-180, 90, 2300.5]},
        {"type": "MultiPoint", "coordinates": [[0, 0], [1, 1]]},
        {"type": "LineString", "coordinates": [[0, 0], [1, 1]]},
        {"type": "MultiLineString", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [RING, RING]},
        {"type": "MultiPolygon", "coordinates": [[RING]]},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [0, 0]}]},
        *EXAMPLES.values(),
    ],
)
def test_shapes_are_taken(shape):
    assert _at(SHAPE, shape) == []


@pytest.mark.parametrize(
    ("kind", "value", "at"),
    [
        (POINT, {"type": "Point", "coordinates": [0, 90.1]}, ("coordinates", 1)),
        (POINT, {"type": "Point", "coordinates": [-181, 0]}, ("coordinates", 0)),
        (POINT, {"type": "Point", "coordinates": ["0", 0]}, ("coordinates", 0)),
        (POINT, {"type": "Point", "coordinates": [True, 0]}, ("coordinates", 0)),
        (POINT, {"type": "Point", "coordinates": [0]}, ("coordinates",)),
        (POINT, {"type": "Point", "coordinates": [0, 0, 0, 0]}, ("coordinates",)),
        (POINT, {"type": "Point"}, ("coordinates",)),
        (POINT, {"type": "Polygon", "coordinates": [RING]}, ("type",)),
        (POINT, "0,0", ()),
        (SHAPE, {"type": "Circle"}, ("type",)),
        (SHAPE, {"type": ["Point"]}, ("type",)),
        (SHAPE, {"type": "Point", "coordinates": [0, 0], "crs": "x"}, ("crs",)),
        (SHAPE, {"type": "LineString", "coordinates": [[0, 0]]}, ("coordinates",)),
        (SHAPE, {"type": "Polygon", "coordinates": [RING[:3]]}, ("coordinates", 0)),
        (SHAPE, {"type": "Polygon", "coordinates": [[*RING[:3], [2, 2]]]}, ("coordinates", 0, 3)),
        (SHAPE, {"type": "MultiPolygon", "coordinates": [[]]}, ("coordinates", 0)),
        (
            SHAPE,
            {"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection"}]},
            ("geometries", 0, "geometries"),
        ),
        (SHAPE, {"type": "MultiPoint", "coordinates": [[0, 0]] * (MOST_POSITIONS + 1)}, ()),
    ],
)
def test_what_is_wrong_is_named(kind, value, at):
    assert _at(kind, value) == [at]


def test_reasons_say_what_is_meant():
    wrong = {"type": "Point", "coordinates": [200, 9]}
    assert [reason for _, reason in faults(POINT, wrong)] == ["is the longitude, from -180 to 180"]
