"""Laws of content, schemas and merging, without a database."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.changes.models import loggable, merge, same
from registry.fields.models import FieldUnknown
from registry.keywords.models import parse
from registry.places import SchemaInvalid
from registry.validation.models import MAX_ERRORS, ContentInvalid, Validator, clean

NESTED = parse(
    {
        "properties": {
            "a": {"type": "string"},
            "in": {"properties": {"x": {"type": "string"}}},
            "list": {"type": "array", "items": {"properties": {"p": {"type": "string"}}}},
            "free": {"type": "object"},
        }
    }
)
law = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_leaves = st.booleans() | st.integers() | st.text(max_size=3)
_objects = st.recursive(
    _leaves,
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "in", "x", "list", "p", "free"]), inside)
    ),
    max_leaves=12,
)
_contents = st.dictionaries(st.sampled_from(["a", "in", "list", "free", "other"]), _objects)


@law
@given(_contents)
def test_projecting_twice_is_projecting_once(content):
    once = NESTED.project(content)
    assert NESTED.project(once) == once


@law
@given(_contents)
def test_what_is_projected_has_no_unknown_field(content):
    NESTED.check_known(NESTED.project(content))


@law
@given(_contents, _contents)
def test_merging_a_change_twice_is_merging_it_once(content, change):
    once = merge(content, change)
    assert same(merge(once, change), once)


@law
@given(_contents)
def test_cleaning_keeps_every_value(content):
    assert clean(content) == content


def test_a_whole_number_has_one_spelling():
    assert repr(clean({"a": [1.0, 1.5, -0.0]})) == repr({"a": [1, 1.5, 0]})


def test_true_is_not_one():
    assert not same({"a": True}, {"a": 1})
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_a_number_too_large_for_the_log_becomes_text():
    assert loggable([2**53, 2**53 - 1, True]) == [str(2**53), 2**53 - 1, True]


def test_reasons_are_limited_in_number():
    validator = Validator(parse({"properties": {f"f{n}": {"type": "string"} for n in range(50)}}))
    assert len(validator.errors({f"f{n}": 1 for n in range(50)})) == MAX_ERRORS


def test_a_mark_and_a_field_may_both_have_a_pattern():
    mark = {"type": "string", "pattern": "^E", "x-personalDataId": {"pattern": "[0-9]$"}}
    validator = Validator(parse({"properties": {"id": mark}}))
    assert validator.errors({"id": "EE1"}) == []
    for wrong in ("E", "1", "x" * 201):
        assert validator.errors({"id": wrong})


def test_content_nested_too_deep_is_refused():
    deep = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(ContentInvalid):
        clean({"a": deep})


def test_a_number_is_not_read_from_words():
    schema = parse({"properties": {"n": {"type": "number"}, "l": {"type": "array"}}})
    assert schema.get("l").value_of("x") == ["x"]
    with pytest.raises(FieldUnknown):
        schema.get("n").value_of("many")


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"properties": 1}}},
        {"properties": {"a": {"required": True, "type": 5}}},
        {"properties": {"a": {"x-personalDataId": {"pattern": 1}}}},
        {"properties": {"a" * 101: {}}},
        {"properties": {"a": {}}, "fieldsUniques": [["a"] * 300]},
    ],
)
def test_a_schema_that_cannot_be_read_is_refused(schema):
    with pytest.raises(SchemaInvalid):
        parse(schema)
