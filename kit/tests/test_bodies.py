"""JSON that would not be kept as it was sent is refused, naming the place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.web.bodies import read_json
from kit.web.problems import Unreadable


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a": 1, "a": 2}', "#/a"),
        ('{"a": 1, "\\u0061": 1}', "#/a"),
        ('{"in": [{}, {"b/~": 1, "c": 2, "b/~": 1}]}', "#/in/1/b~1~0"),
        ('{"n": 1e400}', "#/n"),
        ('{"n": -1e400}', "#/n"),
        ('{"n": [0, 1e-400]}', "#/n/1"),
        ('{"n": 4e-324}', "#/n"),
        ('{"n": 0.12345678901234567890}', "#/n"),
        ("12345678901234567890.5", "#"),
        ('{"n": 1' + "0" * 400 + "}", "#/n"),
        ("1" * 5000, "#"),
    ],
)
def test_what_python_would_change_is_refused(text, place):
    with pytest.raises(Unreadable) as refused:
        read_json(text.encode())
    assert [error.pointer for error in refused.value.errors] == [place]


@pytest.mark.parametrize(
    "text",
    [
        "0.1",
        "0.30000000000000004",
        "1e300",
        "-0.0",
        "5e-324",
        str(10**300 + 1),
        "1.50000000000000000",
    ],
)
def test_numbers_that_are_kept_are_read(text):
    assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 5000, b""])
def test_what_is_no_json_is_said_so(body):
    with pytest.raises((ValueError, RecursionError)):
        read_json(body)


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


@given(_values)
def test_what_json_writes_is_read_as_it_was(value):
    assert read_json(json.dumps(value).encode()) == value
