"""Triggers: when a record gets a value by itself, and which (DRS-17.e).

A trigger is declared, never run as code: it watches the field it stands in, and its actions set
fields of the same record. Every trigger runs at most once for a change, in the order of the schema,
and none sets off another: there is nothing that could go round in a circle.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from registry.actions import models as actions
from registry.actions.models import Event, Made, Moment, Reader, counter_at
from registry.conditions import models as conditions
from registry.conditions.models import Condition, ConditionInvalid
from registry.fields.models import Field, Schema
from registry.paths import value_at, with_value
from registry.places import SchemaInvalid, refuse

MOST_TRIGGERS = 200
_LOGIC = ("==", "!=")
_GATES = ("&&", "||")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of the trigger's own field with a value; a missing field is ``""``."""

    logic: str
    value: Any
    gate: str

    def holds(self, value: Any) -> bool:
        """Tell whether the comparison holds."""
        return (value == self.value) is (self.logic == "==")


@dataclass(frozen=True, slots=True)
class Trigger:
    """What sets a field of a record when it is created or changed."""

    watched: tuple[str, ...]
    target: Field
    comparisons: tuple[Comparison, ...]
    when: Condition | None
    events: frozenset[Event]
    made: Made
    template: str = ""
    """How the value is written, when it is made from a text with placeholders."""
    counter: str | None = None
    """The gapless counter the value comes from; ``{year}`` in it stands for the year."""

    def fires(self, content: Mapping[str, Any], event: Event = Event.CREATE) -> bool:
        """Tell whether it runs: each comparison is joined by its gate to those before it."""
        if event not in self.events:
            return False
        value = value_at(content, self.watched)
        seen = "" if value is None else value
        answer = True
        for place, comparison in enumerate(self.comparisons):
            holds = comparison.holds(seen)
            either = comparison.gate == "||" and place > 0
            answer = (answer or holds) if either else (answer and holds)
        return answer and (self.when is None or self.when.holds(content))

    def apply(self, content: dict[str, Any], moment: Moment) -> dict[str, Any]:
        """Return content with the target's new value."""
        before = value_at(content, self.target.path)
        value = self.made(content, before, moment)
        if value is None:
            return content
        return with_value(content, self.target.path, _typed(value, self.target))


def fire(  # noqa: PLR0913  the moment, spelled out
    triggers: Sequence[Trigger],
    content: dict[str, Any],
    code: str,
    number: int,
    *,
    event: Event = Event.CREATE,
    gapless: Mapping[str, int] | None = None,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Return new content with what the triggers give it; ``number`` is the record's own.

    ``gapless`` has a number for each name that ``counters`` gave for the same content.
    """
    moment = Moment(code, number, event, at or datetime.now(UTC), gapless or {})
    for trigger in triggers:
        if trigger.fires(content, event):
            content = trigger.apply(content, moment)
    return content


def counters(
    triggers: Sequence[Trigger], content: dict[str, Any], at: datetime | None = None
) -> list[str]:
    """Return the names of the gapless counters that creating this record takes one number of.

    Each is a row that is counted up and locked in the transaction of the change: one that is
    rolled back gives its number back, so none is ever left out.
    """
    moment = Moment("", 0, Event.CREATE, at or datetime.now(UTC))
    wanted: list[str] = []
    for trigger in triggers if any(each.counter for each in triggers) else ():
        if trigger.fires(content):
            wanted += [counter_at(trigger.counter, moment)] if trigger.counter else []
            content = trigger.apply(content, moment)
    return wanted


def _typed(value: Any, target: Field) -> Any:
    """Return a value as the target's type has it: digits as a number."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdecimal()
    return int(value) if target.kind == "integer" and is_digits and len(value) < 19 else value  # noqa: PLR2004  below 2^63


# -- read from a schema ----------------------------------------------------------------------


def parse(schema: Schema) -> tuple[Trigger, ...]:
    """Read all triggers of a schema, or raise SchemaInvalid naming the place."""
    found = tuple(
        trigger
        for owner in schema.every
        for index, said in enumerate(owner.spec.get("triggers", ()))
        for trigger in _triggers(
            said, Reader(schema, owner, (*owner.place, "triggers", str(index)))
        )
    )
    if len(found) > MOST_TRIGGERS:
        refuse(("schema",), f"a schema has {MOST_TRIGGERS} actions of triggers at most")
    counted = {trigger.target.name for trigger in found if trigger.counter}
    for trigger in found:
        if trigger.when is not None and trigger.when.fields & counted:
            refuse(trigger.target.place, "no trigger depends on a gapless number")
    return found


def _triggers(said: Any, reader: Reader) -> Iterator[Trigger]:
    if not isinstance(said, dict):
        refuse(reader.place, "is an object with conditions and actions")
    spec = cast("dict[str, Any]", said)
    comparisons = tuple(
        _comparison(item, (*reader.place, "conditions", str(index)))
        for index, item in enumerate(_list(spec, "conditions", reader.place))
    )
    events, when = _events(spec, reader.place), _when(spec, reader)
    for index, item in enumerate(_list(spec, "actions", reader.place)):
        inner = reader.at("actions", str(index))
        target = _target(item, inner)
        made = actions.read(item, inner, target)
        if Event.CHANGE in events and made.is_once:
            refuse((*reader.place, "on"), "numbers and UUIDs are given when a record is created")
        yield Trigger(
            reader.owner.path,
            target,
            comparisons,
            when,
            events,
            made.value,
            made.template,
            made.counter,
        )


def _list(spec: Mapping[str, Any], name: str, place: tuple[str, ...]) -> list[dict[str, Any]]:
    found = spec.get(name, [])
    if not isinstance(found, list) or not all(
        isinstance(item, dict) for item in cast("list[object]", found)
    ):
        refuse((*place, name), "is a list of objects")
    return cast("list[dict[str, Any]]", found)


def _events(spec: Mapping[str, Any], place: tuple[str, ...]) -> frozenset[Event]:
    said = spec.get("on", [Event.CREATE])
    known = list(Event)
    if not isinstance(said, list) or not said or any(each not in known for each in said):
        refuse((*place, "on"), "is a list of create and change")
    return frozenset(Event(each) for each in cast("list[str]", said))


def _when(spec: Mapping[str, Any], reader: Reader) -> Condition | None:
    if "when" not in spec:
        return None
    place = (*reader.place, "when")
    try:
        found = conditions.parse(spec["when"], place, reader.schema)
    except ConditionInvalid as invalid:
        raise SchemaInvalid(invalid.detail, errors=invalid.errors) from invalid
    for name in sorted(found.fields):
        if reader.schema.get(name).is_secret:
            refuse(place, f"{name} is secret and cannot be compared")
    if _asks_caller(spec["when"]):
        refuse(place, "a trigger does not know the caller")
    return found


def _asks_caller(said: Any) -> bool:
    inner = cast("dict[str, Any]", said).values() if isinstance(said, dict) else said
    if isinstance(said, dict) and list(cast("dict[str, Any]", said)) == ["caller"]:
        return True
    return (
        not isinstance(said, str)
        and isinstance(said, dict | list)
        and any(_asks_caller(each) for each in inner)
    )


def _comparison(said: Mapping[str, Any], place: tuple[str, ...]) -> Comparison:
    logic, gate = said.get("logic", "=="), said.get("gate", "&&")
    if logic not in _LOGIC:
        refuse((*place, "logic"), "is one of " + ", ".join(_LOGIC))
    if gate not in _GATES:
        refuse((*place, "gate"), "is one of " + ", ".join(_GATES))
    return Comparison(logic, said.get("value", ""), gate)


def _target(said: Mapping[str, Any], reader: Reader) -> Field:
    """Return the field an action sets: by name, by its number in the schema, or its own."""
    number, is_plain = said.get("field_id"), said.get("type") != "copy"
    if "field" in said:
        return reader.field(said["field"], "field", is_plain=is_plain)
    if number is None:
        return reader.field(reader.owner.name, "type", is_plain=is_plain)
    numbered = (each for each in reader.schema.every if not each.in_list and "id" in each.spec)
    same = isinstance(number, int) and not isinstance(number, bool)
    found = next((each for each in numbered if same and each.spec["id"] == number), None)
    if found is None:
        refuse((*reader.place, "field_id"), "no field of this schema has this id")
    return reader.field(found.name, "field_id", is_plain=is_plain)
