"""The directory (GovStack IM Directory Services API)."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from gateway.configuration.api import Configured, Instance
from gateway.directory import service
from gateway.directory.models import fault
from gateway.directory.schemas import ClientDetails, ClientList, ServiceDetails, ServiceList
from gateway.identity.api import admits
from gateway.providers.service import Providers
from kit.access import Caller

router = APIRouter(tags=["metaservices"])
Anyone = Annotated[Caller, admits("directory")]
_TEXT = {"application/json": {"schema": {"type": "string"}}}
_PROBLEM = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
}
_FAULT: dict[int | str, dict[str, Any]] = {
    400: {
        "description": "Error in request, said as a JSON string, or a request that cannot be read",
        "content": {**_TEXT, **_PROBLEM},
    }
}


async def _providers(request: Request) -> Providers:
    return request.app.state.providers


async def _application(
    instanceId: str,  # noqa: N803  the wire's spelling
    memberClass: str,  # noqa: N803  as above
    memberCode: str,  # noqa: N803  as above
    applicationCode: str,  # noqa: N803  as above
) -> tuple[str, str | None]:
    """Return the application's address, and what is wrong with it."""
    address = f"{instanceId}/{memberClass}/{memberCode}/{applicationCode}"
    return address, fault(instanceId, memberClass, memberCode, applicationCode)


Found = Annotated[Providers, Depends(_providers)]
Addressed = Annotated[tuple[str, str | None], Depends(_application)]
_R1 = "/r1/{instanceId}/{memberClass}/{memberCode}/{applicationCode}"


def _string(text: str, status: int = 200) -> Response:
    """Return text as a JSON string, with the media type the published tests want."""
    return Response(
        json.dumps(text, ensure_ascii=False).encode(),
        status,
        headers={"Content-Type": "application/json; charset=utf-8"},
    )


@router.get(
    "/listClients",
    operation_id="listClients",
    response_model=ClientList,
    response_model_exclude_none=True,
    responses=_FAULT,
)
async def list_clients(
    _caller: Anyone,
    configuration: Configured,
    ours: Instance,
    instanceId: str | None = None,  # noqa: N803  the wire's spelling
) -> Any:
    """List the members and applications of an instance."""
    wrong = fault(instanceId)
    if wrong:
        return _string(wrong, 400)
    found = service.clients(configuration, instanceId or ours)
    return ClientList(member=[ClientDetails.of(*client) for client in found])


@router.get(
    f"{_R1}/listMethods",
    operation_id="listMethods",
    response_model=ServiceList,
    response_model_exclude_none=True,
    responses=_FAULT,
)
async def list_methods(
    _caller: Anyone,
    configuration: Configured,
    providers: Found,
    addressed: Addressed,
    serviceId: str | None = None,  # noqa: N803  the wire's spelling
) -> Any:
    """List the services of an application and their operations."""
    address, wrong = addressed
    if wrong:
        return _string(wrong, 400)
    found = await service.methods(configuration, providers, address, None, serviceId)
    return ServiceList(member=[ServiceDetails.of(*known) for known in found])


@router.get(
    f"{_R1}/allowedMethods",
    operation_id="allowedMethods",
    response_model=ServiceList,
    response_model_exclude_none=True,
    responses=_FAULT,
)
async def allowed_methods(
    caller: Anyone,
    configuration: Configured,
    providers: Found,
    addressed: Addressed,
    serviceId: str | None = None,  # noqa: N803  the wire's spelling
) -> Any:
    """List the services of an application that the caller may use."""
    address, wrong = addressed
    if wrong:
        return _string(wrong, 400)
    found = await service.methods(configuration, providers, address, caller.client, serviceId)
    return ServiceList(member=[ServiceDetails.of(*known) for known in found])


@router.get(
    f"{_R1}/getOpenAPI",
    operation_id="getOpenAPI",
    response_model=None,
    responses={
        200: {
            "description": "The service's OpenAPI document, as a string",
            "content": {**_TEXT, "text/yaml": {"schema": {"type": "string"}}},
        },
        **_FAULT,
    },
)
async def get_openapi(
    request: Request,
    _caller: Anyone,
    configuration: Configured,
    providers: Found,
    addressed: Addressed,
    serviceCode: str | None = None,  # noqa: N803  the wire's spelling
) -> Response:
    """Return a service's OpenAPI document."""
    address, wrong = addressed
    wrong = wrong or fault(None, None, serviceCode or "")
    if wrong:
        return _string(wrong, 400)
    as_yaml = "text/yaml" in request.headers.get("accept", "")
    place = f"{address}/{serviceCode}"
    text = await service.document(configuration, providers, place, as_yaml=as_yaml)
    if text is None:
        return _string("No such service is registered", 400)
    return Response(text, media_type="text/yaml") if as_yaml else _string(text)
