"""Routes for the files of records."""

import asyncio
import errno
import json
from collections.abc import AsyncGenerator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast
from uuid import UUID

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from kit.access import Caller, requires
from kit.decisions import DecisionMissing
from kit.web import Deciding, Evidence, Reading, Text, Transaction, may_answer
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.fields.models import FieldUnknown
from registry.files import service
from registry.files.models import (
    FileNotFound,
    FileRefused,
    FileTooLarge,
    RangeRefused,
    StorageFull,
    refuse,
)
from registry.files.schemas import CONTENT, MULTIPART, RAW, StoredFile
from registry.files.service import Opening, Place
from registry.records.api import RIGHTS, call_of
from registry.records.models import RecordNotFound, RegistryArchived
from registry.records.schemas import Addressed, AddressedThen, NoRecord
from registry.uploads.models import Parts, UploadInvalid

router = APIRouter(prefix="/data/{registryName}/{versionNumber}/{uuid}/files", tags=["files"])

Reader = Annotated[Caller, requires("records:read")]
Writer = Annotated[Caller, requires("records:write")]
FieldName = Annotated[str, Path(description="Field that holds files", examples=["certificate"])]
Named = Annotated[
    Text | None,
    Header(
        alias="Content-Disposition",
        description='The name: attachment; filename="certificate.pdf" (RFC 6266)',
        examples=['attachment; filename="certificate.pdf"'],
    ),
]
Ranged = Annotated[str | None, Header(alias="Range", description="bytes=0-1023: one range")]
Known = Annotated[str | None, Header(alias="If-None-Match", description="ETag of the bytes known")]
Since = Annotated[str | None, Header(alias="If-Range", description="ETag the range is of")]

_IN_MEMORY = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT}
_no_record: dict[int | str, dict[str, Any]] = {
    404: {
        "model": NoRecord,
        "description": f"{RecordNotFound.title}, {RegistryNotFound.title} or {FileNotFound.title}",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
    }
}
_adding = {
    **may_answer(FileRefused, UploadInvalid, FieldUnknown, RegistryArchived, *RIGHTS),
    **may_answer(FileTooLarge, StorageFull),
    **_no_record,
}


@router.post("/{field}", response_model=StoredFile, openapi_extra=MULTIPART, responses=_adding)
async def add_file(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Addressed,
    uuid: UUID,
    field: FieldName,
) -> Response:
    """Add the part ``file`` of a form to a field of the record; a field of one file replaces it.

    The same file sent again is there once, and the answer is the same.
    """
    parts = Parts(request.headers.get("content-type", ""))
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as content:
        await _spool(_of_form(request, parts), cast("BinaryIO", content))
        parts.end()
        upload = await asyncio.to_thread(
            service.receive, field, parts.file_name or "", cast("BinaryIO", content)
        )
        call, place = call_of(caller, where), Place(uuid, field)
        return _json(await service.add(session, ledger, call, place, upload))


@router.put("/{field}", response_model=StoredFile, openapi_extra=RAW, responses=_adding)
async def put_file(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Addressed,
    uuid: UUID,
    field: FieldName,
    disposition: Named = None,
) -> Response:
    """Add the bytes of the body to a field of the record; the header names them."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as content:
        await _spool(request.stream(), cast("BinaryIO", content))
        upload = await asyncio.to_thread(
            service.receive, field, _name(field, disposition), cast("BinaryIO", content)
        )
        call, place = call_of(caller, where), Place(uuid, field)
        return _json(await service.add(session, ledger, call, place, upload))


@router.get(
    "/{field}/{fileId}",
    response_class=StreamingResponse,
    responses={
        200: {"content": CONTENT, "description": "The file"},
        206: {"content": CONTENT, "description": "The range that was asked for"},
        304: {"description": "The bytes known are still these"},
        **may_answer(FieldUnknown, ConsentRequired, DecisionMissing, RangeRefused, *RIGHTS),
        **_no_record,
    },
)
async def file(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Reading,
    ledger: Evidence,
    decisions: Deciding,
    caller: Reader,
    where: AddressedThen,
    uuid: UUID,
    field: FieldName,
    file_id: Annotated[UUID, Path(alias="fileId", description="Id of the file")],
    known: Known = None,
    since: Since = None,
    ranged: Ranged = None,
) -> Response:
    """Return a file, to be saved and never shown inline; a look at personal data is noted."""
    call = call_of(caller, where)
    place = Place(uuid, field)
    asked = ranged if since is None else None
    found = await service.get(session, ledger, decisions, call, place, file_id, asked)
    if since is not None and since == found.file.tag and ranged is not None:
        found = service.part(session, found, ranged)
    return answered(found, known)


@router.delete(
    "/{field}/{fileId}",
    status_code=204,
    responses={**may_answer(FieldUnknown, RegistryArchived, *RIGHTS), **_no_record},
)
async def remove_file(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    where: Addressed,
    uuid: UUID,
    field: FieldName,
    file_id: Annotated[UUID, Path(alias="fileId", description="Id of the file")],
) -> None:
    """Take a file out of the record; one that is gone stays gone."""
    call = call_of(caller, where)
    await service.remove(session, ledger, call, Place(uuid, field), file_id)


def answered(found: Opening, known: str | None) -> Response:
    """Return a file as it travels: saved under its name, and never taken for anything to run."""
    headers = {
        "Content-Disposition": found.file.disposition,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "ETag": found.file.tag,
        "Accept-Ranges": "bytes",
    }
    if known is not None and found.file.tag in [tag.strip() for tag in known.split(",")]:
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(found.length)
    status = 200
    if found.span is not None:
        status = 206
        said = f"bytes {found.span.first}-{found.span.last}/{found.file.size}"
        headers["Content-Range"] = said
    return StreamingResponse(
        found.content, status, headers=headers, media_type=found.file.served_type
    )


async def _of_form(request: Request, parts: Parts) -> AsyncGenerator[bytes]:
    async for piece in request.stream():
        for part in parts.feed(piece):
            yield part


async def _spool(pieces: AsyncGenerator[bytes], content: BinaryIO) -> None:
    """Keep a body on disk, outside the database, until all of it is there; raise StorageFull."""
    try:
        async for piece in pieces:
            content.write(piece)
    except ClientDisconnect as error:
        raise UploadInvalid("the body ended before all of it had come") from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("nothing of it was kept") from error
        raise


def _name(field: str, disposition: str | None) -> str:
    _, options = parse_options_header(disposition or "")
    name = options.get(b"filename", b"").decode("utf-8", "replace")
    if not name:
        refuse(field, "needs a file name in the header Content-Disposition")
    return name


def _json(said: Mapping[str, Any]) -> Response:
    return Response(json.dumps(said).encode(), media_type="application/json")
