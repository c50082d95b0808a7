"""A configuration as somebody wants it, and what it would make of the one there is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from gateway.configuration.models import (
    BY_CERTIFICATE,
    EVERYBODY,
    META_SERVICES,
    OWN_PATHS,
    ROOM_SERVICES,
    WITHOUT_CREDENTIALS,
    Application,
    Configuration,
    Grantee,
    Known,
    Member,
    Service,
    is_code,
    is_namespace,
    member_of,
)
from kit.problems import FieldError, Invalid

OWN_SCOPES = frozenset(
    (
        *("read:conf", "create:conf", "write:conf", "read:rights", "write:rights", "read:log"),
        *("evidence:read", "evidence:own", "evidence:verify", "evidence:erase", "evidence:cosign"),
    )
)
CONNECTIONS = WITHOUT_CREDENTIALS | {"oauth2", "apiKey", BY_CERTIFICATE}
SHORTEST_SECRET = 16
_SHORT_FORM = re.compile(r"[a-z][a-z0-9-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOCK = re.compile(r"block:[a-z][a-z0-9-]{0,63}")
Digest = Callable[[str, str], bytes]


class ConfigurationRefused(Invalid):
    """The configuration cannot be as described."""

    title = "The configuration is not valid"


class AlreadyInitialised(Invalid):
    """The instance has a configuration; it is changed with PATCH or replaced with PUT."""

    title = "The instance is configured already"


@dataclass(frozen=True, slots=True)
class WantedRight:
    """Who shall be allowed, by name as published, by code, or everybody."""

    member: str | None = None
    application: str | None = None
    instance: str | None = None
    member_class: str | None = None
    member_code: str | None = None
    application_id: str | None = None
    anonymous: bool = False
    scopes: tuple[str, ...] | None = None

    def grantee(self, configuration: Configuration, instance: str) -> Grantee | None:
        """Return who is meant, None when it does not say."""
        if self.anonymous:
            return EVERYBODY
        application = self.application_id or self.application
        if not application or not is_code(application):
            return None
        if self.member_class and self.member_code:
            address = f"{self.instance or instance}/{self.member_class}/{self.member_code}"
            return Grantee(address, application)
        if not self.member:
            return None
        by_name = Grantee(self.member, application, by_name=True)
        return configuration.resolved(instance, by_name)


@dataclass(frozen=True, slots=True)
class WantedService:
    """A service as described; None leaves as it is (PATCH) or takes the default (PUT)."""

    id: str
    spec_url: str | None = None
    service_url: str | None = None
    tenancy: str | None = None
    short_form: str | None = None
    scopes: tuple[str, ...] | None = None
    rights: tuple[WantedRight, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedApplication:
    """An application as described."""

    id: str
    name: str | None = None
    connection: str | None = None
    scopes: tuple[str, ...] | None = None
    secret: str | None = None
    certificates: tuple[Known, ...] | None = None
    services: tuple[WantedService, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedMember:
    """A member as described."""

    member_class: str
    code: str
    name: str | None = None
    applications: tuple[WantedApplication, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A configuration document."""

    domain: str
    instance: str
    members: tuple[WantedMember, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes from one configuration to another; a kept thing is in neither."""

    before: Configuration
    after: Configuration

    def written(self, table: str) -> dict[Any, Any]:
        """Return what is new or changed in a table, by key."""
        before, after = getattr(self.before, table), getattr(self.after, table)
        absent = object()
        return {k: value for k, value in after.items() if before.get(k, absent) != value}

    def empowered(self) -> frozenset[str]:
        """Return the scopes of all applications whose scopes or credentials change."""
        changed: list[Application] = []
        for address, application in self.written("applications").items():
            before = self.before.applications.get(address)
            if before is None or before.power != application.power:
                changed += [application, *([before] if before else [])]
        return frozenset(scope for application in changed for scope in application.scopes)

    def removed(self, table: str) -> list[Any]:
        """Return the keys of what is gone from a table."""
        before, after = getattr(self.before, table), getattr(self.after, table)
        return [key for key in before if key not in after]

    def facts(self) -> dict[str, dict[str, list[str]]]:
        """Return the addresses of what changes, for the log, by the member they concern.

        It is empty when nothing changes; what concerns no member stands under an empty address.
        """
        facts: dict[str, dict[str, list[str]]] = {}
        for table in ("instances", "members", "applications", "services", "rights"):
            for word, keys in (("written", self.written(table)), ("removed", self.removed(table))):
                for said in sorted(_said(key) for key in keys):
                    told = facts.setdefault(member_of(said), {})
                    told.setdefault(f"{table}-{word}", []).append(said)
        return facts


def _said(key: object) -> str:
    if isinstance(key, tuple):
        service, grantee = key
        return f"{service} for {grantee.client}"
    return str(key)


def planned(now: Configuration, wanted: Wanted, digest: Digest, *, whole: bool) -> Difference:
    """Return what a document changes; ``whole`` removes what it does not describe.

    Raises ConfigurationRefused with every field that cannot be.
    """
    plan = _Plan(now, wanted, digest, whole=whole)
    plan.read()
    return Difference(now, plan.result())


class _Plan:
    """A configuration being put together; all that is wrong with it is collected."""

    def __init__(self, now: Configuration, wanted: Wanted, digest: Digest, *, whole: bool) -> None:
        self._now, self._wanted, self._digest, self._whole = now, wanted, digest, whole
        self.instance = wanted.instance
        prefix = f"{self.instance}/"

        def kept(table: Mapping[Any, Any]) -> dict[Any, Any]:
            return {k: v for k, v in table.items() if not (whole and _said(k).startswith(prefix))}

        self.instances = {**now.instances, wanted.instance: wanted.domain}
        self.members: dict[str, Member] = kept(now.members)
        self.applications: dict[str, Application] = kept(now.applications)
        self.services: dict[str, Service] = kept(now.services)
        self.rights: dict[tuple[str, Grantee], tuple[str, ...] | None] = kept(now.rights)
        self.errors: list[FieldError] = []

    def result(self) -> Configuration:
        if self.errors:
            detail = "; ".join(f"{e.pointer}: {e.reason}" for e in self.errors[:3])
            raise ConfigurationRefused(detail, errors=self.errors)
        return replace(
            self._now,
            instances=self.instances,
            members=self.members,
            applications=self.applications,
            services=self.services,
            rights=self.rights,
        )

    def wrong(self, pointer: str, reason: str) -> None:
        self.errors.append(FieldError(pointer, reason))

    def read(self) -> None:
        if not is_namespace(self.instance):
            self.wrong("#/instance", "begins with a letter; letters, digits, - and _ follow")
        for place, member in enumerate(self._wanted.members):
            self._member(f"#/members/{place}", member)
        for place, member in enumerate(self._wanted.members):
            self._rights_of(f"#/members/{place}", member)
        self._names()
        self._short_forms()
        self._each_certificate_once()

    def _member(self, pointer: str, wanted: WantedMember) -> None:
        if not is_namespace(wanted.member_class):
            self.wrong(f"{pointer}/class", "begins with a letter; letters, digits, - and _ follow")
        if not is_code(wanted.code):
            self.wrong(f"{pointer}/code", "letters, digits, dots, - and _, not _ at first")
        named = Member(self.instance, wanted.member_class, wanted.code, wanted.name or "")
        known = self._now.members.get(named.address)
        if not wanted.name and known is None:
            self.wrong(f"{pointer}/name", "a new member has a name")
        self.members[named.address] = replace(
            named, name=wanted.name or (known.name if known else "")
        )
        for place, application in enumerate(wanted.applications):
            self._application(f"{pointer}/applications/{place}", named.address, application)

    def _application(self, pointer: str, member: str, wanted: WantedApplication) -> None:
        if not is_code(wanted.id):
            self.wrong(f"{pointer}/id", "letters, digits, dots, - and _, not _ at first")
        connection = wanted.connection
        if connection is not None and connection not in CONNECTIONS:
            self.wrong(f"{pointer}/connection", f"one of {', '.join(sorted(CONNECTIONS))}")
        for scope in set(wanted.scopes or ()) - OWN_SCOPES:
            self.wrong(f"{pointer}/scopes", f"{scope[:40]} is not a scope of the gateway")
        if wanted.secret is not None and len(wanted.secret) < SHORTEST_SECRET:
            self.wrong(f"{pointer}/secret", f"has {SHORTEST_SECRET} characters at least")
        address = f"{member}/{wanted.id}"
        known = self._now.applications.get(address)
        base = Application(member, wanted.id, wanted.id)
        if known and self._whole:
            base = replace(base, secret=known.secret)  # nobody can read it to give it again
        elif known:
            base = known
        self.applications[address] = replace(
            base,
            name=wanted.name or base.name,
            connection=connection or base.connection,
            scopes=base.scopes if wanted.scopes is None else tuple(sorted(set(wanted.scopes))),
            secret=self._digest(address, wanted.secret) if wanted.secret else base.secret,
            certificates=self._certificates(f"{pointer}/certificates", wanted, base),
        )
        self._is_certified(pointer, self.applications[address])
        for place, service in enumerate(wanted.services):
            self._service(f"{pointer}/services/{place}", address, service)

    def _certificates(
        self, pointer: str, wanted: WantedApplication, base: Application
    ) -> tuple[Known, ...]:
        if wanted.certificates is None:
            return base.certificates
        found: dict[Known, None] = {}
        for place, certificate in enumerate(wanted.certificates):
            try:
                found[certificate_named(certificate)] = None
            except ValueError as error:
                self.wrong(f"{pointer}/{place}", str(error))
        return tuple(found)

    def _is_certified(self, pointer: str, application: Application) -> None:
        if application.certificates and application.connection != BY_CERTIFICATE:
            self.wrong(f"{pointer}/certificates", f"are for the connection {BY_CERTIFICATE}")

    def _service(self, pointer: str, application: str, wanted: WantedService) -> None:
        if not is_code(wanted.id) or wanted.id in META_SERVICES:
            self.wrong(f"{pointer}/id", "a code; listMethods, allowedMethods, getOpenAPI are taken")
        address = f"{application}/{wanted.id}"
        known = None if self._whole else self._now.services.get(address)
        base = known or Service(application, wanted.id)
        service = replace(
            base,
            spec_url=base.spec_url if wanted.spec_url is None else wanted.spec_url,
            service_url=base.service_url if wanted.service_url is None else wanted.service_url,
            tenancy=wanted.tenancy or base.tenancy,
            short_form=wanted.short_form or base.short_form,
            scopes=base.scopes if wanted.scopes is None else tuple(sorted(set(wanted.scopes))),
        )
        if wanted.id in ROOM_SERVICES:
            service = replace(service, spec_url="", service_url="", short_form=None)
        else:
            self._urls(pointer, service)
        if service.tenancy not in ("provider", "client"):
            self.wrong(f"{pointer}/tenancy", "provider or client")
        self.services[address] = service

    def _urls(self, pointer: str, service: Service) -> None:
        url = service.service_url
        if not (_BLOCK.fullmatch(url) or _is_web(url)):
            self.wrong(f"{pointer}/serviceUrl", "block:NAME, http://… or https://…")
        if service.spec_url and not _is_web(service.spec_url, plain=False):
            self.wrong(f"{pointer}/specUrl", "http://… or https://…")

    def _rights_of(self, pointer: str, wanted: WantedMember) -> None:
        member = f"{self.instance}/{wanted.member_class}/{wanted.code}"
        names = Configuration(members=self.members)
        for a, application in enumerate(wanted.applications):
            for s, service in enumerate(application.services):
                address = f"{member}/{application.id}/{service.id}"
                for r, right in enumerate(service.rights):
                    grantee = right.grantee(names, self.instance)
                    place = f"{pointer}/applications/{a}/services/{s}/rights/{r}"
                    if grantee is None:
                        self.wrong(place, "names a member and an application, or is anonymous")
                    else:
                        self.rights[address, grantee] = right.scopes

    def _names(self) -> None:
        seen: dict[str, str] = {}
        for member in self.members.values():
            if member.instance == self.instance:
                first = seen.setdefault(member.name, member.address)
                if first != member.address:
                    self.wrong("#/members", f"{first} and {member.address} have the same name")

    def _each_certificate_once(self) -> None:
        seen: dict[Known, str] = {}
        for address, application in self.applications.items():
            for known in application.certificates:
                if seen.setdefault(known, address) != address:
                    self.wrong("#/members", f"{seen[known]} and {address} share a certificate")

    def _short_forms(self) -> None:
        seen: dict[str, str] = {}
        for service in self.services.values():
            short = service.short_form
            if short is None:
                continue
            if short in OWN_PATHS or not _SHORT_FORM.fullmatch(short):
                self.wrong("#/members", f"{service.address}: this shortForm cannot be used")
            if seen.setdefault(short, service.address) != service.address:
                self.wrong("#/members", f"{seen[short]} and {service.address} share a shortForm")


def certificate_named(given: Known) -> Known:
    """Return how a certificate is found: by its digest, or by its names as RFC 4514 writes them.

    Raises ValueError with the reason.
    """
    if bool(given.sha256) == bool(given.subject or given.issuer):
        message = "has sha256, or subject and issuer"
        raise ValueError(message)
    if given.sha256:
        digest = given.sha256.replace(":", "").lower()
        if not _SHA256.fullmatch(digest):
            message = "sha256 has 64 hexadecimal digits"
            raise ValueError(message)
        return Known(sha256=digest)
    try:
        names = [
            x509.Name.from_rfc4514_string(name).rfc4514_string()
            for name in (given.subject, given.issuer)
        ]
    except ValueError as error:
        message = "subject and issuer are names as in RFC 4514, such as CN=clinic,O=Ministry"
        raise ValueError(message) from error
    if not all(names):
        message = "has both subject and issuer"
        raise ValueError(message)
    return Known(subject=names[0], issuer=names[1])


def _is_web(url: str, *, plain: bool = True) -> bool:
    """Tell whether a URL is http or https with a host and without user; ``plain``: no query."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    extra = parts.username or parts.fragment or (plain and parts.query)
    return whole and not extra and url.isascii() and not re.search(r"[\s\\]", url)
