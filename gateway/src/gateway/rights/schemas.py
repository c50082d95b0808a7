"""Access rights on the wire."""

from typing import Any

from pydantic import AliasChoices, BaseModel, Field

from gateway.configuration.models import Configuration
from gateway.members.schemas import IMright, Told
from gateway.rights.models import Change, Pair
from kit.web import Text


def _either(camel: str, snake: str) -> Any:
    return AliasChoices(camel, snake)


class ServiceAccessRight(Told):
    """A service and the applications that are allowed, or denied, to use it."""

    instanceId: Text | None = Field(default=None, description="Another instance than ours")
    memberClass: Text = Field(validation_alias=_either("memberClass", "member_class"))
    memberCode: Text = Field(validation_alias=_either("memberCode", "member_code"))
    applicationId: Text = Field(validation_alias=_either("applicationId", "application_id"))
    serviceId: Text = Field(validation_alias=_either("serviceId", "service_id"))
    rights: list[IMright] = Field(description="Applications, by codes or by name")

    def change(self, instance: str) -> Change:
        """Return it as the domain has it."""
        member = f"{self.instanceId or instance}/{self.memberClass}/{self.memberCode}"
        service = f"{member}/{self.applicationId}/{self.serviceId}"
        return Change(service, tuple(right.wanted() for right in self.rights))


class AllowList(BaseModel):
    """A page of the allow list."""

    allowList: list[ServiceAccessRight]
    nextPageToken: str | None = Field(default=None, description="Absent on the last page")

    @classmethod
    def of(
        cls, configuration: Configuration, instance: str, pairs: list[Pair], token: str | None
    ) -> "AllowList":
        """Return pairs grouped by service."""
        groups: dict[str, list[IMright]] = {}
        for pair in pairs:
            scopes = configuration.rights[pair.service, pair.grantee]
            right = IMright.of(
                configuration, instance, pair.grantee, None if scopes is None else list(scopes)
            )
            groups.setdefault(pair.service, []).append(right)
        return cls(
            allowList=[_group(instance, service, rights) for service, rights in groups.items()],
            nextPageToken=token,
        )


def _group(instance: str, service: str, rights: list[IMright]) -> ServiceAccessRight:
    named, member_class, code, application, service_id = service.split("/")
    return ServiceAccessRight(
        instanceId=None if named == instance else named,
        memberClass=member_class,
        memberCode=code,
        applicationId=application,
        serviceId=service_id,
        rights=rights,
    )
