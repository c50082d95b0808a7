"""Pages of a list: by how many rows to skip, or behind the row that a page ended with."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass as plain
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response
from pydantic.dataclasses import dataclass

from kit.problems import Invalid
from kit.sealing import DataKey, Keyring, SealBrokenError
from kit.web import Text, gathered

_FOREIGN = "begin the list anew, or follow its own links"
_NOT_OF_LIST = {"after", "offset", "limit"}


class CursorInvalid(Invalid):
    """The cursor is not one that this list gave."""

    title = "The cursor is not of this list"


@dataclass(frozen=True)
class Page:
    """A window on a list: ``offset`` rows skipped, at most ``limit`` returned."""

    offset: Annotated[int, Query(ge=0, le=1_000_000_000, description="Rows to skip")] = 0
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows to return at most")] = 100


Paged = Annotated[Page, gathered(Page)]


class Cursors:
    """Places in lists as clients carry them: sealed, so that nobody reads rows from an address.

    A cursor opens in the list that gave it only.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._key = DataKey(b"", keyring.reference("cursors of lists"))

    def seal(self, place: Sequence[Any], of: bytes) -> str:
        """Return a place (JSON values) in the list that ``of`` names."""
        said = json.dumps(place, ensure_ascii=False).encode()
        return urlsafe_b64encode(self._key.seal(said, of)).decode()

    def open(self, text: str, of: bytes) -> list[Any]:
        """Return the place that a cursor holds, or raise CursorInvalid."""
        try:
            sealed = urlsafe_b64decode(text.encode("ascii"))
            place: list[Any] = json.loads(self._key.open(sealed, of))
        except (SealBrokenError, ValueError) as error:
            raise CursorInvalid(_FOREIGN) from error
        if urlsafe_b64encode(sealed) != text.encode():  # there is one spelling of it
            raise CursorInvalid(_FOREIGN)
        return place


@dataclass(frozen=True)
class KeyedPage(Page):
    """A window on a list that can also begin behind a row: as fast there as at its beginning."""

    after: Annotated[
        Text | None, Query(max_length=2000, description="From the `next` of the page before")
    ] = None


@plain(frozen=True, slots=True)
class Stop:
    """Where a page of a list in the order of time ended."""

    at: datetime
    id: str


class Pages:
    """One page of a list that is paged by key, and how the next one is found."""

    def __init__(self, request: Request, response: Response, page: KeyedPage, of: str) -> None:
        """Take a request for a page; ``of`` names whose list it is, besides path and filters."""
        if page.after is not None and page.offset:
            raise CursorInvalid("a page begins after so many rows or after a cursor, not at both")
        self.offset, self.limit = page.offset, page.limit
        self._response = response
        self._given = request.query_params.multi_items()
        kept = sorted(each for each in self._given if each[0] not in _NOT_OF_LIST)
        path: str = request.scope["route"].path.rstrip("/")  # the same with a last slash or without
        self._of = json.dumps([of, path, sorted(request.path_params.items()), kept]).encode()
        self._cursors = Cursors(request.app.state.keyring)
        self._after = page.after

    @property
    def place(self) -> list[Any] | None:
        """Return the place that the page stands behind, None at the beginning; or CursorInvalid."""
        return None if self._after is None else self._cursors.open(self._after, self._of)

    @property
    def stop(self) -> Stop | None:
        """Return that place in a list in the order of time, or raise CursorInvalid."""
        if self.place is None:
            return None
        at, row = self.place
        return Stop(datetime.fromisoformat(at), row)

    def follow(self, place: Sequence[Any] | Stop | None) -> str | None:
        """Return the link to the page behind a place, and say it in ``Link`` (RFC 8288) too."""
        if place is None:
            return None
        said = [place.at.isoformat(), place.id] if isinstance(place, Stop) else place
        kept = [each for each in self._given if each[0] not in {"after", "offset"}]
        link = "?" + urlencode([*kept, ("after", self._cursors.seal(said, self._of))])
        self._response.headers["Link"] = f'<{link}>; rel="next"'
        return link


class Book:
    """What gives the pages of a list; a route says whose list it is."""

    def __init__(self, request: Request, response: Response, page: KeyedPage) -> None:
        self._asked = request, response, page

    def of(self, whose: str | None) -> Pages:
        """Return the page asked for of the list of ``whose``, or raise CursorInvalid."""
        return Pages(*self._asked, whose or "*")


async def _keyed(
    request: Request, response: Response, page: Annotated[KeyedPage, gathered(KeyedPage)]
) -> Book:
    return Book(request, response, page)


Keyed = Annotated[Book, Depends(_keyed)]
"""Pages by key; offset and limit are there too."""
