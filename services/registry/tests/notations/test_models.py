"""Documents are read without surprises, and refused with the line and the column."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.notations.models import (
    MAX_DEPTH,
    DocumentUnreadable,
    read_json,
    read_yaml,
    write_json,
    write_yaml,
)

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20),
        st.sampled_from(
            ["on", "no", "~", "1e5", "0x1F", "0o7", "012", "1_000", "2026-01-31", "=", "<<", ".inf"]
        ),
    ),
    lambda inside: st.one_of(
        st.lists(inside, max_size=4), st.dictionaries(st.text("ab:#- .\n", max_size=5), inside)
    ),
    max_leaves=12,
)


def refusal(reader, text: str | bytes) -> str:
    with pytest.raises(DocumentUnreadable) as caught:
        reader(text if isinstance(text, bytes) else text.encode())
    assert [error.pointer for error in caught.value.errors] == ["#"]
    return caught.value.detail


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), JSON, max_size=4))
def test_what_is_written_is_read_back_as_it_was(document):
    for write, read in ((write_json, read_json), (write_yaml, read_yaml)):
        again = read(write(document).encode())
        assert again == document
        assert write(again) == write(document), "the order of names and the types are kept"


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), JSON, max_size=4))
def test_another_reader_of_yaml_reads_the_same(document):
    assert yaml.safe_load(write_yaml(document)) == document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: on", {"a": "on"}),
        ("a: 2026-01-31", {"a": "2026-01-31"}),
        ("a: 012", {"a": 12}),
        ("a: '1'", {"a": "1"}),
        ("a: 1.5e3", {"a": 1500.0}),
        ("a: -3", {"a": -3}),
        ("a:", {"a": None}),
        ("a: |\n  b\n  c\n", {"a": "b\nc\n"}),
        ("1: yes", {"1": "yes"}),
        ("true: [~, true, False]", {"true": [None, True, False]}),
        ("{a: {b: []}}", {"a": {"b": []}}),
        ("# nothing\n", None),
    ],
)
def test_words_mean_what_json_can_say(text, value):
    assert read_yaml(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [1\n", "line 3, column 1"),
        ("a: 1\n b: 2", "line 2, column 3"),
        ("a: &x 1\nb: *x", "line 1, column 4: anchors"),
        ("a: *x", "line 1, column 4: anchors"),
        ("a: !!python/object/apply:os.system [id]", "line 1, column 4: tags"),
        ("a: !x 1", "line 1, column 4: tags"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the same name"),
        ("? [a]\n: 1", "line 1, column 3: a name is text"),
        ("a: 1\n---\nb: 2", "line 2, column 1: a second document"),
        ("a: .inf", "line 1, column 4"),
        ("a: -.inf", "line 1, column 4"),
        ("a: .nan", "line 1, column 4"),
        ("a: 1e400", "line 1, column 4"),
        ("a: \t1\n\tb: 2", "line 2, column 1"),
        ("a: '\x07'", "not YAML"),
        (b"a: 1\nb: \xff", "line 2, column 4: is not UTF-8"),
        ("[" * 20_000, f"line 1, column {MAX_DEPTH + 1}: is nested"),
        ("a: " + "[" * 5_000 + "]" * 5_000, "is nested"),
    ],
)
def test_yaml_that_cannot_be_read_names_the_line(text, said):
    assert said in refusal(read_yaml, text)


def test_a_small_text_does_not_stand_for_a_huge_one():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert refusal(read_yaml, "\n".join(lines)).startswith("line 1, column 5: anchors")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,}', "line 1, column 9"),
        ('{\n  "a": nothing\n}', "line 2, column 8"),
        ("", "line 1, column 1"),
        ('{"a": 1, "a": 2}', "same name twice"),
        ('{"a": NaN}', "not JSON"),
        ('{"a": 1e400}', "too large"),
        ('{"a": ' + "9" * 5000 + "}", "too long"),
        ("[" * 100_000, "too deep"),
        (b'{"a": "\xe9"}', "line 1, column 8: is not UTF-8"),
    ],
)
def test_json_that_cannot_be_read_says_why(text, said):
    assert said in refusal(read_json, text)
