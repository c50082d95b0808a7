"""Routes for reuses."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from catalogue.entries.models import EntryNotFound
from catalogue.reuses import service
from catalogue.reuses.models import (
    DEEPEST,
    Direction,
    ReuseNotFound,
    ReuseOfAnother,
    ReuseRefused,
    ReuseTaken,
    Search,
)
from catalogue.reuses.schemas import (
    EntryReuses,
    Id,
    NewReuse,
    PutReuse,
    Reuse,
    ReuseChain,
    Reuses,
)
from catalogue.statuses import Status
from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Evidence, Reading, Text, Transaction, leads_to, may_answer

router = APIRouter(tags=["reuses"])

Reader = Annotated[Caller, requires("entries:read")]
Writer = Annotated[Caller, requires("entries:write")]
Words = Annotated[Text, Field(max_length=200)]

ASK_AGAIN = "private, no-cache"
"""Keep an answer, but ask again before using it: rights and content may have changed."""


@router.get("/reuses", operation_id="listReuses", response_model_exclude_none=True)
async def list_reuses(  # noqa: PLR0913  each argument is one filter of the address
    session: Reading,
    _caller: Reader,
    response: Response,
    page: Paged,
    *,
    reused: Annotated[Words | None, Query(description="Only reuses of this entry")] = None,
    by_entry: Annotated[
        Words | None, Query(alias="byEntry", description="Only reuses by this entry")
    ] = None,
    status: Annotated[Status | None, Query(description="Only reuses in this state")] = None,
    country: Annotated[Words | None, Query(description="Only reuses in this country")] = None,
) -> Reuses:
    """List reuses, those of one entry side by side."""
    search = Search(reused, by_entry, status, country, page.offset, page.limit)
    response.headers["Cache-Control"] = ASK_AGAIN
    return Reuses.of(await service.page(session, search))


@router.post(
    "/reuses",
    status_code=HTTPStatus.CREATED,
    operation_id="createReuse",
    response_model_exclude_none=True,
    responses={
        **may_answer(ReuseRefused, ReuseTaken),
        **leads_to(
            HTTPStatus.CREATED,
            "getReuse",
            "putReuse",
            "deleteReuse",
            reuseId="$response.body#/id",
        ),
    },
)
async def create_reuse(
    session: Transaction, ledger: Evidence, caller: Writer, new: NewReuse
) -> Reuse:
    """Publish a reuse under the id given, or under a new one."""
    return Reuse.of(await service.publish(session, ledger, caller, new.id, new.model()))


@router.get(
    "/reuses/{reuseId}",
    operation_id="getReuse",
    response_model_exclude_none=True,
    responses=may_answer(ReuseNotFound),
)
async def get_reuse(
    session: Reading,
    _caller: Reader,
    response: Response,
    reuse_id: Annotated[Id, Path(alias="reuseId", description="The reuse's id")],
) -> Reuse:
    """Return a reuse."""
    response.headers["Cache-Control"] = ASK_AGAIN
    return Reuse.of(await service.get(session, reuse_id))


@router.put(
    "/reuses/{reuseId}",
    operation_id="putReuse",
    response_model_exclude_none=True,
    responses={
        **may_answer(ReuseRefused, ReuseOfAnother),
        HTTPStatus.CREATED: {"model": Reuse, "description": "The reuse is new"},
    },
)
async def put_reuse(  # noqa: PLR0913  what the door gives, the address and the body
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    response: Response,
    *,
    reuse_id: Annotated[Id, Path(alias="reuseId", description="The reuse's id")],
    content: PutReuse,
) -> Reuse:
    """Create or replace a reuse; the same claim sent again changes nothing."""
    reuse, is_new = await service.put(session, ledger, caller, reuse_id, content.model())
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return Reuse.of(reuse)


@router.delete(
    "/reuses/{reuseId}",
    status_code=HTTPStatus.NO_CONTENT,
    operation_id="deleteReuse",
    responses=may_answer(ReuseNotFound, ReuseOfAnother),
)
async def delete_reuse(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    reuse_id: Annotated[Id, Path(alias="reuseId", description="The reuse's id")],
) -> None:
    """Take a reuse out of the catalogue; its id stays taken, and a PUT brings it back."""
    await service.delete(session, ledger, caller, reuse_id)


@router.get(
    "/entries/{entryId}/reuses",
    operation_id="listEntryReuses",
    response_model_exclude_none=True,
    responses=may_answer(EntryNotFound),
)
async def list_entry_reuses(
    session: Reading,
    _caller: Reader,
    response: Response,
    entry_id: Annotated[Id, Path(alias="entryId", description="The entry's id")],
) -> EntryReuses:
    """Tell who reuses an entry and what it reuses, each with its state and its sources."""
    response.headers["Cache-Control"] = ASK_AGAIN
    entry, found = await service.around(session, entry_id)
    return EntryReuses.of(entry.id, entry.content.name, found)


@router.get(
    "/entries/{entryId}/reuse-chain",
    operation_id="getReuseChain",
    response_model_exclude_none=True,
    responses=may_answer(EntryNotFound),
)
async def get_reuse_chain(
    session: Reading,
    _caller: Reader,
    response: Response,
    entry_id: Annotated[Id, Path(alias="entryId", description="The entry's id")],
    direction: Annotated[
        Direction, Query(description="Towards who reuses it, or towards what it reuses")
    ] = Direction.REUSED_BY,
    depth: Annotated[int, Query(ge=1, le=DEEPEST, description="How many steps to go")] = 10,
) -> ReuseChain:
    """Follow reuses from entry to entry; each reuse is listed once, at its nearest."""
    response.headers["Cache-Control"] = ASK_AGAIN
    entry, found = await service.chain(session, entry_id, direction, depth)
    return ReuseChain.of(entry.id, entry.content.name, direction, found)
