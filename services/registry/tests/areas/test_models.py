"""Areas on the earth, and what lies in them."""

import pytest

from registry.areas.models import MAX_POSITIONS, AreaInvalid, covers, parse

TALLINN, TARTU = [24.7536, 59.437], [26.7251, 58.378]
SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]


def _point(at):
    return {"type": "Point", "coordinates": at}


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        {},
        {"box": [1, 2, 3]},
        {"box": [5, 0, 1, 1]},
        {"box": [0, 0, 181, 1]},
        {"box": [0, 0, 1, "1"]},
        {"box": [0, 0, True, 1]},
        {"circle": {"centre": [0, 0]}},
        {"circle": {"centre": [0, 91], "radius": 1}},
        {"circle": {"centre": [0, 0], "radius": 0}},
        {"circle": {"centre": [0, 0], "radius": 1e9}},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [SQUARE[:-1]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[0]] * 4]},
        {"type": "Polygon", "coordinates": [SQUARE * MAX_POSITIONS]},
        {"type": "MultiPolygon", "coordinates": [SQUARE]},
    ],
)
def test_what_is_no_area_is_refused(said):
    with pytest.raises(AreaInvalid):
        parse(said)


def test_a_box_covers_its_edge():
    box = parse({"box": [0, 0, 10, 10]})
    assert covers(box, _point([0, 10]))
    assert not covers(box, _point([0, 10.001]))


def test_a_circle_is_measured_in_metres_on_the_ground():
    between = 163_500  # Tallinn to Tartu
    assert not covers(
        parse({"circle": {"centre": TALLINN, "radius": between - 2000}}), _point(TARTU)
    )
    assert covers(parse({"circle": {"centre": TALLINN, "radius": between + 2000}}), _point(TARTU))


def test_a_hole_does_not_belong_to_a_polygon():
    area = parse({"type": "Polygon", "coordinates": [SQUARE, HOLE]})
    assert covers(area, _point([2, 2]))
    assert not covers(area, _point([5, 5]))
    both = parse({"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE], [HOLE]]})
    assert covers(both, _point([5, 5]))


def test_a_shape_lies_within_when_all_its_positions_do():
    area = parse({"box": [0, 0, 10, 10]})
    assert covers(area, {"type": "LineString", "coordinates": [[1, 1], [9, 9]]})
    assert not covers(area, {"type": "LineString", "coordinates": [[1, 1], [11, 9]]})
    parts = [_point([1, 1]), _point([2, 2, 300])]
    assert covers(area, {"type": "GeometryCollection", "geometries": parts})
    for nothing in (None, "x", {}, {"coordinates": []}, {"coordinates": ["x", "y"]}):
        assert not covers(area, nothing)
