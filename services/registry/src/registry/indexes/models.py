"""What is kept beside a record so that lists find it: its words, and the values of some fields."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from registry.fields.models import Schema
from registry.paths import values_in
from registry.words import models as words

KEY_LENGTH = 200
"""Characters of a text that are kept as a value; by these it is sorted and looked up."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an indexed field: a text or a number."""

    record: UUID
    field: str
    text: str | None
    number: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of some records: each one's lexemes, and the values of indexed fields."""

    database: int
    words: Mapping[UUID, list[str]] = field(default_factory=dict[UUID, list[str]])
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a database's index takes in: texts that are no secrets, and the fields declared."""

    database: int
    fields: tuple[str, ...]
    secrets: frozenset[str]
    has_texts: bool

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to keep of any record."""
        return not self.fields and not self.has_texts

    def kept(self, contents: Iterable[tuple[UUID, str]]) -> Kept:
        """Return what to keep of records, given by their ids and the JSON texts of their content.

        Every text is taken in, whichever version's: a field of an older one is found through it.
        """
        lexemes: dict[UUID, list[str]] = {}
        values: list[Value] = []
        for record, text in contents:
            content: dict[str, Any] = json.loads(text)
            lexemes[record] = words.lexemes(self.database, words.texts_of(content, self.secrets))
            values += self._values(record, content)
        return Kept(self.database, lexemes, tuple(values))

    def _values(self, record: UUID, content: Mapping[str, Any]) -> Iterator[Value]:
        for name in self.fields:
            found = [value for _, value in values_in(content, name.split("."))]
            for value in dict.fromkeys(each for each in found if _is_kept(each)):
                if isinstance(value, str):
                    yield Value(record, name, value[:KEY_LENGTH], None)
                else:
                    yield Value(record, name, None, repr(value))


def plan_of(database: int, *schemas: Schema) -> Plan:
    """Return what the index of a database takes in; the first schema is the newest one's."""
    secrets = frozenset(each.name for schema in schemas for each in schema.secrets)
    fields = tuple(name for name in schemas[0].indexed if name not in secrets)
    return Plan(database, fields, secrets, any(schema.texts for schema in schemas))


def _is_kept(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
