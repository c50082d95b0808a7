"""How clients of release 1.0 write an address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.releases.v1_0.models import said_once


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (b"", b""),
        (b"a=b", b"a=b"),
        (b"a=b?a=b", b"a=b"),
        (b"a=b&c=d?a=b&c=d?a=b&c=d", b"a=b&c=d"),
        (b"search=why?", b"search=why?"),
        (b"search=why?&page=1", b"search=why?&page=1"),
        (b"a=b?a=c", b"a=b?a=c"),
    ],
)
def test_only_a_repetition_is_taken_away(sent, meant):
    assert said_once(sent) == meant


@given(st.text("ab=&%", min_size=1, max_size=12).map(str.encode), st.integers(2, 4))
def test_what_is_said_again_is_read_once(once, times):
    assert said_once(b"?".join([once] * times)) == once


@given(st.text("abc=&%", max_size=30).map(str.encode))
def test_a_query_without_a_question_mark_is_as_it_was(query):
    assert said_once(query) == query
