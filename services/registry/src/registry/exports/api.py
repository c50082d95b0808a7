"""The route that exports records."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from kit.access import Caller, requires
from kit.web import Evidence, Reading
from registry.exports import service
from registry.exports.models import MEDIA_TYPES
from registry.exports.schemas import ExportAsked
from registry.listing.api import BY_FIELD, MAY_ANSWER
from registry.listing.models import Listing
from registry.records.api import call_of
from registry.records.schemas import AddressedThen
from registry.rows.models import Format

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["exports"])

Reader = Annotated[Caller, requires("records:read")]
_PREFIX = "query."
_NO_FILTER = {"format", "fields"}
_TEXT = {"schema": {"type": "string"}}
_file: dict[int | str, dict[str, Any]] = {
    **MAY_ANSWER,
    200: {
        "description": "The file",
        "headers": {
            "X-Export-Source": {
                "description": "Where the file is from: block, member, database, version, at, "
                "filter, as JSON; in JSON files and on the last sheet of XLSX files too",
                "schema": {"type": "string"},
            }
        },
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["export", "records"],
                    "properties": {
                        "export": {"type": "object", "description": "Where the file is from"},
                        "records": {"type": "array", "items": {"type": "object"}},
                    },
                }
            },
            MEDIA_TYPES[Format.NDJSON]: _TEXT,
            "text/csv": _TEXT,
            MEDIA_TYPES[Format.XLSX]: {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


@router.get(
    "/export",
    operation_id="export",
    response_class=StreamingResponse,
    responses=_file,
    openapi_extra=BY_FIELD,
)
async def export(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    session: Reading,
    ledger: Evidence,
    caller: Reader,
    where: AddressedThen,
    asked: ExportAsked,
) -> StreamingResponse:
    """Return all records that match as a file; it holds what the list would show.

    In CSV and XLSX a text that a spreadsheet could take for a formula has an apostrophe in front,
    which an import takes away.
    """
    given = request.query_params.multi_items()
    filters = [(name.removeprefix(_PREFIX), v) for name, v in given if name.startswith(_PREFIX)]
    listing = Listing(
        asked.search,
        asked.filter,
        asked.ordering,
        filters=tuple(filters),
        fields=frozenset(asked.fields.split(",")) if asked.fields else None,
        with_archived=asked.with_archived,
    )
    wanted = asked.format, {name: value for name, value in given if name not in _NO_FILTER}
    made = await service.export(session, ledger, call_of(caller, where), listing, wanted)
    return StreamingResponse(
        made.pieces,
        media_type=MEDIA_TYPES[asked.format],
        headers={
            "Content-Disposition": f'attachment; filename="{made.source.name(asked.format)}"',
            "X-Export-Source": made.source.header,
        },
    )
