"""What an analyst may say in a schema, and what each word means for a record."""

import pytest

from registry.keywords.models import MAX_FIELDS, parse
from registry.marks.models import FileRule, Link
from registry.places import SchemaInvalid
from registry.validation.models import Validator

ONE = {"type": "string"}
LINK = {"database": "MOTHERS", "field": "id"}
CHOICES = [{"key": "f", "value": "female"}, {"key": "m", "value": {"en": "male", "fr": "homme"}}]


def _one(spec, **more):
    return parse({"properties": {"a": spec}, **more})


def _refused(document):
    with pytest.raises(SchemaInvalid) as refused:
        Validator(parse(document))
    return refused.value.errors[0].pointer


def _fits(spec, value):
    return not Validator(_one(spec)).errors({"a": value})


def test_a_link_names_its_database_its_field_and_its_rules():
    said = {"databaseId": 7, "fieldId": 3, "type": "edge", "cardinality": "many"}
    schema = _one({"type": "array", "items": ONE, "x-link": {**said, "onDelete": "cascade"}})
    assert schema.links == (schema.get("a"),)
    assert schema.get("a").link == Link(7, None, 3, None, "edge", "many", "cascade")


def test_a_link_that_says_little_is_strict_to_one_record():
    assert _one({**ONE, "x-link": LINK}).get("a").link == Link(
        None, "MOTHERS", None, "id", "foreignKey", "one", "restrict"
    )
    soft = _one({**ONE, "x-link": {"database": "MOTHERS", "type": "soft"}}).get("a").link
    assert soft == Link(None, "MOTHERS", None, None, "soft", "one", "orphan")
    assert not soft.is_strict


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"x-link": 1}, "/x-link"),
        ({"x-link": {"field": "id"}}, "/x-link"),
        ({"x-link": {**LINK, "databaseId": 1}}, "/x-link"),
        ({"x-link": {"databaseId": -1, "field": "id"}}, "/x-link/databaseId"),
        ({"x-link": {"databaseId": True, "field": "id"}}, "/x-link/databaseId"),
        ({"x-link": {"database": "", "field": "id"}}, "/x-link/database"),
        ({"x-link": {"database": "M"}}, "/x-link"),
        ({"x-link": {**LINK, "fieldId": 2}}, "/x-link"),
        ({"x-link": {**LINK, "type": "hard"}}, "/x-link/type"),
        ({"x-link": {**LINK, "onDelete": "forget"}}, "/x-link/onDelete"),
        ({"x-link": {**LINK, "cardinality": "many"}}, "/x-link/cardinality"),
        ({"x-link": {**LINK, "weak": True}}, "/x-link/weak"),
        ({"type": "number", "x-link": LINK}, "/x-link"),
        ({"x-mask": "some"}, "/x-mask"),
        ({"x-mask": {}}, "/x-mask"),
        ({"x-mask": {"keepLast": 0}}, "/x-mask/keepLast"),
        ({"x-mask": {"keepMiddle": 1}}, "/x-mask/keepMiddle"),
        ({"x-mask": {"replace": []}}, "/x-mask/replace"),
        ({"x-file": {}}, "/x-file"),
        ({"type": "file", "x-file": {"extensions": ["p/df"]}}, "/x-file/extensions/0"),
        ({"type": "file", "x-file": {"mediaTypes": ["pdf"]}}, "/x-file/mediaTypes/0"),
        ({"type": "file", "x-file": {"maxBytes": 0}}, "/x-file/maxBytes"),
        ({"type": "file", "properties": {"b": ONE}}, "/properties"),
        ({"type": "list-of-values"}, "/values"),
        ({"type": "list-of-values", "values": []}, "/values"),
        ({"type": "list-of-values", "values": [{"value": "x"}]}, "/values/0/key"),
        ({"type": "list-of-values", "values": [*CHOICES, CHOICES[0]]}, "/values/2/key"),
        ({"type": "list-of-values", "values": [{"key": "a", "value": 1.5}]}, "/values/0/value"),
        ({"type": "list-of-values", "values": [{"key": "a"}, {"key": 1}]}, "/values"),
        ({"x-secret": True, "unique": True}, "/unique"),
        ({"x-secret": True, "primaryKey": True}, "/primaryKey"),
        ({"x-secret": True, "x-personalDataId": True}, "/x-personalDataId"),
        ({"x-secret": True, "triggers": [{}]}, "/triggers"),
        ({"x-secret": True, "default": ""}, "/default"),
        ({"x-secret": True, "x-link": LINK}, "/x-link"),
        ({"x-secret": True, "properties": {"b": ONE}}, "/x-secret"),
        ({"x-secret": "yes"}, "/x-secret"),
        ({"primaryKey": True, "default": "x"}, "/default"),
        ({"type": "array", "items": {**ONE, "x-secret": True}}, "/items/x-secret"),
        ({"type": "array", "items": {**ONE, "x-personalData": True}}, "/items/x-personalData"),
        ({"type": "list", "properties": {"b": {"x-secret": True}}}, "/items/properties/b/x-secret"),
        ({"multiple": True, "primaryKey": True}, "/primaryKey"),
        ({"minimum": 2, "maximum": 1}, "/maximum"),
        ({"minLength": 2, "maxLength": 1}, "/maxLength"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"enum": [each / 2 for each in range(33)]}, "/enum"),
        ({"enum": [f"v{each}" for each in range(10_001)]}, "/enum"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum"),
        ({"const": 1}, "/const"),
        ({"x-personalDataId": {"externalRegistry": 1}}, "/x-personalDataId"),
        ({"x-ui": []}, "/x-ui"),
        ({"type": "integer", "default": "x"}, "/default"),
        ({"type": "integer", "example": "x"}, "/example"),
        ({"type": "integer", "examples": [1, "x"]}, "/examples/1"),
        ({"type": "geoPoint", "example": {"type": "Point", "coordinates": [0, 91]}}, "/example"),
    ],
)
def test_what_cannot_be_said_is_refused_naming_the_place(spec, place):
    assert _refused({"properties": {"a": spec}}) == f"#/schema/properties/a{place}"


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"storageProfile": "graph"}, "#/schema/storageProfile"),
        ({"indexes": "a"}, "#/schema/indexes"),
        ({"indexes": ["b"]}, "#/schema/indexes/0"),
        ({"indexes": [["a"]]}, "#/schema/indexes/0"),
        ({"indexes": ["a", "list"]}, "#/schema/indexes/1"),
        ({"indexes": ["secret"]}, "#/schema/indexes/0"),
        ({"fieldsUniques": [["secret"]]}, "#/fieldsUniques"),
        ({"required": ["file"]}, "#/schema/properties/file"),
        ({"required": ["strange"]}, "#/schema/properties/strange"),
        ({"$ref": "#"}, "#/schema/$ref"),
    ],
)
def test_what_cannot_be_said_of_the_whole_is_refused(document, place):
    properties = {
        "a": ONE,
        "list": {"type": "array", "items": ONE},
        "secret": {**ONE, "x-secret": True},
        "file": {"type": "file"},
        "strange": {**ONE, "pattern": "^[\\p{Hebrew}]{3}$"},
    }
    assert _refused({"properties": properties, **document}) == place


@pytest.mark.parametrize(
    "names",
    [["ID", "id"], ["Ünit", "ünit"], ["e\u0301"], [" a"], ["a\u202e"], ["$a"], ["__proto__"]],
)
def test_names_that_could_be_confused_are_refused(names):
    place = _refused({"properties": dict.fromkeys(names, ONE)})
    assert place == f"#/schema/properties/{names[-1]}"


def test_names_in_any_script_are_taken():
    names = ["ስም", "الاسم", "नाम", "имя", "می\u200cخواهم"]  # noqa: RUF001
    assert [
        field.name for field in parse({"properties": dict.fromkeys(names, ONE)}).fields
    ] == names


def test_a_secret_is_not_searched():
    schema = parse({"properties": {"a": ONE, "b": {**ONE, "x-secret": True}}})
    assert [field.name for field in schema.secrets] == ["b"]
    assert [field.name for field in schema.texts] == ["a"]


def test_a_file_field_says_which_files_it_takes():
    said = {"extensions": ["PDF", ".jpg"], "mediaTypes": ["application/pdf"], "maxBytes": 10}
    schema = _one({"type": "file", "multiple": True, "x-file": said})
    assert [field.name for field in schema.files] == ["a"]
    assert schema.get("a").file == FileRule(("pdf", "jpg"), ("application/pdf",), 10)
    assert schema.get("a").kind == "array"


def test_a_file_in_a_record_is_what_the_registry_says_of_it():
    said = dict.fromkeys(["id", "url", "originalName", "type", "digest"], "x") | {"size": 1}
    assert _fits({"type": "file"}, said)
    assert not _fits({"type": "file"}, {"url": "x"})
    assert _fits({"type": "file", "multiple": True}, [said])


def test_a_list_of_values_keeps_keys():
    spec = {"type": "list-of-values", "values": CHOICES}
    assert _fits(spec, "f")
    assert not _fits(spec, "female")
    assert _fits({**spec, "multiple": True, "unique": True}, ["f", "m"])
    assert not _fits({**spec, "multiple": True, "unique": True}, ["f", "f"])
    numbers = {"type": "list-of-values", "values": [{"key": 1, "value": "one"}]}
    assert _fits(numbers, 1)
    assert not _fits(numbers, "1")


@pytest.mark.parametrize("kind", ["list", "edit-grid"])
def test_a_grid_is_a_list_of_objects(kind):
    spec = {"type": kind, "properties": {"b": ONE}, "required": ["b"], "minItems": 1}
    assert _fits(spec, [{"b": "x"}])
    for wrong in ([], [{}], [{"c": 1}], {"b": "x"}):
        assert not _fits(spec, wrong)
    assert _one(spec).get("a.b").in_list


def test_items_have_rules_of_their_own():
    spec = {
        "type": "array",
        "maxItems": 3,
        "items": {"type": "integer", "unique": True, "required": True, "minimum": 1, "maximum": 9},
    }
    assert _fits(spec, [1, 9])
    for wrong in ([], [1, 1], [0], [10], [1, 2, 3, 4], ["1"]):
        assert not _fits(spec, wrong), wrong


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5, 1),
        ({"type": "number", "multipleOf": 0.01}, 19.99, 19.999),
        ({"type": "integer", "maximum": 10**300}, 10**300, 10**300 + 1),
        ({"format": "phone"}, "+251911234567", "0911 234567"),
        ({"format": "uri"}, "https://a.example/b", "a b"),
        ({"type": "geoPoint"}, {"type": "Point", "coordinates": [38.7, 9.0]}, [38.7, 9.0]),
    ],
)
def test_limits_hold(spec, right, wrong):
    assert _fits(spec, right)
    assert not _fits(spec, wrong)


def test_each_wrong_place_of_a_shape_is_named():
    line = {"type": "LineString", "coordinates": [[0, 0], [181, 91]]}
    errors = Validator(_one({"type": "list", "items": {"type": "geoShape"}})).errors({"a": [line]})
    assert [each.pointer for each in errors] == [
        "#/a/0/coordinates/1/0",
        "#/a/0/coordinates/1/1",
    ]


def test_indexes_and_profile_are_read():
    document = {"properties": {"a": ONE, "in": {"properties": {"b": {"type": "date"}}}}}
    schema = parse({**document, "indexes": ["in.b", "a", "a"], "storageProfile": "column"})
    assert schema.indexed == ("in.b", "a")
    assert schema.storage_profile == "column"
    assert parse(document).storage_profile == "document"


def test_defaults_are_given_where_nothing_was_said():
    inner = {"properties": {"b": {"default": 1, "type": "integer"}}}
    schema = parse({"properties": {"a": {"default": "x"}, "in": inner}})
    assert schema.with_defaults({}) == {"a": "x"}
    assert schema.with_defaults({"a": "y", "in": {}}) == {"a": "y", "in": {"b": 1}}


def test_too_many_fields_are_refused():
    assert _refused({"properties": {f"f{n}": {} for n in range(10_000)}}) == "#/schema"
    assert parse({"properties": {f"f{n}": {} for n in range(MAX_FIELDS)}}).fields


@pytest.mark.parametrize("pattern", ["^[\\p{L}\\p{M} '-]{1,100}$", "^\\p{Ethiopic}+$", "^(a+)+$"])
def test_patterns_for_names_of_any_script_are_taken(pattern):
    Validator(
        _one(
            {"pattern": pattern, "example": "ab" if "a+" not in pattern else "aa"}
            | ({"example": "ኡሻ"} if "Ethiopic" in pattern else {})
        )
    )


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"pattern": "(?<!a)b"}, "/pattern"),
        ({"pattern": "((a{1000}){1000}){1000}"}, "/pattern"),
        ({"multiple": True, "pattern": "("}, "/pattern"),
        ({"x-personalDataId": {"pattern": "("}}, "/x-personalDataId/pattern"),
    ],
)
def test_a_pattern_that_could_run_long_is_refused(spec, place):
    assert _refused({"properties": {"a": spec}}) == f"#/schema/properties/a{place}"


def test_patterns_are_small_together():
    large = {"pattern": "^[\\p{L}]{60}$"}
    place = _refused({"properties": {f"f{n}": large for n in range(100)}})
    assert place == "#/schema/properties/f16/pattern"
