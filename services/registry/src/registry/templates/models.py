"""A template: a whole register to begin with (DRS-20), and what may be in one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, cast
from uuid import UUID, uuid5

from kit.problems import Conflict, FieldError, Forbidden, Invalid, NotFound
from registry.databases.models import Definition
from registry.fields.models import Schema
from registry.places import pointer
from registry.policies import models as policies
from registry.services.models import NAME as SERVICES
from registry.services.models import Services
from registry.views import models as views
from registry.views.models import SETTING as VIEWS

RIGHTS = "rights"
_SHIPPED = UUID("6f2a7a3e-0b5f-5d0e-9a53-5f2a1c9be001")
"""What the ids of the templates that come with the registry are made from."""


class TemplateNotFound(NotFound):
    """The member has no template with this id, and nobody shares one."""

    title = "Template not found"


class TemplateOfAnother(Forbidden):
    """Only the member that made a template takes it away; those that are shipped stay."""

    title = "The template is another's"


class TemplateInvalid(Invalid):
    """The template cannot be used; the errors name the place."""

    title = "The template cannot be used"


class CodeTaken(Conflict):
    """The member has another database with this code."""

    title = "Another database has this code"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a template makes: the definition, and what features keep for a database by name."""

    definition: Definition
    settings: Mapping[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """Return the bundle as it is written down."""
        said = {
            name: value for name, value in self.definition.document.items() if value is not None
        }
        return {"definition": said, "settings": dict(self.settings)}

    def check(self) -> None:
        """Raise TemplateInvalid, or what a feature says of its own settings."""
        for name, said in self.settings.items():
            if name not in CARRIED:
                _refuse(("settings", name), "a template holds " + ", ".join(sorted(CARRIED)))
            if not isinstance(said, dict):
                _refuse(("settings", name), "is an object")
            _check(name, cast("dict[str, Any]", said), self.definition.schema())

    def check_shared(self) -> None:
        """Raise TemplateInvalid when others would read who may do what by name."""
        holders = {(RIGHTS,): self.settings.get(RIGHTS, {})}
        holders |= {(VIEWS, name): view for name, view in self.settings.get(VIEWS, {}).items()}
        for place, holder in holders.items():
            for index, policy in enumerate(holder.get("policies") or []):
                if policy.get("subject", {}).get("persons"):
                    where = ("settings", *place, "policies", index, "subject", "persons")
                    _refuse(where, "a template that is shared names no persons")


CARRIED = (RIGHTS, SERVICES, VIEWS)
"""The settings a template may hold."""


def _check(name: str, said: dict[str, Any], schema: Schema) -> None:
    if name == SERVICES:
        Services.read(said)
    elif name == RIGHTS:
        policies.parse_all(said.get("policies", []), ("settings", RIGHTS, "policies"), schema)
    else:
        for view in said.values():
            if not isinstance(view, dict):
                _refuse(("settings", VIEWS), "is an object of views by name")
            views.parse(cast("dict[str, Any]", view), schema)


def _refuse(place: Sequence[object], reason: str) -> NoReturn:
    where = pointer(*place)
    raise TemplateInvalid(f"{where}: {reason}", errors=[FieldError(where, reason)])


def carried(settings: Mapping[str, Any], *, with_rights: bool) -> dict[str, Any]:
    """Return what of a database's settings goes into a template; rights for who may read them."""
    kept = {name: said for name, said in settings.items() if name in CARRIED and said}
    return kept if with_rights else {n: said for n, said in kept.items() if n != RIGHTS}


@dataclass(frozen=True, slots=True)
class Template:
    """One version of a template; ``tenant`` is None for those that come with the registry."""

    id: UUID
    tenant: str | None
    code: str
    number: int
    name: str
    description: str
    domain: str | None
    is_shared: bool
    bundle: Bundle
    created_at: datetime | None = None
    created_by: str | None = None

    @property
    def label(self) -> str:
        """Return the version, ``1.0``."""
        return f"{self.number}.0"

    def says_what(self, other: "Template") -> bool:
        """Tell whether another version says the same."""
        return (
            self.name == other.name
            and self.description == other.description
            and self.domain == other.domain
            and self.is_shared == other.is_shared
            and self.bundle.document == other.bundle.document
        )

    @property
    def document(self) -> dict[str, Any]:
        """Return the template as it is exported, and imported again."""
        about = {"code": self.code, "name": self.name, "description": self.description}
        return {**about, "domain": self.domain, **self.bundle.document}


def shipped(document: Mapping[str, Any]) -> Template:
    """Return a template that comes with the registry, from its file."""
    bundle = Bundle(Definition(document["definition"]), document.get("settings", {}))
    code, number = document["code"], document["number"]
    return Template(
        uuid5(_SHIPPED, f"{code} {number}"),
        None,
        code,
        number,
        document["name"],
        document["description"],
        document["domain"],
        is_shared=True,
        bundle=bundle,
    )
