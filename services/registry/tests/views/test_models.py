"""Views: what is refused, and which a schema breaks."""

import pytest

from kit.problems import Invalid
from registry.keywords.models import parse as parse_schema
from registry.views.models import broken_by, parse

SCHEMA = parse_schema(
    {
        "properties": {
            "name": {"type": "string"},
            "pin": {"type": "string", "x-secret": True},
            "home": {"properties": {"town": {"type": "string"}}},
            "pets": {"type": "array", "items": {"properties": {"kind": {"type": "string"}}}},
        }
    }
)
VIEW = {
    "name": "towns",
    "fields": ["name", {"field": "home.town", "as": "town"}],
    "where": {"field": "name", "exists": True},
    "ordering": "-town",
}


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"name": "1"}, "#/name"),
        ({"name": "a/b"}, "#/name"),
        ({"fields": []}, "#/fields"),
        ({"fields": ["shoe"]}, "#/fields/0"),
        ({"fields": ["name", "name"]}, "#/fields/1"),
        ({"fields": ["name", {"field": "home.town", "as": "name"}]}, "#/fields/1"),
        ({"fields": [{"field": "name", "as": "a,b"}]}, "#/fields/0/as"),
        ({"fields": [{"as": "a"}]}, "#/fields/0"),
        ({"fields": ["pets.kind"]}, "#/fields/0"),
        ({"fields": ["pin"]}, "#/fields/0"),
        ({"where": {"field": "shoe", "is": 1}}, "#/where/field"),
        ({"where": {"field": "pin", "is": "1"}}, "#/where"),
        ({"ordering": "home.town"}, "#/ordering"),
        ({"ordering": "name,-name,name,town,name"}, "#/ordering"),
        ({"policies": {}}, "#/policies"),
        ({"policies": [{"name": "p"}]}, "#/policies/0/subject"),
        ({"policies": [5]}, "#/policies/0"),
    ],
)
def test_what_cannot_be_a_view_is_refused_with_its_place(changed, place):
    with pytest.raises(Invalid) as refused:
        parse({**VIEW, **changed}, SCHEMA)
    assert [error.pointer for error in refused.value.errors] == [place]


def test_a_schema_breaks_the_views_whose_fields_it_lacks():
    views = {"towns": VIEW, "names": {"name": "names", "fields": ["name"]}}
    assert broken_by(views, SCHEMA) == {}
    without = parse_schema({"properties": {"name": {"type": "string"}}})
    assert broken_by(views, without) == {"towns": ["home.town"]}
    nameless = parse_schema(
        {"properties": {"home": {"properties": {"town": {"type": "string"}}}}},
    )
    assert broken_by(views, nameless) == {"towns": ["name"], "names": ["name"]}
