"""The configuration (GovStack IM Configuration Management API)."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from gateway.configuration.api import Books, Configured, Instance, refusals_noted
from gateway.configuration.models import ScopesNotYours
from gateway.identity.api import admits
from gateway.members import service
from gateway.members.models import AlreadyInitialised, ConfigurationRefused, Digest, Wanted
from gateway.members.schemas import IMconf, Status, from_yaml, to_yaml
from kit.access import Caller
from kit.problems import Invalid
from kit.web import Evidence, Transaction, may_answer

router = APIRouter(prefix="/api/v1", tags=["conf"])
YAML = "text/yaml"
Reader = Annotated[Caller, admits("read:conf")]
Writer = Annotated[Caller, admits("write:conf")]
Creator = Annotated[Caller, admits("create:conf")]
_SCHEMA = {"schema": {"$ref": "#/components/schemas/IMconf"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The configuration document",
        "content": {"application/json": _SCHEMA, YAML: _SCHEMA},
    }
}
_CHANGES = may_answer(ConfigurationRefused, AlreadyInitialised, ScopesNotYours)


class DocumentUnreadable(Invalid):
    """The body is neither JSON nor YAML, or says it is something else."""

    title = "The document cannot be read"


async def _digest(request: Request) -> Digest:
    return request.app.state.identity.digest_of_secret


async def _wanted(request: Request) -> Wanted:
    """Return the document in the body, JSON or YAML by its media type."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    try:
        if media_type in (YAML, "application/yaml", "application/x-yaml"):
            found = from_yaml(body)
        elif media_type == "application/json":
            found = json.loads(body)
        else:
            raise DocumentUnreadable("send application/json or text/yaml")
    except (ValueError, RecursionError) as error:
        raise DocumentUnreadable("the document is not well-formed") from error
    try:
        return IMconf.model_validate(found).wanted()
    except ValidationError as error:
        raise RequestValidationError(
            [{**e, "loc": ("body", *e["loc"])} for e in error.errors(include_input=False)]
        ) from error


Digests = Annotated[Digest, Depends(_digest)]
WantedDocument = Annotated[Wanted, Depends(_wanted)]


@router.get(
    "/config",
    operation_id="listIMconf",
    response_model=IMconf,
    response_model_exclude_none=True,
    responses={200: {"content": {YAML: _SCHEMA}}},
)
async def list_configuration(
    request: Request,
    _caller: Reader,
    configuration: Configured,
    ours: Instance,
    instance: Annotated[str | None, Query(description="Another instance than ours")] = None,
) -> Any:
    """Return the configuration of the instance; as YAML when that is what is accepted."""
    document = IMconf.of(configuration, instance or ours)
    if "yaml" in request.headers.get("accept", ""):
        return Response(to_yaml(document), media_type=YAML)
    return document


@router.post(
    "/config",
    operation_id="createIMconf",
    status_code=201,
    openapi_extra=_BODY,
    responses=_CHANGES,
)
async def create_configuration(  # noqa: PLR0913, PLR0917  what a change of the configuration needs
    request: Request,
    caller: Writer,
    wanted: WantedDocument,
    session: Transaction,
    ledger: Evidence,
    book: Books,
    now: Configured,
    digest: Digests,
    init: Annotated[  # noqa: ARG001, FBT002  declared by the contract
        bool, Query(description="Published; there are no central servers to create here")
    ] = False,
) -> str:
    """Give an instance its first configuration."""
    async with refusals_noted(request, caller, now, wanted.instance, "createIMconf"):
        service.check(now, caller, wanted, digest, whole=True, first=True)
    count = await service.initialise(session, ledger, book, caller, wanted, digest)
    return f"{count} things configured"


@router.patch(
    "/config",
    operation_id="updateIMconf",
    status_code=201,
    openapi_extra=_BODY,
    responses=_CHANGES,
)
async def update_configuration(  # noqa: PLR0913, PLR0917  as above
    request: Request,
    caller: Writer,
    wanted: WantedDocument,
    session: Transaction,
    ledger: Evidence,
    book: Books,
    now: Configured,
    digest: Digests,
) -> str:
    """Add to the configuration and change what is described; the rest stays."""
    async with refusals_noted(request, caller, now, wanted.instance, "updateIMconf"):
        service.check(now, caller, wanted, digest, whole=False)
    count = await service.merge(session, ledger, book, caller, wanted, digest)
    return f"{count} things changed"


@router.put(
    "/config",
    operation_id="replaceIMconf",
    status_code=201,
    openapi_extra=_BODY,
    responses=_CHANGES,
)
async def replace_configuration(  # noqa: PLR0913, PLR0917  as above
    request: Request,
    caller: Creator,
    wanted: WantedDocument,
    session: Transaction,
    ledger: Evidence,
    book: Books,
    now: Configured,
    digest: Digests,
) -> str:
    """Make the configuration what is described; what is not described is deleted."""
    async with refusals_noted(request, caller, now, wanted.instance, "replaceIMconf"):
        service.check(now, caller, wanted, digest, whole=True)
    count = await service.replace(session, ledger, book, caller, wanted, digest)
    return f"{count} things changed"


@router.get("/status", operation_id="checkIMconf")
async def check_configuration(
    _caller: Reader, configuration: Configured, instance: Instance
) -> Status:
    """Tell whether the instance is configured."""
    members = [m for m in configuration.members.values() if m.instance == instance]
    prefix = f"{instance}/"
    return Status(
        status="ok" if members else "not configured",
        instance=instance,
        members=len(members),
        applications=sum(a.startswith(prefix) for a in configuration.applications),
        services=sum(s.startswith(prefix) for s in configuration.services),
    )
