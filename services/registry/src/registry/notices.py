"""What a request asks for under /data, and what its answer says in headers besides.

A call is opened in one place, deep below the door; there it is known that a version is deprecated
or a service not offered. This is how that place learns what was asked, and how its word travels.
So does what a record is shown by: each consent is named in ``Consent-Reference``, a list of a
structured field (RFC 8941) that the mediator reads, with nothing in it of the person's.
"""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DATA = "/data/"
_NAMED = 2
"""Parts of a path that name registry and version."""

_CONSENTS = b"consent-reference"
_MOST = 100
_LONGEST = 4_000  # bytes: clients refuse an answer with a header much longer
_IN_STRINGS = "".join(map(chr, range(0x20, 0x7F)))


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


@dataclass(slots=True)
class Consents:
    """The consents that an answer stands on, by record: the decision, and what is shown by it."""

    given: dict[str, tuple[str | None, dict[str, None]]] = field(
        default_factory=dict[str, "tuple[str | None, dict[str, None]]"]
    )

    def add(self, record: str, decision: str | None, attributes: Iterable[str]) -> None:
        """Add what is shown by a decision; the same consent again is one."""
        _, shown = self.given.setdefault(record, (decision, {}))
        shown.update(dict.fromkeys(attributes))

    @property
    def header(self) -> bytes:
        """Return them as the header's value; attributes that would make it too long are left out.

        At most 100 are named: an answer shows one record, and no list is told by a consent.
        """
        given = list(self.given.items())[:_MOST]
        whole = ", ".join(_item(record, *said) for record, said in given)
        if len(whole) > _LONGEST:
            whole = ", ".join(_item(record, decision, None) for record, (decision, _) in given)
        return whole.encode()


def _item(record: str, decision: str | None, attributes: Iterable[str] | None) -> str:
    item = _string(record)
    if decision is not None:
        item += f";decision={_string(decision)}"
    if attributes is not None:
        item += f";attributes={_string(' '.join(quote(name, safe='') for name in attributes))}"
    return item


def _string(text: str) -> str:
    """Return a string of a structured field; what has no place in one is percent-encoded."""
    said = quote(text, safe=_IN_STRINGS).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{said}"'


_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)
_consents: ContextVar[Consents | None] = ContextVar("consents", default=None)


def asked() -> Asked | None:
    """Return what the request asks for; None where no request under /data is answered."""
    return _asked.get()


def refer(record: str | None, decision: str | None, attributes: Iterable[str]) -> None:
    """Say in the answer that attributes are shown by a consent, if a record of one is named."""
    consents = _consents.get()
    if consents is not None and record is not None:
        consents.add(record, decision, attributes)


class Notices:
    """The layer that remembers what is asked and adds what is told (ASGI)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found, consents = _read(scope), Consents()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = dict(found.headers) if found else {}
                if consents.given:
                    more[_CONSENTS] = consents.header
                if more:
                    message["headers"] = [*message["headers"], *more.items()]
            await send(message)

        tokens = _asked.set(found), _consents.set(consents)
        try:
            await self._app(scope, receive, told)
        finally:
            _asked.reset(tokens[0])
            _consents.reset(tokens[1])


def _read(scope: Scope) -> Asked | None:
    _, found, rest = scope["path"].partition(_DATA)
    parts = rest.split("/")
    if not found or len(parts) < _NAMED:
        return None
    return Asked(scope["method"], tuple(parts[_NAMED:]))
