"""What a mask shows, and which files a field takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.marks.models import FileRule, Mask, mask


@pytest.mark.parametrize(
    ("said", "value", "shown"),
    [
        ("all", "EE123", "****"),
        ("all", {"a": 1}, "****"),
        ("all", True, "****"),
        ("all", None, None),
        ({"keepLast": 4}, "0911234567", "****4567"),
        ({"keepLast": 4}, 911234567, "****4567"),
        ({"keepLast": 4}, "4567", "****"),
        ({"keepFirst": 1}, "Usha", "U****"),
        ({"keepFirst": 1, "keepLast": 2}, "Abebech", "A****ch"),
        ({"keepLast": 1}, ["abc", "de"], ["****c", "****e"]),
        ({"keepLast": 1}, {"a": "b"}, "****"),
        ({"keepLast": 4}, True, "****"),
        ("year", "2026-01-31", "2026"),
        ("year", "2026-01-31T10:00:00Z", "2026"),
        ("year", "unknown", "****"),
        ({"replace": "hidden"}, "x", "hidden"),
        ({"replace": 0}, 5, 0),
    ],
)
def test_a_mask_shows_what_it_says(said, value, shown):
    assert mask(said, ("here",)).apply(value) == shown


@given(st.text(max_size=30), st.integers(0, 5), st.integers(0, 5))
def test_a_mask_never_shows_the_whole(text, first, last):
    shown = Mask(first, last).apply(text)
    assert "****" in shown
    kept = shown.split("****")[0]
    assert len(shown) - 4 < max(len(text), 1)
    assert text.startswith(kept)


def test_a_rule_for_files_looks_at_the_name_and_the_type():
    rule = FileRule(("pdf", "tar.gz"), ("application/pdf", "image/*"))
    assert rule.takes_name("Birth.PDF")
    assert rule.takes_name("a.tar.gz")
    for name in ("a.exe", "pdf", "a.pdf.exe"):
        assert not rule.takes_name(name)
    assert rule.takes_type("Application/PDF; version=1")
    assert rule.takes_type("image/png")
    assert not rule.takes_type("text/html")
    assert FileRule().takes_name("anything")
    assert FileRule().takes_type("any/thing")
