"""Routes for entries."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import Field

from catalogue.entries import service
from catalogue.entries.models import (
    SDGS,
    EntryNotFound,
    EntryOfAnother,
    EntryRefused,
    EntryTaken,
    Kind,
    Search,
)
from catalogue.entries.schemas import Entries, Entry, Id, NewEntry, PutEntry
from catalogue.statuses import Status
from kit.access import Caller, requires
from kit.paging import Paged
from kit.web import Evidence, Reading, Text, Transaction, leads_to, may_answer

router = APIRouter(prefix="/entries", tags=["entries"])

Reader = Annotated[Caller, requires("entries:read")]
Writer = Annotated[Caller, requires("entries:write")]
Words = Annotated[Text, Field(max_length=200)]

ASK_AGAIN = "private, no-cache"
"""Keep an answer, but ask again before using it: rights and content may have changed."""


async def _search(  # noqa: PLR0913  each argument is one filter of the address
    page: Paged,
    *,
    q: Annotated[
        Words | None,
        Query(description="Words, or parts of words, in names, descriptions and reusers' names"),
    ] = None,
    kind: Annotated[Kind | None, Query(description="Only entries of this kind")] = None,
    country: Annotated[Words | None, Query(description="Only entries from this country")] = None,
    building_block: Annotated[
        Words | None, Query(alias="buildingBlock", description="Only entries of this block")
    ] = None,
    sdg: Annotated[int | None, Query(ge=1, le=SDGS, description="Only for this goal")] = None,
    owner: Annotated[Words | None, Query(description="Part of the owner's name")] = None,
    publisher: Annotated[Words | None, Query(description="Only this member's entries")] = None,
    reuse_status: Annotated[
        Status | None, Query(alias="reuseStatus", description="Only entries reused in this state")
    ] = None,
    reused_in: Annotated[
        Words | None, Query(alias="reusedIn", description="Only entries reused in this country")
    ] = None,
) -> Search:
    """Return what the address asks for."""
    return Search(
        words=q,
        kind=kind,
        country=country,
        building_block=building_block,
        sdg=sdg,
        owner=owner,
        publisher=publisher,
        reuse_status=reuse_status,
        reused_in=reused_in,
        offset=page.offset,
        limit=page.limit,
    )


@router.get("", operation_id="listEntries", response_model=Entries)
async def list_entries(
    session: Reading, _caller: Reader, search: Annotated[Search, Depends(_search)]
) -> Response:
    """Search the catalogue; the closest names come first."""
    found = Entries.write(await service.page(session, search))
    return Response(found, headers={"Cache-Control": ASK_AGAIN}, media_type="application/json")


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    operation_id="createEntry",
    response_model_exclude_none=True,
    responses={
        **may_answer(EntryRefused, EntryTaken),
        **leads_to(
            HTTPStatus.CREATED,
            "getEntry",
            "putEntry",
            "deleteEntry",
            "listEntryReuses",
            "getReuseChain",
            entryId="$response.body#/id",
        ),
    },
)
async def create_entry(
    session: Transaction, ledger: Evidence, caller: Writer, response: Response, new: NewEntry
) -> Entry:
    """Publish an entry under the id given, or under a new one."""
    made = await service.publish(session, ledger, caller, new.id, new.model())
    response.headers["ETag"] = f'"{made.tag}"'
    return Entry.of(made)


@router.get(
    "/{entryId}",
    operation_id="getEntry",
    response_model=Entry,
    response_model_exclude_none=True,
    responses={
        **may_answer(EntryNotFound),
        HTTPStatus.NOT_MODIFIED: {"description": "The entry is still what If-None-Match names"},
    },
)
async def get_entry(
    session: Reading,
    _caller: Reader,
    response: Response,
    entry_id: Annotated[Id, Path(alias="entryId", description="The entry's id")],
    if_none_match: Annotated[str | None, Header(description="ETags the caller has")] = None,
) -> Entry | Response:
    """Return an entry."""
    found = await service.get(session, entry_id)
    headers = {"ETag": f'"{found.tag}"', "Cache-Control": ASK_AGAIN}
    if _matches(if_none_match, found.tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    response.headers.update(headers)
    return Entry.of(found)


@router.put(
    "/{entryId}",
    operation_id="putEntry",
    response_model_exclude_none=True,
    responses={
        **may_answer(EntryRefused, EntryOfAnother),
        HTTPStatus.CREATED: {"model": Entry, "description": "The entry is new"},
    },
)
async def put_entry(  # noqa: PLR0913  what the door gives, the address and the body
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    response: Response,
    *,
    entry_id: Annotated[Id, Path(alias="entryId", description="The entry's id")],
    content: PutEntry,
) -> Entry:
    """Create or replace an entry; the same content sent again changes nothing."""
    entry, is_new = await service.put(session, ledger, caller, entry_id, content.model())
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    response.headers["ETag"] = f'"{entry.tag}"'
    return Entry.of(entry)


@router.delete(
    "/{entryId}",
    status_code=HTTPStatus.NO_CONTENT,
    operation_id="deleteEntry",
    responses=may_answer(EntryNotFound, EntryOfAnother),
)
async def delete_entry(
    session: Transaction,
    ledger: Evidence,
    caller: Writer,
    entry_id: Annotated[Id, Path(alias="entryId", description="The entry's id")],
) -> None:
    """Take an entry out of the catalogue; its id stays taken, and a PUT brings it back."""
    await service.delete(session, ledger, caller, entry_id)


def _matches(if_none_match: str | None, tag: str) -> bool:
    """Tell whether a header names a tag, by weak comparison (RFC 9110 section 13.1.2)."""
    named = {part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")}
    return "*" in named or f'"{tag}"' in named
