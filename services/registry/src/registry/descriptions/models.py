"""A version described for machines and for people: its records (DRS-5.d), as JSON Schema.

Everything is made from the schema of that one version, less what the caller may not see.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from registry.databases.models import Definition
from registry.fields.models import Field, Schema, example_of, object_of
from registry.paths import value_at, with_value
from registry.rules.models import DIALECT
from registry.services.models import Services
from registry.versions.models import Deprecation

PLACEHOLDER = "0190f6a0-0000-7000-8000-000000000001"
"""An id no record has, where no better example is known."""

_MARKS = ("primaryKey", "unique", "readOnly")


@dataclass(frozen=True)
class Described:
    """One version of a registry, as one caller may see it.

    ``next_number`` is the number the next record will get; ``example_id`` the id of some record.
    """

    code: str
    label: str
    definition: Definition
    schema: Schema
    fields: tuple[Field, ...]
    services: Services
    views: Mapping[str, Mapping[str, Any]]
    deprecation: Deprecation | None = None
    is_archived: bool = False
    number_format: str = ""
    next_number: int = 1
    example_id: str = PLACEHOLDER

    @property
    def key(self) -> str:
        """Return what names the record that the examples are about: its primary key or id.

        Where a trigger gives the key it is foretold for a registry that is empty.
        """
        key = self.schema.primary_key
        made = None if key is None else value_at(self.example(to_write=True), key.path)
        if made is not None:
            return str(made)
        if key is None or self.example_id != PLACEHOLDER:
            return self.example_id
        return self._foretold

    @property
    def _foretold(self) -> str:
        number = str(self.next_number)
        said = self.number_format.replace("{indexNoByCode}", number)
        return said.replace("{code}", self.code)

    def only(self, names: Iterable[str] | None) -> "Described":
        """Return the same with some fields only, for a service that knows no others."""
        if names is None:
            return self
        named = set(names)
        return replace(self, fields=visible(self.fields, lambda field: _is_in(field, named)))

    def example(self, *, to_write: bool = False) -> dict[str, Any]:
        """Return a record that fits; ``to_write`` one that can be sent.

        What is read has the primary key that the next record will get.
        """
        made = example_of(self.fields, to_write=to_write)
        key = self.schema.primary_key
        if to_write or key is None or key.kind != "string" or value_at(made, key.path) is None:
            return made
        return with_value(made, key.path, self._foretold)

    @property
    def plain(self) -> list[Field]:
        """Return the fields a record can be found by: one plain value, not secret, in no list."""
        return [
            each
            for field in self.fields
            for each in field.walk()
            if each.kind in ("string", "integer", "number", "boolean")
            and not (each.inside or each.in_list or each.is_secret)
        ]

    def query(self) -> dict[str, Any]:
        """Return content that finds the record of the example: a unique value if there is one."""
        example = self.example(to_write=True)
        unique = {group[0] for group in self.schema.uniques if len(group) == 1}
        usable = [each for each in self.plain if value_at(example, each.path) is not None]
        usable.sort(key=lambda each: each.name not in unique)
        return self.schema.nest(usable[0].name, value_at(example, usable[0].path)) if usable else {}

    def record(self) -> dict[str, Any]:
        """Return the JSON Schema of a record, each field with a description and an example."""
        return _explained(object_of(self.fields, Field.json_schema), self.fields)

    def content(self) -> dict[str, Any]:
        """Return the JSON Schema of what can be sent: nothing that only triggers can give."""
        written = object_of(self.fields, Field.json_schema)
        return _without_required(_explained(written, self.fields), self.fields, keep=True)

    def change(self) -> dict[str, Any]:
        """Return the JSON Schema of what can be merged into a record."""
        written = object_of(self.fields, Field.json_schema)
        return _without_required(_explained(written, self.fields), self.fields, keep=False)

    def introspection(self) -> dict[str, Any]:
        """Return all there is to know of a record, as a document of its own (DRS-5.d)."""
        rules = [list(names) for names in self.schema.uniques if self._shows_all(names)]
        return {
            "$schema": DIALECT,
            "title": self.definition["name"] or self.code,
            **({"description": text} if (text := self.definition["description"]) else {}),
            **self.record(),
            "x-registry": {"code": self.code, "version": self.label},
            "x-fieldsUniques": rules,
            "x-indexes": [name for name in self.schema.indexed if self._shows_all([name])],
            "x-storageProfile": self.schema.storage_profile,
        }

    def _shows_all(self, names: Iterable[str]) -> bool:
        return set(names) <= {each.name for field in self.fields for each in field.walk()}


def visible(fields: Iterable[Field], shows: Callable[[Field], bool]) -> tuple[Field, ...]:
    """Return fields without those that do not show; what holds one that does stays."""
    kept: list[Field] = []
    for field in fields:
        inner = visible(field.inside, shows)
        if (field.inside and not inner) or (not field.inside and not shows(field)):
            continue
        if field.items is not None and field.items.inside:
            kept.append(replace(field, items=replace(field.items, fields=inner)))
        else:
            kept.append(replace(field, fields=inner))
    return tuple(kept)


def _is_in(field: Field, names: set[str]) -> bool:
    return any(".".join(field.path[:depth]) in names for depth in range(1, len(field.path) + 1))


def _explained(written: dict[str, Any], fields: Iterable[Field]) -> dict[str, Any]:
    """Add what makes each field understood: a description, an example, and its marks."""
    for field in fields:
        node: dict[str, Any] = written["properties"][field.path[-1]]
        node.setdefault("description", f"Field {field.name}")
        node |= {f"x-{mark}": True for mark in _MARKS[:2] if field.marked(mark)}
        example = field.example()
        if example is not None and "examples" not in node:
            node["examples"] = [example]
        if field.inside:
            _explained(node if field.items is None else node["items"], field.inside)
    return written


def _without_required(
    written: dict[str, Any], fields: Iterable[Field], *, keep: bool
) -> dict[str, Any]:
    """Take away what need not be sent: all, or with ``keep`` only what nobody may send."""
    for field in fields:
        node: dict[str, Any] = written["properties"][field.path[-1]]
        if field.fields:
            _without_required(node, field.fields, keep=keep)
    needed = [f.path[-1] for f in fields if keep and f.required and not f.marked("readOnly")]
    written["required"] = needed
    return written
