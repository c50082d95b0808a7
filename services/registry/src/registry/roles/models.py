"""Who holds which roles: users in groups, groups with roles (DRS-6.i)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from kit.problems import Invalid, NotFound

RESERVED = ("client", "member", "person", "people", "service", "roles", "groups")


class GroupNotFound(NotFound):
    """The member has no group of this name."""

    title = "Group not found"


class HolderNotFound(NotFound):
    """Nobody is kept under this id."""

    title = "Holder of roles not found"


class HolderInvalid(Invalid):
    """What a holder shall have cannot be kept."""

    title = "The holder of roles is not valid"


@dataclass(frozen=True, slots=True)
class Group:
    """Users in roles: whoever is in it has them."""

    name: str
    description: str | None
    roles: Sequence[str]


class PartyKind(StrEnum):
    """What a holder is."""

    CLIENT = "client"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Holder:
    """What one application or person holds in a member's databases."""

    kind: PartyKind
    party: str
    roles: Sequence[str] = ()
    groups: Sequence[str] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def check(self) -> None:
        """Raise HolderInvalid for attributes that hide what the caller is, or dates in reverse."""
        for name in self.attributes:
            if name in RESERVED:
                raise HolderInvalid(f"#/attributes/{name}: the name is taken")
        if self.valid_from and self.valid_until and self.valid_from >= self.valid_until:
            raise HolderInvalid("#/validUntil: is not after validFrom")


@dataclass(frozen=True, slots=True)
class Kept:
    """A holder as kept, under an id that says nothing of who it is."""

    id: UUID
    holder: Holder
