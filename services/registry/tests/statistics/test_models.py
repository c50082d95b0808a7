"""What statistics keep back, so that nobody is found in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.fields.models import FieldUnknown
from registry.keywords import models as keywords
from registry.rights.models import FULL, FieldHidden, Grant, Term
from registry.statistics.models import (
    Group,
    Interval,
    Metric,
    Of,
    Question,
    QuestionInvalid,
    Statistics,
    TooRevealing,
    protected,
    smallest_group,
)

SCHEMA = keywords.parse(
    {
        "properties": {
            "id": {"type": "string", "x-personalDataId": True},
            "name": {"type": "string", "x-personalData": True},
            "village": {"type": "string"},
            "weight": {"type": "number"},
            "born": {"type": "date"},
            "alive": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "home": {"type": "object", "properties": {"city": {"type": "string"}}},
        }
    }
)


def plan(*, is_owner=True, grant=FULL, **asked):
    return Question(**asked).plan(SCHEMA, grant, is_owner=is_owner)


@given(st.lists(st.integers(1, 40), max_size=12), st.integers(1, 10))
def test_what_is_kept_back_is_never_smaller_than_a_group_must_be(counts, smallest):
    groups = [Group((number,), None, count, count) for number, count in enumerate(counts)]
    found = protected(Statistics(Question(), "1.0", groups), smallest)
    told = {group.values for group in found.groups}
    back = [group.count for group in groups if group.values not in told]
    assert all(group.count >= smallest for group in found.groups)
    assert found.suppressed == len(back)
    assert not back or sum(back) >= smallest or not found.groups
    assert list(found.groups) == [group for group in groups if group.values in told]
    if min(counts, default=smallest) >= smallest:
        assert not back


@pytest.mark.parametrize(
    "asked",
    [
        {"field": "weight"},
        {"metric": Metric.SUM},
        {"metric": Metric.SUM, "field": "village"},
        {"metric": Metric.AVERAGE, "field": "alive"},
        {"metric": Metric.LEAST, "field": "alive"},
        {"metric": Metric.DISTINCT, "field": "home"},
        {"group_by": ("home",)},
        {"group_by": ("tags",)},
        {"group_by": ("village", "village")},
        {"group_by": ("village", "weight", "alive", "born", "home.city")},
        {"group_by": ("change",)},
        {"metric": Metric.SUM, "field": "weight", "of": Of.CHANGES},
        {"of": Of.CHANGES, "date_field": "born"},
    ],
)
def test_what_makes_no_sense_is_refused(asked):
    with pytest.raises(QuestionInvalid):
        plan(**asked)


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(FieldUnknown):
        plan(group_by=("colour",))
    with pytest.raises(FieldUnknown):
        plan(date_field="colour", interval=Interval.DAY)


def test_a_hidden_field_decides_nothing():
    grant = Grant((Term(fields=frozenset({"village"})),))
    assert plan(grant=grant, group_by=("village",))
    for asked in (
        {"group_by": ("weight",)},
        {"metric": Metric.SUM, "field": "weight"},
        {"filters": (("weight", "3"),)},
        {"date_field": "born"},
    ):
        with pytest.raises(FieldHidden):
            plan(grant=grant, **asked)


def test_nobodys_own_value_is_computed_or_grouped_by():
    for asked in (
        {"metric": Metric.LEAST, "field": "name"},
        {"metric": Metric.MOST, "field": "id"},
        {"group_by": ("id",)},
    ):
        with pytest.raises(TooRevealing):
            plan(**asked)


def test_small_groups_are_kept_from_others_and_wherever_personal_data_is_used():
    assert not plan(group_by=("village",)).is_protected
    assert plan(group_by=("village",), is_owner=False).is_protected
    assert plan(group_by=("name",)).is_protected
    assert plan(filters=(("id", "EE5"),)).is_protected


def test_the_owner_says_how_small_a_group_may_be():
    assert smallest_group({}) == 5
    assert smallest_group({"statistics": {"smallestGroup": 2}}) == 2
