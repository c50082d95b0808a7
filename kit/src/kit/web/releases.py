"""Older releases of a contract: what they spell otherwise is served beside what is as today.

A release has its own routes and its own OpenAPI document; they are few, and each leads to what the
block does today. Whatever it does not spell otherwise is answered under its name as at the root.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from kit.web.contract import routes_of


@dataclass(frozen=True, slots=True)
class Release:
    """An older release of a block's contract, served under its name: ``/1.0/…``.

    ``routers`` hold what the release spells otherwise; ``query`` makes of a query string, as its
    clients send it, the one that was meant.
    """

    name: str
    description: str
    routers: Sequence[APIRouter]
    query: Callable[[bytes], bytes] = bytes


class Releases:
    """The layer that leads ``/{name}/…`` to a release, or to what serves the same path today."""

    def __init__(
        self, app: ASGIApp, of: FastAPI, releases: Mapping[str, tuple[Release, FastAPI]]
    ) -> None:
        self._app = app
        self._of = of
        self._releases = releases

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        name, inside = _split(scope) if scope["type"] == "http" else ("", scope)
        if name not in self._releases:
            await self._app(scope, receive, send)
            return
        release, older = self._releases[name]
        inside["query_string"] = release.query(scope.get("query_string", b""))
        served = older if self._is_older(older, inside) else self._app
        await served(inside, receive, send)

    def _is_older(self, older: FastAPI, scope: Scope) -> bool:
        """Tell whether a release serves a request, or has at least its address and today nobody."""
        found = _match(older, scope)
        if found is Match.PARTIAL:  # the address with another method
            return _match(self._of, scope) is not Match.FULL
        return found is Match.FULL


def _split(scope: Scope) -> tuple[str, Scope]:
    """Return the first part of a path, and the request for what follows it."""
    name, slash, path = scope["path"].removeprefix("/").partition("/")
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    inside = {"path": slash + path, "raw_path": b"/" + raw.removeprefix(b"/").partition(b"/")[2]}
    return name if slash else "", {**scope, **inside}


def _match(app: FastAPI, scope: Scope) -> Match:
    found = (route.matches(scope)[0] for route in _routes(app))
    return max(found, key=lambda each: each.value, default=Match.NONE)


def _routes(app: FastAPI) -> Iterator[BaseRoute]:
    return routes_of(app.routes)
