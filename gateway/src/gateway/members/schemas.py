"""The configuration document on the wire: GovStack's IMconf, with what this gateway adds."""

import math
from typing import Any

import yaml
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from gateway.configuration.models import Application, Configuration, Grantee, Known, Service
from gateway.members.models import (
    Wanted,
    WantedApplication,
    WantedMember,
    WantedRight,
    WantedService,
)
from kit.web import Text


class Told(BaseModel):
    """What an administrator tells us: a field that nobody knows is refused, not passed over.

    A misspelled ``scopes`` would else make a right that covers everything. Numbers are taken for
    codes, as the published sample writes them.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True, populate_by_name=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def is_json(cls, value: Any) -> Any:
        """Refuse NaN and infinity, which would else be taken for codes of these names."""
        if isinstance(value, float) and not math.isfinite(value):
            message = "NaN and infinity are not JSON"
            raise ValueError(message)
        return value


def _either(camel: str, snake: str) -> Any:
    return AliasChoices(camel, snake)


class IMright(Told):
    """Who may use a service: by name as published, by code, or everybody (`anonymous`)."""

    member: Text | None = Field(
        default=None, description="Name of the member", examples=["Ministry"]
    )
    application: Text | None = Field(default=None, description="Id of the application")
    instanceId: Text | None = Field(
        default=None, validation_alias=_either("instanceId", "instance_id")
    )
    memberClass: Text | None = Field(
        default=None, validation_alias=_either("memberClass", "member_class")
    )
    memberCode: Text | None = Field(
        default=None, validation_alias=_either("memberCode", "member_code")
    )
    applicationId: Text | None = Field(
        default=None, validation_alias=_either("applicationId", "application_id")
    )
    anonymous: bool | None = Field(default=None, description="Everybody in a trusted network")
    scopes: list[Text] | None = Field(
        default=None,
        description="What the right covers; all that the service offers when not given",
    )

    def wanted(self) -> WantedRight:
        """Return it as the domain has it."""
        return WantedRight(
            self.member,
            self.application,
            self.instanceId,
            self.memberClass,
            self.memberCode,
            self.applicationId,
            bool(self.anonymous),
            None if self.scopes is None else tuple(sorted(set(self.scopes))),
        )

    @classmethod
    def of(
        cls, configuration: Configuration, instance: str, grantee: Grantee, scopes: list[str] | None
    ) -> "IMright":
        """Return a right as it is shown: with name and codes, as far as they are known."""
        if not grantee.member:
            return cls(anonymous=True, scopes=scopes)
        if grantee.by_name:
            return cls(member=grantee.member, application=grantee.application, scopes=scopes)
        named, member_class, code = grantee.member.split("/")
        member = configuration.members.get(grantee.member)
        return cls(
            member=member.name if member else None,
            application=grantee.application,
            instanceId=None if named == instance else named,
            memberClass=member_class,
            memberCode=code,
            applicationId=grantee.application,
            scopes=scopes,
        )


class IMservice(Told):
    """A service of an application."""

    id: Text = Field(description="Service code", examples=["registry"])
    specUrl: Text | None = Field(
        default=None,
        validation_alias=_either("specUrl", "spec_url"),
        description="Where its OpenAPI document is; a block of ours serves its own",
    )
    serviceUrl: Text | None = Field(
        default=None,
        validation_alias=_either("serviceUrl", "service_url"),
        description="`block:NAME` for a block of ours, or an http(s) URL",
        examples=["block:registry"],
    )
    tenancy: Text | None = Field(
        default=None, description="Whose objects a call reaches: the `provider`'s or the `client`'s"
    )
    shortForm: Text | None = Field(
        default=None,
        validation_alias=_either("shortForm", "short_form"),
        description="Unique short name: the service also answers at /{shortForm}/…",
        examples=["registry"],
    )
    scopes: list[Text] | None = Field(default=None, description="Scopes offered; all when empty")
    rights: list[IMright] | None = Field(default=None, description="Who may use it")

    def wanted(self) -> WantedService:
        """Return it as the domain has it."""
        return WantedService(
            self.id,
            self.specUrl,
            self.serviceUrl,
            self.tenancy,
            self.shortForm,
            None if self.scopes is None else tuple(self.scopes),
            tuple(right.wanted() for right in self.rights or ()),
        )

    @classmethod
    def of(cls, configuration: Configuration, service: Service) -> "IMservice":
        """Return a service with its rights."""
        instance = service.address.partition("/")[0]
        granted = sorted(
            ((g, s) for (at, g), s in configuration.rights.items() if at == service.address),
            key=lambda right: right[0],
        )
        return cls(
            id=service.id,
            specUrl=service.spec_url or None,
            serviceUrl=service.service_url or None,
            tenancy=service.tenancy,
            shortForm=service.short_form,
            scopes=list(service.scopes),
            rights=[
                IMright.of(configuration, instance, g, None if s is None else list(s))
                for g, s in granted
            ],
        )


class IMcertificate(Told):
    """A certificate an application is known by: that very one, or any of a subject and issuer."""

    sha256: Text | None = Field(
        default=None, description="SHA-256 of the certificate (DER) in hexadecimal digits"
    )
    subject: Text | None = Field(
        default=None, description="Its subject (RFC 4514)", examples=["CN=clinic,O=Ministry"]
    )
    issuer: Text | None = Field(
        default=None, description="Who issued it (RFC 4514)", examples=["CN=State CA,C=EE"]
    )

    def known(self) -> Known:
        """Return it as the domain has it."""
        return Known(self.sha256 or "", self.subject or "", self.issuer or "")

    @classmethod
    def of(cls, known: Known) -> "IMcertificate":
        """Return a certificate as it is shown."""
        return cls(
            sha256=known.sha256 or None, subject=known.subject or None, issuer=known.issuer or None
        )


class IMapplication(Told):
    """An application of a member."""

    id: Text = Field(examples=["CitizensRegistry"])
    name: Text | None = Field(default=None, description="What people call it")
    connection: Text | None = Field(
        default=None,
        description="How it proves itself: `oauth2`, `apiKey`, `mtls`, or by its network alone: "
        "`none`, `http`, `https`",
        examples=["oauth2"],
    )
    scopes: list[Text] | None = Field(
        default=None,
        description="What it may do with the gateway's own API",
        examples=[["read:conf"]],
    )
    secret: Text | None = Field(
        default=None, description="Its OAuth2 client secret; written, never returned", repr=False
    )
    certificates: list[IMcertificate] | None = Field(
        default=None, description="What an `mtls` application proves itself by; all there are"
    )
    services: list[IMservice] | None = None

    def wanted(self) -> WantedApplication:
        """Return it as the domain has it."""
        return WantedApplication(
            self.id,
            self.name,
            self.connection,
            None if self.scopes is None else tuple(self.scopes),
            self.secret,
            None if self.certificates is None else tuple(one.known() for one in self.certificates),
            tuple(service.wanted() for service in self.services or ()),
        )

    @classmethod
    def of(cls, configuration: Configuration, application: Application) -> "IMapplication":
        """Return an application with its services, without its secret."""
        services = configuration.services_of(application.address)
        return cls(
            id=application.id,
            name=application.name,
            connection=application.connection,
            scopes=list(application.scopes),
            certificates=[IMcertificate.of(one) for one in application.certificates] or None,
            services=[IMservice.of(configuration, service) for service in services],
        )


class IMmember(Told):
    """A member organisation."""

    name: Text | None = Field(default=None, examples=["Ministry of Interior"])
    class_: Text = Field(alias="class", examples=["GOV"])
    code: Text = Field(examples=["7001"])
    applications: list[IMapplication] | None = None

    def wanted(self) -> WantedMember:
        """Return it as the domain has it."""
        applications = tuple(application.wanted() for application in self.applications or ())
        return WantedMember(self.class_, self.code, self.name, applications)


class IMconf(Told):
    """The configuration of an instance."""

    domain: Text = Field(examples=["sample.sandbox.govstack.global"])
    instance: Text = Field(examples=["DEV"])
    members: list[IMmember] | None = None

    def wanted(self) -> Wanted:
        """Return it as the domain has it."""
        members = tuple(member.wanted() for member in self.members or ())
        return Wanted(self.domain, self.instance, members)

    @classmethod
    def of(cls, configuration: Configuration, instance: str) -> "IMconf":
        """Return an instance's configuration, members and applications by address."""
        found: list[IMmember] = []
        for address, member in sorted(configuration.members.items()):
            if member.instance != instance:
                continue
            applications = [
                IMapplication.of(configuration, application)
                for _, application in sorted(configuration.applications.items())
                if application.member == address
            ]
            shown = {
                "name": member.name,
                "class": member.member_class,
                "code": member.code,
                "applications": applications,
            }
            found.append(IMmember.model_validate(shown))
        domain = configuration.instances.get(instance, "")
        return cls(domain=domain, instance=instance, members=found)


class Status(BaseModel):
    """Whether the instance is configured."""

    status: str = Field(examples=["ok"])
    instance: str
    members: int
    applications: int
    services: int


def from_yaml(text: bytes) -> object:
    """Return what a YAML document holds; raise ValueError when it cannot be read."""
    try:
        decoded = text.decode()
        if any(
            isinstance(event, yaml.AliasEvent) for event in yaml.parse(decoded, yaml.CSafeLoader)
        ):
            message = "aliases are not read"
            raise ValueError(message)
        return yaml.load(decoded, yaml.CSafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        message = "the YAML cannot be read"
        raise ValueError(message) from error


def to_yaml(document: IMconf) -> str:
    """Return a document as YAML."""
    shown = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)
