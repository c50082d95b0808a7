"""Actions: what a trigger makes of a record, read from the schema (DRS-17.e).

Each is one of a few words. What it makes depends on the record, on the value that is there and on
the moment, and on nothing else.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from kit.identifiers import new_id
from registry.fields.models import Field, Schema
from registry.paths import value_at
from registry.places import refuse

NUMBER = "indexNoByCode"
MOST_WIDTH = 30
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OF_FIELD = "field:"
_SCALARS = ("string", "integer", "number", "boolean")


class CounterMissing(LookupError):
    """A gapless number was not drawn before it was given: a mistake of ours."""


class Event(StrEnum):
    """What happens to a record when a trigger may run."""

    CREATE = "create"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Moment:
    """What a trigger knows besides the record: its database, its number, the time."""

    code: str
    number: int
    event: Event = Event.CREATE
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    gapless: Mapping[str, int] | None = None
    """The next number of each gapless counter; None while only their names are sought."""


PLACEHOLDERS: Mapping[str, Callable[[Moment], str]] = {
    NUMBER: lambda moment: str(moment.number),
    "code": lambda moment: moment.code,
    "year": lambda moment: f"{moment.at:%Y}",
    "month": lambda moment: f"{moment.at:%m}",
    "day": lambda moment: f"{moment.at:%d}",
    "date": lambda moment: f"{moment.at:%Y-%m-%d}",
    "uuid": lambda _: str(new_id()),
}

Made = Callable[[Mapping[str, Any], Any, Moment], Any]
"""What an action makes of the record, the target's value and the moment; None: nothing."""


def counter_at(name: str, moment: Moment) -> str:
    """Return the name of a counter at a moment: one of each year has the year in it."""
    return name.replace("{year}", str(moment.at.year))


@dataclass(frozen=True, slots=True)
class Reader:
    """Where a trigger is read: its schema, the field it stands in, and its place."""

    schema: Schema
    owner: Field
    place: tuple[str, ...]

    def at(self, *more: str) -> "Reader":
        """Return the reader of a place inside this one."""
        return Reader(self.schema, self.owner, (*self.place, *more))

    def field(self, name: object, keyword: str, *, is_plain: bool = True) -> Field:
        """Return the field a trigger names, if a trigger may use it."""
        found = self.schema.find(name) if isinstance(name, str) else None
        if found is None:
            refuse((*self.place, keyword), "is not the name of a field")
        if found.is_secret or found.in_list or found.file or (is_plain and not _is_plain(found)):
            refuse((*self.place, keyword), "needs a field with one plain value that is not secret")
        return found


def _is_plain(found: Field) -> bool:
    return found.kind in _SCALARS


@dataclass(frozen=True, slots=True)
class Action:
    """What an action does, and what else must be known of it."""

    value: Made
    template: str = ""
    counter: str | None = None
    is_once: bool = False
    """Whether it gives something new each time, so that it runs for a new record only."""


def _set_value(said: Mapping[str, Any], reader: Reader, target: Field) -> Action:
    template: Any = said.get("value", "")
    if isinstance(template, str):
        return _template(template, reader)
    if not isinstance(template, int | float):
        refuse((*reader.place, "value"), "is a plain value")
    is_bool, is_number = isinstance(template, bool), target.kind in ("integer", "number")
    if is_bool != (target.kind == "boolean") or (not is_bool and not is_number):
        refuse((*reader.place, "value"), f"is of the type of the field, {target.kind}")
    return Action(lambda _content, _before, _moment: template)


def _template(template: str, reader: Reader) -> Action:
    names = _PLACEHOLDER.findall(template)
    for name in names:
        if name.startswith(_OF_FIELD):
            reader.field(name.removeprefix(_OF_FIELD), "value")
        elif name not in PLACEHOLDERS:
            known = ", ".join(f"{{{each}}}" for each in (*PLACEHOLDERS, "field:name"))
            refuse((*reader.place, "value"), f"knows {known} only")

    parts = _PLACEHOLDER.split(template)  # text and names in turn

    def value(content: Mapping[str, Any], _before: Any, moment: Moment) -> str:
        return "".join(
            _filled(part, content, moment) if place % 2 else part
            for place, part in enumerate(parts)
        )

    return Action(value, template, is_once="uuid" in names)


def _filled(name: str, content: Mapping[str, Any], moment: Moment) -> str:
    if name.startswith(_OF_FIELD):
        return _text(value_at(content, name.removeprefix(_OF_FIELD).split(".")))
    return PLACEHOLDERS[name](moment)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _merge(said: Mapping[str, Any], reader: Reader, _target: Field) -> Action:
    names, separator = said.get("fields"), said.get("separator", " ")
    if not isinstance(names, list) or not names:
        refuse((*reader.place, "fields"), "is a list of field names")
    if not isinstance(separator, str):
        refuse((*reader.place, "separator"), "is text")
    paths = [reader.field(name, "fields").path for name in cast("list[Any]", names)]

    def value(content: Mapping[str, Any], _before: Any, _moment: Moment) -> str | None:
        texts = [_text(value_at(content, path)) for path in paths]
        return separator.join(text for text in texts if text) or None

    return Action(value)


def _copy(said: Mapping[str, Any], reader: Reader, target: Field) -> Action:
    source = reader.field(said.get("from"), "from", is_plain=False)
    if source.kind != target.kind:
        refuse((*reader.place, "from"), f"is a field of the same type, {target.kind}")
    return Action(lambda content, _before, _moment: value_at(content, source.path))


def _affix(*, is_first: bool) -> "_Read":
    """Return what reads ``prefix`` or ``suffix``: added where it is not there yet."""

    def read(said: Mapping[str, Any], reader: Reader, target: Field) -> Action:
        template = said.get("value")
        if not isinstance(template, str) or not template:
            refuse((*reader.place, "value"), "is text")
        if target.kind != "string":
            refuse((*reader.place, "type"), "needs a field of text")
        made = _template(template, reader)

        def value(content: Mapping[str, Any], before: Any, moment: Moment) -> Any:
            text, more = _text(before), made.value(content, before, moment)
            if not text or (text.startswith(more) if is_first else text.endswith(more)):
                return before
            return more + text if is_first else text + more

        return Action(value, is_once=made.is_once)

    return read


def _changed(change: Callable[[str], str]) -> "_Read":
    """Return what reads an action that changes the text that is there."""

    def read(_said: Mapping[str, Any], reader: Reader, target: Field) -> Action:
        if target.kind != "string":
            refuse((*reader.place, "type"), "needs a field of text")
        return Action(
            lambda _content, before, _moment: change(before) if isinstance(before, str) else None
        )

    return read


def _number(said: Mapping[str, Any], reader: Reader, target: Field) -> Action:
    """Read ``number``: the record's number, or with ``gapless`` the next of a counter."""
    width, gapless, per = said.get("width", 0), said.get("gapless", False), said.get("per")
    is_width = isinstance(width, int) and not isinstance(width, bool)
    if not is_width or not 0 <= width <= MOST_WIDTH:
        refuse((*reader.place, "width"), f"is a whole number from 0 to {MOST_WIDTH}")
    if not isinstance(gapless, bool):
        refuse((*reader.place, "gapless"), "is true or false")
    if per not in (None, "year") or (per and not gapless):
        refuse((*reader.place, "per"), "is year, for a gapless number")
    if target.kind not in ("string", "integer"):
        refuse((*reader.place, "type"), "needs a field of text or whole numbers")
    counter = (target.name + ("/{year}" if per else "")) if gapless else None

    def value(_content: Mapping[str, Any], _before: Any, moment: Moment) -> str | int:
        number = _counted(counter, moment) if counter else moment.number
        return number if target.kind == "integer" else str(number).zfill(width)

    return Action(value, f"{{{NUMBER}}}", counter, is_once=True)


def _counted(counter: str, moment: Moment) -> int:
    if moment.gapless is None:
        return 0
    name = counter_at(counter, moment)
    if name not in moment.gapless:
        raise CounterMissing(name)
    return moment.gapless[name]


def _uuid(_said: Mapping[str, Any], reader: Reader, target: Field) -> Action:
    if target.kind != "string":
        refuse((*reader.place, "type"), "needs a field of text")
    return Action(lambda _content, _before, _moment: str(new_id()), is_once=True)


_Read = Callable[[Mapping[str, Any], Reader, Field], Action]
ACTIONS: Mapping[str, _Read] = {
    "set-value": _set_value,
    "merge": _merge,
    "prefix": _affix(is_first=True),
    "suffix": _affix(is_first=False),
    "upper": _changed(str.upper),
    "lower": _changed(str.lower),
    "trim": _changed(str.strip),
    "copy": _copy,
    "number": _number,
    "uuid": _uuid,
}


def read(said: Mapping[str, Any], reader: Reader, target: Field) -> Action:
    """Read an action, or raise SchemaInvalid naming the place."""
    kind = said.get("type", "set-value")
    if not isinstance(kind, str) or kind not in ACTIONS:
        refuse((*reader.place, "type"), "is one of " + ", ".join(ACTIONS))
    return ACTIONS[kind](said, reader, target)
