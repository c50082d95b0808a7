"""What triggers give a record: the published spelling and the rest of the language."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from registry.actions.models import CounterMissing
from registry.keywords.models import parse
from registry.places import SchemaInvalid
from registry.triggers import models as triggers
from registry.triggers.models import counters, fire

AT = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
TEXT = {"type": "string"}


def _read(*said, **fields):
    spec = {"type": "string", "id": 1, "triggers": list(said)}
    return triggers.parse(parse({"properties": {"a": spec, **fields}}))


def _done(content, *actions, fields=None, **more):
    trigger = {key: more.pop(key) for key in ("on", "when", "conditions") if key in more}
    made = _read({"actions": list(actions), **trigger}, **(fields or {}))
    return fire(made, content, "MCTS", 31, at=AT, **more)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("MCTS{indexNoByCode}", "MCTS31"),
        ("{code}-{year}/{month}/{day}", "MCTS-2026/03/09"),
        ("{date}", "2026-03-09"),
        ("{field:b}, {field:in.c}{field:d}", "Usha, 7"),
        ("{field:e}", "true"),
        ("no {{braces}", None),
    ],
)
def test_a_template_is_filled_in(template, made):
    inner = {"properties": {"c": {"type": "integer"}}}
    fields = {"b": TEXT, "in": inner, "d": TEXT, "e": {"type": "boolean"}}
    content = {"b": "Usha", "in": {"c": 7}, "e": True}
    if made is None:
        with pytest.raises(SchemaInvalid):
            _done(content, {"value": template}, fields=fields)
    else:
        assert _done(content, {"value": template}, fields=fields)["a"] == made


def test_what_a_person_wrote_in_braces_is_not_filled_in():
    assert _done({"b": "{code}"}, {"value": "{field:b}"}, fields={"b": TEXT})["a"] == "{code}"


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        ({"type": "upper"}, "est", "EST"),
        ({"type": "lower"}, "ÉST", "ést"),
        ({"type": "trim"}, "  x\t", "x"),
        ({"type": "prefix", "value": "EE-"}, "7", "EE-7"),
        ({"type": "prefix", "value": "EE-"}, "EE-7", "EE-7"),
        ({"type": "suffix", "value": "/{year}"}, "7", "7/2026"),
        ({"type": "suffix", "value": "/{year}"}, "7/2026", "7/2026"),
        ({"type": "number"}, None, "31"),
        ({"type": "number", "width": 6}, None, "000031"),
        ({"type": "number", "width": 1}, None, "31"),
        ({"type": "merge", "fields": ["b", "c"]}, None, "Usha Tulu"),
        ({"type": "merge", "fields": ["b", "missing", "c"], "separator": ", "}, "", "Usha, Tulu"),
        ({"type": "copy", "from": "b"}, "x", "Usha"),
        ({"type": "copy", "from": "missing"}, "x", "x"),
        ({"type": "upper"}, None, None),
        ({"type": "prefix", "value": "EE-"}, None, None),
    ],
)
def test_each_action_does_what_it_says(action, before, after):
    content = {"b": "Usha", "c": "Tulu"} | ({} if before is None else {"a": before})
    fields = {"b": TEXT, "c": TEXT, "missing": TEXT}
    assert _done(content, action, fields=fields).get("a") == after


def test_actions_run_in_their_order():
    actions = [{"type": "number", "width": 4}, {"type": "prefix", "value": "EE{year}-"}]
    assert _done({}, *actions, {"type": "lower"})["a"] == "ee2026-0031"


def test_a_number_field_gets_a_number():
    fields = {"n": {"type": "integer"}}
    done = _done({}, {"value": "{indexNoByCode}", "field": "n"}, fields=fields)
    assert done["n"] == 31
    assert _done({}, {"type": "number", "field": "n"}, fields=fields)["n"] == 31
    assert _done({}, {"value": 5, "field": "n"}, fields=fields)["n"] == 5


def test_uuids_are_new_each_time():
    one, two = (_done({}, {"type": "uuid"})["a"] for _ in range(2))
    assert UUID(one) != UUID(two)


def test_the_published_conditions_look_at_the_own_field():
    empty = [{"logic": "==", "value": "", "gate": "&&"}]
    assert _done({}, {"value": "x"}, conditions=empty) == {"a": "x"}
    assert _done({"a": "y"}, {"value": "x"}, conditions=empty) == {"a": "y"}
    either = [{"logic": "==", "value": "y"}, {"logic": "==", "value": "z", "gate": "||"}]
    assert _done({"a": "z"}, {"value": "x"}, conditions=either) == {"a": "x"}
    assert _done({"a": "w"}, {"value": "x"}, conditions=either) == {"a": "w"}


def test_a_condition_looks_at_other_fields():
    when = {"all": [{"field": "b", "is": "APPROVED"}, {"field": "n", "atLeast": 3}]}
    fields = {"b": TEXT, "n": {"type": "integer"}}
    for content, made in (({"b": "APPROVED", "n": 3}, "x"), ({"b": "PENDING", "n": 3}, None)):
        assert _done(content, {"value": "x"}, when=when, fields=fields).get("a") == made


def test_a_trigger_runs_when_it_says():
    for on, create, change in (
        (["create"], "x", None),
        (["change"], None, "x"),
        (["create", "change"], "x", "x"),
    ):
        assert _done({}, {"value": "x"}, on=on).get("a") == create
        assert _done({}, {"value": "x"}, on=on, event="change").get("a") == change


def test_one_trigger_does_not_set_off_another():
    ping = {"type": "string", "triggers": [{"actions": [{"type": "copy", "from": "b"}]}]}
    pong = {"type": "string", "triggers": [{"actions": [{"type": "copy", "from": "a"}]}]}
    made = triggers.parse(parse({"properties": {"a": ping, "b": pong}}))
    assert fire(made, {"a": "1", "b": "2"}, "C", 1) == {"a": "2", "b": "2"}


def test_a_gapless_number_is_asked_for_only_when_it_is_given():
    action = {"type": "number", "width": 3, "gapless": True, "per": "year"}
    made = _read({"when": {"field": "b", "exists": True}, "actions": [action]}, b=TEXT)
    assert counters(made, {}, AT) == []
    assert counters(made, {"b": "x"}, AT) == ["a/2026"]
    done = fire(made, {"b": "x"}, "C", 999, gapless={"a/2026": 4}, at=AT)
    assert done["a"] == "004"
    with pytest.raises(CounterMissing):
        fire(made, {"b": "x"}, "C", 999, at=AT)
    assert counters(_read({"actions": [{"type": "number"}]}), {}) == []


def test_firing_leaves_what_was_given_as_it_was():
    given = {"in": {"c": "x"}}
    inner = {"in": {"properties": {"c": TEXT}}}
    done = _done(given, {"type": "upper", "field": "in.c"}, fields=inner)
    assert (given, done) == ({"in": {"c": "x"}}, {"in": {"c": "X"}})


def test_what_is_not_an_object_is_left_to_be_refused():
    inner = {"in": {"properties": {"c": TEXT}}}
    assert _done({"in": 5}, {"type": "number", "field": "in.c"}, fields=inner) == {"in": 5}
    assert _done({}, {"type": "number", "field": "in.c"}, fields=inner) == {"in": {"c": "31"}}


@pytest.mark.parametrize(
    ("trigger", "place"),
    [
        (1, ""),
        ({"on": []}, "/on"),
        ({"on": ["delete"]}, "/on"),
        ({"on": [[]]}, "/on"),
        ({"on": ["change"], "actions": [{"type": "number"}]}, "/on"),
        ({"on": ["change"], "actions": [{"value": "{uuid}"}]}, "/on"),
        ({"when": {"field": "no", "is": 1}}, "/when/field"),
        ({"when": {"field": "b", "like": 1}}, "/when"),
        ({"when": {"field": "s", "is": "x"}}, "/when"),
        ({"when": {"any": [{"field": "b", "is": {"caller": "person"}}]}}, "/when"),
        ({"actions": [{"type": "eval"}]}, "/actions/0/type"),
        ({"actions": [{"type": []}]}, "/actions/0/type"),
        ({"actions": [{"field": "s"}]}, "/actions/0/field"),
        ({"actions": [{"field": "list"}]}, "/actions/0/field"),
        ({"actions": [{"field": "file"}]}, "/actions/0/field"),
        ({"actions": [{"field_id": 9}]}, "/actions/0/field_id"),
        ({"actions": [{"field_id": True}]}, "/actions/0/field_id"),
        ({"actions": [{"value": "{field:s}"}]}, "/actions/0/value"),
        ({"actions": [{"value": "{field:no}"}]}, "/actions/0/value"),
        ({"actions": [{"value": 1}]}, "/actions/0/value"),
        ({"actions": [{"value": True, "field": "n"}]}, "/actions/0/value"),
        ({"actions": [{"type": "merge"}]}, "/actions/0/fields"),
        ({"actions": [{"type": "merge", "fields": ["s"]}]}, "/actions/0/fields"),
        ({"actions": [{"type": "merge", "fields": ["b"], "separator": 1}]}, "/actions/0/separator"),
        ({"actions": [{"type": "copy", "from": "n"}]}, "/actions/0/from"),
        ({"actions": [{"type": "prefix"}]}, "/actions/0/value"),
        ({"actions": [{"type": "upper", "field": "n"}]}, "/actions/0/type"),
        ({"actions": [{"type": "uuid", "field": "n"}]}, "/actions/0/type"),
        ({"actions": [{"type": "number", "width": 31}]}, "/actions/0/width"),
        ({"actions": [{"type": "number", "gapless": 1}]}, "/actions/0/gapless"),
        ({"actions": [{"type": "number", "per": "year"}]}, "/actions/0/per"),
    ],
)
def test_what_cannot_be_done_is_refused_naming_the_place(trigger, place):
    fields = {
        "b": TEXT,
        "n": {"type": "integer"},
        "s": {**TEXT, "x-secret": True},
        "list": {"type": "array"},
        "file": {"type": "file"},
    }
    with pytest.raises(SchemaInvalid) as refused:
        _read(trigger, **fields)
    assert refused.value.errors[0].pointer == f"#/schema/properties/a/triggers/0{place}"


def test_nothing_depends_on_a_number_that_is_not_drawn_yet():
    number = {"actions": [{"type": "number", "gapless": True}]}
    with pytest.raises(SchemaInvalid):
        _read(number, {"when": {"field": "a", "is": "1"}, "actions": [{"type": "trim"}]})
