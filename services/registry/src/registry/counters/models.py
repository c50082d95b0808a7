"""What is counted of a call, and how counts are asked for (DRS-12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kit.problems import Forbidden, Invalid
from registry.services.models import GENERIC, OWN

TEXT = "*"
"""Stands among searched fields for a search through all texts."""

MOST_FIELDS = 16
_LONGEST = 64
_VIEWS = "views"
_WORDS: Mapping[str, str] = {
    part.lower(): generic.name
    for generic in GENERIC
    for part in generic.path.split("/")
    if part and "{" not in part
}
_OTHERS = frozenset(
    {
        "changes",
        "export",
        "exports",
        "files",
        "history",
        "import",
        "imports",
        "links",
        "openapi.json",
        "personaldatausage",
        "schema",
    }
)


class CountsNotYours(Forbidden):
    """Who uses a database is for the member whose it is."""

    title = "These counts are for the owner of the database"


class GroupingUnknown(Invalid):
    """Counts are not grouped by this."""

    title = "Counts cannot be grouped by this"


class GroupBy(StrEnum):
    """By what counts can be told apart."""

    SERVICE = "service"
    VERSION = "version"
    CLIENT = "client"
    DAY = "day"


def grouping(said: str) -> list[GroupBy]:
    """Return what a text such as ``service,day`` groups by, or raise GroupingUnknown."""
    try:
        return [GroupBy(part) for part in dict.fromkeys(said.split(","))]
    except ValueError as error:
        raise GroupingUnknown(f"groupBy is some of {', '.join(GroupBy)}") from error


def service_of(method: str, parts: Sequence[str]) -> str:
    """Return the name of the service that a path behind registry and version asks for.

    Nothing of the path but the words of the contract is in it: no key and no id.
    """
    if not parts or not parts[0]:
        return "data-list"
    for word in parts[:2]:
        plain = word.replace("-", "").lower()
        if plain in _WORDS:
            return _WORDS[plain]
        if plain in _OTHERS:
            return plain
        if plain in {OWN, _VIEWS}:
            return f"{plain}/{parts[1][:_LONGEST]}" if len(parts) > 1 else plain
    return "data-get" if method == "GET" and len(parts) == 1 else "other"


@dataclass(frozen=True, slots=True)
class Use:
    """How often something was used, with what told it apart from others."""

    count: int
    by: Mapping[GroupBy, str]


@dataclass(frozen=True, slots=True)
class Search:
    """By which fields records were looked for, never by which values, and how often."""

    fields: Sequence[str]
    count: int


@dataclass(frozen=True, slots=True)
class Between:
    """Days, both of them counted in; None leaves an end open."""

    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """The use of one database."""

    total: int
    uses: Sequence[Use]
    searches: Sequence[Search]
