"""How a schema is read: fields, what holds them, and what stands for the schema as a whole."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from registry.fields.models import Field, Schema, rule_of
from registry.marks import models as marks
from registry.marks.models import Choice
from registry.places import refuse
from registry.vocabulary.models import (
    LIST_KEYWORDS,
    SCALARS,
    check,
    check_marks,
    check_name,
    type_of,
)

MAX_DEPTH = 16
MAX_FIELDS = 2000
MAX_RULE = 1000
MAX_INDEXES = 64
STORAGE_PROFILES = ("row", "column", "document")

_OF_LIST = {
    *LIST_KEYWORDS,
    "required",
    "default",
    "example",
    "examples",
    "triggers",
    "readOnly",
}


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a field is described, and where it stands in a record."""

    place: tuple[str, ...]
    path: tuple[str, ...]
    in_list: bool = False
    is_item: bool = False
    required: bool = False

    def inside(self, name: str, *, required: bool) -> "_Spot":
        """Return where a field inside this one is."""
        place, path = (*self.place, "properties", name), (*self.path, name)
        return _Spot(place, path, self.in_list, required=required)

    @property
    def items(self) -> "_Spot":
        """Return where the items of this list are."""
        return _Spot((*self.place, "items"), self.path, in_list=True, is_item=True)


def parse(document: Mapping[str, Any], uniques: Sequence[Sequence[str]] = ()) -> Schema:
    """Read a schema, or raise SchemaInvalid naming the place that cannot be used."""
    top = _Spot(("schema",), ())
    if not document.get("properties"):
        refuse((*top.place, "properties"), "a schema names at least one field")
    if document.get("type", "object") != "object":
        refuse((*top.place, "type"), "a record is an object")
    check(document, top.place, in_list=False, is_item=False)
    fields = _fields(document, top)
    every = tuple(found for field in fields for found in field.walk())
    if len(every) > MAX_FIELDS:
        refuse(top.place, f"a schema has {MAX_FIELDS} fields at most")
    keys = [field for field in every if field.marked("primaryKey")]
    if len(keys) > 1:
        refuse(keys[1].place, "a database has one primary key")
    given = [*uniques, *_listed(document.get("fieldsUniques", []))]
    marked = [(field.name,) for field in every if field.marked("unique")]
    rules = [*((key.name,) for key in keys), *marked, *_groups(given, every)]
    profile = document.get("storageProfile", "document")
    if profile not in STORAGE_PROFILES:
        refuse((*top.place, "storageProfile"), "is one of " + ", ".join(STORAGE_PROFILES))
    indexed = _indexes(document.get("indexes", []), every)
    return Schema(fields, every, tuple(dict.fromkeys(rules)), indexed, profile, document)


def _listed(given: object) -> list[list[str]]:
    place = ("schema", "fieldsUniques")
    if not isinstance(given, list):
        refuse(place, "is a list of lists of field names")
    for group in cast("list[object]", given):
        if not isinstance(group, list) or not all(
            isinstance(name, str) for name in cast("list[object]", group)
        ):
            refuse(place, "is a list of lists of field names")
    return cast("list[list[str]]", given)


def _groups(given: Sequence[Sequence[str]], every: Sequence[Field]) -> list[tuple[str, ...]]:
    known = {field.name: field for field in every if not field.in_list}
    groups = [tuple(name for name in group if name) for group in given]
    for group in groups:
        for name in group:
            if name not in known:
                refuse(("fieldsUniques",), f"there is no field {name}")
            if known[name].is_secret:
                refuse(("fieldsUniques",), f"{name} is secret and cannot be compared")
        if len(rule_of(group)) > MAX_RULE:
            refuse(("fieldsUniques",), "the names of one group are too long")
    return [group for group in groups if group]


def _indexes(given: object, every: Sequence[Field]) -> tuple[str, ...]:
    """Read which fields shall be found fast (DRS-1.c)."""
    place = ("schema", "indexes")
    if not isinstance(given, list) or len(cast("list[object]", given)) > MAX_INDEXES:
        refuse(place, f"is a list of {MAX_INDEXES} field names at most")
    known = {field.name: field for field in every}
    for index, name in enumerate(cast("list[object]", given)):
        field = known.get(name) if isinstance(name, str) else None
        if field is None:
            refuse((*place, str(index)), "is not the name of a field")
        if field.kind not in SCALARS or field.in_list:
            refuse((*place, str(index)), "needs a field with one plain value, not inside a list")
        if field.is_secret:
            refuse((*place, str(index)), "is secret and cannot be looked up by")
    return tuple(dict.fromkeys(cast("list[str]", given)))


def _fields(holder: Mapping[str, Any], spot: _Spot) -> tuple[Field, ...]:
    properties = holder.get("properties", {})
    if not isinstance(properties, dict):
        refuse((*spot.place, "properties"), "is an object of fields")
    required = _required(holder, spot.place)
    fields: list[Field] = []
    names: dict[str, str] = {}
    for name, spec in cast("dict[str, Any]", properties).items():
        where = spot.inside(name, required=name in required)
        check_name(name, where.place)
        folded = unicodedata.normalize("NFC", name.casefold())
        if folded in names:
            refuse(where.place, "differs from another field's name in upper and lower case only")
        names[folded] = name
        fields.append(_field(spec, where))
    if required - {field.path[-1] for field in fields}:
        refuse((*spot.place, "required"), "names a field that is not described")
    return tuple(fields)


def _required(holder: Mapping[str, Any], place: tuple[str, ...]) -> set[str]:
    required = holder.get("required", [])
    if isinstance(required, bool):  # OpenAPI 2's spelling inside a property says nothing here
        return set()
    if not isinstance(required, list) or not all(
        isinstance(name, str) for name in cast("list[object]", required)
    ):
        refuse((*place, "required"), "is a list of field names")
    return set(cast("list[str]", required))


def _field(spec: Any, spot: _Spot) -> Field:
    if not isinstance(spec, dict):
        refuse(spot.place, "a field is described by an object")
    said = cast("dict[str, Any]", spec)
    if len(spot.place) > 2 * MAX_DEPTH + 1:
        refuse(spot.place, f"fields stand {MAX_DEPTH} deep at most")
    check(said, spot.place, in_list=spot.in_list, is_item=spot.is_item)
    kind, form = type_of(said, spot.place)
    if said.get("multiple") and kind != "array":
        return _list(said, {k: v for k, v in said.items() if k not in _OF_LIST}, form, spot)
    if kind == "array":
        grid = {name: said[name] for name in ("properties", "required") if name in said}
        items = said.get("items", grid if "properties" in said else None)
        return _list(said, items, form, spot)
    check_marks(said, kind, spot.place)
    fields = _fields(said, spot) if "properties" in said else ()
    return _made(said, (kind, form), spot, fields=fields)


def _list(said: dict[str, Any], items: Any, form: str | None, spot: _Spot) -> Field:
    """Return a list; what its items say of the list as a whole (DRS-17.c) becomes the list's."""
    of_items = cast("dict[str, Any]", items) if isinstance(items, dict) else {}
    spec = dict(said)
    if of_items.get("unique") or said.get("unique"):
        spec["uniqueItems"] = True
        spec.pop("unique", None)
    if said.get("multiple"):
        spec.pop("enum", None)  # which values there are is said of each, not of the list
    if of_items.get("required") is True:
        spec["minItems"] = max(1, spec.get("minItems", 1))
    check_marks(spec, "array", spot.place)
    inner = None
    if items is not None and said.get("multiple"):
        alone = {k: v for k, v in of_items.items() if not k.startswith("x-") or k == "x-file"}
        inner = _field(alone, _Spot(spot.place, spot.path, in_list=True, is_item=True))
    elif items is not None:
        inner = _field(items, spot.items)
    return _made(spec, ("array", form), spot, items=inner)


def _made(
    spec: Mapping[str, Any],
    typed: tuple[str, str | None],
    spot: _Spot,
    *,
    fields: tuple[Field, ...] = (),
    items: Field | None = None,
) -> Field:
    """Return a field with its marks read."""
    place, given, (kind, form) = spot.place, spec.get("type"), typed
    file = _file(spec, spot) if items is None else items.file
    if file is not None and items is not None and (spot.in_list or items.kind == "array"):
        refuse((*place, "type"), "a list of files cannot stand inside a list")
    return Field(
        spot.path,
        place,
        kind,
        form,
        spec,
        fields,
        items,
        spot.required,
        spot.in_list,
        link=_link(spec, kind, place),
        mask=marks.mask(spec["x-mask"], (*place, "x-mask")) if "x-mask" in spec else None,
        file=file,
        geo=(given if given in ("geoPoint", "geoShape") else None) if items is None else items.geo,
        choices=_choices(spec, place) if items is None else (),
    )


def _link(spec: Mapping[str, Any], kind: str, place: tuple[str, ...]) -> marks.Link | None:
    if "x-link" not in spec:
        return None
    return marks.link(spec["x-link"], (*place, "x-link"), is_list=kind == "array")


def _file(spec: Mapping[str, Any], spot: _Spot) -> marks.FileRule | None:
    if spec.get("type") != "file":
        if "x-file" in spec:
            refuse((*spot.place, "x-file"), "needs a field of type file")
        return None
    if spot.in_list and not spot.is_item:
        refuse((*spot.place, "type"), "a file cannot stand inside a list of objects")
    if spot.required:
        refuse(spot.place, "a file is added to a record that is there, so it cannot be required")
    return marks.file_rule(spec.get("x-file", {}), (*spot.place, "x-file"))


def _choices(spec: Mapping[str, Any], place: tuple[str, ...]) -> tuple[Choice, ...]:
    if spec.get("type") == "list-of-values":
        return marks.choices(spec.get("values"), (*place, "values"))
    return ()
