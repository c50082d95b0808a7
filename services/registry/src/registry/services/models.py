"""Which services a database offers under which names, and what is refused (DRS-5, 5.e, 5.f)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn, cast

from kit.problems import Conflict, FieldError, Invalid, NotFound
from registry.places import pointer

NAME = "services"
"""Under which name the settings of a database hold this."""

FIRST_OWN = 1001
"""Number of the first service that is not generated."""

MOST_OWN = 100
_LARGEST = 1 << 31

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class ServiceHidden(NotFound):
    """The database does not offer this service."""

    title = "The database does not offer this service"


class ServiceNotFound(NotFound):
    """The database has no service with this number or name."""

    title = "Service not found"


class ServiceTaken(Conflict):
    """Another service of the database has this name."""

    title = "Another service has this name"


class ServiceRefused(Invalid):
    """The service cannot be offered as described; the errors name the place."""

    title = "The service cannot be offered"


def refuse(place: Sequence[object], reason: str) -> NoReturn:
    """Raise ServiceRefused for one place of what was sent."""
    where = pointer(*place)
    raise ServiceRefused(f"{where}: {reason}", errors=[FieldError(where, reason)])


@dataclass(frozen=True, slots=True)
class Generic:
    """A service that every database has: the operation that does it, and where it answers."""

    number: int
    name: str
    operation: str
    method: str
    path: str
    is_copied: bool = False
    """Whether it can be copied under another name."""


GENERIC: tuple[Generic, ...] = (
    Generic(1, "data-list", "list", "GET", "", is_copied=True),
    Generic(2, "data-create", "create", "POST", "/create", is_copied=True),
    Generic(3, "data-exists", "exists", "POST", "/exists", is_copied=True),
    Generic(4, "data-read", "read", "POST", "/read", is_copied=True),
    Generic(5, "data-update", "update", "PUT", "/update", is_copied=True),
    Generic(
        6, "data-update-or-create", "updateOrCreate", "POST", "/updateOrCreate", is_copied=True
    ),
    Generic(7, "data-delete", "delete", "DELETE", "/{ID}/delete"),
    Generic(8, "data-read-value", "readValue", "GET", "/{uuid}/readValue/{field}.{ext}"),
    Generic(9, "data-create-entries", "createEntries", "POST", "/createEntries"),
    Generic(10, "data-update-entries", "updateEntries", "PUT", "/updateEntries"),
    Generic(11, "data-delete-entries", "deleteEntries", "POST", "/deleteEntries"),
    Generic(12, "data-get", "get", "GET", "/{uuid}"),
    Generic(13, "data-archive", "archive", "POST", "/{uuid}/archive"),
    Generic(14, "data-restore", "restore", "POST", "/{uuid}/restore"),
)
"""The published eight have their published numbers."""

OWN = "services"
"""The word behind registry and version under which copies answer by their names."""

_BY_NAME = {each.name: each for each in GENERIC}


def _pattern(path: str) -> re.Pattern[str]:
    """Return what a path looks like in this release of the contract, and in the one before."""
    spelled = re.sub(r"\{[^/]+\}", "{}", path)
    parts = (re.escape(part.lower()).replace(r"\{\}", "[^/]+") for part in spelled.split("/"))
    return re.compile("/".join(parts))


_PATHS = [(each.method, _pattern(each.path), each) for each in GENERIC]


def asked_for(method: str, parts: Sequence[str]) -> Generic | None:
    """Return the generated service that a request asks for, by its path behind the version.

    Release 1.0 writes ``read-value`` where this one writes ``readValue``.
    """
    words = [part if _is_id(part) else part.replace("-", "").lower() for part in parts]
    path = "".join("/" + word for word in words)
    fitting = [each for known, form, each in _PATHS if known == method and form.fullmatch(path)]
    plain = [each for each in fitting if "{" not in each.path]
    return next(iter((*plain, *fitting)), None)


def _is_id(part: str) -> bool:
    return any(character.isdigit() for character in part)


@dataclass(frozen=True, slots=True)
class Own:
    """A service an analyst made: a copy of a generated one with fewer fields, or a view.

    ``of`` is the name of what is copied or of the view; ``fields`` are the only fields a copy reads
    and writes, all of them when None.
    """

    number: int
    name: str
    type: Literal["copy", "view"]
    of: str
    fields: tuple[str, ...] | None = None
    description: str = ""
    is_visible: bool = True

    @property
    def generic(self) -> Generic:
        """Return what a copy is a copy of."""
        return _BY_NAME[self.of]

    @property
    def document(self) -> dict[str, Any]:
        """Return the service as the settings keep it."""
        made: dict[str, Any] = {"number": self.number, "name": self.name, "type": self.type}
        made |= {"of": self.of, "description": self.description, "isVisible": self.is_visible}
        return made if self.fields is None else {**made, "fields": list(self.fields)}


@dataclass(frozen=True, slots=True)
class Services:
    """What a database offers; services that are hidden answer nobody.

    ``hidden`` and ``deleted`` hold names of generated services: what is deleted is not even listed.
    """

    hidden: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()
    own: tuple[Own, ...] = ()
    next_number: int = FIRST_OWN

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> "Services":
        """Read what the settings of a database say; nothing means that all is offered."""
        said = settings.get(NAME)
        return cls.read(said) if said else _ALL

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Services":
        """Read a document of services, or raise ServiceRefused."""
        own = tuple(_own(each, index) for index, each in enumerate(_objects(said.get("own", []))))
        services = cls(
            _names(said.get("hidden", []), "hidden"),
            _names(said.get("deleted", []), "deleted"),
            own,
            max([_next(said.get("next", FIRST_OWN)), *(each.number + 1 for each in own)]),
        )
        if len({each.name for each in own}) < len(own) or len(own) > MOST_OWN:
            refuse(("own",), f"{MOST_OWN} services at most, each with a name of its own")
        return services

    @property
    def document(self) -> dict[str, Any]:
        """Return this as the settings keep it."""
        return {
            "hidden": sorted(self.hidden),
            "deleted": sorted(self.deleted),
            "own": [each.document for each in self.own],
            "next": self.next_number,
        }

    def check(self, asked: Generic | None) -> None:
        """Raise ServiceHidden when a generated service is asked for that is not offered."""
        if asked is not None and not self.offers(asked):
            raise ServiceHidden(f"{asked.name} is not offered here")

    def offers(self, generic: Generic) -> bool:
        """Tell whether a generated service answers."""
        return generic.name not in self.hidden | self.deleted

    @property
    def generic(self) -> tuple[Generic, ...]:
        """Return the generated services that are not deleted."""
        return tuple(each for each in GENERIC if each.name not in self.deleted)

    def copy_of(self, name: str, method: str) -> Own:
        """Return the copy that answers under a name to a method, or raise ServiceHidden."""
        for each in self.own:
            fits = each.type == "copy" and each.name == name and each.is_visible
            if fits and each.generic.method == method:
                return each
        raise ServiceHidden("there is no such service for this method")

    def shown(self, number: int, *, is_visible: bool) -> "Services":
        """Return this with a service shown or hidden, or raise ServiceNotFound."""
        found = self.find(number)
        if isinstance(found, Own):
            return self.put(replace(found, is_visible=is_visible))
        hidden = self.hidden - {found.name} if is_visible else self.hidden | {found.name}
        return replace(self, hidden=hidden)

    def without(self, number: int) -> "Services":
        """Return this without a service; without one that is gone already it is the same."""
        own = tuple(each for each in self.own if each.number != number)
        names = {each.name for each in GENERIC if each.number == number}
        return replace(self, own=own, deleted=self.deleted | names, hidden=self.hidden - names)

    def put(self, changed: Own) -> "Services":
        """Return this with a service of its own changed."""
        own = (changed if each.number == changed.number else each for each in self.own)
        return replace(self, own=tuple(own))

    def added(self, new: Own) -> tuple["Services", Own]:
        """Return this with a new service, and the service; what is there already stays one.

        Raise ServiceTaken when another service has the name.
        """
        for each in self.own:
            if each.name == new.name:
                if replace(new, number=each.number, is_visible=each.is_visible) == each:
                    return self, each
                raise ServiceTaken(f"the service {each.number} has this name")
        if len(self.own) >= MOST_OWN:
            refuse((), f"a database has {MOST_OWN} services of its own at most")
        made = replace(new, number=self.next_number)
        return replace(self, own=(*self.own, made), next_number=made.number + 1), made

    def find(self, number: int) -> "Generic | Own":
        """Return the service with a number, or raise ServiceNotFound."""
        for each in (*self.generic, *self.own):
            if each.number == number:
                return each
        raise ServiceNotFound(f"the database has no service {number}")


_ALL = Services()


def generic_named(name: str) -> Generic | None:
    """Return the generated service with a name, if there is one."""
    return _BY_NAME.get(name)


def checked(own: Own, fields: Sequence[str] | None, *place: object) -> Own:
    """Return a service whose name and fields can be used, or raise ServiceRefused.

    ``fields`` are the names of all fields of the database, None when they are not known here.
    """
    if not _WORD.fullmatch(own.name):
        refuse((*place, "name"), "is a letter and then letters, digits, _ or -, 64 at most")
    if own.type == "copy":
        generic = _BY_NAME.get(own.of)
        if generic is None or not generic.is_copied:
            refuse((*place, "of"), "names no service that can be copied")
    unknown = [name for name in own.fields or () if fields is not None and name not in fields]
    if unknown or own.fields == ():
        refuse((*place, "fields"), f"there is no field {unknown[0]}" if unknown else "is empty")
    return own


def _own(said: Mapping[str, Any], index: int) -> Own:
    place = ("own", index)
    kind, number, fields = said.get("type"), said.get("number"), said.get("fields")
    is_number = isinstance(number, int) and FIRST_OWN <= number < _LARGEST
    if kind not in ("copy", "view") or not is_number:
        refuse(place, "is a copy or a view with a number")
    texts = [said.get(name, "") for name in ("name", "of", "description")]
    if not all(isinstance(each, str) for each in texts):
        refuse(place, "name, of and description are texts")
    if fields is not None and not _are_texts(fields):
        refuse((*place, "fields"), "is a list of field names")
    named = None if fields is None else tuple(cast("list[str]", fields))
    name, of, description = cast("list[str]", texts)
    shown = said.get("isVisible") is not False
    made = Own(cast("int", number), name, cast("Any", kind), of, named, description, shown)
    return checked(made, None, *place)


def _are_texts(said: object) -> bool:
    return isinstance(said, list) and all(isinstance(e, str) for e in cast("list[object]", said))


def _next(said: object) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said < _LARGEST:
        refuse(("next",), "is a number")
    return said


def _objects(said: object) -> list[dict[str, Any]]:
    given = cast("list[object]", said) if isinstance(said, list) else None
    if given is None or not all(isinstance(each, dict) for each in given):
        refuse(("own",), "is a list of services")
    return cast("list[dict[str, Any]]", given)


def _names(said: object, place: str) -> frozenset[str]:
    given = cast("list[object]", said) if isinstance(said, list) else None
    if given is None or not all(isinstance(each, str) and each in _BY_NAME for each in given):
        refuse((place,), "is a list of names of generated services")
    return frozenset(cast("list[str]", given))
