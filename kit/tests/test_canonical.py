"""The canonical form is that of RFC 8785, however it is made."""

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from kit.canonical import canonical

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=12,
)


@given(JSON)
@example({"\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"): 1, "\ufb33": 2})
@example({"b": 1, "a": ['\x7f\u2028\x00"\\/\n', 2**53 - 1, -0.0, 1e21, True]})
@example(2**53)
@example("\ud800")
@example({1: "no text"})
@example((1, 2))
def test_it_is_what_the_standards_own_implementation_writes(value):
    try:
        expected = rfc8785.dumps(value)
    except (ValueError, TypeError):
        with pytest.raises((ValueError, TypeError)):
            canonical(value)
    else:
        assert canonical(value) == expected
