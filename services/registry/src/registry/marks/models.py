"""What an analyst marks a field with: links (DRS-2), masks (DRS-5.g), files (DRS-3.a), choices."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from registry.places import refuse

MASKED = "****"
MOST_CHOICES = 10_000

_LINK_TYPES = ("foreignKey", "soft", "edge")
_CARDINALITIES = ("one", "many")
_DELETE_RULES = ("restrict", "cascade", "orphan")
_EXTENSION = re.compile(r"\.?([a-z0-9]{1,16}(\.[a-z0-9]{1,16})?)")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/(\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,126})")
_LARGEST_ID = (1 << 63) - 1
_MOST_KEPT = 100


@dataclass(frozen=True, slots=True)
class Link:
    """Which records of which database a field's values name.

    The database is named by id or by code, the field by the number its schema gives it (``id``) or
    by name; without a field the values are the UUIDs of records.
    """

    database_id: int | None
    database: str | None
    field_id: int | None
    field: str | None
    type: str
    """``foreignKey`` (must be there), ``soft`` (may be there) or ``edge`` (of a graph)."""
    cardinality: str
    """``one`` or ``many``."""
    on_delete: str
    """What happens here when the record there is deleted: restrict, cascade or orphan."""

    @property
    def is_strict(self) -> bool:
        """Tell whether a value that names no record is refused."""
        return self.type == "foreignKey"


@dataclass(frozen=True, slots=True)
class Mask:
    """What is shown of a value in its place; what has no more than it keeps shows nothing."""

    keep_first: int = 0
    keep_last: int = 0
    only_year: bool = False
    replacement: Any = MASKED

    def apply(self, value: Any) -> Any:
        """Return what is shown of a value; a list item by item, nothing of nothing."""
        if value is None:
            return None
        if isinstance(value, list):
            return [self.apply(item) for item in cast("list[Any]", value)]
        if isinstance(value, dict | bool) or not (self._keeps or self.only_year):
            return self.replacement
        text = str(value)
        if self.only_year:
            return text[:4] if text[:4].isdecimal() else self.replacement
        if len(text) <= self._keeps:
            return MASKED
        return text[: self.keep_first] + MASKED + text[len(text) - self.keep_last :]

    @property
    def _keeps(self) -> int:
        return self.keep_first + self.keep_last


@dataclass(frozen=True, slots=True)
class FileRule:
    """Which files a field takes; what is empty or None is not limited here."""

    extensions: tuple[str, ...] = ()
    """Without a dot, in lower case: ``pdf``."""
    media_types: tuple[str, ...] = ()
    """``application/pdf`` or ``image/*``."""
    max_bytes: int | None = None

    def takes_name(self, name: str) -> bool:
        """Tell whether a file may have this name."""
        ends = tuple(f".{extension}" for extension in self.extensions)
        return not ends or name.lower().endswith(ends)

    def takes_type(self, media_type: str) -> bool:
        """Tell whether a file may be of this media type."""
        given = media_type.partition(";")[0].strip().lower()
        whole = given.partition("/")[0] + "/*"
        return not self.media_types or given in self.media_types or whole in self.media_types


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list of values: records keep the key, people read the value."""

    key: str | int
    value: Any


def link(said: Any, place: Sequence[object], *, is_list: bool) -> Link:
    """Read ``x-link``, or raise SchemaInvalid naming the place."""
    spec = _object(said, place, ("databaseId", "database", "fieldId", "field", "type"), _RULES)
    database_id, database = spec.get("databaseId"), spec.get("database")
    if (database_id is None) == (database is None):
        refuse(place, "names a database, by databaseId or by database (its code)")
    _check(database_id is None or _is_id(database_id), (*place, "databaseId"), "is an id")
    _check(database is None or _is_text(database), (*place, "database"), "is a code")
    kind = _one_of(spec.get("type", "foreignKey"), _LINK_TYPES, (*place, "type"))
    field_id, field = _target(spec, place)
    if kind == "foreignKey" and field_id is None and field is None:
        refuse(place, "names the field it leads to, by fieldId or by field")
    expected = "many" if is_list else "one"
    cardinality = _one_of(
        spec.get("cardinality", expected), _CARDINALITIES, (*place, "cardinality")
    )
    if cardinality != expected:
        refuse((*place, "cardinality"), "is many for a list, and one for a single value")
    default = "restrict" if kind == "foreignKey" else "orphan"
    on_delete = _one_of(spec.get("onDelete", default), _DELETE_RULES, (*place, "onDelete"))
    return Link(database_id, database, field_id, field, kind, cardinality, on_delete)


_RULES = ("cardinality", "onDelete")


def _target(spec: Mapping[str, Any], place: Sequence[object]) -> tuple[int | None, str | None]:
    """Return the number or the name of the field a link leads to."""
    field_id, field = spec.get("fieldId"), spec.get("field")
    if field_id is not None and field is not None:
        refuse(place, "names the field once, by fieldId or by field")
    named = isinstance(field_id, str)
    _check(field_id is None or named or _is_id(field_id), (*place, "fieldId"), "is an id or a name")
    _check(field is None or _is_text(field), (*place, "field"), "is the name of a field")
    return (None, field_id) if named else (field_id, field)


def mask(said: Any, place: Sequence[object]) -> Mask:
    """Read ``x-mask`` or the mask of a right, or raise SchemaInvalid naming the place.

    ``"all"``, ``"year"``, ``{"keepFirst": n, "keepLast": n}`` or ``{"replace": value}``.
    """
    if said == "all":
        return Mask()
    if said == "year":
        return Mask(only_year=True)
    if isinstance(said, dict) and list(said) == ["replace"]:
        value = cast("dict[str, Any]", said)["replace"]
        plain = isinstance(value, str | int | float)
        _check(plain, (*place, "replace"), "is text, a number, true or false")
        return Mask(replacement=value)
    if not isinstance(said, dict) or not said:
        refuse(place, 'is "all", "year", or an object with keepFirst, keepLast or replace')
    spec = _object(said, place, ("keepFirst", "keepLast"))
    for name, count in spec.items():
        if not _is_count(count) or not 0 < count <= _MOST_KEPT:
            refuse((*place, name), f"is a whole number from 1 to {_MOST_KEPT}")
    return Mask(spec.get("keepFirst", 0), spec.get("keepLast", 0))


def file_rule(said: Any, place: Sequence[object]) -> FileRule:
    """Read ``x-file``, or raise SchemaInvalid naming the place."""
    spec = _object(said, place, ("extensions", "mediaTypes", "maxBytes"))
    extensions = _texts(spec, "extensions", _EXTENSION, place)
    media_types = _texts(spec, "mediaTypes", _MEDIA_TYPE, place)
    most = spec.get("maxBytes")
    _check(most is None or (_is_count(most) and most > 0), (*place, "maxBytes"), "is 1 or more")
    return FileRule(tuple(each.removeprefix(".") for each in extensions), media_types, most)


def choices(said: Any, place: Sequence[object]) -> tuple[Choice, ...]:
    """Read the ``values`` of a list of values, or raise SchemaInvalid naming the place."""
    if not isinstance(said, list) or not 0 < len(cast("list[Any]", said)) <= MOST_CHOICES:
        refuse(place, f"is a list of 1 to {MOST_CHOICES} objects with key and value")
    found: dict[str | int, Choice] = {}
    kinds: set[type] = set()
    for index, each in enumerate(cast("list[Any]", said)):
        where = (*place, str(index))
        spec = _object(each, where, ("key", "value"))
        key: Any = spec.get("key")
        value = spec.get("value", key)
        _check(_is_text(key) or _is_integer(key), (*where, "key"), "is text or a whole number")
        _check(key not in found, (*where, "key"), "is there twice")
        _check(
            _is_label(value), (*where, "value"), "is text, or an object with a text per language"
        )
        found[key] = Choice(key, value)
        kinds.add(type(key))
    if len(kinds) > 1:
        refuse(place, "has keys of one type: all text, or all whole numbers")
    return tuple(found.values())


def _object(said: Any, place: Sequence[object], *known: tuple[str, ...]) -> dict[str, Any]:
    names = [name for group in known for name in group]
    if not isinstance(said, dict):
        refuse(place, "is an object with " + ", ".join(names))
    spec = cast("dict[str, Any]", said)
    for name in spec:
        if name not in names:
            refuse((*place, name), "is not one of " + ", ".join(names))
    return spec


def _texts(
    spec: Mapping[str, Any], name: str, form: re.Pattern[str], place: Sequence[object]
) -> tuple[str, ...]:
    said = spec.get(name, [])
    if not isinstance(said, list):
        refuse((*place, name), "is a list of texts")
    for index, each in enumerate(cast("list[Any]", said)):
        if not isinstance(each, str) or not form.fullmatch(each.lower()):
            refuse((*place, name, str(index)), "is not one that can be used here")
    return tuple(each.lower() for each in cast("list[str]", said))


def _one_of(said: Any, known: Sequence[str], place: Sequence[object]) -> str:
    if said not in known:
        refuse(place, "is one of " + ", ".join(known))
    return cast("str", said)


def _check(fits: bool, place: Sequence[object], reason: str) -> None:  # noqa: FBT001  a condition
    if not fits:
        refuse(place, reason)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200  # noqa: PLR2004  a name's length


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_ID


_is_id = _is_count


def _is_label(value: object) -> bool:
    if isinstance(value, dict):
        texts = cast("dict[str, Any]", value)
        return bool(texts) and all(isinstance(each, str) for each in texts.values())
    return isinstance(value, str | int) and not isinstance(value, bool)
