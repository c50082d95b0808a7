"""What a view shows of a database, and to whom (DRS-9, DRS-5.f)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kit.problems import Conflict, FieldError, Forbidden, Invalid, NotFound
from registry.conditions import models as conditions
from registry.conditions.models import Condition
from registry.databases.models import Release
from registry.fields.models import Schema
from registry.listing import models as lists
from registry.listing.models import Frame
from registry.paths import value_at
from registry.places import pointer
from registry.policies import models as policies
from registry.policies.models import Action, Policy

SETTING = "views"
MOST_VIEWS = 100
MOST_COLUMNS = 200
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_COLUMN = re.compile(r"[^\x00-\x1f,/]{1,200}")


class ViewNotFound(NotFound):
    """The database has no view with this name."""

    title = "View not found"


class ViewTaken(Conflict):
    """Another view of the database has this name."""

    title = "Another view has this name"


class ViewInvalid(Invalid):
    """The view cannot be made; the errors name the place."""

    title = "The view cannot be used"


class ViewBroken(Conflict):
    """The version does not have what the view shows."""

    title = "The view needs fields that this version does not have"


class PoliciesRefused(Forbidden):
    """Who makes a view may not say who reads it."""

    title = "The right does not cover the policies of views"


@dataclass(frozen=True, slots=True)
class View:
    """One view, read against a version: its columns by their names, with the fields they show."""

    name: str
    columns: Mapping[str, str]
    where: Condition | None
    ordering: str
    policies: tuple[Policy, ...] | None
    """Who may read it; with none, whoever may list the database's records."""

    @property
    def fields(self) -> frozenset[str]:
        """Return the names of the fields it shows."""
        return frozenset(self.columns.values())

    def frame(self, schema: Schema) -> Frame:
        """Return what a list is made of."""
        frame = Frame(schema, self.columns, self.where)
        parts = [part for part in self.ordering.split(",") if part]
        return Frame(
            schema, self.columns, self.where, tuple(lists.order(frame, part) for part in parts)
        )

    def row(self, values: Mapping[str, Any], shown: Sequence[str]) -> dict[str, Any]:
        """Return a record as the view shows it; what has no value is null."""
        return {name: value_at(values, self.columns[name].split(".")) for name in shown}

    def is_personal(self, release: Release) -> bool:
        """Tell whether it shows personal data."""
        return any(lists.is_named(name, self.fields) for name in release.personal)


def parse(document: Mapping[str, Any], schema: Schema) -> View:
    """Read a view against a schema; raise ViewInvalid, or what conditions and policies raise."""
    name = document.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refuse(("name",), "begins with a letter; letters, digits, - and _ follow, 64 in all")
    columns = _columns(document.get("fields"), schema)
    said = document.get("where")
    where = None if said is None else conditions.parse(said, ("where",), schema)
    _check_secrets(where, schema)
    readers = document.get("policies")
    view = View(
        name,
        columns,
        where,
        document.get("ordering") or "",
        None if readers is None else policies.parse_all(_listing(readers), ("policies",), schema),
    )
    _check_ordering(view, schema)
    return view


def _check_ordering(view: View, schema: Schema) -> None:
    try:
        orders = view.frame(schema).orders
    except Invalid as error:
        raise _refuse(("ordering",), error.detail) from error
    if len(orders) > lists.MOST_ORDERS:
        raise _refuse(("ordering",), f"names {lists.MOST_ORDERS} fields at most")


def _refuse(place: Sequence[object], reason: str) -> ViewInvalid:
    where = pointer(*place)
    return ViewInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


def _columns(said: Any, schema: Schema) -> dict[str, str]:
    """Read ``fields``: names, or ``{"field": name, "as": column}``."""
    if not isinstance(said, list) or not 0 < len(cast("list[Any]", said)) <= MOST_COLUMNS:
        raise _refuse(("fields",), f"is a list of 1 to {MOST_COLUMNS} fields")
    columns: dict[str, str] = {}
    for index, each in enumerate(cast("list[Any]", said)):
        place = ("fields", index)
        column, name = _column(each, place)
        if column in columns:
            raise _refuse(place, "another column has this name")
        columns[column] = _field(name, schema, place)
    return columns


def _column(said: Any, place: Sequence[object]) -> tuple[str, str]:
    if isinstance(said, str):
        return said, said
    spec = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    name = spec.get("field")
    column = spec.get("as", name)
    if not isinstance(name, str) or not isinstance(column, str) or set(spec) - {"field", "as"}:
        raise _refuse(place, "is a field's name, or an object with field and as")
    if not _COLUMN.fullmatch(column):
        raise _refuse((*place, "as"), "is a name of 1 to 200 characters without comma and slash")
    return column, name


def _field(name: str, schema: Schema, place: Sequence[object]) -> str:
    found = schema.find(name)
    if found is None:
        raise _refuse(place, "is not a field of this version")
    if found.in_list:
        raise _refuse(place, "stands inside a list: name the list")
    if any(lists.is_named(name, [secret.name]) for secret in schema.secrets):
        raise _refuse(place, "is kept encrypted")
    return name


def _check_secrets(where: Condition | None, schema: Schema) -> None:
    for name in where.fields if where else ():
        if any(lists.is_named(name, [secret.name]) for secret in schema.secrets):
            raise _refuse(("where",), f"{name} is kept encrypted")


def _listing(said: Any) -> Any:
    """Return the policies of a view with the action they all have."""
    if not isinstance(said, list):
        return said
    return [
        {"actions": [Action.LIST.value], **cast("dict[str, Any]", each)}
        if isinstance(each, dict)
        else each
        for each in cast("list[Any]", said)
    ]


def broken_by(views: Mapping[str, Any], schema: Schema) -> dict[str, list[str]]:
    """Return which views a schema breaks, each with the fields it lacks or that do not fit.

    ``views`` is what the settings of the database keep under ``views``.
    """
    broken: dict[str, list[str]] = {}
    for name, document in views.items():
        named = [_column(each, ())[1] for each in document["fields"]]
        missing = [each for each in named if schema.find(each) is None]
        try:
            parse(document, schema)
        except Invalid as error:
            broken[name] = missing or [error.errors[0].pointer if error.errors else ""]
    return broken
