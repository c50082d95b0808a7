"""Examples of records: made from a schema, and always a record the schema takes."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator, meta

from registry.keywords.models import parse
from registry.places import SchemaInvalid
from registry.samples.models import sample
from registry.triggers import models as triggers
from registry.validation.models import Validator

law = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
PATTERNS = [
    r"^[A-Z]{2}[0-9]{6}$",
    r"^EE\d{11}$",
    r"[0-9]$",
    r"^(a|b)+c?$",
    r"^(?:MCTS|TB)-\d{1,5}(/\d+)?$",
    r"^\p{Lu}\p{L}*$",
    r"^[^\s@]+@[^\s@]+\.[a-z]{2,}$",
    r"^\+?[1-9]\d{4,14}$",
    r"^[a-f0-9]{8}-[a-f0-9]{4}$",
    r"^\x41\u0042[\]x-]$",
]

WORDS = re.findall(
    r"\S+",
    """properties type items required enum pattern minimum maximum x-link x-mask x-file x-secret
    x-personalDataId values unique primaryKey triggers conditions actions when on value id multiple
    default example examples minItems multipleOf format indexes storageProfile fieldsUniques a field
    keepLast fields from width gapless key databaseId coordinates""",
)

_names = st.sampled_from(["a", "b", "ስም", "first name", "x_1"])
_number = st.integers(-5, 5) | st.floats(-5, 5)


def _some(**optional):
    return st.fixed_dictionaries({}, optional=optional)


def _typed(kind, extra):
    return st.fixed_dictionaries({"type": st.just(kind)}).flatmap(
        lambda said: extra.map(lambda more: {**said, **more})
    )


_limits = _some(
    minimum=_number,
    maximum=_number,
    exclusiveMinimum=_number,
    exclusiveMaximum=_number,
    multipleOf=st.sampled_from([1, 2, 0.5, 0.01, 7]),
)
_texts = _some(
    minLength=st.integers(0, 12),
    maxLength=st.integers(0, 30),
    pattern=st.sampled_from(PATTERNS),
    format=st.sampled_from(["email", "uri", "uuid", "date", "phone", "time", "unheard-of"]),
    enum=st.lists(st.sampled_from(["x", "yy", "zzz", 1]), min_size=1),
    multiple=st.booleans(),
    minItems=st.integers(0, 3),
    unique=st.booleans(),
)
_scalars = st.one_of(
    _typed("string", _texts),
    _typed("text", _texts),
    _typed("integer", _limits),
    _typed("number", _limits),
    _typed("boolean", st.just({})),
    *(_typed(kind, st.just({})) for kind in ("date", "date-time", "time", "file")),
    _typed("geoPoint", _some(multiple=st.booleans())),
    _typed("geoShape", _some(multiple=st.booleans())),
    _typed("list-of-values", st.just({"values": [{"key": "k", "value": "v"}, {"key": "l"}]})),
)


def _holding(inner):
    fields = st.dictionaries(_names, inner, min_size=1, max_size=4)
    several = _some(
        minItems=st.integers(0, 3), maxItems=st.integers(0, 4), uniqueItems=st.booleans()
    )
    required = st.lists(_names, max_size=2)

    def made(kind, said, needed, more):
        return {
            "type": kind,
            "properties": said,
            "required": [n for n in needed if n in said],
            **more,
        }

    return (
        st.builds(made, st.just("object"), fields, required, st.just({}))
        | st.builds(made, st.just("edit-grid"), fields, required, several)
        | st.builds(lambda items, more: {"type": "array", "items": items, **more}, inner, several)
    )


_fields = st.recursive(_scalars, _holding, max_leaves=8)
_schemas = st.dictionaries(_names, _fields, min_size=1, max_size=4).flatmap(
    lambda said: st.lists(st.sampled_from(sorted(said)), max_size=3, unique=True).map(
        lambda required: {"properties": said, "required": required}
    )
)


@law
@given(_schemas)
def test_the_example_of_a_schema_that_is_taken_fits_it(document):
    try:
        schema = parse(document)
        validator = Validator(schema)
    except SchemaInvalid:
        return
    assert validator.errors(schema.example()) == []
    assert validator.errors(schema.example(to_write=True)) == []


@law
@given(_schemas)
def test_the_standard_schema_takes_what_the_validator_takes(document):
    try:
        schema = parse(document)
        Validator(schema)
    except SchemaInvalid:
        return
    standard = schema.json_schema()
    meta.validate(standard)
    assert Draft202012Validator(standard).is_valid(schema.example())


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["string", "object", "array", "list", "file", "geoPoint", "(", "a{9999}"]),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(
            st.sampled_from(WORDS),
            inside,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@law
@given(st.dictionaries(st.sampled_from(WORDS), _json), _json)
def test_any_json_is_a_schema_or_refused_as_one(more, fields):
    try:
        schema = parse({"properties": fields, **more})
        Validator(schema)
        triggers.parse(schema)
    except SchemaInvalid as refused:
        assert refused.errors[0].pointer.startswith("#/")  # noqa: PT017


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_sample_matches_its_pattern(pattern):
    made = sample(pattern)
    plain = pattern.replace(r"\p{Lu}", "[A-Z]").replace(r"\p{L}", "[a-zA-Z]")
    assert made is not None
    assert re.search(plain, made)


@pytest.mark.parametrize("pattern", ["(?=x)", "(", "[", "a{2", "*", "\\", "(?i)a", "[z-a]", "a)"])
def test_what_is_not_read_has_no_sample(pattern):
    assert sample(pattern) is None or sample(pattern) == pattern


def test_the_analysts_own_example_comes_first():
    spec = {"type": "string", "example": "Usha", "examples": ["Abebe"]}
    schema = parse({"properties": {"a": spec}})
    assert schema.example() == {"a": "Usha"}
    assert schema.json_schema()["properties"]["a"]["examples"] == ["Usha", "Abebe"]


def test_an_example_of_the_whole_record_is_used_when_it_fits():
    fields = {"properties": {"a": {"type": "string"}}}
    assert parse({**fields, "example": {"a": "Usha"}}).example() == {"a": "Usha"}
    for wrong in ({"example": {"a": 1}}, {"example": 5}, {"examples": [{"a": ""}, {"b": ""}]}):
        with pytest.raises(SchemaInvalid):
            Validator(parse({**fields, **wrong}))


def test_what_a_caller_cannot_write_is_not_in_the_example_to_write():
    schema = parse(
        {
            "properties": {
                "number": {"readOnly": True},
                "photo": {"type": "file"},
                "mother": {"x-link": {"database": "M", "field": "id"}},
                "in": {"properties": {"number": {"readOnly": True}, "name": {}}},
            }
        }
    )
    assert schema.example(to_write=True) == {"in": {"name": "text"}}
    assert set(schema.example()) == {"number", "mother", "in"}


def test_the_standard_schema_says_what_the_analyst_said():
    mark = {"type": "national-id", "pattern": "^[0-9]+$", "externalRegistry": "POPULATION"}
    schema = parse(
        {
            "title": "Children",
            "required": ["id"],
            "properties": {
                "id": {"description": "National id", "x-personalDataId": mark, "maxLength": 9},
                "sex": {"type": "list-of-values", "values": [{"key": "f", "value": "female"}]},
                "born": {"type": "date", "x-ui": {"mask": "9999-99-99", "choice": "calendar"}},
            },
        }
    )
    assert schema.json_schema() == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "title": "Children",
        "required": ["id"],
        "additionalProperties": False,
        "properties": {
            "id": {
                "type": "string",
                "maxLength": 9,
                "allOf": [{"pattern": "^[0-9]+$"}],
                "description": "National id",
                "x-personalDataId": mark,
            },
            "sex": {
                "type": "string",
                "enum": ["f"],
                "x-values": [{"key": "f", "value": "female"}],
            },
            "born": {
                "type": "string",
                "format": "date",
                "x-ui": {"mask": "9999-99-99", "choice": "calendar"},
            },
        },
    }
