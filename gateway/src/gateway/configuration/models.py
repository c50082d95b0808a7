"""Who is registered, what they offer, and who may use it: one consistent picture."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from kit.access import ANONYMOUS
from kit.problems import Forbidden, NotFound

EVERYTHING = frozenset({"*"})
WITHOUT_CREDENTIALS = frozenset({"none", "http", "https"})
BY_CERTIFICATE = "mtls"
META_SERVICES = frozenset({"listMethods", "allowedMethods", "getOpenAPI"})
ROOM_SERVICES = frozenset({"api", "pub", "pull"})
RESERVED_SERVICES = META_SERVICES | ROOM_SERVICES
OWN_PATHS = frozenset(
    (
        "",
        "api",
        "oauth2",
        ".well-known",
        "docs",
        "evidence",
        "health",
        "healthcheck",
        "listClients",
        "metrics",
        "openapi.json",
        "problems",
        "r1",
        "1.0",
    )
)
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_SEGMENTS_OF_MEMBER = 3
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class ScopesNotYours(Forbidden):
    """Nobody gives scopes of the gateway that they have not, nor the credentials for them."""

    title = "The application has scopes that are not yours"


class ApplicationNotFound(NotFound):
    """No application has this address."""

    title = "Application not found"


class ServiceNotFound(NotFound):
    """No service has this address."""

    title = "Service not found"


def is_namespace(text: str) -> bool:
    """Tell whether text can be an instance or a member class: it begins with a letter."""
    return bool(_NAMESPACE.fullmatch(text))


def is_code(text: str) -> bool:
    """Tell whether text can be a member's, application's or service's code."""
    return bool(_CODE.fullmatch(text))


def member_of(address: str) -> str:
    """Return the member that an address of a member, application or service begins with.

    It is empty for what belongs to no member: an instance, the administrator, nothing at all.
    """
    parts = address.split("/")
    return "/".join(parts[:_SEGMENTS_OF_MEMBER]) if len(parts) >= _SEGMENTS_OF_MEMBER else ""


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation."""

    instance: str
    member_class: str
    code: str
    name: str

    @property
    def address(self) -> str:
        """Return ``INSTANCE/CLASS/CODE``."""
        return f"{self.instance}/{self.member_class}/{self.code}"


@dataclass(frozen=True, slots=True)
class Known:
    """A certificate an application is known by: its SHA-256 in hex, or subject and issuer."""

    sha256: str = ""
    subject: str = ""
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class Application:
    """An application of a member; ``secret`` is a keyed digest, never the secret."""

    member: str
    id: str
    name: str
    connection: str = "https"
    scopes: tuple[str, ...] = ()
    secret: bytes | None = None
    certificates: tuple[Known, ...] = ()

    @property
    def address(self) -> str:
        """Return ``INSTANCE/CLASS/CODE/ID``."""
        return f"{self.member}/{self.id}"

    @property
    def power(self) -> tuple[object, ...]:
        """Return what decides who can use it and what for; whoever changes it has its scopes."""
        return self.scopes, self.secret, self.certificates, self.connection

    @property
    def needs_no_credentials(self) -> bool:
        """Tell whether its network alone proves it (the published http and https mean that)."""
        return self.connection in WITHOUT_CREDENTIALS


@dataclass(frozen=True, slots=True)
class Service:
    """Something an application offers; ``scopes`` empty offers everything there is."""

    application: str
    id: str
    spec_url: str = ""
    service_url: str = ""
    tenancy: str = "provider"
    short_form: str | None = None
    scopes: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Return ``INSTANCE/CLASS/CODE/APPLICATION/ID``."""
        return f"{self.application}/{self.id}"

    @property
    def member(self) -> str:
        """Return the provider, ``INSTANCE/CLASS/CODE``."""
        return self.application.rpartition("/")[0]

    @property
    def block(self) -> str | None:
        """Return the name of the block of ours behind it, None when it is elsewhere."""
        scheme, _, name = self.service_url.partition(":")
        return name if scheme == "block" else None

    @property
    def is_reserved(self) -> bool:
        """Tell whether the gateway itself answers for it (a room's ``api``, ``pub``, ``pull``)."""
        return self.id in RESERVED_SERVICES

    def tenant_for(self, client_member: str | None) -> str:
        """Return whose objects a client's call reaches."""
        return (client_member or self.member) if self.tenancy == "client" else self.member


@dataclass(frozen=True, slots=True, order=True)
class Grantee:
    """Who is allowed: an application of a member known by address, or by name as published."""

    member: str
    application: str
    by_name: bool = False

    @property
    def client(self) -> str:
        """Return the client's address; a grantee known by name has none."""
        return f"{self.member}/{self.application}" if self.member else self.application


EVERYBODY = Grantee("", ANONYMOUS)
Rights = Mapping[tuple[str, Grantee], tuple[str, ...] | None]


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as kept: its digest, and until when it counts."""

    application: str
    id: str
    digest: bytes
    created_at: datetime
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def counts_at(self, now: datetime) -> bool:
        """Tell whether the key identifies its application now."""
        return self.withdrawn_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class Configuration:
    """Everything the gateway decides by, as of one moment.

    ``rights`` maps a service's address and a grantee to the scopes granted; None grants all the
    service offers.
    """

    instances: Mapping[str, str] = field(default_factory=dict[str, str])
    members: Mapping[str, Member] = field(default_factory=dict[str, Member])
    applications: Mapping[str, Application] = field(default_factory=dict[str, Application])
    services: Mapping[str, Service] = field(default_factory=dict[str, Service])
    rights: Rights = field(default_factory=dict[tuple[str, Grantee], tuple[str, ...] | None])
    keys: Mapping[bytes, Key] = field(default_factory=dict[bytes, Key])

    @cached_property
    def short_forms(self) -> Mapping[str, Service]:
        """Return the services that can be reached by a short name."""
        return {s.short_form: s for s in self.services.values() if s.short_form}

    @cached_property
    def _certificates(self) -> Mapping[Known, Application]:
        every = self.applications.values()
        return {known: application for application in every for known in application.certificates}

    def certified(self, sha256: str, subject: str, issuer: str) -> Application | None:
        """Return the application that a certificate is registered for, itself or by its names."""
        known = self._certificates
        itself = known.get(Known(sha256=sha256))
        return itself or known.get(Known(subject=subject, issuer=issuer))

    @cached_property
    def member_names(self) -> Mapping[tuple[str, str], str]:
        """Return members' addresses by instance and name."""
        return {(m.instance, m.name): m.address for m in self.members.values()}

    @cached_property
    def _allowed(self) -> Mapping[tuple[str, str], frozenset[str]]:
        allowed: dict[tuple[str, str], frozenset[str]] = {}
        for (address, grantee), granted in self.rights.items():
            known = self.resolved(address.partition("/")[0], grantee)
            if not known.by_name:
                place = (address, known.client)
                scopes = _scopes(self.services[address].scopes, granted)
                allowed[place] = allowed.get(place, frozenset()) | scopes
        return allowed

    def resolved(self, instance: str, grantee: Grantee) -> Grantee:
        """Return a grantee by address if a member of its name is registered by now."""
        address = self.member_names.get((instance, grantee.member)) if grantee.by_name else None
        return Grantee(address, grantee.application) if address else grantee

    def scopes_of_right(self, service: Service, client: str) -> frozenset[str] | None:
        """Return what a client may do with a service, None when it has no right to it."""
        return self._allowed.get((service.address, client))

    def application(self, address: str) -> Application:
        """Return an application, or raise ApplicationNotFound."""
        found = self.applications.get(address)
        if found is None:
            raise ApplicationNotFound("no application has this address")
        return found

    def services_of(self, application: str) -> list[Service]:
        """Return what an application offers, by code."""
        found = [s for s in self.services.values() if s.application == application]
        return sorted(found, key=lambda service: service.id)


def _scopes(offered: tuple[str, ...], granted: tuple[str, ...] | None) -> frozenset[str]:
    if granted is None:
        return frozenset(offered) or EVERYTHING
    if not offered or "*" in offered:
        return frozenset(granted)
    return frozenset(offered) if "*" in granted else frozenset(granted) & frozenset(offered)
