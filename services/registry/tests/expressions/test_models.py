"""Regular expressions: which are taken, what they match, and that none takes long."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.expressions.models import MAX_LENGTH, PatternInvalid, parse


@pytest.mark.parametrize(
    "text",
    [
        "(",
        ")",
        "(a",
        "a)",
        "a**",
        "a+?",
        "a{2}{3}",
        "*a",
        "a|",
        "|a",
        "",
        "()",
        "[]",
        "[a",
        "[b-a]",
        r"[a-\d]",
        "a{",
        "a{1,0}",
        "a{256}",
        "a{x}",
        "a{²}",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?P<n>a)",
        "(?i)a",
        r"(a)\1",
        r"\b",
        r"\p{L}",
        r"[\D]",
        "\\",
        "a" * (MAX_LENGTH + 1),
        "(a{200}){200}",
        "(" * 20 + "a" + ")" * 20,
    ],
)
def test_what_both_engines_do_not_share_is_refused(text):
    with pytest.raises(PatternInvalid):
        parse(text)


@pytest.mark.parametrize(
    ("text", "matching", "other"),
    [
        ("^MCTS[0-9]+$", "MCTS31", "xMCTS31"),
        (r"^\d{2,}$", "42", "٤٢"),
        (r"^\w+$", "a_1", "é"),
        (r"^\S+\s\S+$", "a\tb", "a\u00a0b"),
        (r"^a.c$", "aéc", "a\nc"),
        (r"^(?:ab|cd)*$", "abcd", "abc"),
        (r"^[^a-c\]-]$", "d", "]"),
        (r"^\[\]\{\}\.\*$", "[]{}.*", "[]{}.x"),
        ("^[በ-ፐ]+$", "በበ", "abe"),
        ("a$", "ba", "a\n"),
    ],
)
def test_what_a_pattern_matches(text, matching, other):
    assert parse(text).matches(matching)
    assert not parse(text).matches(other)


@pytest.mark.parametrize("text", ["^(a+)+$", "^(a|a)*$", "(x*x*x*x*y|y)*z$", "(a*)*b"])
def test_no_pattern_takes_long(text):
    pattern = parse(text)
    start = time.perf_counter()
    pattern.matches("a" * 50_000 + "!")
    assert time.perf_counter() - start < 1


_parts = st.sampled_from(["a", "b", "[ab]", "[^a]", "(?:ab|b)", r"\d", ".", "-", r"\."])
_quantifiers = st.sampled_from(["", "*", "+", "?", "{2}", "{1,3}", "{0,}"])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(_parts, _quantifiers), min_size=1, max_size=5),
    st.tuples(st.sampled_from(["", "^"]), st.sampled_from(["", r"$"])),
    st.text("ab1.-\n", max_size=8),
)
def test_what_is_taken_means_what_it_means_elsewhere(parts, ends, value):
    text = ends[0] + "".join(part + quantifier for part, quantifier in parts) + ends[1]
    expected = re.search(text.replace("$", r"\Z"), value, re.ASCII) is not None
    assert parse(text).matches(value) is expected
