"""What one schema breaks of another: each rule, and the law that holds them together."""

import copy
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from registry.databases.models import Definition
from registry.impact.models import between, compare
from registry.keywords.models import parse
from registry.places import SchemaInvalid
from registry.validation.models import Validator

BASE: dict[str, Any] = {
    "type": "object",
    "required": ["code"],
    "properties": {
        "code": {"type": "string", "primaryKey": True},
        "name": {"type": "string", "minLength": 2, "maxLength": 10, "pattern": "^[a-z]+$"},
        "age": {"type": "integer", "minimum": 1, "maximum": 99},
        "state": {"type": "string", "enum": ["new", "old"]},
        "born": {"type": "date"},
        "child": {"type": "object", "properties": {"name": {"type": "string"}}},
        "tags": {"type": "array", "maxItems": 3, "items": {"type": "string"}},
        "more": {"type": "object"},
    },
}
FIELD = "#/schema/properties/"
LINK = {"database": "PEOPLE", "field": "code", "type": "foreignKey"}


def changed(**fields: Any) -> dict[str, Any]:
    """Return the schema with fields described otherwise; None takes one away."""
    made = copy.deepcopy(BASE)
    for name, spec in fields.items():
        if spec is None:
            del made["properties"][name]
        else:
            made["properties"][name] = {**made["properties"].get(name, {}), **spec}
    return made


def found(after: dict[str, Any], before: dict[str, Any] = BASE) -> tuple[list[str], list[str]]:
    impact = compare(parse(before), parse(after))
    assert all(each.reason for each in impact.findings)
    return [e.pointer for e in impact.breaking], [e.pointer for e in impact.warnings]


@pytest.mark.parametrize(
    ("after", "place"),
    [
        (changed(name=None), "name"),
        (changed(age={"type": "string"}), "age/type"),
        (changed(age={"minimum": 2}), "age/minimum"),
        (changed(age={"maximum": 98}), "age/maximum"),
        (changed(name={"minLength": 3}), "name/minLength"),
        (changed(name={"maxLength": 9}), "name/maxLength"),
        (changed(name={"pattern": "^[a-y]+$"}), "name/pattern"),
        (changed(state={"pattern": "^n"}), "state/pattern"),
        (changed(state={"enum": ["new"]}), "state/enum"),
        (changed(name={"enum": ["anna"]}), "name/enum"),
        (changed(name={"format": "email"}), "name/format"),
        (changed(born={"type": "date-time"}), "born/format"),
        (changed(name={"readOnly": True}), "name/readOnly"),
        (changed(name={"x-personalDataId": True}), "name/x-personalDataId"),
        (changed(state={"x-personalDataId": True}), "state/maxLength"),
        (changed(child={"properties": {}}), None),
        (changed(child={"properties": {"age": {}}}), "child/properties/name"),
        (changed(more={"properties": {"a": {}}}), "more/properties"),
        (changed(tags={"maxItems": 2}), "tags/maxItems"),
        (changed(tags={"minItems": 1}), "tags/minItems"),
        (changed(tags={"uniqueItems": True}), "tags/uniqueItems"),
        (changed(tags={"items": {"type": "integer"}}), "tags/items/type"),
        (changed(tags={"items": {"type": "string", "maxLength": 3}}), "tags/items/maxLength"),
        (changed(age={"exclusiveMinimum": 1}), "age/exclusiveMinimum"),
        (changed(age={"multipleOf": 2}), "age/multipleOf"),
        (changed(more={"type": "geoPoint"}), "more/type"),
        (changed(more={"type": "file"}), "more/type"),
        (changed(name={"x-secret": True}), "name/x-secret"),
        (changed(name={"x-mask": "all"}), "name/x-mask"),
        (changed(name={"x-link": LINK}), "name/x-link"),
        ({**BASE, "required": ["code", "name"]}, "name"),
        ({**changed(new={"type": "string"}), "required": ["code", "new"]}, "new"),
    ],
)
def test_what_records_of_before_may_break_is_breaking_and_named(after, place):
    breaking, _ = found(after)
    assert (breaking == []) if place is None else (FIELD + place in breaking), breaking


@pytest.mark.parametrize(
    ("after", "place"),
    [
        (changed(age={"type": "number"}), "age/type"),
        (changed(age={"minimum": 0}), "age/minimum"),
        (changed(age={"maximum": 100}), "age/maximum"),
        (changed(name={"minLength": 0}), "name/minLength"),
        (changed(name={"maxLength": 11}), "name/maxLength"),
        (changed(state={"enum": ["new", "old", "odd"]}), "state/enum"),
        (changed(born={"type": "string"}), "born/format"),
        (changed(name={"x-personalData": True}), "name/x-personalData"),
        (changed(name={"triggers": [{"actions": [{"value": "x"}]}]}), "name/triggers"),
        (changed(tags={"maxItems": 4}), "tags/maxItems"),
        (changed(name={"x-link": {**LINK, "type": "soft"}}), "name/x-link"),
        (changed(child={"properties": {}}), "child"),
        ({**BASE, "required": []}, "code"),
    ],
)
def test_what_only_widens_is_a_warning(after, place):
    breaking, warnings = found(after)
    assert breaking == []
    assert warnings == [FIELD + place]


@pytest.mark.parametrize(
    "after",
    [
        BASE,
        changed(new={"type": "string"}),
        changed(new={"type": "object", "required": ["a"], "properties": {"a": {}}}),
        changed(name={"description": "A name"}),
        changed(name={"x-ours": 1, "title": "Name"}),
        changed(name={"readOnly": False, "unique": False}),
        changed(tags={"minItems": 0}),
    ],
)
def test_a_new_optional_field_or_another_word_breaks_nothing(after):
    assert found(after) == ([], [])


@pytest.mark.parametrize(
    ("keyword", "value"), [("minLength", 2), ("enum", ["a"]), ("pattern", "a"), ("maximum", 3)]
)
def test_what_is_taken_away_is_a_warning_and_what_is_added_breaks(keyword, value):
    free = {"properties": {"a": {"type": "string"}}}
    bound = {"properties": {"a": {"type": "string", keyword: value}}}
    place = f"{FIELD}a/{keyword}"
    assert found(bound, free) == ([place], [])
    assert found(free, bound) == ([], [place])


def test_what_must_be_unique_now_breaks_and_what_need_not_does_not():
    unique = changed(name={"unique": True})
    assert found(unique) == (["#/fieldsUniques"], [])
    assert found(BASE, unique) == ([], ["#/fieldsUniques"])


def test_another_primary_key_breaks_addresses():
    breaking, _ = found(changed(code={"primaryKey": False}, name={"primaryKey": True}))
    assert FIELD + "code" in breaking


def test_a_mark_taken_away_is_a_warning():
    marked = changed(name={"x-personalData": True})
    assert found(BASE, marked) == ([], [FIELD + "name/x-personalData"])


@pytest.mark.parametrize(
    ("before", "after", "breaks"), [(None, "a", True), ("a", None, False), ("a", "b", True)]
)
def test_a_consent_that_reads_need_is_a_change_too(before, after, breaks):
    def definition(agreement: str | None) -> Definition:
        rule = {"dataAgreementId": agreement, "externalIdType": "t"}
        access = {"requiresConsent": rule} if agreement else {}
        return Definition({"schema": BASE, "access": access})

    impact = between(definition(before), definition(after))
    assert [e.pointer for e in impact.findings] == ["#/access/requiresConsent"]
    assert bool(impact.breaking) is breaks


# -- the law -------------------------------------------------------------------------------

COUNT = st.integers(0, 4)
TEXT = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "date", "text"])},
    optional={
        "minLength": COUNT,
        "maxLength": COUNT,
        "pattern": st.sampled_from(["^a", "^[ab]*$", "b$"]),
        "enum": st.lists(st.sampled_from(["a", "ab", "b", "2026-01-31"]), min_size=1),
        "format": st.sampled_from(["email", "date"]),
        "x-personalDataId": st.sampled_from([True, False, {"pattern": "^a"}]),
    },
)
NUMBER = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={"minimum": st.integers(-3, 3), "maximum": st.integers(-3, 3)},
)
LEAF = st.one_of(TEXT, NUMBER, st.just({"type": "boolean"}))


def _without_identifiers(spec: dict[str, Any]) -> dict[str, Any]:
    fields = spec.get("properties", {})
    inner = {name: _without_identifiers(said) for name, said in fields.items()}
    kept = {name: said for name, said in spec.items() if name != "x-personalDataId"}
    return {**kept, "properties": inner} if inner else kept


def holders(inside: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.fixed_dictionaries(
        {"type": st.just("array")},
        optional={
            "items": inside.map(_without_identifiers),
            "minItems": COUNT,
            "maxItems": COUNT,
            "uniqueItems": st.booleans(),
        },
    )
    return st.one_of(lists, objects(inside), st.just({"type": "object"}))


@st.composite
def objects(draw: st.DrawFn, inside: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True))
    required = draw(st.lists(st.sampled_from(names), unique=True))
    fields = {name: draw(inside) for name in names}
    return {"type": "object", "required": required, "properties": fields}


FIELDS = st.recursive(LEAF, holders, max_leaves=3)
SCHEMAS = objects(FIELDS)
VALUES = st.recursive(
    st.one_of(
        st.sampled_from(["", "a", "ab", "b", "aab", "2026-01-31", "a@b.ee"]),
        st.sampled_from([-4, -2, 0, 1, 2.5, 4]),
        st.booleans(),
    ),
    lambda inside: st.one_of(
        st.lists(inside, max_size=4), st.dictionaries(st.sampled_from("abc"), inside, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a schema and another, often the same but for one field."""
    before = draw(SCHEMAS)
    after = copy.deepcopy(before)
    for name in draw(st.lists(st.sampled_from("abcd"), max_size=2)):
        after["properties"][name] = draw(FIELDS)
    if draw(st.booleans()):
        known = sorted(after["properties"])
        after["required"] = draw(st.lists(st.sampled_from(known), unique=True))
    return before, after


def fitting(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that mostly fit a field."""
    if spec.get("properties"):
        made = {name: fitting(inside) for name, inside in spec["properties"].items()}
        needed = {name: made.pop(name) for name in spec["required"]}
        return st.fixed_dictionaries(needed, optional=made)
    if spec["type"] == "array":
        return st.lists(fitting(spec["items"]) if "items" in spec else VALUES, max_size=4)
    if spec["type"] == "object":
        return st.dictionaries(st.sampled_from("abc"), VALUES, max_size=2)
    if spec["type"] == "boolean":
        return st.booleans()
    if spec["type"] in {"integer", "number"}:
        return st.sampled_from([-4, -2, 0, 1, 2, 4, *([2.5] if spec["type"] == "number" else [])])
    return st.sampled_from([*spec.get("enum", ()), "", "a", "ab", "b", "aab", "2026-01-31"])


@settings(max_examples=400, deadline=None)
@given(pairs(), st.data())
def test_when_nothing_breaks_every_record_of_before_is_valid_after(pair, data):
    try:
        before, after = parse(pair[0]), parse(pair[1])
        old, new = Validator(before), Validator(after)
    except SchemaInvalid:  # a schema nothing could fit
        reject()
    record = data.draw(fitting(pair[0]))
    if old.errors(record) or compare(before, after).breaking:
        return
    assert new.errors(after.project(record)) == []
