"""Triggers: when a new record gets a value, and which (DRS-17.e)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from registry.fields.models import Field, Schema, refuse

NUMBER = "indexNoByCode"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_LOGIC = ("==", "!=")
_GATES = ("&&", "||")


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of the trigger's own field with a value; a missing field is ``""``."""

    logic: str
    value: Any
    gate: str

    def holds(self, value: Any) -> bool:
        """Tell whether the comparison holds."""
        return (value == self.value) is (self.logic == "==")


@dataclass(frozen=True, slots=True)
class Trigger:
    """What sets a field of a record when it is created."""

    watched: tuple[str, ...]
    target: Field
    conditions: tuple[Condition, ...]
    template: Any

    def fires(self, content: Mapping[str, Any]) -> bool:
        """Tell whether the conditions hold, each joined by its gate to those before it."""
        value = value_at(content, self.watched)
        seen = "" if value is None else value
        answer = True
        for place, condition in enumerate(self.conditions):
            holds = condition.holds(seen)
            either = condition.gate == "||" and place > 0
            answer = (answer or holds) if either else (answer and holds)
        return answer

    def value(self, code: str, number: int) -> Any:
        """Return the value to set, with the placeholders filled in."""
        if not isinstance(self.template, str):
            return self.template
        known = {NUMBER: str(number), "code": code}
        text = _PLACEHOLDER.sub(lambda found: known[found.group(1)], self.template)
        return int(text) if self.target.kind == "integer" and text.isdecimal() else text


def value_at(content: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return the value at a path of names; None when something on the way is missing."""
    value: Any = content
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(name)
    return value


def fire(
    triggers: tuple[Trigger, ...], content: dict[str, Any], code: str, number: int
) -> dict[str, Any]:
    """Return new content with what the triggers give it; ``number`` is the record's own."""
    for trigger in triggers:
        if trigger.fires(content):
            content = _with(content, trigger.target.path, trigger.value(code, number))
    return content


def _with(content: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = path
    if rest:
        held = content.get(first)
        inside = cast("dict[str, Any]", held) if isinstance(held, dict) else {}
        value = _with(inside, tuple(rest), value)
    return {**content, first: value}


def parse(schema: Schema) -> tuple[Trigger, ...]:
    """Read all triggers of a schema, or raise SchemaInvalid naming the place."""
    numbered = {
        field.spec["id"]: field
        for field in schema.every
        if isinstance(field.spec.get("id"), int) and not field.in_list
    }
    return tuple(
        trigger
        for field in schema.every
        for index, said in enumerate(field.spec.get("triggers", ()))
        for trigger in _triggers(said, field, (*field.place, "triggers", str(index)), numbered)
    )


def _triggers(
    said: Any, field: Field, place: tuple[str, ...], numbered: Mapping[int, Field]
) -> list[Trigger]:
    if not isinstance(said, dict):
        refuse(place, "is an object with conditions and actions")
    spec = cast("dict[str, Any]", said)
    conditions = tuple(
        _condition(item, (*place, "conditions", str(index)))
        for index, item in enumerate(_list(spec, "conditions", place))
    )
    made: list[Trigger] = []
    for index, item in enumerate(_list(spec, "actions", place)):
        where = (*place, "actions", str(index))
        target, template = _action(item, field, where, numbered)
        made.append(Trigger(field.path, target, conditions, template))
    return made


def _list(spec: Mapping[str, Any], name: str, place: tuple[str, ...]) -> list[dict[str, Any]]:
    found = spec.get(name, [])
    if not isinstance(found, list) or not all(
        isinstance(item, dict) for item in cast("list[object]", found)
    ):
        refuse((*place, name), "is a list of objects")
    return cast("list[dict[str, Any]]", found)


def _condition(said: Mapping[str, Any], place: tuple[str, ...]) -> Condition:
    logic, gate = said.get("logic", "=="), said.get("gate", "&&")
    if logic not in _LOGIC:
        refuse((*place, "logic"), "is one of " + ", ".join(_LOGIC))
    if gate not in _GATES:
        refuse((*place, "gate"), "is one of " + ", ".join(_GATES))
    return Condition(logic, said.get("value", ""), gate)


def _action(
    said: Mapping[str, Any], field: Field, place: tuple[str, ...], numbered: Mapping[int, Field]
) -> tuple[Field, Any]:
    if said.get("type", "set-value") != "set-value":
        refuse((*place, "type"), "only set-value is supported")
    number = said.get("field_id", field.spec.get("id"))
    target = field if number is None else numbered.get(number)
    if target is None:
        refuse((*place, "field_id"), "no field of this schema has this id")
    template = said.get("value", "")
    if not isinstance(template, str | int | float | bool):
        refuse((*place, "value"), "is a plain value")
    if isinstance(template, str):
        for name in _PLACEHOLDER.findall(template):
            if name not in (NUMBER, "code"):
                refuse((*place, "value"), f"knows {{{NUMBER}}} and {{code}} only")
    return target, template
