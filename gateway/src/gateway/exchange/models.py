"""One exchange: what is asked, who is admitted, and what its entries in the log say."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from gateway.arrivals.models import CERTIFICATE_HEADER
from gateway.configuration.models import OWN_PATHS, RESERVED_SERVICES, Configuration, Service
from gateway.identity.models import CLIENT_HEADERS, KEY_HEADERS, Identified
from kit.access import Caller
from kit.evidence import promises
from kit.identifiers import is_uuid
from kit.problems import Forbidden, Invalid, NotFound, Unavailable

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST, ANSWER, REFUSED = "exchange.request", "exchange.answer", "exchange.refused"
_OF_LEDGERS = frozenset(
    (
        "/.well-known/jwks.json",
        "/evidence/checkpoints",
        "/evidence/checkpoints/latest",
        "/evidence/consistency",
    )
)
_ADDRESS_PARTS = 7  # "", r1, instance, class, member, application, service
_LONGEST_REFERENCE = 1024
_OURS = b"x-govblocks-"
_PROMISE = promises.HEADER.encode()
_NOT_FORWARDED = frozenset(
    (
        b"authorization",
        *KEY_HEADERS,
        *CLIENT_HEADERS,
        CERTIFICATE_HEADER,
        b"client-cert-chain",
        b"x-request-id",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"connection",
    )
)
_NOT_RETURNED = frozenset(
    (
        b"x-request-id",
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
Headers = Iterable[tuple[bytes, bytes]]


class ServiceUnknown(NotFound):
    """No service is registered at this address."""

    title = "No such service"


class RightMissing(Forbidden):
    """The client has no right to this service."""

    title = "No right to this service"


class AddressRefused(Invalid):
    """The path is one that different programs would read differently."""

    title = "The path is not valid"


class LogUnavailable(Unavailable):
    """What cannot be logged is not answered."""

    title = "The message log cannot be written now"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for an exchange, before anything is checked.

    ``address`` is the service's address or short form; ``path`` what follows it, as it was
    written; ``reference`` stands for path and query in the log and cannot be turned back.
    """

    address: str
    is_short: bool
    method: str
    path: bytes
    request_id: str
    reference: str
    consent_reference: str | None = None

    @property
    def decoded_path(self) -> str:
        """Return the path with its percent-encoding undone."""
        return unquote_to_bytes(self.path).decode("utf-8", "replace")

    @property
    def verifies_a_ledger(self) -> bool:
        """Tell whether this asks for what anybody needs who verifies a ledger of ours."""
        return self.method == "GET" and self.decoded_path in _OF_LEDGERS

    def check(self) -> None:
        """Refuse a path that would leave the service, or is no URL; raise AddressRefused."""
        segments = unquote_to_bytes(self.path).replace(b"\\", b"/").split(b"/")
        if not self.path.isascii() or b"." in segments or b".." in segments:
            raise AddressRefused("a path is percent-encoded and has no dot segments")

    def service(self, configuration: Configuration) -> Service:
        """Return the service asked for, or raise ServiceUnknown."""
        known = configuration.short_forms if self.is_short else configuration.services
        found = known.get(self.address)
        if found is None or found.is_reserved:
            raise ServiceUnknown("no service is registered at this address")
        return found


def split(raw_path: bytes) -> tuple[str, bool, bytes] | None:
    """Return address, whether it may be a short form, and the rest; None for our own paths."""
    parts = raw_path.split(b"/", _ADDRESS_PARTS)
    first = _decoded(parts[1]) if len(parts) > 1 else ""
    if first == "r1":
        address = [_decoded(part) for part in parts[2:_ADDRESS_PARTS]]
        if len(parts) < _ADDRESS_PARTS or address[-1] in RESERVED_SERVICES:
            return None
        rest = parts[_ADDRESS_PARTS:]
        return "/".join(address), False, b"/" + rest[0] if rest else b""
    if first in OWN_PATHS:
        return None
    return first, True, raw_path[len(parts[1]) + 1 :]


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part).decode("utf-8", "replace")


def consent_reference(headers: Headers, pseudonym: Callable[[str], bytes]) -> str | None:
    """Return the consent a client refers to: a UUID as it is, other words as a keyed pseudonym.

    The pseudonym is 64 hexadecimal digits, the same for the same words.
    """
    for name, value in headers:
        text = value.decode("latin-1").strip()
        if name == b"consentreference" and 0 < len(text) <= _LONGEST_REFERENCE:
            return text if is_uuid(text) else pseudonym("consent\n" + text).hex()
    return None


@dataclass(frozen=True, slots=True)
class Admitted:
    """An exchange that is allowed: who, to what, with which scopes, on whose objects."""

    who: Identified
    service: Service
    scopes: frozenset[str]
    tenant: str
    operation: str | None = None

    def caller(self, configuration: Configuration, request_id: str) -> Caller:
        """Return what the provider is told about the client, if it is a block of ours."""
        who = self.who
        member = configuration.members.get(who.member or "")
        return Caller(
            client=who.client,
            tenant=self.tenant,
            scopes=self.scopes,
            person=who.person.id if who.person else None,
            person_name=who.person.name if who.person else None,
            roles=who.roles,
            represents=who.person.represents if who.person else None,
            reader=who.reader,
            service=self.service.address,
            client_name=who.application.name if who.application else None,
            member_name=member.name if member else None,
            request_id=request_id,
        )

    def facts(self) -> dict[str, Any]:
        """Return what both entries of the exchange say about it."""
        facts: dict[str, Any] = {
            "service": self.service.address,
            "provider": self.service.member,
            "tenant": self.tenant,
            "scopes": sorted(self.scopes),
        }
        if self.operation:
            facts["operation"] = self.operation
        if self.who.administrator:
            facts["administrator"] = self.who.administrator
        return facts


def _nominated(headers: Sequence[tuple[bytes, bytes]]) -> set[bytes]:
    """Return the headers that ``Connection`` says end here (RFC 9110 section 7.6.1)."""
    return {
        option.strip().lower()
        for name, value in headers
        if name == b"connection"
        for option in value.split(b",")
    } - {b"host", b"content-length", b"content-type", b"transfer-encoding"}


def forwarded(
    headers: Sequence[tuple[bytes, bytes]], more: Mapping[str, str]
) -> list[tuple[bytes, bytes]]:
    """Return a request's headers as the provider gets them, with ours added."""
    dropped = _NOT_FORWARDED | _nominated(headers)
    if any(name == b"transfer-encoding" for name, _ in headers):
        dropped |= {b"content-length"}  # RFC 9112 section 6.3: it says nothing then
    kept = [(n, v) for n, v in headers if n not in dropped and not n.startswith(_OURS)]
    return kept + [(name.lower().encode(), value.encode()) for name, value in more.items()]


def returned(
    headers: Sequence[tuple[bytes, bytes]],
    request_id: str,
    promised: str | None,
    *,
    from_block: bool,
) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers as the client gets them, with the request's id and our promise.

    A block's own promise (``from_block``) comes before ours. Nobody else's passes: whoever keeps an
    old promise of ours could answer with it again.
    """
    dropped = _NOT_RETURNED | _nominated(headers)
    passing = {_PROMISE} if from_block else set[bytes]()
    kept = [
        (name, value)
        for name, value in headers
        if name not in dropped and (name in passing or not name.startswith(_OURS))
    ]
    ours = [(b"x-request-id", request_id.encode())]
    return [*kept, *ours, *([(_PROMISE, promised.encode())] if promised else [])]
