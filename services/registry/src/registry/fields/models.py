"""Fields as an analyst describes them: their types, marks and places in a record."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn, cast

from kit.problems import FieldError, Invalid

KEY_LENGTH = 200

_INTEGER = re.compile(r"-?[0-9]{1,18}")


class SchemaInvalid(Invalid):
    """The schema of a database cannot be used; the errors name the place."""

    title = "The schema cannot be used"


class FieldUnknown(Invalid):
    """A request names a field this version of the database does not have."""

    title = "No such field"


def pointer(*parts: object) -> str:
    """Return a JSON Pointer in its URI fragment form (RFC 6901 section 6), not percent-encoded."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def refuse(place: Sequence[object], reason: str) -> NoReturn:
    """Raise SchemaInvalid for one place of the schema."""
    where = pointer(*place)
    raise SchemaInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it stands in a record and what the analyst said of it."""

    path: tuple[str, ...]
    place: tuple[str, ...]
    kind: str
    format: str | None
    spec: Mapping[str, Any]
    fields: tuple["Field", ...] = ()
    items: "Field | None" = None
    required: bool = False
    in_list: bool = False

    @property
    def name(self) -> str:
        """Return the field's name with the names of what holds it, ``child.birthdate``."""
        return ".".join(self.path)

    def marked(self, keyword: str) -> bool:
        """Tell whether the analyst set a mark such as ``primaryKey``."""
        return bool(self.spec.get(keyword))

    @property
    def is_personal(self) -> bool:
        """Tell whether the field holds personal data (DRS-13) or identifies a person (DRS-14)."""
        return self.marked("x-personalData") or self.marked("x-personalDataId")

    @property
    def identifier_type(self) -> str | None:
        """Return the type of personal identifier the field holds, if its mark names one."""
        mark = self.spec.get("x-personalDataId")
        return cast("dict[str, Any]", mark).get("type") if isinstance(mark, dict) else None

    def walk(self) -> Iterator["Field"]:
        """Yield the field and all fields inside it."""
        yield self
        for field in self.inside:
            yield from field.walk()

    @property
    def inside(self) -> tuple["Field", ...]:
        """Return the fields directly inside this one, or inside the items of a list."""
        return self.fields if self.items is None else self.items.inside

    def project(self, value: Any) -> Any:
        """Return a value with only the fields this version has."""
        if isinstance(value, dict) and self.fields:
            return project(self.fields, cast("dict[str, Any]", value))
        if isinstance(value, list) and self.items is not None:
            return [self.items.project(item) for item in cast("list[Any]", value)]
        return value

    def value_of(self, text: str) -> Any:
        """Read a value of this field from the text of a query; raise FieldUnknown when it is none.

        A list is asked for one of its items.
        """
        if self.kind == "array":
            return [text if self.items is None else self.items.value_of(text)]
        reader = _READERS.get(self.kind)
        value = None if reader is None else reader(text)
        if value is None:
            reason = f"cannot be compared with this text: the field is of type {self.kind}"
            raise FieldUnknown(f"{self.name}: {reason}")
        return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


_READERS: dict[str, Callable[[str], Any]] = {
    "string": lambda text: text,
    "integer": lambda text: int(text) if _INTEGER.fullmatch(text) else None,
    "number": _number,
    "boolean": {"true": True, "false": False}.get,
}


@dataclass(frozen=True)
class Schema:
    """What the records of one version of a database are made of."""

    fields: tuple[Field, ...]
    every: tuple[Field, ...]
    uniques: tuple[tuple[str, ...], ...]

    def find(self, name: str) -> Field | None:
        """Return the field with a name such as ``child.birthdate``, if there is one."""
        return self._by_name.get(name)

    def get(self, name: str) -> Field:
        """Return the field with this name, or raise FieldUnknown."""
        field = self.find(name)
        if field is None:
            raise FieldUnknown(f"there is no field {name}")
        return field

    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in reversed(self.every)}

    @cached_property
    def primary_key(self) -> Field | None:
        """Return the field that names a record, if the schema has one."""
        return next((field for field in self.every if field.marked("primaryKey")), None)

    @cached_property
    def identifiers(self) -> tuple[Field, ...]:
        """Return the fields that identify a person (DRS-14), in the schema's order."""
        return tuple(field for field in self.every if field.marked("x-personalDataId"))

    @cached_property
    def personal(self) -> tuple[str, ...]:
        """Return the names of the fields that hold personal data."""
        return tuple(field.name for field in self.every if field.is_personal)

    @cached_property
    def texts(self) -> tuple[Field, ...]:
        """Return the fields a search for text looks into."""
        return tuple(f for f in self.every if f.kind == "string" and not f.in_list)

    @property
    def rules(self) -> list[str]:
        """Return the uniqueness rules, each the JSON list of its field names."""
        return sorted({rule_of(names) for names in self.uniques})

    @property
    def identity(self) -> tuple[object, ...]:
        """Return what is written beside each record, so that it can be found and kept unique."""
        key = self.primary_key
        return self.rules, key and key.name, [field.name for field in self.identifiers]

    def project(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record with only the fields this version has."""
        return project(self.fields, content)

    def check_known(self, content: Mapping[str, Any], *place: str) -> None:
        """Raise FieldUnknown, naming the field, when content names one this version lacks."""
        where = _unknown(self.fields, content, place)
        if where:
            reason = "is not a field of this version"
            raise FieldUnknown(f"{where}: {reason}", errors=[FieldError(where, reason)])

    def nest(self, name: str, value: Any) -> dict[str, Any]:
        """Return content that holds a value in the named field, and nothing else."""
        field = self.get(name)
        for depth in range(len(field.path), 0, -1):
            held = self.get(".".join(field.path[:depth]))
            inside = depth < len(field.path)
            value = {field.path[depth - 1]: [value] if inside and held.kind == "array" else value}
        return cast("dict[str, Any]", value)


def rule_of(names: Sequence[str]) -> str:
    """Return the text of a uniqueness rule, as the database keeps it."""
    return json.dumps(list(names), ensure_ascii=False)


def project(fields: Sequence[Field], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return content with only the given fields, in the order the content has them."""
    known = {field.path[-1]: field for field in fields}
    return {name: known[name].project(content[name]) for name in content if name in known}


def _unknown(
    fields: Sequence[Field], content: Mapping[str, Any], place: tuple[object, ...]
) -> str | None:
    known = {field.path[-1]: field for field in fields}
    for name, value in content.items():
        if name not in known:
            return pointer(*place, name)
        where = _unknown_inside(known[name], value, (*place, name))
        if where:
            return where
    return None


def _unknown_inside(field: Field, value: Any, place: tuple[object, ...]) -> str | None:
    if isinstance(value, dict) and field.fields:
        return _unknown(field.fields, cast("dict[str, Any]", value), place)
    if isinstance(value, list) and field.items is not None:
        found = (
            _unknown_inside(field.items, item, (*place, index))
            for index, item in enumerate(cast("list[Any]", value))
        )
        return next((where for where in found if where), None)
    return None
