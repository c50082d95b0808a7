"""Conditions: what is refused, what holds, and that PostgreSQL says the same."""

# ruff: noqa: S608  the SQL is what is tested

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from registry import selecting
from registry.conditions.models import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_LIST,
    ConditionInvalid,
    FactMissing,
    parse,
)
from registry.keywords.models import parse as parse_schema

SCHEMA = parse_schema(
    {
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "born": {"type": "date"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "child": {"properties": {"id": {"type": "string"}}},
        }
    }
)
ABEBE = {"name": "አበበ", "age": 9, "born": "2017-01-30", "tags": ["a", "b"], "child": {"id": "EE5"}}


def _deep(levels):
    said = {"field": "name", "is": "x"}
    for _ in range(levels):
        said = {"not": said}
    return said


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("name", "#/where"),
        ({}, "#/where"),
        ({"all": {}}, "#/where/all"),
        ({"all": [], "any": []}, "#/where"),
        ({"some": []}, "#/where"),
        ({"all": [{"any": [{"field": "name", "is": 5}]}]}, "#/where/all/0/any/0/is"),
        ({"field": "name"}, "#/where"),
        ({"field": "name", "is": "x", "isNot": "y"}, "#/where"),
        ({"field": "name", "like": "x"}, "#/where"),
        ({"field": 5, "is": 5}, "#/where/field"),
        ({"field": "shoe", "is": 5}, "#/where/field"),
        ({"field": "name", "is": {"field": "shoe"}}, "#/where/is/field"),
        ({"field": "name", "is": {"caller": ""}}, "#/where/is/caller"),
        ({"field": "name", "is": None}, "#/where/is"),
        ({"field": "name", "is": ["x"]}, "#/where/is"),
        ({"field": "name", "is": "\x00"}, "#/where/is"),
        ({"field": "name", "is": "\ud800"}, "#/where/is"),
        ({"field": "name", "is": "x" * 2001}, "#/where/is"),
        ({"field": "age", "is": float("nan")}, "#/where/is"),
        ({"field": "age", "is": 10**400}, "#/where/is"),
        ({"field": "age", "lessThan": True}, "#/where/lessThan"),
        ({"field": "age", "lessThan": "5"}, "#/where/lessThan"),
        ({"field": "age", "in": [1, "2"]}, "#/where/in"),
        ({"field": "age", "in": 1}, "#/where/in"),
        ({"field": "age", "in": list(range(MAX_LIST + 1))}, "#/where/in"),
        ({"field": "age", "exists": "yes"}, "#/where/exists"),
        ({"field": "name", "startsWith": ""}, "#/where/startsWith"),
        ({"field": "name", "matches": "(a"}, "#/where/matches"),
        ({"field": "name", "matches": "(?=a)"}, "#/where/matches"),
        ({"field": "name", "matches": {"caller": "person"}}, "#/where/matches"),
        ({"field": "name", "within": {"box": [1, 2]}}, "#/where/within"),
        (_deep(MAX_DEPTH), "#/where" + "/not" * MAX_DEPTH),
        (
            {"any": [{"all": [{"field": "name", "is": "x"}] * 60}] * 2},
            "#/where/any/1/all/40",
        ),
        ({"all": [{"field": "name", "is": "x"}] * (MAX_COMPARISONS + 1)}, "#/where/all"),
    ],
)
def test_what_cannot_be_a_condition_is_refused_with_its_place(said, place):
    with pytest.raises(ConditionInvalid) as refused:
        parse(said, ("where",), SCHEMA)
    assert [error.pointer for error in refused.value.errors] == [place]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"all": []}, True),
        ({"any": []}, False),
        ({"field": "name", "is": "አበበ"}, True),
        ({"field": "age", "is": 9.0}, True),
        ({"field": "age", "in": [1, 9]}, True),
        ({"field": "age", "notIn": [1, 9]}, False),
        ({"field": "born", "atLeast": "2017-01-30"}, True),
        ({"field": "born", "lessThan": "2017-01-30"}, False),
        ({"field": "tags", "is": "a"}, True),
        ({"field": "tags", "contains": "b"}, True),
        ({"field": "name", "contains": "በበ"}, True),
        ({"field": "name", "startsWith": "በ"}, False),
        ({"field": "name", "matches": "^አ.+$"}, True),
        ({"field": "child.id", "is": {"caller": "person"}}, True),
        ({"field": "child.id", "in": {"caller": "children"}}, True),
        ({"field": "child.id", "is": {"caller": "member"}}, False),
        ({"field": "child.id", "isNot": {"caller": "member"}}, True),
        ({"field": "child.id", "is": {"field": "name"}}, False),
        ({"not": {"field": "child.id", "exists": True}}, False),
    ],
)
def test_what_a_condition_means(said, expected):
    facts = {"person": "EE5", "children": ["EE4", "EE5"]}
    assert parse(said, (), SCHEMA).bind(facts).holds(ABEBE) is expected


@pytest.mark.parametrize("missing", [{}, {"name": None}, {"tags": []}])
@pytest.mark.parametrize(
    ("word", "operand", "expected"),
    [
        ("is", "x", False),
        ("isNot", "x", True),
        ("in", ["x"], False),
        ("notIn", ["x"], True),
        ("lessThan", "x", False),
        ("atLeast", "", False),
        ("contains", "x", False),
        ("matches", ".*", False),
        ("exists", True, False),
        ("exists", False, True),
    ],
)
def test_a_missing_value_makes_comparisons_false_and_their_opposites_true(
    missing, word, operand, expected
):
    for name in ("name", "tags"):
        said = parse({"field": name, word: operand}, (), SCHEMA)
        assert said.holds(missing) is expected


def test_a_condition_names_its_fields():
    said = {"all": [{"field": "name", "is": {"field": "child.id"}}, {"not": {"any": []}}]}
    assert parse(said, (), SCHEMA).fields == {"name", "child.id"}


def test_a_condition_is_not_used_before_the_callers_facts_are_in_it():
    said = parse({"field": "name", "isNot": {"caller": "person"}}, (), SCHEMA)
    with pytest.raises(FactMissing):
        said.holds(ABEBE)
    with pytest.raises(FactMissing):
        selecting.where(said, selecting.Arguments())


# -- the law: PostgreSQL says the same ---------------------------------------------------------

_NAMES = ["a", "b.c", 'q"$', "l"]
_texts = st.sampled_from(["", "a", "ab", "b", "é", "Z", "አበ", "🙂", "\uffff", 'x"\\', "\n", "%"])
_numbers = st.sampled_from([0, 1, -1, 2, 1.5, -0.25, 1e-7, 10**20, 2**53 + 1])
_scalars = st.one_of(_texts, _numbers, st.booleans())
_degrees = st.integers(-3, 3).map(lambda n: n / 2)
_point = st.tuples(_degrees, _degrees).map(list)
_shapes = st.one_of(
    _point.map(lambda at: {"type": "Point", "coordinates": at}),
    st.lists(_point, max_size=3).map(lambda all_: {"type": "MultiPoint", "coordinates": all_}),
    _point.map(
        lambda at: {"geometries": [{"type": "Point", "coordinates": at}, {"type": "Point"}]}
    ),
)
_leaves = st.one_of(_scalars, st.none(), _shapes)
_values = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["c", "a"]), inner)
    ),
    max_leaves=6,
)
_records = st.dictionaries(st.sampled_from(["a", "b", 'q"$', "l"]), _values)
_ring = st.lists(_point, min_size=3, max_size=5).map(lambda ring: [*ring, ring[0]])
_areas = st.one_of(
    st.tuples(_degrees, _degrees, st.integers(0, 2), st.integers(0, 2)).map(
        lambda b: {"box": [b[0], b[1], b[0] + b[2], b[1] + b[3]]}
    ),
    st.tuples(_point, st.sampled_from([30_000, 60_000.5, 120_000, 500_000])).map(
        lambda c: {"circle": {"centre": c[0], "radius": c[1]}}
    ),
    st.lists(_ring, min_size=1, max_size=2).map(
        lambda rings: {"type": "Polygon", "coordinates": rings}
    ),
)
_patterns = st.sampled_from(
    ["a", "^a", "b$", "^[^a]*$", ".", "^.$", r"\\", r"\W", "[a-é]+", "(a|b){2}", "^(?:ab?)*$"]
)
_orders = st.sampled_from(["lessThan", "atMost", "moreThan", "atLeast"])
_filled = _texts.filter(bool)


def _said(words, operands):
    return st.tuples(st.sampled_from(_NAMES), words, operands).map(
        lambda said: {"field": said[0], said[1]: said[2]}
    )


_other = st.sampled_from(_NAMES).map(lambda name: {"field": name})
_comparisons = st.one_of(
    _said(st.sampled_from(["is", "isNot"]), st.one_of(_scalars, _other)),
    _said(_orders, st.one_of(_texts, _numbers, _other)),
    _said(st.sampled_from(["in", "notIn"]), st.lists(_scalars, max_size=3)),
    _said(st.just("startsWith"), _filled),
    _said(st.just("contains"), st.one_of(_filled, _numbers, st.booleans())),
    _said(st.just("matches"), _patterns),
    _said(st.just("exists"), st.booleans()),
    _said(st.just("within"), _areas),
)
_conditions = st.recursive(
    _comparisons,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=4,
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(_conditions, st.lists(_records, min_size=1, max_size=8))
@example({"field": "a", "contains": "a"}, [{"a": ["ab"]}, {"a": "ab"}, {"a": ["a"]}])
@example({"not": {"field": "a", "moreThan": {"field": "l"}}}, [{"a": None, "l": None}, {"a": 1}])
@example({"field": "a", "atMost": "\uffff"}, [{"a": "🙂"}, {"a": "é"}])
async def test_postgresql_and_python_say_the_same_of_every_record(database, said, records):
    condition = parse(said, (), None)
    arguments = selecting.Arguments([json.dumps(each) for each in records])
    sql = selecting.where(condition, arguments)
    async with database.connection() as connection:
        rows = await connection.fetch(
            f"SELECT ({sql}) IS TRUE AS holds "
            "FROM unnest($1::text[]) WITH ORDINALITY AS given(text, place) "
            "CROSS JOIN LATERAL (SELECT text::jsonb AS content) r ORDER BY place",
            *arguments.values,
        )
    assert [row["holds"] for row in rows] == [condition.holds(each) for each in records]


async def test_equality_is_found_through_the_index_on_content(database):
    arguments = selecting.Arguments()
    said = {"all": [{"field": "a", "in": ["x", 5]}, {"field": "l", "is": -1.5}]}
    sql = selecting.where(parse(said, (), None), arguments)
    async with database.connection() as connection:
        await connection.driver.execute("SET enable_seqscan = off")
        plan = await connection.fetch(
            f"EXPLAIN SELECT id FROM record r WHERE {sql}", *arguments.values
        )
        await connection.driver.execute("RESET enable_seqscan")
    text = "\n".join(row[0] for row in plan)
    assert "record_content" in text
