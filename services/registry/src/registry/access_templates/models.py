"""Policies under a name: access templates (DRS-6.e) and roles (DRS-6.i)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kit.problems import Conflict, Invalid, NotFound

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class NameInvalid(Invalid):
    """A name that stands in an address has letters, digits and ``_.-`` only."""

    title = "The name cannot be used"


class TemplateNotFound(NotFound):
    """The member has no access template or role of this name."""

    title = "No such access template or role"


class TemplateInUse(Conflict):
    """A database takes the template over."""

    title = "The access template is in use"


def check_name(name: str) -> str:
    """Return a name that may stand in an address, or raise NameInvalid."""
    if not _NAME.fullmatch(name):
        reason = "a name has 1 to 64 letters, digits, _, . and -, and begins with a letter or digit"
        raise NameInvalid(reason)
    return name


class Kind(StrEnum):
    """Where named policies count."""

    ROLE = "role"
    """For whoever has the role of this name, in all the member's databases with a document."""
    TEMPLATE = "template"
    """For whom the policies name, in the databases that take the template over."""


@dataclass(frozen=True, slots=True)
class NamedPolicies:
    """Policies under a name: a role is a set of rights, a template one that databases share."""

    kind: Kind
    name: str
    description: str | None
    policies: Sequence[Any]
