"""Reading a message as it comes over the wire, whatever is wrong with it."""

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address as HeaderAddress
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

from stack.mailbox.messages import Address, Message


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
