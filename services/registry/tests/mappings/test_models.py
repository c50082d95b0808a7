"""What becomes of values, without a database."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.keywords.models import parse as read_schema
from registry.mappings.models import MappingFailedError, MappingInvalid, parse

VALUES = {
    "first": " anna ",
    "last": "Tamm",
    "sex": "f",
    "born": "24.12.2019",
    "codes": "a,b,c",
    "age": 5,
    "home": {"village": "Sild"},
    "alive": True,
}


def made(expression, values=VALUES):
    return parse({"x": expression}, ("mapping",), None, None).apply(values).get("x")


EXPRESSIONS = [
    ({"field": "last"}, "Tamm"),
    ({"field": "home.village"}, "Sild"),
    ({"field": "home"}, {"village": "Sild"}),
    ({"field": "nothing"}, None),
    ({"field": "last.deeper"}, None),
    ({"value": [1, 2]}, [1, 2]),
    ({"field": "last", "transform": ["upper"]}, "TAMM"),
    ({"field": "last", "transform": ["lower", {"suffix": "!"}, {"prefix": "¡"}]}, "¡tamm!"),
    ({"field": "first", "transform": ["trim", "upper"]}, "ANNA"),
    ({"fields": ["last", "age", "alive"], "separator": "/"}, "Tamm/5/true"),
    ({"fields": ["last", "nothing", "sex"]}, "Tammf"),
    ({"fields": ["nothing"], "separator": " "}, None),
    ({"field": "nothing", "transform": [{"default": 7}]}, 7),
    ({"field": "nothing", "transform": ["upper", "text", {"map": {}}]}, None),
    ({"field": "sex", "transform": [{"map": {"f": "female"}}]}, "female"),
    ({"field": "sex", "transform": [{"map": {"m": "male"}, "otherwise": None}]}, None),
    ({"field": "age", "transform": [{"map": {"5": "five"}}]}, "five"),
    ({"field": "codes", "transform": [{"split": ",", "part": 1}]}, "b"),
    ({"field": "codes", "transform": [{"split": ",", "part": -1}]}, "c"),
    ({"field": "codes", "transform": [{"split": ",", "part": 9}]}, None),
    (
        {"field": "born", "transform": [{"date": {"from": "DD.MM.YYYY", "to": "YYYY-MM-DD"}}]},
        "2019-12-24",
    ),
    ({"field": "age", "transform": ["text"]}, "5"),
    ({"value": "5", "transform": ["number"]}, 5),
    ({"value": "5.5", "transform": ["number"]}, 5.5),
    (
        {"value": "0005-01-01", "transform": [{"date": {"from": "YYYY-MM-DD", "to": "YYYY"}}]},
        "0005",
    ),
]


@pytest.mark.parametrize(("expression", "value"), EXPRESSIONS)
def test_an_expression_makes_a_value(expression, value):
    assert made(expression) == value


def test_names_with_dots_stand_inside_objects_and_what_has_no_value_is_left_out():
    mapper = parse(
        {
            "person.name": {"field": "last"},
            "person.sex": {"field": "sex"},
            "nothing": {"field": "nothing"},
        },
        ("mapping",),
        None,
        None,
    )
    assert mapper.apply(VALUES) == {"person": {"name": "Tamm", "sex": "f"}}
    assert mapper.sources == {"last", "sex", "nothing"}


FAILURES = [
    ({"field": "age", "transform": ["upper"]}, "is not text"),
    ({"field": "home", "transform": ["text"]}, "cannot be written as text"),
    ({"fields": ["home", "last"]}, "cannot be written as text"),
    ({"field": "sex", "transform": [{"map": {"m": "male"}}]}, "none of the values"),
    ({"field": "last", "transform": ["number"]}, "is not a number"),
    ({"value": "nan", "transform": ["number"]}, "is not a number"),
    (
        {"field": "last", "transform": [{"date": {"from": "DD.MM.YYYY", "to": "YYYY"}}]},
        "is not a date like DD.MM.YYYY",
    ),
]


@pytest.mark.parametrize(("expression", "reason"), FAILURES)
def test_a_value_that_does_not_fit_is_named_by_its_place_and_not_told(expression, reason):
    with pytest.raises(MappingFailedError, match=reason) as failed:
        made(expression)
    assert failed.value.place == "x"
    assert "Tamm" not in str(failed.value)


BAD = [
    ([], "#/mapping"),
    ({"x": "last"}, "#/mapping/x"),
    ({"x": {}}, "#/mapping/x"),
    ({"x": {"field": "a", "value": 1}}, "#/mapping/x"),
    ({"x": {"field": 5}}, "#/mapping/x/field"),
    ({"x": {"fields": []}}, "#/mapping/x/fields"),
    ({"x": {"fields": ["a"], "separator": 5}}, "#/mapping/x/separator"),
    ({"x": {"field": "a", "transform": "upper"}}, "#/mapping/x/transform"),
    ({"x": {"field": "a", "transform": ["eval"]}}, "#/mapping/x/transform/0"),
    ({"x": {"field": "a", "transform": [{"prefix": 5}]}}, "#/mapping/x/transform/0/prefix"),
    ({"x": {"field": "a", "transform": [{"map": []}]}}, "#/mapping/x/transform/0/map"),
    ({"x": {"field": "a", "transform": [{"split": ""}]}}, "#/mapping/x/transform/0/split"),
    (
        {"x": {"field": "a", "transform": [{"split": ",", "part": "1"}]}},
        "#/mapping/x/transform/0/part",
    ),
    (
        {"x": {"field": "a", "transform": [{"date": {"from": "YYYY"}}]}},
        "#/mapping/x/transform/0/date",
    ),
    (
        {"x": {"field": "a", "transform": [{"date": {"from": "%Y", "to": "YYYY"}}]}},
        "#/mapping/x/transform/0/date/from",
    ),
    (
        {"x": {"field": "a", "transform": [{"date": {"from": "YYYYYYYY", "to": "YYYY"}}]}},
        "#/mapping/x/transform/0/date/from",
    ),
    ({"": {"field": "a"}}, "#/mapping/"),
]


@pytest.mark.parametrize(("document", "pointer"), BAD)
def test_a_mapping_that_cannot_be_read_is_refused_with_its_place(document, pointer):
    with pytest.raises(MappingInvalid) as refused:
        parse(document, ("mapping",), None, None)
    assert refused.value.errors[0].pointer == pointer


def test_fields_are_those_of_the_schemas():
    schema = read_schema({"properties": {"a": {"type": "string"}}}, [])
    assert parse({"a": {"field": "a"}}, (), schema, schema).names == ("a",)
    for document in ({"a": {"field": "b"}}, {"b": {"field": "a"}}, {"a": {"fields": ["a", "b"]}}):
        with pytest.raises(MappingInvalid):
            parse(document, (), schema, schema)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # where others use the processor
@given(json_values, st.sampled_from([expression for expression, _ in EXPRESSIONS]))
def test_any_value_is_made_into_json_or_refused(value, expression):
    values = dict.fromkeys(["first", "last", "sex", "born", "codes", "age", "home"], value)
    try:
        outcome = made(expression, values)
    except MappingFailedError:
        return
    json.dumps(outcome)
