"""What a request asks for under /data, and what its answer says in headers besides.

A call is opened in one place, deep below the door; there it is known that a version is deprecated
or a service not offered. This is how that place learns what was asked, and how its word travels.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DATA = "/data/"
_NAMED = 2
"""Parts of a path that name registry and version."""


@dataclass(slots=True)
class Asked:
    """A request under /data: its method, and its path behind registry and version.

    ``counted`` are the databases whose use it has been counted as.
    """

    method: str
    parts: tuple[str, ...]
    headers: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    counted: set[int] = field(default_factory=set[int])

    def tell(self, headers: Mapping[str, str]) -> None:
        """Say something in the headers of the answer; said twice it is there once."""
        self.headers |= {name.lower().encode(): said.encode() for name, said in headers.items()}

    def relative(self, address: str) -> str:
        """Return a reference to an address under the registry, relative to the request's own."""
        return "../" * len(self.parts) + address


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)


def asked() -> Asked | None:
    """Return what the request asks for; None where no request under /data is answered."""
    return _asked.get()


class Notices:
    """The layer that remembers what is asked and adds what is told (ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = _read(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if found.headers and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *found.headers.items()]
            await send(message)

        token = _asked.set(found)
        try:
            await self._app(scope, receive, told)
        finally:
            _asked.reset(token)


def _read(scope: Scope) -> Asked | None:
    _, found, rest = scope["path"].partition(_DATA)
    parts = rest.split("/")
    if not found or len(parts) < _NAMED:
        return None
    return Asked(scope["method"], tuple(parts[_NAMED:]))
