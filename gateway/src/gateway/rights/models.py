"""Access rights as pairs of a service and a client, and a page of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.configuration.models import Configuration, Grantee, Service, is_code
from gateway.members.models import WantedRight
from kit.problems import FieldError, Invalid


class RightRefused(Invalid):
    """A right names a service or an application that is not registered."""

    title = "The right cannot be given"


class PageTokenRefused(Invalid):
    """The page token is not one that this gateway gave."""

    title = "The page token is not valid"


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """One service one client may use."""

    service: str
    grantee: Grantee


@dataclass(frozen=True, slots=True)
class Filter:
    """Which services' rights are asked for; an unset field does not limit."""

    instance: str
    member_class: str | None = None
    member_code: str | None = None
    application: str | None = None
    service: str | None = None

    def matches(self, address: str) -> bool:
        """Tell whether a service's address is asked for."""
        wanted = (self.instance, self.member_class, self.member_code, self.application)
        asked = (*wanted, self.service)
        parts = address.split("/")
        return all(w in (None, part) for w, part in zip(asked, parts, strict=True))


@dataclass(frozen=True, slots=True)
class Change:
    """Clients to allow or to deny one service."""

    service: str
    rights: tuple[WantedRight, ...]


def pairs(
    configuration: Configuration, chosen: Filter, after: Pair | None, size: int
) -> tuple[list[Pair], bool]:
    """Return the next ``size`` pairs in order, and whether there are more."""
    found = sorted(
        pair
        for pair in (Pair(service, grantee) for service, grantee in configuration.rights)
        if chosen.matches(pair.service) and (after is None or pair > after)
    )
    return found[:size], len(found) > size


def grantees(
    configuration: Configuration, changes: Sequence[Change], *, registered: bool
) -> list[tuple[Service, Grantee, tuple[str, ...] | None]]:
    """Return whom the changes mean; ``registered`` demands that they exist. Raise RightRefused."""
    found: list[tuple[Service, Grantee, tuple[str, ...] | None]] = []
    errors: list[FieldError] = []
    for place, change in enumerate(changes):
        service = configuration.services.get(change.service)
        if service is None:
            errors.append(FieldError(f"#/{place}/serviceId", "no such service is registered"))
            continue
        instance = service.address.partition("/")[0]
        for number, right in enumerate(change.rights):
            grantee = right.grantee(configuration, instance)
            pointer = f"#/{place}/rights/{number}"
            if grantee is None:
                errors.append(FieldError(pointer, "names a member and an application"))
            elif registered and not _is_registered(configuration, grantee):
                errors.append(FieldError(pointer, "no such application is registered"))
            else:
                found.append((service, grantee, right.scopes))
    if errors:
        raise RightRefused("; ".join(f"{e.pointer}: {e.reason}" for e in errors[:3]), errors=errors)
    return found


def _is_registered(configuration: Configuration, grantee: Grantee) -> bool:
    return not grantee.member or (
        is_code(grantee.application) and grantee.client in configuration.applications
    )


def to_deny(configuration: Configuration, service: Service, grantee: Grantee) -> list[Grantee]:
    """Return every right that lets a client in, by whatever name it was given."""
    instance = service.address.partition("/")[0]
    return [
        kept
        for address, kept in configuration.rights
        if address == service.address
        and (kept == grantee or configuration.resolved(instance, kept) == grantee)
    ]
