"""Routes for templates."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer
from registry.databases.api import schema_answer
from registry.databases.models import DatabaseNotFound, Definition
from registry.databases.schemas import SchemaAnswer
from registry.definitions import models as definitions
from registry.definitions.api import valid
from registry.definitions.models import Format
from registry.notations import models as notations
from registry.templates import service
from registry.templates.models import (
    Bundle,
    CodeTaken,
    Template,
    TemplateInvalid,
    TemplateNotFound,
    TemplateOfAnother,
)
from registry.templates.schemas import (
    TEMPLATE_EXAMPLE,
    AboutTemplate,
    ChosenTemplate,
    ExportedTemplate,
    ImportedTemplate,
    Instance,
    NewTemplate,
    TemplateBundle,
    TemplateInfo,
    Templates,
    Wanted,
    inlined,
)
from registry.templates.service import New

router = APIRouter(prefix="/templates", tags=["templates"])

Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]

_document: dict[str, Any] = {
    "schema": inlined(ImportedTemplate),
    "examples": {"template": {"value": TEMPLATE_EXAMPLE}},
}
_leads = leads_to(
    200,
    "template",
    "exportTemplate",
    "instantiateTemplate",
    "deleteTemplate",
    templateId="$response.body#/id",
)


@router.get("", operation_id="templates")
async def templates(session: Reading, caller: Viewer, wanted: Wanted) -> Templates:
    """Return the templates the member may use: its own, shared ones, and those shipped here."""
    found = await service.page(session, caller.tenant, wanted.code, wanted.domain)
    return Templates(templates=[TemplateInfo.model_validate(_info(each)) for each in found])


@router.post(
    "",
    operation_id="createTemplate",
    responses={**may_answer(DatabaseNotFound, TemplateInvalid), **_leads},
)
async def create_template(
    session: Transaction, ledger: Evidence, caller: Analyst, new: NewTemplate
) -> TemplateBundle:
    """Make a template of a database: definition and settings, no records.

    A template of the same code gets its next version; the same again is the version there is.
    """
    bundle = await service.bundle_of(session, caller, new.databaseId)
    return _bundle(await service.create(session, ledger, caller, _new(new), bundle))


@router.post(
    "/import",
    operation_id="importTemplate",
    responses={**may_answer(TemplateInvalid), **_leads},
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A template, as exportTemplate writes it",
            "content": dict.fromkeys(("application/json", "application/yaml"), _document),
        }
    },
)
async def import_template(
    request: Request, session: Transaction, ledger: Evidence, caller: Analyst
) -> TemplateBundle:
    """Make a template of a document, in JSON or YAML; what cannot be read names its line."""
    document = definitions.read(await request.body(), request.headers.get("content-type", ""))
    new = valid(ImportedTemplate, document)
    said = new.definition.model_dump(by_alias=True, exclude_unset=True)
    bundle = Bundle(Definition(said), new.settings)
    return _bundle(await service.create(session, ledger, caller, _new(new), bundle))


@router.get(
    "/{templateId}",  # noqa: FAST003  ChosenTemplate has it
    operation_id="template",
    responses=may_answer(TemplateNotFound),
)
async def template(session: Reading, caller: Viewer, chosen: ChosenTemplate) -> TemplateBundle:
    """Return one version of a template with all that it makes."""
    return _bundle(await service.get(session, caller.tenant, chosen.id))


@router.get(
    "/{templateId}/export",  # noqa: FAST003  ExportedTemplate has it
    operation_id="exportTemplate",
    response_class=Response,
    responses={
        **may_answer(TemplateNotFound),
        200: {
            "description": "The template, as a file that can be imported elsewhere",
            "content": {
                form.media_type: {"schema": {"type": "object"}}
                for form in (Format.JSON, Format.YAML)
            },
        },
    },
)
async def export_template(session: Reading, caller: Viewer, asked: ExportedTemplate) -> Response:
    """Return one version of a template as a document."""
    found = await service.get(session, caller.tenant, asked.id)
    form = Format(asked.form)
    write = notations.write_yaml if form is Format.YAML else notations.write_json
    return Response(
        write(found.document).encode(),
        media_type=form.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{found.code}-{found.label}.{form}"'
        },
    )


@router.post(
    "/{templateId}/instantiate",  # noqa: FAST003  ChosenTemplate has it
    operation_id="instantiateTemplate",
    responses={
        **may_answer(TemplateNotFound, CodeTaken),
        **leads_to(200, "publish", "database", id="$response.body#/id"),
    },
)
async def instantiate_template(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenTemplate, new: Instance
) -> SchemaAnswer:
    """Make a database of a template, published or not; the same again finds what it made."""
    asked = new.model_dump()
    return schema_answer(await service.instantiate(session, ledger, caller, chosen.id, asked))


@router.delete(
    "/{templateId}",  # noqa: FAST003  ChosenTemplate has it
    operation_id="deleteTemplate",
    status_code=HTTPStatus.NO_CONTENT,
    responses=may_answer(TemplateOfAnother),
)
async def delete_template(
    session: Transaction, ledger: Evidence, caller: Analyst, chosen: ChosenTemplate
) -> None:
    """Take one version of a template away; what was made of it stays. Gone is a success."""
    await service.delete(session, ledger, caller, chosen.id)


def _new(said: AboutTemplate) -> New:
    return New(said.code, said.name, said.description, said.domain, said.isShared)


def _info(of: Template) -> dict[str, Any]:
    return {
        "id": of.id,
        "code": of.code,
        "version": of.label,
        "name": of.name,
        "description": of.description,
        "domain": of.domain,
        "isShared": of.is_shared,
        "isShipped": of.tenant is None,
        "owner": of.tenant,
        "createdAt": of.created_at and _stamp(of.created_at),
        "byUserName": of.created_by,
    }


def _bundle(of: Template) -> TemplateBundle:
    return TemplateBundle.model_validate({**_info(of), **of.bundle.document})


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
