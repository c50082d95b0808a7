"""The route that lists records, and how its pages are linked."""

import json
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from kit.access import Caller, requires
from kit.paging import CursorInvalid, Cursors
from kit.web import Evidence, Reading, may_answer
from registry.databases.models import RegistryNotFound
from registry.decisions.models import ConsentRequired
from registry.fields.models import FieldUnknown
from registry.filters.models import FilterInvalid
from registry.listing import service
from registry.listing.models import (
    ArchivedHidden,
    Cursor,
    Listing,
    ListInvalid,
    ListTooSlow,
    Page,
    PatternTooSlow,
)
from registry.listing.schemas import Listed, ListQuery, Records
from registry.records.api import RIGHTS, call_of
from registry.records.schemas import AddressedThen

router = APIRouter(prefix="/data/{registryName}/{versionNumber}", tags=["records"])

Reader = Annotated[Caller, requires("records:read")]
Given = list[tuple[str, str]]

_PREFIX = "query."
_NOT_OF_LIST = {"page", "pageSize", "page_size", "after", "fields"}
MAY_ANSWER = may_answer(
    RegistryNotFound,
    FieldUnknown,
    FilterInvalid,
    ListInvalid,
    CursorInvalid,
    PatternTooSlow,
    ListTooSlow,
    ArchivedHidden,
    ConsentRequired,
    *RIGHTS,
)
BY_FIELD: dict[str, Any] = {
    "parameters": [
        {
            "name": "query.<fieldName>",
            "in": "query",
            "required": False,
            "description": "What a field must be: a value exactly, or prefix:…, range:a..b, "
            "in:a,b, regex:…, exists:true, within:…; one parameter for each field, dotted inside",
            "schema": {"type": "string"},
        }
    ]
}


@router.get(
    "",
    operation_id="list",
    response_model=Records,
    responses=MAY_ANSWER,
    openapi_extra=BY_FIELD,
)
async def list_records(  # noqa: PLR0913, PLR0917  FastAPI reads them from the signature
    request: Request,
    session: Reading,
    ledger: Evidence,
    caller: Reader,
    where: AddressedThen,
    asked: Listed,
) -> Response:
    """Return the records that match, oldest first unless ordered."""
    links = Links(request, (caller.tenant, where.registry.casefold(), where.version))
    page = await service.page(session, ledger, call_of(caller, where), links.listing(asked))
    return links.answer(page, asked)


class Links:
    """The addresses of a list's other pages.

    A cursor is sealed: it holds what the list is sorted by, and nobody else reads that from an
    address. It opens for the list that gave it only, whatever its pages' size.
    """

    def __init__(self, request: Request, place: Sequence[str]) -> None:
        self._given: Given = request.query_params.multi_items()
        self._of = place
        self._cursors = Cursors(request.app.state.keyring)

    @property
    def _place(self) -> bytes:
        """Return what a cursor is sealed with: the list that it belongs to."""
        kept = sorted(each for each in self._given if each[0] not in _NOT_OF_LIST)
        return json.dumps([*self._of, kept]).encode()

    def listing(self, asked: ListQuery) -> Listing:
        """Return what is asked for, or raise CursorInvalid or ListInvalid."""
        if asked.after is not None and asked.page is not None:
            raise ListInvalid("a list begins at a page or after a cursor, not at both")
        filters = [(n.removeprefix(_PREFIX), v) for n, v in self._given if n.startswith(_PREFIX)]
        return Listing(
            asked.search,
            asked.filter,
            asked.ordering,
            asked.page,
            asked.page_size,
            tuple(filters),
            frozenset(asked.fields.split(",")) if asked.fields else None,
            self._opened(asked.after) if asked.after is not None else None,
            asked.with_archived,
        )

    def answer(self, page: Page, asked: ListQuery) -> Response:
        """Write a page around the records' own JSON texts."""
        parts = [f'"count":{page.count}']
        for name, link in zip(("next", "previous"), self._links(page, asked), strict=True):
            if link is not None:
                parts.append(f'"{name}":{json.dumps(link)}')
        text = "{" + ",".join(parts) + ',"results":[' + ",".join(page.results) + "]}"
        return Response(text.encode(), media_type="application/json")

    def _links(self, page: Page, asked: ListQuery) -> tuple[str | None, str | None]:
        if asked.page is not None:
            more = page.next is not None
            before = asked.page > 1
            return (
                self._link("page", str(asked.page + 1)) if more else None,
                self._link("page", str(asked.page - 1)) if before else None,
            )
        following, previous = (each and self._sealed(each) for each in (page.next, page.previous))
        return (
            self._link("after", following) if following else None,
            self._link("after", previous) if previous else None,
        )

    def _link(self, name: str, value: str) -> str:
        kept = [each for each in self._given if each[0] not in ("page", "after")]
        return "?" + urlencode([*kept, (name, value)])

    def _sealed(self, cursor: Cursor) -> str:
        return self._cursors.seal([cursor.backwards, cursor.number, *cursor.keys], self._place)

    def _opened(self, text: str) -> Cursor:
        backwards, number, *keys = self._cursors.open(text, self._place)
        return Cursor(tuple(keys), number, backwards)
