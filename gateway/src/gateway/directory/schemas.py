"""The directory on the wire (GovStack IM Directory Services API)."""

from pydantic import BaseModel, Field

from gateway.configuration.models import Application, Member, Service
from gateway.providers.models import Description


class ClientId(BaseModel):
    """The address of a member or an application, in parts."""

    objectType: str = Field(examples=["MEMBER", "APPLICATION"])
    instanceId: str
    memberClass: str
    memberCode: str
    applicationCode: str | None = None


class ClientDetails(BaseModel):
    """A member or an application."""

    name: str
    id: ClientId

    @classmethod
    def of(cls, member: Member, application: Application | None) -> "ClientDetails":
        """Return a member, or an application of it."""
        return cls(
            name=application.name if application else member.name,
            id=ClientId(
                objectType="APPLICATION" if application else "MEMBER",
                instanceId=member.instance,
                memberClass=member.member_class,
                memberCode=member.code,
                applicationCode=application.id if application else None,
            ),
        )


class ClientList(BaseModel):
    """Members and applications of an instance."""

    member: list[ClientDetails]


class Endpoint(BaseModel):
    """One operation of a service."""

    method: str = Field(examples=["GET"])
    path: str = Field(examples=["/data/{registryName}/{versionNumber}"])


class Endpoints(BaseModel):
    """Operations of a service."""

    member: list[Endpoint]


class ServiceDetails(BaseModel):
    """A service and its operations."""

    objectType: str = Field(default="SERVICE", examples=["SERVICE"])
    serviceType: str = Field(default="OPENAPI", examples=["OPENAPI"])
    instanceId: str
    memberClass: str
    memberCode: str
    applicationCode: str
    serviceCode: str
    serviceVersion: str | None = None
    endpointList: Endpoints

    @classmethod
    def of(cls, service: Service, description: Description) -> "ServiceDetails":
        """Return a service with the operations its document declares."""
        instance, member_class, code, application, service_id = service.address.split("/")
        info = description.document.get("info")
        version = info.get("version") if isinstance(info, dict) else None
        return cls.model_validate(
            {
                "instanceId": instance,
                "memberClass": member_class,
                "memberCode": code,
                "applicationCode": application,
                "serviceCode": service_id,
                "serviceVersion": None if version is None else str(version),
                "endpointList": {
                    "member": [
                        {"method": operation.method, "path": operation.path}
                        for operation in description.operations
                    ]
                },
            }
        )


class ServiceList(BaseModel):
    """Services of an application."""

    member: list[ServiceDetails]
