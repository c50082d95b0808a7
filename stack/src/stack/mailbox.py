"""The development mailbox: a real SMTP server whose messages a page and JSON show.

For development only: it takes mail for everybody, delivers none, and keeps it in memory. The JSON
is the part of Mailpit's API that the journey uses, in Mailpit's field names, so that either serves.
"""

import asyncio
import re
import secrets
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address as HeaderAddress
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from html import escape, unescape
from typing import Any

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

LARGEST_MESSAGE = 25 * 1024 * 1024  # bytes, announced by SIZE
MOST_MESSAGES = 1_000
MOST_TEXT = 100_000_000  # characters over all messages, so that memory is bounded too

_SNIPPET = 250  # characters, as Mailpit
_PAGE = 50  # messages, as Mailpit
_SHUTDOWN = 1  # seconds that an open web request gets
_FIRST_FAILURE, _LAST_FAILURE = 400, 599

_TERM = re.compile(r'(?:(?P<field>\w+):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))')
_TAG = re.compile(r"<(style|script)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """A name, which may be empty, and an e-mail address."""

    name: str
    address: str


@dataclass(frozen=True)
class Message:
    """One message as it was received, its headers and texts decoded."""

    id: str
    message_id: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    sent_at: datetime
    received_at: datetime
    size: int
    text: str
    html: str
    attachments: int

    @property
    def weight(self) -> int:
        """The characters that the message keeps in memory, about."""
        return len(self.text) + len(self.html) + len(self.subject)

    @property
    def snippet(self) -> str:
        """The beginning of the text on one line."""
        text = self.text or unescape(_TAG.sub(" ", self.html))
        return " ".join(text.split())[:_SNIPPET]

    def matches(self, name: str, wanted: str) -> bool:
        """Tell whether a field holds the wanted text, in any case; any field if none is named."""
        fields = {
            "from": _spell(self.sender),
            "to": _spell(*self.to),
            "cc": _spell(*self.cc),
            "bcc": _spell(*self.bcc),
            "subject": self.subject,
        }
        text = fields.get(name) or ""
        if not name:
            text = "\n".join([*fields.values(), self.text])
        return wanted.casefold() in text.casefold()


@dataclass
class Store:
    """The newest messages, bounded in number and in text."""

    most: int = MOST_MESSAGES
    most_text: int = MOST_TEXT
    _messages: dict[str, Message] = field(default_factory=dict[str, Message])
    _read: set[str] = field(default_factory=set[str])
    _weight: int = 0

    def add(self, message: Message) -> None:
        """Keep a message and let the oldest go if there are too many."""
        self._messages[message.id] = message
        self._weight += message.weight
        while len(self._messages) > self.most or (
            self._weight > self.most_text and len(self._messages) > 1
        ):
            self.delete(next(iter(self._messages)))

    def newest(self, query: str = "") -> list[Message]:
        """List the messages that match every term of the query, newest first."""
        terms = [
            ((term["field"] or "").lower(), term["quoted"] or term["bare"] or "")
            for term in _TERM.finditer(query)
        ]
        return [
            message
            for message in reversed(self._messages.values())
            if all(message.matches(name, wanted) for name, wanted in terms)
        ]

    def find(self, message_id: str) -> Message | None:
        """Find a message by its id and remember that it was read."""
        message = self._messages.get(message_id)
        if message is not None:
            self._read.add(message_id)
        return message

    def delete(self, message_id: str) -> None:
        """Forget one message; harmless if there is none."""
        message = self._messages.pop(message_id, None)
        if message is not None:
            self._weight -= message.weight
            self._read.discard(message_id)

    def clear(self) -> None:
        """Forget all messages."""
        self._messages.clear()
        self._read.clear()
        self._weight = 0

    def was_read(self, message: Message) -> bool:
        """Tell whether the message was opened."""
        return message.id in self._read

    def count(self) -> int:
        """Count the messages."""
        return len(self._messages)

    def unread(self) -> int:
        """Count the messages that nobody has opened."""
        return len(self._messages) - len(self._read)


def read_message(content: bytes, sender: str, recipients: list[str]) -> Message:
    """Decode a message as received; recipients that no header names count as Bcc."""
    now = datetime.now(UTC)
    parsed = message_from_bytes(content, policy=policy.default)
    shown = {name: _addresses(parsed, name) for name in ("from", "to", "cc", "bcc")}
    known = {each.address.casefold() for name in ("to", "cc", "bcc") for each in shown[name]}
    hidden = tuple(Address("", each) for each in recipients if each.casefold() not in known)
    return Message(
        id=secrets.token_hex(11),
        message_id=_header(parsed, "message-id").strip("<> "),
        sender=(*shown["from"], Address("", sender))[0],
        to=shown["to"],
        cc=shown["cc"],
        bcc=shown["bcc"] + hidden,
        subject=_header(parsed, "subject"),
        sent_at=_date(parsed, now),
        received_at=now,
        size=len(content),
        text=_body(parsed, "plain"),
        html=_body(parsed, "html"),
        attachments=_count_attachments(parsed),
    )


# The parser of the standard library raises many kinds of errors on broken mail, which a mailbox
# must take all the same: each of these functions falls back on what can be read.


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message.get(name, ""))
    except Exception:  # noqa: BLE001 -- see above
        value = next((str(raw) for key, raw in message.raw_items() if key.lower() == name), "")
    return _clean(value)


def _addresses(message: EmailMessage, name: str) -> tuple[Address, ...]:
    found: list[HeaderAddress] = []
    with suppress(Exception):
        for header in message.get_all(name, []):
            found += header.addresses if isinstance(header, AddressHeader) else ()
        return tuple(Address(_clean(each.display_name), _clean(each.addr_spec)) for each in found)
    return tuple(Address(*pair) for pair in getaddresses([_header(message, name)]))


def _date(message: EmailMessage, otherwise: datetime) -> datetime:
    try:
        sent = parsedate_to_datetime(_header(message, "date"))
    except (ValueError, TypeError):
        return otherwise
    return sent if sent.tzinfo else sent.replace(tzinfo=UTC)


def _body(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body((kind,))
    except Exception:  # noqa: BLE001 -- see above
        part = None
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        text = raw.decode(part.get_content_charset("utf-8"))
    except (LookupError, ValueError):
        text = raw.decode("utf-8", "replace")
    return _clean(text.replace("\r\n", "\n"))


def _clean(text: str) -> str:
    """Read bytes that the parser has smuggled through as UTF-8, and drop what is no character."""
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        content = text.encode("utf-8", "replace")
    return content.decode("utf-8", "replace")


def _count_attachments(message: EmailMessage) -> int:
    with suppress(Exception):
        return sum(1 for _ in message.iter_attachments())
    return 0


def _spell(*addresses: Address) -> str:
    spelt = (f"{each.name} <{each.address}>" if each.name else each.address for each in addresses)
    return ", ".join(spelt)


class Mailbox:
    """The mailbox as servers: SMTP in, HTTP out."""

    def __init__(self) -> None:
        self.store = Store()
        self.smtp_port = 0
        self.web_port = 0
        self._failures: list[int] = []
        self._conversations: set[_Conversation] = set()
        self._smtp: asyncio.Server | None = None
        self._web: _WebServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, smtp_port: int, web_port: int, host: str = "127.0.0.1") -> None:
        """Serve on both ports, 0 for a free one; raise OSError if one is in use."""
        smtp_socket = _bind(host, smtp_port)
        try:
            web_socket = _bind(host, web_port)
        except OSError:
            smtp_socket.close()
            raise
        self.smtp_port = smtp_socket.getsockname()[1]
        self.web_port = web_socket.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._smtp = await loop.create_server(
            lambda: _Conversation(self._receive, self._conversations), sock=smtp_socket
        )
        self._web = _WebServer(_web_config(create_app(self.store)))
        self._serving = asyncio.create_task(self._web.serve(sockets=[web_socket]))
        while not self._web.started and not self._serving.done():  # noqa: ASYNC110 -- no event
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop serving and close every connection; the messages stay; harmless if stopped."""
        if self._smtp is not None:
            self._smtp.close()
            for conversation in tuple(self._conversations):
                conversation.close()
            await self._smtp.wait_closed()
            self._smtp = None
        if self._web is not None and self._serving is not None:
            self._web.should_exit = True
            await self._serving
            self._web = self._serving = None

    def fail_next(self, code: int, times: int = 1) -> None:
        """Refuse the next messages with an SMTP status: 4xx for later, 5xx for never."""
        if not _FIRST_FAILURE <= code <= _LAST_FAILURE:
            raise ValueError(f"An SMTP failure is 400 to 599, unlike {code}.")
        self._failures += [code] * times

    async def _receive(self, envelope: Envelope) -> str:
        if self._failures:
            return f"{self._failures.pop(0)} Refused as asked"
        content = envelope.original_content or b""
        self.store.add(read_message(content, envelope.mail_from or "", envelope.rcpt_tos))
        return "250 OK"


class _Handler:
    """What aiosmtpd calls when a message is complete."""

    def __init__(self, receive: Callable[[Envelope], Any]) -> None:
        self._receive = receive

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- its name
        """Answer with the SMTP status of the message."""
        return await self._receive(envelope)


class _Conversation(SMTP):
    """One SMTP connection that can be closed from outside."""

    def __init__(self, receive: Callable[[Envelope], Any], everyone: "set[_Conversation]") -> None:
        super().__init__(
            _Handler(receive),
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="GovBlocks development mailbox",
            loop=asyncio.get_running_loop(),
        )
        self._everyone = everyone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the open conversations."""
        self._everyone.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the open conversations."""
        self._everyone.discard(self)
        super().connection_lost(error)

    def close(self) -> None:
        """End the conversation now."""
        if self.transport is not None:
            self.transport.close()


class _WebServer(uvicorn.Server):
    """A web server that leaves the signals to the process around it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def _web_config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN,
    )


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = f"{error.strerror} (the development mailbox wants {host}:{port})"
        raise OSError(error.errno, reason) from error


def create_app(store: Store) -> Starlette:
    """Make the web side of a store: Mailpit's JSON and the page."""
    app = Starlette(
        routes=[
            Route("/", _show_list),
            Route("/view/{id}", _show_page),
            Route("/api/v1/messages", _list_messages),
            Route("/api/v1/messages", _delete_messages, methods=["DELETE"]),
            Route("/api/v1/search", _search_messages),
            Route("/api/v1/message/{id}", _show_message),
            Route("/readyz", _ready),
        ]
    )
    app.state.store = store
    return app


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def _ready(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def _list_messages(request: Request) -> Response:
    store = _store(request)
    return JSONResponse(_listing(request, store, store.newest()))


async def _search_messages(request: Request) -> Response:
    query = request.query_params.get("query", "").strip()
    if not query:
        return PlainTextResponse("Error: no search query", status_code=400)
    store = _store(request)
    return JSONResponse(_listing(request, store, store.newest(query)))


async def _show_message(request: Request) -> Response:
    store = _store(request)
    message = store.find(request.path_params["id"])
    if message is None:
        return PlainTextResponse("Message not found", status_code=404)
    return JSONResponse(_in_full(message))


async def _delete_messages(request: Request) -> Response:
    """Delete the messages that the body names in `IDs`, or all if it names none."""
    store = _store(request)
    body = await request.body()
    try:
        ids = [str(each) for each in (await request.json()).get("IDs") or []] if body else []
    except (ValueError, AttributeError, TypeError):
        return PlainTextResponse('Error: the body must be {"IDs": [...]}', status_code=400)
    for each in ids:
        store.delete(each)
    if not ids:
        store.clear()
    return PlainTextResponse("ok")


def _listing(request: Request, store: Store, found: list[Message]) -> dict[str, Any]:
    start = _number(request, "start", 0)
    limit = _number(request, "limit", _PAGE) or _PAGE
    messages = [_in_short(each, store) for each in found[start : start + limit]]
    return {
        "total": store.count(),
        "unread": store.unread(),
        "count": len(messages),
        "messages_count": len(found),
        "start": start,
        "tags": [],
        "messages": messages,
    }


def _number(request: Request, name: str, otherwise: int) -> int:
    value = request.query_params.get(name, "")
    return int(value) if re.fullmatch("[0-9]{1,9}", value) else otherwise


def _in_short(message: Message, store: Store) -> dict[str, Any]:
    return {
        **_heads(message),
        "Read": store.was_read(message),
        "Created": _time(message.received_at.astimezone(UTC)),
        "Attachments": message.attachments,
        "Snippet": message.snippet,
    }


def _in_full(message: Message) -> dict[str, Any]:
    return {
        **_heads(message),
        "Date": _time(message.sent_at),
        "Text": message.text,
        "HTML": message.html,
    }


def _heads(message: Message) -> dict[str, Any]:
    return {
        "ID": message.id,
        "MessageID": message.message_id,
        "From": _pair(message.sender),
        "To": [_pair(each) for each in message.to],
        "Cc": [_pair(each) for each in message.cc],
        "Bcc": [_pair(each) for each in message.bcc],
        "Subject": message.subject,
        "Size": message.size,
        "Tags": [],
    }


def _pair(address: Address) -> dict[str, str]:
    return {"Name": address.name, "Address": address.address}


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1rem; }
ol { list-style: none; padding: 0; }
li, dl { border-top: 1px solid #888; padding: .75rem 0; margin: 0; }
li p { margin: 0; }
dt { font-weight: bold; }
dd { margin: 0 0 .25rem; }
p, dd, h1, h2, a { overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }
iframe { width: 100%; height: 30rem; border: 1px solid #888; background: #fff; }
"""

_NOTE = "For development only: no message is delivered, and all are in memory until it stops."


async def _show_list(request: Request) -> Response:
    found = _store(request).newest()
    items = "\n".join(_item(message) for message in found)
    listing = f"<ol>\n{items}\n</ol>" if found else "<p>There are no messages yet.</p>"
    return _page("Mailbox", f"<h1>Mailbox</h1>\n<p>{_NOTE}</p>\n{listing}")


async def _show_page(request: Request) -> Response:
    message = _store(request).find(request.path_params["id"])
    back = '<p><a href="/">All messages</a></p>'
    if message is None:
        missing = "This message is not here, or is no longer."
        return _page("No message", f"{back}\n<h1>No message</h1>\n<p>{missing}</p>", 404)
    subject = message.subject or "(no subject)"
    content = "\n".join([back, f"<h1>{escape(subject)}</h1>", _facts(message), _parts(message)])
    return _page(subject, content)


def _item(message: Message) -> str:
    subject = escape(message.subject or "(no subject)")
    return (
        f'<li><h2><a href="/view/{escape(message.id)}">{subject}</a></h2>\n'
        f"<p>From {escape(_spell(message.sender))} to "
        f"{escape(_spell(*message.to, *message.cc, *message.bcc))}, {_moment(message)}</p>\n"
        f"<p>{escape(message.snippet)}</p></li>"
    )


def _facts(message: Message) -> str:
    facts = {
        "From": escape(_spell(message.sender)),
        "To": escape(_spell(*message.to)),
        "Cc": escape(_spell(*message.cc)),
        "Bcc": escape(_spell(*message.bcc)),
        "Received": _moment(message),
        "Attachments": str(message.attachments or ""),
    }
    rows = [f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items() if value]
    return "<dl>\n" + "\n".join(rows) + "\n</dl>"


def _parts(message: Message) -> str:
    """Show the texts; HTML in a frame that runs no script and loads nothing."""
    parts: list[str] = []
    if message.text or not message.html:
        parts.append(f"<h2>Text</h2>\n<pre>{escape(message.text)}</pre>")
    if message.html:
        framed = f'<iframe title="HTML of the message" sandbox="" srcdoc="{escape(message.html)}">'
        parts.append(f"<h2>HTML</h2>\n{framed}</iframe>")
    return "\n".join(parts)


def _moment(message: Message) -> str:
    spelt = f"{message.received_at:%Y-%m-%d %H:%M:%S} UTC"
    return f'<time datetime="{_time(message.received_at)}">{spelt}</time>'


def _page(title: str, content: str, status: int = 200) -> Response:
    document = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} · development mailbox</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )
    return HTMLResponse(document, status_code=status, headers=_HEADERS)
