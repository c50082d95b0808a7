"""Routes for definitions as documents."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from kit.access import Caller, requires
from kit.web import Evidence, Reading, Transaction, leads_to, may_answer
from registry.databases import service as databases
from registry.databases.api import given, schema_answer
from registry.databases.models import (
    DatabaseArchived,
    DatabaseNotFound,
    DatabaseTaken,
    VersionNotFound,
)
from registry.databases.schemas import Modify, SchemaAnswer
from registry.databases.service import Asked
from registry.definitions import models, service
from registry.definitions.models import Format
from registry.definitions.schemas import DEFINITION_EXAMPLE, ExportedDefinition

router = APIRouter(prefix="/database", tags=["definitions"])

Viewer = Annotated[Caller, requires("databases:read")]
Analyst = Annotated[Caller, requires("databases:write")]

_Said = TypeVar("_Said", bound=BaseModel)
_document: dict[str, Any] = {
    "schema": {"$ref": "#/components/schemas/Modify"},
    "examples": {"definition": {"value": DEFINITION_EXAMPLE}},
}
_file = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/{id}/schema",  # noqa: FAST003  ExportedDefinition has it
    operation_id="exportDefinition",
    response_class=Response,
    responses={
        **may_answer(DatabaseNotFound, VersionNotFound),
        200: {
            "description": "The definition, as a file that can be imported again (not XLSX)",
            "content": {
                Format.JSON.media_type: {"schema": {"$ref": "#/components/schemas/Modify"}},
                Format.YAML.media_type: {"schema": {"$ref": "#/components/schemas/Modify"}},
                Format.XLSX.media_type: _file,
            },
        },
    },
)
async def export_definition(
    session: Reading, caller: Viewer, asked: ExportedDefinition
) -> Response:
    """Return what a database is, as a document: code, names, rules and schema."""
    tenant = caller.tenant
    written = await service.export(session, tenant, asked.id, asked.version, asked.form)
    return Response(
        written.body,
        media_type=written.media_type,
        headers={"Content-Disposition": f'attachment; filename="{written.file_name}"'},
    )


@router.post(
    "/import",
    operation_id="importDefinition",
    responses={
        **may_answer(DatabaseNotFound, DatabaseTaken, DatabaseArchived),
        **leads_to(200, "publish", "database", id="$response.body#/id"),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A definition, as exportDefinition writes it",
            "content": dict.fromkeys(("application/json", "application/yaml"), _document),
        }
    },
)
async def import_definition(
    request: Request, session: Transaction, ledger: Evidence, caller: Analyst
) -> SchemaAnswer:
    """Create a database from a document, or change it: what comes of it is a draft.

    A document that cannot be read is refused with the line and the column.
    """
    document = models.read(await request.body(), request.headers.get("content-type", ""))
    new = valid(Modify, document)
    asked = Asked(new.code, given(new), new.id)
    return schema_answer(await databases.modify(session, ledger, caller, asked))


def valid(kind: type[_Said], document: dict[str, Any]) -> _Said:
    """Return a document as what it asks for, or raise what a body that does not fit raises."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(errors) from error
