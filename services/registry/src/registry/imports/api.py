"""Routes that take files of records in."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from kit import database
from kit.access import Caller, requires
from kit.database import Lender
from kit.sealing import Keyring
from kit.web import Evidence, Reading, Transaction, may_answer
from registry.databases.models import RegistryNotFound
from registry.imports import models, service
from registry.imports.models import (
    FileTooLong,
    Import,
    ImportEnded,
    ImportNotFound,
    ImportStorageFull,
    Options,
    OptionsInvalid,
    Report,
    RowFault,
)
from registry.imports.schemas import (
    ChosenImport,
    ColumnError,
    ImportAsked,
    ImportFault,
    ImportReport,
    Imports,
    ImportState,
    Waiting,
)
from registry.imports.service import Tools, Upload
from registry.records.api import call_of
from registry.records.models import RegistryArchived
from registry.records.schemas import Addressed
from registry.rows.models import FileInvalid, Format
from registry.uploads.models import Parts, UploadInvalid

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["imports"])

Writer = Annotated[Caller, requires("records:write")]
_answers = may_answer(
    FileInvalid, OptionsInvalid, UploadInvalid, RegistryNotFound, RegistryArchived
)
_one = may_answer(RegistryNotFound, ImportNotFound)
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MULTIPART = "multipart/form-data"
_body: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file, or a part called `file` beside fields for the options",
        "content": {
            "text/csv": _BINARY,
            "application/json": {
                "schema": {"type": "array", "items": {"type": "object"}},
            },
            "application/x-ndjson": _BINARY,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _BINARY,
            _MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "format": {"type": "string", "enum": list(Format)},
                        "delimiter": {"type": "string"},
                        "dryRun": {"type": "string", "enum": ["true", "false"]},
                        "key": {"type": "string"},
                        "mapping": {"type": "string"},
                    },
                }
            },
        },
    }
}


async def _tools(request: Request, ledger: Evidence) -> Tools:
    state = request.app.state
    lender: Lender = state.database
    keyring: Keyring = state.keyring
    return Tools(lender, ledger, keyring)


Working = Annotated[Tools, Depends(_tools)]


@router.post(
    "/import",
    operation_id="importRecords",
    responses={**_answers, **may_answer(FileTooLong)},
    openapi_extra=_body,
)
async def import_records(
    request: Request, tools: Working, caller: Writer, where: Addressed, asked: ImportAsked
) -> ImportReport:
    """Take a small file in, 10,000 rows at most, and report on its rows.

    The rows that are good are kept, all in one transaction; a larger file is sent to `imports`.
    """
    body = _Body(request, asked.given)
    content = b"".join([piece async for piece in body.pieces()])
    options = body.options()
    report = await service.take_small(tools, call_of(caller, where), options, content)
    return _report(options, report)


@router.post(
    "/imports",
    operation_id="createImport",
    status_code=202,
    responses={
        **_answers,
        **may_answer(ImportEnded, ImportStorageFull),
        200: {"model": ImportState, "description": "It ended while the caller waited"},
    },
    openapi_extra=_body,
)
async def create_import(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    response: Response,
    tools: Working,
    caller: Writer,
    where: Addressed,
    asked: ImportAsked,
    wait: Waiting = 0,
) -> ImportState:
    """Take a file of any size in; its rows are read in the background, a thousand at a time."""
    call, body = call_of(caller, where), _Body(request, asked.given)
    upload = await service.begin(tools, call, body.early_options())
    made = await _receive(body, upload)
    if wait:
        await service.wait(tools.lender, made.id, wait)
    made, faults = await service.get(database.Reading(tools.lender), call, made.id)
    response.status_code = 200 if made.state.has_ended else 202
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return _state(made, faults)


@router.get("/imports", operation_id="imports", responses=may_answer(RegistryNotFound))
async def imports(session: Reading, caller: Writer, where: Addressed) -> Imports:
    """Return the newest imports: all of them to the owner, a client's own to the client."""
    found = await service.page(session, call_of(caller, where))
    return Imports(imports=[_state(one, ()) for one in found])


@router.get("/imports/{importId}", operation_id="importState", responses=_one)  # noqa: FAST003
async def import_state(
    session: Reading, caller: Writer, where: Addressed, chosen: ChosenImport
) -> ImportState:
    """Return how far an import is, and what became of its rows."""
    return _state(*await service.get(session, call_of(caller, where), chosen.importId))


@router.get(
    "/imports/{importId}/errors",  # noqa: FAST003
    operation_id="importErrors",
    response_class=StreamingResponse,
    responses={
        **_one,
        200: {
            "description": "Every row that was not taken in, one JSON object on each line",
            "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
        },
    },
)
async def import_errors(
    session: Reading, caller: Writer, where: Addressed, chosen: ChosenImport
) -> StreamingResponse:
    """Return every row that was not taken in, and why."""
    found = await service.faults(session, call_of(caller, where), chosen.importId)
    return StreamingResponse(_lines(found), media_type="application/x-ndjson")


@router.delete(
    "/imports/{importId}",  # noqa: FAST003
    operation_id="cancelImport",
    status_code=204,
    responses=_one,
)
async def cancel_import(
    session: Transaction, caller: Writer, where: Addressed, chosen: ChosenImport
) -> None:
    """Stop an import; what it has taken in stays. One that has ended stays as it is."""
    await service.cancel(session, call_of(caller, where), chosen.importId)


class _Body:
    """A file as it is sent: the body itself, or a part of it, with options beside it."""

    def __init__(self, request: Request, given: Mapping[str, str]) -> None:
        self._request = request
        self._given = dict(given)
        self._type = request.headers.get("content-type", "")
        is_multipart = self._type.partition(";")[0].strip().lower() == _MULTIPART
        self._parts = Parts(self._type) if is_multipart else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file as it comes; raise UploadInvalid when it does not come whole."""
        async for piece in self._request.stream():
            if self._parts is None:
                yield piece
            else:
                for found in self._parts.feed(piece):
                    yield found
        if self._parts is not None:
            self._parts.end()
            self._given = {**self._parts.fields, **self._given}

    def kind(self) -> Format:
        """Return what the file is said to be; raise OptionsInvalid when nothing is said."""
        parts = self._parts
        if parts is None:
            return models.format_of(self._given.get("format"), None, self._type)
        said = {**parts.fields, **self._given}.get("format")
        return models.format_of(said, parts.file_name, parts.file_type)

    def options(self) -> Options:
        """Return what was asked for, once all has come."""
        return models.options_of(self.kind(), self._given)

    def early_options(self) -> Options | None:
        """Return what was asked for, before the file comes; None while it may still be said."""
        return self.options() if self._parts is None else None


async def _receive(body: _Body, upload: Upload) -> Import:
    """Keep a file as it comes, or nothing of it."""
    try:
        async for piece in body.pieces():
            await upload.add(piece, body.kind)
        return await upload.finish(body.options())
    except BaseException:
        await upload.abandon()
        raise


async def _lines(faults: AsyncIterator[RowFault]) -> AsyncIterator[str]:
    async for fault in faults:
        yield _fault(fault).model_dump_json() + "\n"


def _fault(fault: RowFault) -> ImportFault:
    return ImportFault(line=fault.line, errors=[ColumnError(**error) for error in fault.errors])


def _report(options: Options, report: Report) -> ImportReport:
    tally = report.tally
    return ImportReport(
        dryRun=options.dry_run,
        rows=tally.rows,
        created=tally.created,
        updated=tally.updated,
        unchanged=tally.unchanged,
        failed=tally.failed,
        errors=[_fault(fault) for fault in report.faults[: models.MOST_FAULTS]],
    )


def _state(found: Import, faults: Any) -> ImportState:
    report = _report(found.options, Report(found.tally, faults))
    return ImportState(
        **report.model_dump(),
        id=found.id,
        state=found.state,
        format=found.options.format,
        bytes=found.bytes,
        problem=None if found.problem is None else dict(found.problem),
        createdAt=found.created_at,
        endedAt=found.ended_at,
    )
